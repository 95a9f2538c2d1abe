/** Engines come and go, shells too, readers die, the script is read anew: what a daemon holds is what it held after the first round. BRICKS_TEST_ROUNDS for more rounds. */
import { readdirSync, readFileSync } from 'node:fs';
import { writeCaptureFile, type Daemon } from 'packet-bricks';
import { DaemonPlace } from './programs';

const ROUNDS = Number(process.env['BRICKS_TEST_ROUNDS'] ?? 4);
/** Of memory nothing is asked in a few rounds: V8 collects when it likes. */
const ROUNDS_OF_MEMORY = 50;
const MEMORY_KILOBYTES = 64 * 1024;

interface Held {
  readonly descriptors: number;
  readonly threads: number;
  readonly sharedMemory: number;
}

let place: DaemonPlace;
beforeAll(() => { place = new DaemonPlace(); });
afterAll(() => place.dispose());

function heldBy(pid: number): Held {
  const maps = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n').filter((line) => line.includes('/memfd:bricks'));
  return { descriptors: readdirSync(`/proc/${pid}/fd`).length, threads: readdirSync(`/proc/${pid}/task`).length, sharedMemory: maps.length };
}

function residentKilobytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** Threads end, and descriptors are closed, a moment after what they belonged to. */
async function settles(pid: number, wanted: Held): Promise<Held> {
  for (let look = 0; look < 250; look++) {
    const held = heldBy(pid);
    if (held.descriptors <= wanted.descriptors && held.threads <= wanted.threads && held.sharedMemory <= wanted.sharedMemory) return wanted;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return heldBy(pid);
}

const BASE = 'PktEngine.new("base"):link(Brick.new("PcapReader", { pace = "timestamps", loop = 0 }):connect_input("traffic.pcap"):connect_output("base{0", "base{1")):start()\n';
const EXTRA = 'PktEngine.new("extra"):link(Brick.new("Dummy"):connect_input("more}0"):connect_output("more.pcap")):start()\n';

async function round(number: number): Promise<void> {
  const client: Daemon = await place.connect();
  const reader = place.start(['attach', 'base}0', '--count']);
  await client.call('engine.create', { name: 'passing' });
  await client.call('engine.link', { name: 'passing', bricks: [{ kind: 'PcapWriter', inputs: ['base}1'], outputs: [place.path('passing.pcap')] }] });
  await client.call('engine.start', { name: 'passing' });
  place.script('set-up.lua', number % 2 === 0 ? BASE + EXTRA : BASE);
  await client.call('daemon.reload');
  const moved = async (): Promise<boolean> => (await client.call('engine.stats', { name: 'passing' }))[0].packets > 20;
  while (!await moved()) await new Promise((resolve) => setTimeout(resolve, 10));
  const read = async (): Promise<boolean> => (await client.call('engine.stats', { name: 'base' }))[0].links.some(({ name, packets }) => name === 'base{0' && packets > 0);
  while (!await read()) await new Promise((resolve) => setTimeout(resolve, 10));
  reader.signal('SIGKILL');
  await reader.ended;
  const audits = await client.call('engine.audit');
  expect(audits.filter(({ engine, balanced }) => engine !== 'base' && !balanced)).toEqual([]);
  await client.call('engine.stop', { name: 'passing' });
  await client.call('engine.delete', { name: 'passing' });
  const shell = await client.call('shell.open', {});
  await client.call('shell.line', { ...shell, text: 'for i = 1, 1000 do local b = Brick.new("Dummy") end' });
  client.close();
}

test('what a daemon holds does not grow', async () => {
  writeCaptureFile(place.path('traffic.pcap'), Array.from({ length: 200 }, (_, index) => ({ seconds: 0, nanoseconds: index * 500_000, bytes: Buffer.from(Array.from({ length: 60 }, (_byte, at) => (index * (at + 1)) & 255)) })));
  place.script('set-up.lua', BASE);
  expect(await place.daemon(['-f', 'set-up.lua'])).toMatchObject({ code: 0 });
  const pid = place.pid();
  // Two rounds: a script that makes the other engine, and one that does not.
  for (const first of [0, 1]) await round(first);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const held = heldBy(pid);
  const memory = residentKilobytes(pid);
  for (let number = 2; number < 2 + 2 * Math.ceil(ROUNDS / 2); number++) await round(number);
  expect(await settles(pid, held)).toEqual(held);
  if (ROUNDS >= ROUNDS_OF_MEMORY) expect(residentKilobytes(pid) - memory).toBeLessThan(MEMORY_KILOBYTES);
  const client = await place.connect();
  await client.call('engine.stop', { name: 'base' });
  expect((await client.call('engine.audit')).filter(({ balanced }) => !balanced)).toEqual([]);
  client.close();
  expect(await place.kill()).toMatchObject({ code: 0 });
  expect(place.files).toEqual([]);
  expect(readdirSync(place.path('run'))).toEqual([]);
}, 60_000 + 3000 * ROUNDS);
