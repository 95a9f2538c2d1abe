import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { arp, bytesOf, ethernet, expectToConserve, expectToKeepOrder, expectToLeaveUnchanged, fuzzBrick, ipv4, ipv6, runBrick, udp, writePackets, type GivenPacket, type Layered } from 'packet-bricks/testing';
import { Buckets } from '../src/buckets';
import { RateLimiter } from '../src/index';

/** A packet at so many milliseconds. */
const at = (milliseconds: number, frame: Layered): GivenPacket => ({ bytes: bytesOf(frame), seconds: 1_700_000_000 + Math.floor(milliseconds / 1000), nanoseconds: Math.round((milliseconds % 1000) * 1e6) });
const from = (source: string, port = 1000, destination = '10.9.9.9'): Layered => ethernet({}, (source.includes(':') ? ipv6 : ipv4)({ source, destination }, udp({ sourcePort: port, destinationPort: 9 }, Buffer.alloc(958))));
const passed = async (options: object, packets: GivenPacket[]): Promise<number> => (await runBrick(new RateLimiter(options), packets)).outputs[0].length;
const many = (count: number, interval: number, frame = from('10.0.0.1')): GivenPacket[] => Array.from({ length: count }, (_, number) => at(number * interval, frame));

test('packets pass at the rate, and after a pause as many at once as the burst allows', async () => {
  // 1,000 a second for a second, 100 a second allowed, and 10 more by the burst of 100 ms.
  expect(await passed({ packets: 100 }, many(1000, 1))).toBe(110);
  expect(await passed({ packets: 100, burst: 0 }, many(1000, 1))).toBe(100);
  expect(await passed({ packets: 100 }, [...many(50, 0), ...many(50, 0).map((_, index) => at(500 + index / 1000, from('10.0.0.1')))])).toBe(22);
  expect(await passed({}, many(50, 0))).toBe(50);
});

test('bits are counted on the wire; with both limits neither is exceeded', async () => {
  // 1,000 bytes each.
  expect(await passed({ kilobits: 800, burst: 0 }, many(1000, 1))).toBe(100);
  expect(await passed({ kilobits: 800, packets: 50, burst: 0 }, many(1000, 1))).toBe(50);
  expect(await passed({ kilobits: 400, packets: 500, burst: 0 }, many(1000, 1))).toBe(50);
});

test.each([['flow', 4], ['source', 3], ['destination', 2], ['link', 1]] as const)('by %s, each has a bucket of its own', async (by, buckets) => {
  const kinds = [from('10.0.0.1', 1), from('10.0.0.1', 2), from('10.0.0.2', 1), from('2001:db8::1', 1, '2001:db8::2')];
  const run = await runBrick(new RateLimiter({ packets: 1, burst: 0, by }), Array.from({ length: 40 }, (_, number) => at(number / 100, kinds[number % 4])), { outputs: 2 });
  expect(run.outputs.map(({ length }) => length)).toEqual([buckets, 40 - buckets]);
  for (const check of [expectToConserve, expectToKeepOrder, expectToLeaveUnchanged]) check(run);
});

test('both directions of a connection share a bucket; packets without addresses share one', async () => {
  const [there, back] = [ethernet({}, ipv4({ source: '10.0.0.1', destination: '10.0.0.2' }, udp({ sourcePort: 5, destinationPort: 6 }, ''))), ethernet({}, ipv4({ source: '10.0.0.2', destination: '10.0.0.1' }, udp({ sourcePort: 6, destinationPort: 5 }, '')))];
  expect(await passed({ packets: 1, burst: 0, by: 'flow' }, [at(0, there), at(1, back)])).toBe(1);
  expect(await passed({ packets: 1, burst: 0, by: 'source' }, [at(0, ethernet({}, arp('10.0.0.1', '10.0.0.2'))), at(1, ethernet({}, arp('10.0.0.3', '10.0.0.2')))])).toBe(1);
});

test('a bucket that is full gives way without loss; one that is not is counted', () => {
  const buckets = new Buckets(8, 0);
  const evicted = Array.from({ length: 10 }, (_, number) => {
    const bucket = buckets.find(number + 1, 0, number);
    buckets.take(bucket, number, 5);
    return buckets.evicted;
  });
  expect(evicted).toEqual([false, false, false, false, false, false, false, false, false, false]);
  for (let number = 20; number < 28; number++) buckets.take(buckets.find(number, 0, 100), 100, 50);
  buckets.find(99, 0, 120);
  expect(buckets.evicted).toBe(true);
});

test('no frame makes it fail', () => {
  for (const by of ['link', 'flow', 'source', 'destination'] as const) fuzzBrick(() => new RateLimiter({ packets: 100_000, kilobits: 100_000, by, buckets: 64, burst: 1 }), { frames: 3000, outputs: 2 });
});

const withTshark = spawnSync('tshark', ['--version']).status === 0 ? test : test.skip;

withTshark('tshark counts no more in each second than the rate', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bricks-rate-'));
  try {
    const run = await runBrick(new RateLimiter({ kilobits: 800, burst: 0 }), many(5000, 1));
    const file = writePackets(join(folder, 'limited.pcap'), run.outputs[0]);
    const report = execFileSync('tshark', ['-n', '-q', '-r', file, '-z', 'io,stat,1'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const bytes = [...report.matchAll(/^\|[^|]*<>[^|]*\|\s*\d+ \|\s*(\d+) \|/gm)].map(([, count]) => Number(count));
    expect(bytes.length).toBeGreaterThanOrEqual(5);
    expect(Math.max(...bytes)).toBeLessThanOrEqual(101_000);
    expect(bytes.reduce((sum, count) => sum + count, 0)).toBe(500_000);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
