import { Duplicator, LoadBalancer } from 'packet-bricks';
import {
  SAMPLES, arp, bytesOf, erspan, ethernet, expectToConserve, expectToKeepOrder, extension, fuzzBrick, geneve, gre, greInUdp, gtp, icmp, ipv4, ipv4Fragments, ipv6, ipv6Fragments, mpls, ppp, pppoe, pptp,
  runBrick, tcp, udp, vlan, vxlan, vxlanGpe, words, type GivenPacket, type Layered,
} from 'packet-bricks/testing';
import { Decapsulator } from '../src/index';

const outer = { source: '02:00:00:00:00:0a', destination: '02:00:00:00:00:0b' } as const;
const link = { source: '10.0.0.1', destination: '10.0.0.2' };
const inner4 = ipv4({}, tcp({ destinationPort: 443 }, 'what is inside'));
const inner6 = ipv6({}, udp({ destinationPort: 9 }, 'what is inside'));
const frame = ethernet({}, vlan({ id: 5 }, inner4));
const over = (...payload: Parameters<typeof ipv4>[1][]): Layered => ethernet(outer, ipv4(link, payload[0]));
const over6 = (payload: Layered): Layered => ethernet(outer, ipv6({}, payload));
const withHeader = (packet: Layered): Layered => ethernet(outer, packet);

type Counts = Readonly<Record<string, number>>;

async function decapsulated(packets: readonly GivenPacket[], options: ConstructorParameters<typeof Decapsulator>[0] = {}): Promise<{ bytes: Buffer[]; wireLengths: number[]; counters: Counts }> {
  const run = await runBrick(new Decapsulator(options), packets);
  expectToConserve(run);
  expectToKeepOrder(run);
  expect(run.outputs[0]).toHaveLength(packets.length);
  return { bytes: run.outputs[0].map(({ bytes }) => bytes), wireLengths: run.outputs[0].map(({ wireLength }) => wireLength), counters: Object.fromEntries(Object.entries(run.counters).filter(([, count]) => count > 0)) };
}

describe('each kind of tunnel leaves what it carried', () => {
  // What goes in, what comes out, and how it is counted.
  const kinds: [string, string, Layered, Layered][] = [
    ['VXLAN', 'vxlan', over(vxlan({}, frame)), frame],
    ['VXLAN over IPv6, at the old port', 'vxlan', over6(vxlan({ destinationPort: 8472 }, frame)), frame],
    ['VXLAN-GPE around IP', 'vxlan', over(vxlanGpe({}, inner6)), withHeader(inner6)],
    ['VXLAN-GPE around a frame', 'vxlan', over(vxlanGpe({}, frame)), frame],
    ['VXLAN-GPE around labels', 'vxlan', over(vxlanGpe({}, mpls({}, inner4))), withHeader(mpls({}, inner4))],
    ['GENEVE with options around a frame', 'geneve', over(geneve({ optionBytes: 24 }, frame)), frame],
    ['GENEVE around IP', 'geneve', over6(geneve({}, inner4)), withHeader(inner4)],
    ['GRE', 'gre', over(gre({}, inner4)), withHeader(inner4)],
    ['GRE with all its fields', 'gre', over(gre({ key: 1, sequence: 2, checksum: true }, inner6)), withHeader(inner6)],
    ['GRE with source routes', 'gre', over(routed(inner4)), withHeader(inner4)],
    ['GRE around labels', 'gre', over6(gre({}, mpls({}, inner4))), withHeader(mpls({}, inner4))],
    ['NVGRE', 'gre', over(gre({ key: 77 }, frame)), frame],
    ['GRE in UDP', 'gre', over(greInUdp({ key: 1 }, inner4)), withHeader(inner4)],
    ['PPTP', 'gre', over(pptp({ acknowledgment: 1 }, inner4)), withHeader(inner4)],
    ['PPP in GRE', 'gre', over(gre({}, ppp({ addressAndControl: true, compressed: true }, inner4))), withHeader(inner4)],
    ['ERSPAN I', 'erspan', over(erspan({ version: 1 }, frame)), frame],
    ['ERSPAN II', 'erspan', over(erspan({ version: 2 }, frame)), frame],
    ['ERSPAN III', 'erspan', over(erspan({ version: 3 }, frame)), frame],
    ['ERSPAN III with its long header, over IPv6', 'erspan', over6(erspan({ version: 3, long: true }, frame)), frame],
    ['GTP-U', 'gtp', over(gtp({}, inner4)), withHeader(inner4)],
    ['GTP-U with a sequence number', 'gtp', over(gtp({ sequence: 3 }, inner6)), withHeader(inner6)],
    ['GTP-U with extension headers', 'gtp', over6(gtp({ extensions: [[0x85, 1], [0xc0, 2]] }, inner4)), withHeader(inner4)],
    ['labels', 'mpls', ethernet(outer, vlan({ id: 9 }, mpls({ labels: [1, 2, 3] }, inner4))), ethernet(outer, vlan({ id: 9 }, inner4))],
    ['labels around IPv6', 'mpls', ethernet(outer, mpls({ multicast: true }, inner6)), withHeader(inner6)],
    ['PPPoE', 'pppoe', ethernet(outer, vlan({ id: 9 }, pppoe({}, inner6))), ethernet(outer, vlan({ id: 9 }, inner6))],
    ['PPPoE around labels', 'pppoe', ethernet(outer, pppoe({}, mpls({}, inner4))), withHeader(mpls({}, inner4))],
    ['IPv4 in IPv4', 'ipip', over(inner4), withHeader(inner4)],
    ['6in4', 'ipip', over(inner6), withHeader(inner6)],
    ['4in6, behind extension headers', 'ipip', over6(extension('destination', {}, extension('hopByHop', { extra: 1 }, inner4))), withHeader(inner4)],
    ['IPv6 in IPv6', 'ipip', over6(inner6), withHeader(inner6)],
  ];

  test.each(kinds)('%s', async (_name, counter, packet, expected) => {
    expect(await decapsulated([packet])).toEqual({ bytes: [bytesOf(expected)], wireLengths: [expected.bytes.length], counters: { [counter]: 1 } });
  });

  test('one that was not chosen stays as it is', async () => {
    const packets = kinds.map(([, , packet]) => packet);
    for (const kind of ['vxlan', 'geneve', 'gre', 'erspan', 'gtp', 'mpls', 'pppoe', 'ipip'] as const) {
      const count = kinds.filter(([, counter]) => counter === kind).length;
      const { bytes, counters } = await decapsulated(packets, { kinds: [kind] });
      expect(counters).toEqual({ [kind]: count, others: packets.length - count });
      expect(bytes).toEqual(kinds.map(([, counter, packet, expected]) => bytesOf(counter === kind ? expected : packet)));
    }
  });

  test('whatever is cut off by a short capture, nothing is made up: the packet stays as it is, or what is left of the inner one comes out', async () => {
    for (const [, counter, packet, expected] of kinds) {
      const whole = bytesOf(packet);
      const cut = Array.from({ length: whole.length }, (_, length) => ({ bytes: whole.subarray(0, length), wireLength: whole.length })).slice(14);
      const { bytes, wireLengths, counters } = await decapsulated(cut);
      const wanted = bytesOf(expected);
      bytes.forEach((came, index) => {
        const stayed = came.equals(cut[index].bytes);
        expect([counter, index, stayed || came.equals(wanted.subarray(0, came.length))]).toEqual([counter, index, true]);
        expect(wireLengths[index]).toBe(stayed ? whole.length : wanted.length);
      });
      expect(counters['truncated']).toBeGreaterThan(0);
      expect((counters[counter] ?? 0) + counters['truncated'] + (counters['others'] ?? 0)).toBe(cut.length);
    }
  });
});

