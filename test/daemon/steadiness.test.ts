/**
 * Under traffic engines come and go, shells too, readers die, the script is read anew: packets are conserved, and what a daemon holds is what it held
 * after the first rounds, or after the first minute. BRICKS_TEST_MINUTES=20 for so long a run, which prints what it has measured.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { writeCaptureFile, type Daemon } from 'packet-bricks';
import { Namespace, namespacesWork } from '../pcap/namespace';
import { udpPacket } from '../support/udp-packets';
import { DaemonPlace } from './programs';

const MINUTES = Number(process.env['BRICKS_TEST_MINUTES'] ?? 0);
/** In the short form, of each kind: the script makes the other engine in every second round. */
const ROUNDS = 2;
/** V8 collects when it likes: of memory nothing is asked in a short run. */
const MEMORY_KILOBYTES = 32 * 1024;

interface Held {
  readonly descriptors: number;
  readonly threads: number;
  readonly sharedMemory: number;
}

const live = namespacesWork();
let place: DaemonPlace;
let namespace: Namespace | undefined;
let wrap: string[] = [];
beforeAll(() => {
  place = new DaemonPlace();
  if (live) wrap = ['ip', 'netns', 'exec', (namespace = new Namespace()).name];
});
afterAll(async () => {
  place.dispose();
  await namespace?.dispose();
});

/** Shared memory in KiB. */
function heldBy(pid: number): Held {
  const sizes = readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n').filter((line) => line.includes('/memfd:bricks'))
    .map((line) => line.split(' ')[0].split('-').map((address) => parseInt(address, 16))).map(([first, end]) => (end - first) / 1024);
  return { descriptors: readdirSync(`/proc/${pid}/fd`).length, threads: readdirSync(`/proc/${pid}/task`).length, sharedMemory: sizes.reduce((sum, size) => sum + size, 0) };
}

