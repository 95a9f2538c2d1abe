import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  arp, bytesOf, ethernet, expectToConserve, expectToKeepOrder, expectToLeaveUnchanged, expectToMatchCapture, fuzzBrick, ipv4, ipv6, mpls, runBrick, tcp, tcpConversation, udp, vlan, writePackets,
  type GivenPacket, type Layered, type TestPacket,
} from 'packet-bricks/testing';
import { Deduplicator } from '../src/index';
import { RecentPackets } from '../src/recent-packets';

/** A packet at so many microseconds. */
const at = (microseconds: number, frame: Layered): GivenPacket => ({ bytes: bytesOf(frame), seconds: 1_700_000_000 + Math.floor(microseconds / 1e6), nanoseconds: (microseconds % 1e6) * 1000 });
const passed = async (options: object, packets: GivenPacket[]): Promise<number> => (await runBrick(new Deduplicator(options), packets)).outputs[0].length;

const plain = ethernet({}, ipv4({ timeToLive: 64 }, tcp({}, 'content')));
const variants = {
  macs: ethernet({ source: '02:00:00:00:00:09' }, ipv4({ timeToLive: 64 }, tcp({}, 'content'))),
  tags: ethernet({}, vlan({ id: 7 }, ipv4({ timeToLive: 64 }, tcp({}, 'content')))),
  ttl: ethernet({}, ipv4({ timeToLive: 63 }, tcp({}, 'content'))),
};

test('what differs between taps is ignored, unless it is to be looked at', async () => {
  expect(await passed({}, [plain, ...Object.values(variants), ethernet({}, mpls({}, ipv4({ timeToLive: 64 }, tcp({}, 'content'))))])).toBe(1);
  for (const [what, variant] of Object.entries(variants)) expect(await passed({ [what]: true }, [plain, variant, plain])).toBe(2);
  const [hop64, hop63] = [64, 63].map((hopLimit) => ethernet({}, ipv6({ hopLimit }, udp({}, 'x'))));
  expect([await passed({}, [hop64, hop63]), await passed({ ttl: true }, [hop64, hop63])]).toEqual([1, 2]);
});

test('padding of short frames is ignored, and so are tags of frames without IP', async () => {
  const short = ethernet({}, ipv4({}, udp({}, 'x')));
  expect(await passed({}, [short, Buffer.concat([bytesOf(short), Buffer.alloc(17, 9)])])).toBe(1);
  expect(await passed({}, [ethernet({}, arp('10.0.0.1', '10.0.0.2')), ethernet({}, vlan({}, arp('10.0.0.1', '10.0.0.2'))), ethernet({}, arp('10.0.0.1', '10.0.0.3'))])).toBe(2);
});

test('other packets pass: another identification, other content, another length', async () => {
  const packets = [ipv4({ identification: 1 }, udp({}, 'abc')), ipv4({ identification: 2 }, udp({}, 'abc')), ipv4({ identification: 1 }, udp({}, 'abd')), ipv4({ identification: 1 }, udp({}, 'abcd'))];
  expect(await passed({}, packets.map((packet) => ethernet({}, packet)))).toBe(4);
  expect(await passed({}, tcpConversation({ data: [{ from: 'client', content: 5000 }, { from: 'server', content: 5000 }] }))).toBe(tcpConversation({ data: [{ from: 'client', content: 5000 }, { from: 'server', content: 5000 }] }).length);
});

test('within the window only, from the first one on, by the times of the packets', async () => {
  expect(await passed({ window: 1 }, [at(0, plain), at(1000, plain), at(1001, plain), at(2000, plain), at(2002, plain)])).toBe(3);
  // The next second begins, and a little out of order.
  expect(await passed({ window: 1 }, [at(999_800, plain), at(1_000_300, plain), at(1_000_100, plain)])).toBe(1);
});

test('duplicates go to output 1 if there is one; all are counted', async () => {
  const run = await runBrick(new Deduplicator(), [plain, plain, variants.ttl, ethernet({}, ipv4({}, 'other'))], { outputs: 2 });
  expect([run.outputs.map(({ length }) => length), run.counters]).toEqual([[2, 2], { duplicates: 2, crowded: 0 }]);
  for (const check of [expectToConserve, expectToKeepOrder, expectToLeaveUnchanged]) check(run);
});

test('too little room is counted', () => {
  const recent = new RecentPackets(8, 1000);
  const crowded = Array.from({ length: 10 }, (_, number) => {
    recent.seen(number, 0, number);
    return recent.crowded;
  });
  expect(crowded).toEqual([false, false, false, false, false, false, false, false, true, true]);
  expect([recent.seen(9, 0, 1009), recent.seen(0, 0, 1009)]).toEqual([true, false]);
});

test('no frame makes it fail', () => {
  fuzzBrick(() => new Deduplicator({ packets: 512 }), { frames: 4000, outputs: 2 });
  fuzzBrick(() => new Deduplicator({ macs: true, tags: true, ttl: true, bytes: 40 }), { frames: 4000, outputs: 2 });
});

const withEditcap = spawnSync('editcap', ['--version']).status === 0 ? test : test.skip;

withEditcap('editcap drops the same packets where nothing is ignored', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bricks-deduplicator-'));
  try {
    const talk = tcpConversation({ data: [{ from: 'client', content: 3000 }, { from: 'server', content: 9000 }], interval: 3 });
    const again = talk.map((packet, index): TestPacket => ({ ...packet, nanoseconds: packet.nanoseconds + (index % 4) * 2_000_000 + 1000 }));
    const packets = [...talk, ...again].sort((a, b) => a.nanoseconds - b.nanoseconds);
    const run = await runBrick(new Deduplicator({ window: 5, bytes: 65_535, macs: true, tags: true, ttl: true }), packets);
    execFileSync('editcap', ['-F', 'nsecpcap', '-w', '0.005', writePackets(join(folder, 'in.pcap'), packets), join(folder, 'expected.pcap')], { stdio: 'ignore' });
    expectToMatchCapture(run.outputs[0], join(folder, 'expected.pcap'));
    expect(run.counters['duplicates']).toBeGreaterThan(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
