/** A filter whose control half is stuck or flooded: packets go on by the last rules, and rules end in time. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closeEngines, until } from '../support/loopback-engine';
import { hex, packet, running } from './running-filter';

const folder = mkdtempSync(join(tmpdir(), 'bricks-stuck-'));
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(closeEngines);

const STAYING = packet({ source: '10.5.0.1', destination: '10.6.0.1' });
const OTHER = packet({ source: '10.7.0.1', destination: '10.8.0.1' });

test('a control half that hangs leaves its rules at work, and they expire without it', async () => {
  const [file, fifo] = [join(folder, 'rules'), join(folder, 'fifo')];
  writeFileSync(file, '192.0.2.1\n');
  execFileSync('mkfifo', [fifo]);
  const { filter, send } = await running({ file });
  await filter.call('add', { drop: '10.5.0.1' });
  await filter.call('add', { drop: '10.0.0.1', expire: 0.5 });
  // It reloads the file, and waits for a writer that never comes.
  renameSync(fifo, file);
  let writer = -1;
  await until(() => {
    try {
      writer = openSync(file, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch {
      return false;
    }
    return true;
  });
  let answered = false;
  const call = filter.call('statistics').then(() => { answered = true; });
  try {
    for (;;) if ((await send(packet()))[0].length > 0) break;
    expect(await send(STAYING, OTHER)).toEqual([[hex(OTHER)], []]);
    expect(answered).toBe(false);
  } finally {
    closeSync(writer);
  }
  await call;
  expect(await send(STAYING, OTHER)).toEqual([[hex(OTHER)], []]);
});

test('a flood of rules meets a limit, is counted, and loses no packet', async () => {
  const { filter, send } = await running({ rules: true, maxRules: 100 });
  await filter.call('add', { drop: '10.5.0.1' });
  const flood = Promise.allSettled(Array.from({ length: 1000 }, (_, k) => filter.call('add', { drop: `172.16.${k >> 8}.${k & 255}` })));
  for (let k = 0; k < 20; k++) expect(await send(STAYING, OTHER)).toEqual([[hex(OTHER)], []]);
  const outcomes = await flood;
  const refused = outcomes.filter((one): one is PromiseRejectedResult => one.status === 'rejected');
  expect(refused).toHaveLength(901);
  expect(refused[0].reason).toMatchObject({ code: 'E_RULES_LIMIT' });
  expect(await filter.call('statistics')).toMatchObject({ rules: 100, added: 100, refused: 901 });
});