/** GRE of RFC 1701 with two source routes. */
function routed(payload: Layered): Layered {
  const routes = Buffer.concat([words(0x0800, 0x0004), Buffer.alloc(4), words(0x0800, 0x0008), Buffer.alloc(8), words(0, 0)]);
  const bytes = Buffer.concat([words(0x4000, 0x0800, 0, 0), routes, payload.bytes]);
  return { ...gre({}, payload), bytes };
}

test('layers says how many are stripped, one inside another', async () => {
  const packet = ethernet(outer, mpls({}, ipv4(link, vxlan({}, ethernet({}, ipv4({}, gtp({}, ipv6({}, gre({}, inner4)))))))));
  const steps = [
    ipv4(link, vxlan({}, ethernet({}, ipv4({}, gtp({}, ipv6({}, gre({}, inner4))))))),
    undefined, ipv6({}, gre({}, inner4)), inner4,
  ];
  const expected = steps.map((step, index) => (step === undefined ? ethernet({}, ipv4({}, gtp({}, ipv6({}, gre({}, inner4))))) : ethernet(index === 0 ? outer : {}, step)));
  for (const [index, step] of expected.entries()) expect((await decapsulated([packet], { layers: index + 1 })).bytes).toEqual([bytesOf(step)]);
  expect((await decapsulated([packet], { layers: 16 })).counters).toEqual({ mpls: 1, vxlan: 1, gtp: 1, gre: 1 });
});

test('what labels carry is guessed by what it looks like, or given by the option', async () => {
  const lookalike = ethernet({ destination: '45:00:00:14:00:00' }, inner4);
  const sixth = ethernet({ destination: '60:00:00:00:ff:ff' }, inner6);
  const zeros = ethernet({ destination: '00:00:00:00:00:01' }, inner4);
  const request = ethernet({ destination: '00:1b:21:00:00:01' }, arp('10.0.0.1', '10.0.0.2'));
  for (const inside of [frame, lookalike, sixth, zeros, request]) {
    const bytes = bytesOf(inside);
    for (const controlWord of [false, true]) expect((await decapsulated([ethernet(outer, mpls({ controlWord }, inside))])).bytes).toEqual([bytes]);
    expect((await decapsulated([ethernet(outer, mpls({}, inside))], { labels: 'ethernet' })).bytes).toEqual([bytes]);
    expect((await decapsulated([ethernet(outer, mpls({ controlWord: true }, inside))], { labels: 'control-word' })).bytes).toEqual([bytes]);
  }
  const unknown = ethernet(outer, mpls({}, Buffer.alloc(60, 0xff)));
  expect(await decapsulated([unknown])).toMatchObject({ bytes: [bytesOf(unknown)], counters: { others: 1 } });
  expect(await decapsulated([unknown], { labels: 'ip' })).toMatchObject({ counters: { others: 1 } });
  expect((await decapsulated([ethernet(outer, mpls({}, inner4))], { labels: 'ip' })).bytes).toEqual([bytesOf(withHeader(inner4))]);
});

