import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  TestBrick, arp, ethernet, expectToConserve, expectToKeepOrder, expectToLeaveUnchanged, flowOf, fuzzBrick, interleaved, ipv4, ipv4Fragments, ipv6, runBrick, tcp, tcpConversation, udp,
  udpConversation, writePackets, type TestPacket,
} from 'packet-bricks/testing';
import { ConnectionTable, EVICTED, KNOWN, NEW } from '../src/connection-table';
import { FlowCutoff } from '../src/index';

const talks = interleaved(...Array.from({ length: 30 }, (_, number) => tcpConversation({
  client: number % 2 ? { address: `10.0.0.${number}`, port: 2000 } : { address: `2001:db8::${number}`, port: 2000 }, server: number % 2 ? { address: '10.0.0.200', port: 80 } : { address: '2001:db8::80', port: 80 },
  data: [{ from: 'client', content: 100 }, { from: 'server', content: number * 500 }],
})));

function countByFlow(packets: readonly TestPacket[]): Map<string | undefined, number> {
  const counts = new Map<string | undefined, number>();
  for (const packet of packets) counts.set(flowOf(packet), (counts.get(flowOf(packet)) ?? 0) + 1);
  return counts;
}

test('the first packets of each connection pass, both directions together; the rest is dropped, or goes to output 1', async () => {
  const run = await runBrick(new FlowCutoff({ kilobytes: 0, packets: 5 }), talks, { outputs: 2 });
  expect([...countByFlow(run.outputs[0]).values()]).toEqual(Array.from({ length: 30 }, () => 5));
  expect(run.outputs[0].length + run.outputs[1].length).toBe(talks.length);
  expect(run.counters).toEqual({ connections: 30, evicted: 0, others: 0 });
  for (const check of [expectToConserve, expectToKeepOrder, expectToLeaveUnchanged]) check(run);
  expect((await runBrick(new FlowCutoff({ kilobytes: 0, packets: 5 }), talks)).dropped).toBe(talks.length - 150);
});

test('by kilobytes, a packet passes as long as less has been seen before it; with both limits the first one reached holds', async () => {
  const packet = (bytes: number): Buffer => ethernet({}, ipv4({}, udp({}, Buffer.alloc(bytes - 42)))).bytes;
  const passed = async (options: object, sizes: number[]): Promise<number> => (await runBrick(new FlowCutoff(options), sizes.map(packet))).outputs[0].length;
  expect(await passed({ kilobytes: 1 }, [500, 499, 1000, 60])).toBe(3);
  expect(await passed({ kilobytes: 1 }, [500, 500, 1000])).toBe(2);
  expect(await passed({ kilobytes: 1, packets: 1 }, [500, 499])).toBe(1);
  expect(await passed({ kilobytes: 1, packets: 9 }, [500, 500, 60])).toBe(2);
  expect(await passed({ kilobytes: 0, packets: 0 }, [500, 500, 60])).toBe(3);
});

test('a connection begins anew with a SYN, or when it was silent for long enough', async () => {
  const run = await TestBrick.open(new FlowCutoff({ kilobytes: 0, packets: 2, idle: 10 }));
  const [syn, data] = [2, 16].map((flags) => ethernet({}, ipv4({}, tcp({ flags }, ''))));
  expect(run.send(syn, data, data).outputs[0]).toHaveLength(2);
  expect(run.send(syn, data, data).outputs[0]).toHaveLength(4);
  expect(run.advance(10_000).send(data).outputs[0]).toHaveLength(4);
  expect(run.advance(10_001).send(data).outputs[0]).toHaveLength(5);
  expect((await run.end()).counters).toEqual({ connections: 3, evicted: 0, others: 0 });
});

test('what is no connection passes, and is counted', async () => {
  const fragments = ipv4Fragments({}, udp({}, Buffer.alloc(3000)), 1000);
  const run = await runBrick(new FlowCutoff({ kilobytes: 0, packets: 1 }), [arp('10.0.0.1', '10.0.0.2'), ...fragments, ipv6({ nextHeader: 99 }, 'x')].map((packet) => ethernet({}, packet)));
  expect([run.outputs[0].length, run.counters]).toEqual([2 + fragments.length, { connections: 1, evicted: 0, others: 1 + fragments.length }]);
});

// A global of a test is looked up anew each time.
const { imul } = Math;

test('a million connections in bounded memory: they are known again, and more push out those that were silent for longest', () => {
  const hash = (number: number, salt: number): number => imul(imul(number ^ salt, 0x9e3779b1) ^ (number >>> 15), 0x85ebca6b) | 0;
  const table = new ConnectionTable(1 << 20, 1000, 0);
  const find = (number: number, now: number): number => table.find(hash(number, 1), hash(number, 2), now, false);
  for (let number = 0; number < 1 << 19; number++) find(number, 1);
  const counts = [0, 0, 0];
  for (let number = 0; number < 1 << 19; number += 64) counts[find(number, 2)]++;
  expect(counts[KNOWN]).toBeGreaterThan(8192 * 0.96);
  const small = new ConnectionTable(64, 1000, 0);
  for (let number = 0; number < 1000; number++) small.find(hash(number, 1), hash(number, 2), number >> 2, false);
  // What came last is there.
  expect([small.find(hash(999, 1), hash(999, 2), 250, false), small.find(hash(0, 1), hash(0, 2), 250, false)]).toEqual([KNOWN, EVICTED]);
  expect(small.find(hash(1, 1), hash(1, 2), 2000, false)).toBe(NEW);
});

test('no frame makes it fail', () => {
  fuzzBrick(() => new FlowCutoff({ kilobytes: 1, packets: 3, connections: 64 }), { frames: 8000, outputs: 2 });
});

const withTshark = spawnSync('tshark', ['--version']).status === 0 ? test : test.skip;

withTshark('tshark counts the same packets of each stream', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bricks-cutoff-'));
  try {
    const packets = interleaved(talks, udpConversation({ data: [{ from: 'client', content: 3000 }, { from: 'server', content: 20_000 }] }));
    const file = writePackets(join(folder, 'all.pcap'), packets);
    const run = await runBrick(new FlowCutoff({ kilobytes: 2 }), packets);
    const rows = execFileSync('tshark', ['-n', '-r', file, '-T', 'fields', ...['tcp.stream', 'udp.stream', 'frame.len', 'frame.time_epoch'].flatMap((field) => ['-e', field])], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const seen = new Map<string, number>();
    const expected = rows.trimEnd().split('\n').map((line) => line.split('\t')).filter(([ofTcp, ofUdp, length]) => {
      const stream = `${ofTcp} ${ofUdp}`;
      const before = seen.get(stream) ?? 0;
      seen.set(stream, before + Number(length));
      return before < 2000;
    });
    expect(run.outputs[0].map(({ seconds, nanoseconds }) => `${seconds}.${String(nanoseconds).padStart(9, '0')}`)).toEqual(expected.map(([, , , time]) => time));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
