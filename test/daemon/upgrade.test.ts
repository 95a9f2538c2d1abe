/** A daemon is followed by another one, as after an upgrade: readers go on, and what nobody could take meanwhile is counted. */
import { statSync } from 'node:fs';
import { readCaptureFile, writeCaptureFile } from 'packet-bricks';
import { until } from '../support/loopback-engine';
import { udpPacket } from '../support/udp-packets';
import { DaemonPlace } from './programs';

let place: DaemonPlace;
beforeAll(() => { place = new DaemonPlace(); });
afterAll(() => place.dispose());

const PACKETS = 100;
const BYTES = 60;

/** UDP of as many flows, each with its number in it, a millisecond apart. */
function numbered(): { seconds: number; nanoseconds: number; bytes: Buffer }[] {
  return Array.from({ length: PACKETS }, (_, number) => {
    const bytes = udpPacket(1024 + number * 7);
    bytes.writeUInt16BE(number, 50);
    return { seconds: 0, nanoseconds: number * 1e6, bytes };
  });
}

const numbersIn = (file: string): number[] => [...readCaptureFile(place.path(file))].map(({ bytes }) => Buffer.from(bytes).readUInt16BE(50));

/** Whole packets of a file that is still written, by its size. */
const packetsIn = (file: string): number => Math.max(0, Math.floor(((statSync(place.path(file), { throwIfNoEntry: false })?.size ?? 0) - 24) / (16 + BYTES)));

async function start(log: string): Promise<number> {
  expect(await place.daemon(['-f', 'up.lua', '--log-file', log])).toMatchObject({ code: 0 });
  return place.pid();
}

/** What it has counted, when it has ended. */
async function totals(log: string): Promise<{ received: number; dropped: number }> {
  const { msg } = await place.logged(log, /^total: /);
  const [received, dropped] = (/^total: (\d+) packets received, (\d+) dropped/.exec(msg) as RegExpExecArray).slice(1).map(Number);
  return { received, dropped };
}

test('the readers of a daemon that is stopped, or killed, take the pipes of the next one up again by themselves, and every packet is read or counted', async () => {
  writeCaptureFile(place.path('numbered.pcap'), numbered());
  place.script('up.lua', 'PktEngine.new("e0"):link(Brick.new("PcapReader", { pace = "timestamps", loop = 0 }):connect_input("numbered.pcap"):connect_outputs("up", 2)):start()');
  const readers = [place.start(['attach', 'up}0', '--reconnect', '--write', 'up0.pcap']), place.start(['attach', 'up}1', '--reconnect', '--exec', 'sh', '-c', 'cat > up1.pcap'])];
  const files = ['up0.pcap', 'up1.pcap'];
  for (const reader of readers) await reader.says(/waiting for/);
  const read = (): number[] => files.map(packetsIn);
  const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);
  const flow = async (): Promise<void> => {
    const before = read();
    await until(() => read().every((count, index) => count > before[index] + PACKETS * 0.75));
  };

  await start('first');
  await flow();
  expect(await place.kill()).toMatchObject({ code: 0 });
  for (const reader of readers) await reader.says(/has closed it; waiting for the next one/);
  // They have waited for it, so that nothing was lost.
  const { received, dropped } = await totals('first');
  expect(dropped).toBe(0);
  await until(() => sum(read()) === received);
  const first = read();

  const second = await start('second');
  await flow();
  process.kill(second, 'SIGKILL');
  // At once: its readers may not have heard of the end yet.
  await start('third');
  for (const reader of readers) await reader.says(/was killed; waiting for the next one[^]*reading again/);
  await flow();
  const client = await place.connect();
  await client.call('engine.stop', { name: 'e0' });
  const [{ links }] = await client.call('engine.stats', { name: 'e0' });
  const sinks = links.filter(({ role }) => role === 'sink');
  client.close();
  expect(await place.kill()).toMatchObject({ code: 0 });
  for (const reader of readers) {
    await reader.says(/was killed[^]*has closed it/);
    reader.signal('SIGINT');
    expect(await reader.ended).toMatchObject({ code: 0 });
  }

  for (const [index, file] of files.entries()) {
    const numbers = numbersIn(file);
    const { packets, drops } = sinks[index];
    const third = numbers.length - packets;
    const flows = [...new Set(numbers)].sort((one, other) => one - other);
    const after = (from: number, count: number): number[] => Array.from({ length: count }, (_, step) => flows[(from + step) % flows.length]);
    expect(numbers.slice(0, first[index])).toEqual(after(0, first[index]));
    expect(numbers.slice(first[index], third)).toEqual(after(0, third - first[index]));
    // The third one begins where the reader was back.
    expect(Object.keys(drops).filter((reason) => reason !== 'noReader')).toEqual([]);
    expect(numbers.slice(third)).toEqual(after(drops['noReader'] ?? 0, packets));
  }
  const last = await totals('third');
  expect(last).toEqual({ received: sum(sinks.map(({ packets, drops }) => packets + (drops['noReader'] ?? 0))), dropped: sum(sinks.map(({ drops }) => drops['noReader'] ?? 0)) });
});