test('padding of the outer frame goes with it, on the wire too', async () => {
  const small = ipv4({}, icmp({}, ''));
  const padded = (packet: Layered, bytes: number): Buffer => Buffer.concat([bytesOf(packet), Buffer.alloc(bytes, 0x55)]);
  const packets = [padded(ethernet(outer, pppoe({}, small)), 10), padded(over(gre({}, small)), 6), { bytes: bytesOf(over(gre({}, small))), wireLength: over(gre({}, small)).bytes.length + 4 }];
  const expected = bytesOf(withHeader(small));
  expect(await decapsulated(packets)).toMatchObject({ bytes: [expected, expected, expected], wireLengths: [expected.length, expected.length, expected.length] });
});

const none = [
  ethernet({}, inner4), ethernet({}, vlan({}, inner6)), ethernet({}, arp('10.0.0.1', '10.0.0.2')), over(udp({ destinationPort: 4789 }, Buffer.alloc(30))), over(gtp({ message: 1 }, '')), over(gre({ type: 0 }, 'keepalive')),
  ethernet(outer, pppoe({}, ppp({ protocol: 0xc021 }, 'configure'))), { bytes: bytesOf(inner4), linkType: 101 }, Buffer.alloc(9),
];

test('packets without a tunnel stay as they are; a second output gets them', async () => {
  expect(await decapsulated(none)).toMatchObject({ bytes: none.map((packet) => bytesOf('linkType' in packet ? packet.bytes : packet)), counters: { others: none.length } });
  const run = await runBrick(new Decapsulator(), [over(vxlan({}, frame)), ...none], { outputs: 2 });
  expectToConserve(run);
  expect(run.outputs.map((packets) => packets.length)).toEqual([1, none.length]);
});

test('fragments of datagrams that may carry a tunnel stay as they are, and are counted', async () => {
  const fragments = [...ipv4Fragments(link, vxlan({}, frame), 24), ...ipv6Fragments({}, gre({}, inner4), 24)].map((packet) => ethernet(outer, packet));
  expect(await decapsulated(fragments)).toMatchObject({ bytes: fragments.map(bytesOf), counters: { fragments: fragments.length } });
  const others = ipv4Fragments({}, tcp({}, Buffer.alloc(100)), 24).map((packet) => ethernet(outer, packet));
  expect((await decapsulated(others)).counters).toEqual({ others: others.length });
  // One inside a tunnel comes out, and stays what it is.
  const inside = ethernet({}, ipv4Fragments({}, gre({}, inner4), 24)[0]);
  expect(await decapsulated([over(vxlan({}, inside))], { layers: 2 })).toMatchObject({ bytes: [bytesOf(inside)], counters: { vxlan: 1, fragments: 1 } });
});

test('flows behind it are those of the inner packets', async () => {
  const packets = Array.from({ length: 200 }, (_, index) => over(vxlan({ sourcePort: 50_000 }, ethernet({}, ipv4({ source: `10.1.0.${index}` }, udp({}, 'x'))))));
  const split = (input: string): LoadBalancer => new LoadBalancer().connectInput(input).connectOutput('a', 'b', 'c', 'd');
  const behind = await runBrick(new Decapsulator().connectInput('in').connectOutput('x{0').link(split('x}0')), packets);
  const plain = await runBrick(split('in'), (await decapsulated(packets)).bytes);
  expect(behind.outputs.map((output) => output.length)).toEqual(plain.outputs.map((output) => output.length));
  expect(behind.outputs.every((output) => output.length > 20)).toBe(true);
});

test('other outputs keep the packet as it was', async () => {
  const packet = over(vxlan({}, frame));
  const run = await runBrick(new Duplicator().connectInput('in').connectOutput('plain', 'a{0').link(new Decapsulator().connectInput('a}0').connectOutput('inner')), [packet, packet]);
  expect([run.output('plain'), run.output('inner')].map((output) => output.map(({ bytes }) => bytes))).toEqual([[bytesOf(packet), bytesOf(packet)], [bytesOf(frame), bytesOf(frame)]]);
});

test('no frame makes it fail', () => {
  const seeds = [over(routed(inner4)), ethernet({}, mpls({ controlWord: true }, frame)), ethernet({}, mpls({}, frame)), ...SAMPLES.slice(0, 3)].map(bytesOf);
  for (const options of [{ layers: 16 }, {}, { layers: 16, labels: 'control-word', kinds: ['mpls', 'gre', 'gtp'] }] as const) fuzzBrick(() => new Decapsulator(options), { frames: 4000, seeds, outputs: 2 });
});
