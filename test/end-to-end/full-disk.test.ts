/** What a full disk keeps from starting, in one line, and nothing half-written. Needs root, for a small file system of its own. */
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readdirSync, statSync } from 'node:fs';
import { DaemonPlace, ENGINE } from '../daemon/programs';

const place = new DaemonPlace();
const full = place.path('full');
mkdirSync(full);
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=755', 'tmpfs', full]).status === 0;
const withFullDisk = mounted ? test : test.skip;
const REMEDY = 'Free some space there, or name another directory: --run-dir DIRECTORY.';

beforeAll(() => {
  place.script('ends.lua', ENGINE);
  if (!mounted) return;
  try {
    for (;;) appendFileSync(place.path('full', 'fill'), Buffer.alloc(4096));
  } catch {
    // Now it is.
  }
});
afterAll(() => {
  if (mounted) spawnSync('umount', [full]);
  place.dispose();
});

withFullDisk('a daemon does not start without its pid file', async () => {
  const pid = place.path('full', 'run', 'bricks.pid');
  expect(await place.daemon(['--run-dir', place.path('full', 'run')])).toMatchObject({ code: 1, stdout: '', stderr: `bricks: The file ${pid} cannot be written: the disk is full. ${REMEDY} [E_RUN_DIRECTORY]\n` });
  expect(readdirSync(place.path('full', 'run'))).toEqual([]);
});

withFullDisk('a daemon starts without its log, and says so', async () => {
  const log = place.path('full', 'log');
  const { code, stderr } = await place.daemon(['-f', 'ends.lua', '--log-file', log]);
  expect(code).toBe(0);
  expect(stderr).toMatch(new RegExp(`^bricks: The log ${log} cannot be written: the disk is full\\. Free some space; until then its lines are lost\\. \\[E_LOG\\]\nbricks: the daemon "bricks" runs as process \\d+\n$`));
  expect(statSync(log).size).toBe(0);
  expect(await place.kill()).toMatchObject({ code: 0 });
});

withFullDisk.each([['in a new folder', 'other'], ['in a folder that is there', 'empty']])('a plugin is made whole, or not at all: %s', async (_, name) => {
  mkdirSync(place.path('full', 'empty'), { recursive: true });
  const before = readdirSync(full, { recursive: true });
  const refused = await place.run(['create-plugin', name], { directory: full });
  expect(refused).toMatchObject({ code: 1, stdout: '', stderr: `bricks: The plugin can't be written to ${place.path('full', name)}: no space left on device. Free some space, or use another directory. [E_FILE]\n` });
  expect(readdirSync(full, { recursive: true })).toEqual(before);
});
