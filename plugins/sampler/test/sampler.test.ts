import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ethernet, expectToConserve, expectToKeepOrder, expectToLeaveUnchanged, expectToMatchCapture, flowOf, fuzzBrick, interleaved, ipv4, ipv4Fragments, runBrick, tcpConversation, udp, writePackets,
  type TestPacket,
} from 'packet-bricks/testing';
import { Sampler } from '../src/index';

const numbered = (count: number): Buffer[] => Array.from({ length: count }, (_, number) => Buffer.alloc(60, number));
const talks = (count: number): TestPacket[] => interleaved(...Array.from({ length: count }, (_, number) => tcpConversation({ client: { address: `10.0.${number >> 8}.${number & 255}`, port: 1024 + number } })));

test('one in n packets passes, the first one first; the rest is dropped, or goes to output 1', async () => {
  const run = await runBrick(new Sampler(10), numbered(95), { batch: 7 });
  expect(run.outputs[0].map(({ bytes }) => bytes[0])).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
  expect(run.dropped).toBe(85);
  const both = await runBrick(new Sampler({ n: 3 }), numbered(30), { outputs: 2 });
  expect(both.outputs.map(({ length }) => length)).toEqual([10, 20]);
  for (const check of [expectToConserve, expectToKeepOrder, expectToLeaveUnchanged]) check(both);
});

test('by flows, a flow passes whole or not at all, in both directions, and the same ones each time', async () => {
  const packets = talks(800);
  const [first, second, other] = await Promise.all([1, 1, 2].map((seed) => runBrick(new Sampler({ n: 8, by: 'flows', seed }), packets, { outputs: 2 })));
  const flows = (part: readonly TestPacket[]): Set<string | undefined> => new Set(part.map(flowOf));
  const [passed, others] = first.outputs.map(flows);
  expect([...passed].filter((flow) => others.has(flow))).toEqual([]);
  expect(passed.size).toBeGreaterThan(60);
  expect(passed.size).toBeLessThan(140);
  expect(flows(second.outputs[0])).toEqual(passed);
  expect(flows(other.outputs[0])).not.toEqual(passed);
});

test('packets without a known flow are counted, and pass unless they are to be dropped', async () => {
  const fragments = ipv4Fragments({}, udp({}, Buffer.alloc(3000)), 1000).map((packet) => ethernet({}, packet));
  const pass = await runBrick(new Sampler({ n: 65_536, by: 'flows' }), fragments);
  expect([pass.outputs[0].length, pass.counters]).toEqual([fragments.length, { withoutFlow: fragments.length }]);
  const drop = await runBrick(new Sampler({ n: 65_536, by: 'flows', others: 'drop' }), fragments);
  expect(drop.outputs[0]).toEqual([]);
});

test('no frame makes it fail', () => {
  fuzzBrick(() => new Sampler({ n: 3 }), { frames: 5000, outputs: 2 });
  fuzzBrick(() => new Sampler({ n: 2, by: 'flows' }), { frames: 5000, outputs: 2 });
});

const withEditcap = spawnSync('editcap', ['--version']).status === 0 ? test : test.skip;

withEditcap('editcap chooses the same packets', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bricks-sampler-'));
  try {
    const packets = Array.from({ length: 100 }, (_, number) => ethernet({}, ipv4({ identification: number + 1 }, udp({}, Buffer.alloc(number)))));
    const run = await runBrick(new Sampler(7), packets);
    const file = writePackets(join(folder, 'all.pcap'), run.input);
    const wanted = Array.from({ length: 15 }, (_, index) => String(1 + index * 7));
    execFileSync('editcap', ['-F', 'nsecpcap', '-r', file, join(folder, 'chosen.pcap'), ...wanted]);
    expectToMatchCapture(run.outputs[0], join(folder, 'chosen.pcap'));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