function residentKilobytes(pid: number): number {
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** What it holds when it holds no more than wanted, or after five seconds: threads end, and descriptors are closed, a moment after what they belonged to. */
async function settles(pid: number, wanted?: Held): Promise<Held> {
  let least = heldBy(pid);
  for (let look = 0; look < (wanted ? 250 : 25); look++) {
    const held = heldBy(pid);
    if (wanted && held.descriptors <= wanted.descriptors && held.threads <= wanted.threads && held.sharedMemory <= wanted.sharedMemory) return wanted;
    least = { descriptors: Math.min(held.descriptors, least.descriptors), threads: Math.min(held.threads, least.threads), sharedMemory: Math.min(held.sharedMemory, least.sharedMemory) };
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return least;
}

/** From one interface to the other where there are two; otherwise from a capture file alone. */
const PACED = '{ pace = "timestamps", loop = 0 }';
const BASE = live
  ? `PktEngine.new("base"):link(Brick.new("LoadBalancer"):connect_input("va"):connect_outputs("base", 2)):start()
     PktEngine.new("src"):link(Brick.new("PcapReader", ${PACED}):connect_input("traffic.pcap"):connect_output("vb")):start()\n`
  : `PktEngine.new("base"):link(Brick.new("PcapReader", ${PACED}):connect_input("traffic.pcap"):connect_outputs("base", 2)):start()\n`;
const EXTRA = 'PktEngine.new("extra"):link(Brick.new("Dummy"):connect_input("more}0"):connect_output("more.pcap")):start()\n';
const SHELL = `
  pe = PktEngine.new("shells"):link(Brick.new("Duplicator"):connect_input("idle}0"):connect_output("shells{0", "shells.pcap")):start()
  pe:add_output(pe:bricks()[1], "shells{1")
  pe:relink(Brick.new("Dummy"):connect_input("idle}0"):connect_output("shells{1"))
  pe:stop():delete()
  for i = 1, 1000 do local b = Brick.new("Dummy") end
  BRICKS.show_stats()
  = "done"
`;

async function round(number: number): Promise<void> {
  const client: Daemon = await place.connect();
  const stats = async (name: string) => (await client.call('engine.stats', { name }))[0];
  const until = async (what: () => Promise<boolean>): Promise<void> => {
    while (!await what()) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  const reader = place.start(['attach', 'base}0', '--count'], { wrap });
  const shell = place.other('bricks-shell', [], { input: SHELL });
  const lost = place.start(['-s'], { input: 'print("looping") while true do end\n' });
  await client.call('engine.create', { name: 'passing' });
  await client.call('engine.link', { name: 'passing', bricks: [{ kind: 'PcapWriter', inputs: ['base}1'], outputs: [place.path('passing.pcap')] }] });
  await client.call('engine.start', { name: 'passing' });
  place.script('set-up.lua', number % 2 === 0 ? BASE + EXTRA : BASE);
  await client.call('daemon.reload');
  await until(async () => (await stats('passing')).packets > 20);
  const read = async (): Promise<number> => (await stats('base')).links.find(({ name }) => name === 'base{0')?.packets ?? 0;
  const before = await read();
  await until(async () => await read() > before);
  reader.signal('SIGKILL');
  await lost.says(/looping/);
  lost.signal('SIGKILL');
  expect(await shell).toMatchObject({ code: 0, stdout: expect.stringMatching(/total[^]*done\n$/) as string, stderr: '' });
  await Promise.all([reader.ended, lost.ended]);
  await client.call('engine.stop', { name: 'passing' });
  expect((await client.call('engine.audit', { name: 'passing' })).every(({ balanced }) => balanced)).toBe(true);
  await client.call('engine.delete', { name: 'passing' });
  client.close();
}

test('under traffic, with engines that come and go, shells too, and readers that die, packets are conserved, and what a daemon holds does not grow', async () => {
  writeCaptureFile(place.path('traffic.pcap'), Array.from({ length: 200 }, (_, index) => ({ seconds: 0, nanoseconds: index * 500_000, bytes: udpPacket(1024 + index * 7) })));
  place.script('set-up.lua', BASE);
  expect(await place.daemon(['--backend', live ? 'pcap' : 'loopback', '-f', 'set-up.lua', '--log-file', 'log'], { wrap })).toMatchObject({ code: 0 });
  const pid = place.pid();
  const begin = performance.now();
  const minutes = (): number => (performance.now() - begin) / 60_000;
  let rounds = 0;
  const some = async (least: number, end: number): Promise<void> => {
    for (let more = 0; more < least || minutes() < end || more % 2 === 1; more++) await round(rounds++);
  };
  await some(ROUNDS, Math.min(MINUTES, 1));
  const held = await settles(pid);
  const resident = [residentKilobytes(pid)];
  for (let minute = 2; minute === 2 || minute <= MINUTES; minute++) {
    await some(ROUNDS, Math.min(MINUTES, minute));
    resident.push(residentKilobytes(pid));
  }
  const after = await settles(pid, held);

  const client = await place.connect();
  if (live) await client.call('engine.stop', { name: 'src' });
  const stats = async (name: string) => (await client.call('engine.stats', { name }))[0];
  if (live) {
    const sent = (await stats('src')).links.find(({ name }) => name === 'vb')!.packets;
    const arrived = async (): Promise<number> => {
      const source = (await stats('base')).links.find(({ role }) => role === 'source')!;
      return source.packets + (source.drops['captureFull'] ?? 0);
    };
    while (await arrived() < sent) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await arrived()).toBe(sent);
  }
  await client.call('engine.stop', { name: 'base' });
  const audits = await client.call('engine.audit');
  client.close();
  if (MINUTES > 0) {
    const audit = audits.find(({ engine }) => engine === 'base');
    process.stderr.write(`${JSON.stringify({ minutes: minutes(), rounds, held, after, resident, audit, logged: place.log('log').filter(({ level }) => level !== 'info').slice(0, 5) })}\n`);
  }
  expect(after).toEqual(held);
  if (MINUTES >= 5) expect(Math.min(...resident.slice(-3)) - resident[0]).toBeLessThan(MEMORY_KILOBYTES);
  expect(audits.filter(({ balanced }) => !balanced)).toEqual([]);
  expect(await place.kill()).toMatchObject({ code: 0 });
  expect(place.files).toEqual([]);
  expect(readdirSync(place.path('run'))).toEqual([]);
}, 120_000 + 120_000 * MINUTES);
