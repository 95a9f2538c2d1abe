import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  bytesOf, ethernet, expectToConserve, expectToKeepOrder, expectToMatchCapture, extension, fuzzBrick, interleaved, ipv4, ipv4Fragments, ipv6, mpls, runBrick, tcp, tcpConversation, udp,
  udpConversation, vlan, writePackets, type GivenPacket, type TestPacket,
} from 'packet-bricks/testing';
import { Duplicator } from 'packet-bricks';
import { HeaderSlicer, Slicer } from '../src/index';

const talks = interleaved(
  tcpConversation({ data: [{ from: 'client', content: 300 }, { from: 'server', content: 3000 }] }),
  udpConversation({ client: { address: '2001:db8::1', port: 5000 }, server: { address: '2001:db8::2', port: 53 }, data: [{ from: 'client', content: 200 }, { from: 'server', content: 900 }] }),
  tcpConversation({ client: { address: '10.1.1.1', port: 2000 }, data: [{ from: 'server', content: 100 }], vlan: 5 }),
);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bricks-slicer-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const lengths = (packets: readonly TestPacket[]): number[] => packets.map(({ bytes }) => bytes.length);
const lengthsOn = (packets: readonly TestPacket[]): number[] => packets.map(({ wireLength }) => wireLength);

test('packets are cut to so many bytes, and keep their length on the wire', async () => {
  const run = await runBrick(new Slicer(64), talks);
  expect(lengths(run.outputs[0])).toEqual(lengths(talks).map((length) => Math.min(64, length)));
  expect(lengthsOn(run.outputs[0])).toEqual(lengths(talks));
  expect(run.counters['cut']).toBe(talks.filter(({ bytes }) => bytes.length > 64).length);
  for (const check of [expectToConserve, expectToKeepOrder]) check(run);
});

test('other outputs keep the whole packets', async () => {
  const run = await runBrick(new Duplicator().connectInput('in').connectOutput('whole', 'a{0').link(new Slicer(20).connectInput('a}0').connectOutput('cut')), talks);
  expect(run.output('whole').every(({ bytes }, index) => bytes.equals(talks[index].bytes))).toBe(true);
  expect(new Set(lengths(run.output('cut')))).toEqual(new Set([20]));
});

test.each([['to-server', 80, 53], ['to-client', 40_000, 5000]] as const)('%s, only packets that go there are cut', async (direction, tcpPort, udpPort) => {
  for (const brick of [new Slicer({ length: 54, direction }), new HeaderSlicer({ direction })]) {
    const run = await runBrick(brick, talks);
    for (const [index, packet] of run.outputs[0].entries()) {
      const cut = packet.bytes.length < talks[index].bytes.length;
      const text = talks[index].bytes.toString('hex');
      const goesThere = [tcpPort, udpPort, tcpPort === 80 ? 80 : 2000].some((port) => text.includes(port.toString(16).padStart(4, '0')));
      if (cut) expect(goesThere).toBe(true);
    }
    expect(run.counters['cut']).toBeGreaterThan(0);
    expect(run.counters['cut']).toBeLessThan(talks.length / 2);
  }
});

test('headers of all kinds stay, with so much of the payload', async () => {
  const packets: [GivenPacket, number][] = [
    [ethernet({}, ipv4({}, tcp({ options: new Uint8Array(12) }, Buffer.alloc(100)))), 14 + 20 + 32],
    [ethernet({}, vlan({}, vlan({}, ipv4({ options: new Uint8Array(8) }, udp({}, Buffer.alloc(100)))))), 14 + 8 + 28 + 8],
    [ethernet({}, mpls({ labels: [1, 2] }, ipv6({}, extension('hopByHop', {}, udp({}, Buffer.alloc(100)))))), 14 + 8 + 40 + 8 + 8],
  ];
  for (const payload of [0, 10, 1000]) {
    const run = await runBrick(new HeaderSlicer(payload), packets.map(([packet]) => packet));
    expect(lengths(run.outputs[0])).toEqual(packets.map(([, headers]) => headers + Math.min(100, payload)));
  }
  const others = [...ipv4Fragments({}, udp({}, Buffer.alloc(900)), 400).slice(1), ipv4({ protocol: 99 }, Buffer.alloc(200))].map((packet) => ethernet({}, packet));
  const run = await runBrick(new HeaderSlicer(), others);
  expect(lengths(run.outputs[0])).toEqual(others.map((packet) => bytesOf(packet).length));
});

test('no frame makes them fail', () => {
  fuzzBrick(() => new Slicer({ length: 60 }), { frames: 4000 });
  fuzzBrick(() => new Slicer({ length: 20, direction: 'to-server' }), { frames: 4000 });
  fuzzBrick(() => new HeaderSlicer(), { frames: 4000 });
  fuzzBrick(() => new HeaderSlicer({ payload: 3, direction: 'to-client' }), { frames: 4000 });
});

const withTools = spawnSync('editcap', ['--version']).status === 0 && spawnSync('tshark', ['--version']).status === 0 ? describe : describe.skip;

withTools('other programs', () => {
  test('editcap cuts packets the same way', async () => {
    const run = await runBrick(new Slicer(70), talks);
    execFileSync('editcap', ['-F', 'nsecpcap', '-s', '70', writePackets(join(folder, 'in.pcap'), talks), join(folder, 'expected.pcap')]);
    expectToMatchCapture(run.outputs[0], join(folder, 'expected.pcap'));
  });

  test('tshark finds all headers and no payload', async () => {
    const run = await runBrick(new HeaderSlicer(), talks);
    const file = writePackets(join(folder, 'headers.pcap'), run.outputs[0]);
    const fields = ['frame.cap_len', 'frame.len', 'tcp.len', 'udp.length', 'tcp.srcport', 'udp.srcport'].flatMap((field) => ['-e', field]);
    const rows = execFileSync('tshark', ['-n', '-r', file, '-T', 'fields', ...fields], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trimEnd().split('\n').map((line) => line.split('\t'));
    expect(rows).toHaveLength(talks.length);
    for (const [captured, length, ofTcp, ofUdp, ...ports] of rows) {
      expect(ports.some((port) => port !== '')).toBe(true);
      expect(Number(length) - Number(captured)).toBe(ofTcp === '' ? Number(ofUdp) - 8 : Number(ofTcp));
    }
  });
});
