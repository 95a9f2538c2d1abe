import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, rmdirSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { BricksError, LineOutput, lineOutputs, type Line, type LineOptions } from 'packet-bricks';

const folder = mkdtempSync(join(tmpdir(), 'bricks-lines-'));
afterAll(() => rmSync(folder, { recursive: true }));

const quiet = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
const source = { what: 'Alerts', plugin: 'bricks-plugin-alerts', code: 'X_ALERTS' } as const;
const missing = (): Promise<unknown> => Promise.reject(Object.assign(new Error('no'), { code: 'ERR_MODULE_NOT_FOUND' }));
const outputs = lineOutputs(source);
const withBrokers = lineOutputs({ ...source, clients: { nats: missing, kafka: missing } });
const open = (to: string, options: Partial<LineOptions> = {}): Promise<LineOutput> => outputs.open({ to, rotate: 0, keep: 0, ...options }, quiet);

async function send(output: LineOutput, ...texts: string[]): Promise<void> {
  for (const text of texts) output.add({ text });
  await output.flush();
}

test('errors name what the lines are, and what may be written instead', async () => {
  expect(() => outputs.destinationOf('kafka://h:1/x')).toThrow('Alerts can\'t go to "kafka://h:1/x": kafka:// is not known. Write a file, - for standard output, unix:/PATH or tcp://HOST:PORT.');
  expect(() => withBrokers.destinationOf('nats://me:se%cret@h:1/x')).toThrow(/can't go to "nats:\/\/\.\.\.@h:1\/x": the user or the password has a %/);
  await expect(withBrokers.open({ to: 'nats://h:1/x', rotate: 0, keep: 0 }, quiet)).rejects.toMatchObject({ code: 'X_ALERTS', message: 'The package @nats-io/transport-node is not installed. Install it beside bricks-plugin-alerts: npm install @nats-io/transport-node' });
  await expect(withBrokers.open({ to: 'kafka://h:1/x', rotate: 0, keep: 0 }, quiet)).rejects.toThrow('The package kafkajs is not installed. Install it beside bricks-plugin-alerts: npm install kafkajs');
  // One that is installed, but does not work, says why.
  const broken = lineOutputs({ ...source, clients: { kafka: () => Promise.reject(new Error('broken')) } });
  await expect(broken.open({ to: 'kafka://h:1/x', rotate: 0, keep: 0 }, quiet)).rejects.toThrow('broken');
  await expect(open(join(folder, 'no', 'folder'))).rejects.toThrow(/Alerts can't go to ".*": ENOENT.* Check that it is there and that this program may use it\./);
});

test('whatever is written, it is a place or an error of ours', () => {
  const text = fc.oneof(fc.string(), fc.tuple(fc.constantFrom('tcp://', 'nats://', 'kafka://', 'unix:', 'ftp://'), fc.string(), fc.constantFrom('', ':4222', ':0', '@h:1', ',h:2'), fc.constantFrom('', '/', '/a', '/a.b', '/ *')).map((parts) => parts.join('')));
  fc.assert(fc.property(text, (to) => {
    try {
      expect(withBrokers.destinationOf(to).kind).toMatch(/^(output|file|unix|tcp|nats|kafka)$/);
    } catch (error) {
      expect(error).toBeInstanceOf(BricksError);
    }
  }));
});

test('a file goes on, is followed by another when it is full, and is made anew when it was moved away', async () => {
  const path = join(folder, 'alerts');
  for (const text of ['one', 'two']) {
    const output = await open(path);
    await send(output, text);
    await output.close();
  }
  expect(readFileSync(path, 'utf8')).toBe('one\ntwo\n');
  const output = await open(path, { rotate: 1, keep: 2 });
  const long = 'x'.repeat(999_995);
  await send(output, long);
  await send(output, 'after');
  expect(readdirSync(folder).sort()).toEqual(['alerts', 'alerts.1', 'alerts.2']);
  expect(readFileSync(`${path}.2`, 'utf8')).toBe('one\ntwo\n');
  renameSync(path, `${path}.away`);
  await send(output, 'anew');
  expect(readFileSync(path, 'utf8')).toBe('anew\n');
  // Where it can't be, a flush fails, and what comes later is written.
  renameSync(path, `${path}.moved`);
  mkdirSync(path);
  await expect(send(output, 'lost')).rejects.toThrow('EISDIR');
  rmdirSync(path);
  await send(output, 'again');
  await output.close();
  expect(readFileSync(path, 'utf8')).toBe('again\n');
});

test('a socket that breaks is connected again', async () => {
  const server = createServer().listen(join(folder, 'sock'));
  await once(server, 'listening');
  const output = await open(`unix:${join(folder, 'sock')}`);
  const connected = once(server, 'connection') as Promise<[Socket]>;
  await send(output, 'one', 'two');
  const [first] = await connected;
  expect(String((await once(first, 'data'))[0])).toBe('one\ntwo\n');
  const again = once(server, 'connection') as Promise<[Socket]>;
  first.destroy();
  // The first lines after that may go to the old connection before it is known to be gone.
  let next: Socket | undefined;
  void again.then(([socket]) => (next = socket));
  while (next === undefined) await send(output, 'three').catch(() => undefined);
  expect(String((await once(next, 'data'))[0])).toMatch(/^three\n/);
  await output.close();
  server.close();
});

test('a receiver of your own gets what was added since the last flush; what failed does not come again', async () => {
  const batches: (readonly Line[])[] = [];
  let fails = false;
  const output = new LineOutput({
    write(lines) {
      batches.push(lines);
      return fails ? Promise.reject(new Error('away')) : Promise.resolve();
    },
    close: () => Promise.resolve(),
  });
  await send(output, 'a', 'b');
  fails = true;
  await expect(send(output, 'c')).rejects.toThrow('away');
  fails = false;
  await send(output, 'd');
  expect(batches.map((lines) => lines.map(({ text }) => text))).toEqual([['a', 'b'], ['c'], ['d']]);
  // Nobody has to wait for a flush before the next: they follow each other, and what was added while one waited goes with it.
  const flushes = ['e', 'f', 'g'].map((text) => send(output, text));
  await Promise.all(flushes);
  expect(batches.slice(3).map((lines) => lines.map(({ text }) => text))).toEqual([['e', 'f', 'g']]);
});
