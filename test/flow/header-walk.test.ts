/** The headers of a packet, one by one, from the outside inwards. */
import { GeneralWalk } from '../../src/flow/general-walk';
import { HEADER } from '../../src/flow/header-kinds';
import { HeaderWalk, type HeaderWalkOptions } from '../../src/flow/header-walk';
import { packetMemory } from '../../src/model/packet-batch';
import { SAMPLES } from 'packet-bricks/src/testing/frames/samples';
import {
  arp, bytesOf, erspan, ethernet, extension, geneve, gre, gtp, icmp, icmpv6, ipv4, ipv4Fragments, ipv6, ipv6Fragments, mpls, ppp, pppoe, sctp, tcp, udp, vlan, vxlan, vxlanGpe, type Layered,
} from 'packet-bricks/testing';

const NAMES = new Map<number, string>(Object.entries(HEADER).map(([name, header]) => [header, name.toLowerCase()]));
const content = 'some content';

/** By default options. */
const USUAL = new HeaderWalk();

interface Walked { headers: string[]; payload: string; walk: HeaderWalk; isKnown: boolean }

/** Walks through a packet that lies between other bytes; each header begins where the one before ends. */
function walked(packet: Layered | Buffer, options: HeaderWalkOptions & { linkType?: number; wireLength?: number } = {}): Walked {
  const bytes = bytesOf(packet);
  const memory = packetMemory(new ArrayBuffer(8 + bytes.length + 64 + 3 & ~3));
  memory.bytes.fill(0x45);
  memory.bytes.set(bytes, 8);
  const walk = options.vxlanPorts ?? options.labels ? new HeaderWalk(options) : USUAL;
  const isKnown = walk.begin(memory.view, 8, bytes.length, options.wireLength ?? bytes.length, options.linkType ?? 1);
  const headers: string[] = [];
  let position = walk.position;
  while (walk.next()) {
    if (walk.start !== position || walk.position > walk.end || walk.end > 8 + bytes.length) throw new Error(`${headers.join(' ')}: ${walk.start} to ${walk.position}, ${walk.end} in ${bytes.toString('hex')}`);
    ({ position } = walk);
    headers.push(NAMES.get(walk.header) as string);
  }
  if (walk.position !== position) throw new Error(`${headers.join(' ')}: the walk went on to ${walk.position} in ${bytes.toString('hex')}`);
  return { headers, payload: Buffer.from(memory.bytes.subarray(walk.position, walk.end)).toString('latin1'), walk, isKnown };
}

test.each<[string, Layered, string]>([
  ['tags', ethernet({}, vlan({}, vlan({}, ipv4({}, udp({}, content))))), 'ethernet tag tag ipv4 udp'],
  ['extension headers', ethernet({}, ipv6({}, extension('hopByHop', {}, extension('routing', { extra: 2 }, tcp({ options: Buffer.alloc(12, 1) }, content))))), 'ethernet ipv6 extension extension tcp'],
  ['labels and PPP', ethernet({}, pppoe({}, mpls({ labels: [1, 2] }, ipv4({}, sctp({}, ''))))), 'ethernet pppoe ppp mpls ipv4 sctp'],
  ['frames in frames', ethernet({}, ipv4({}, vxlan({}, ethernet({}, ipv6({}, geneve({ optionBytes: 8 }, ethernet({}, arp('10.0.0.1', '10.0.0.2')))))))), 'ethernet ipv4 udp vxlan ethernet ipv6 udp geneve ethernet arp'],
  ['GRE, ERSPAN and GTP-U', ethernet({}, ipv4({}, gre({ key: 1 }, ipv4({}, erspan({ version: 3, long: true }, ethernet({}, ipv4({}, gtp({ extensions: [[0x85, 1]] }, ipv6({}, udp({}, content)))))))))), 'ethernet ipv4 gre ipv4 erspan ethernet ipv4 udp gtp ipv6 udp'],
  ['IP in IP', ethernet({}, ipv4({}, ipv6({}, ipv4({}, vxlanGpe({}, ipv4({}, tcp({}, content))))))), 'ethernet ipv4 ipv6 ipv4 udp vxlan_gpe ipv4 tcp'],
  ['a packet that an error is about', ethernet({}, ipv4({}, icmp({ type: 3, identifier: 0, sequence: 0 }, ipv4({}, udp({}, content))))), 'ethernet ipv4 icmp ipv4 udp'],
  ['the same of IPv6, of which only 8 bytes of TCP are quoted', ethernet({}, ipv6({}, icmpv6({ type: 3, identifier: 0, sequence: 0 }, bytesOf(ipv6({}, tcp({}, content))).subarray(0, 48)))), 'ethernet ipv6 icmpv6 ipv6 tcp'],
  ['a ping', ethernet({}, ipv4({}, icmp({}, content))), 'ethernet ipv4 icmp'],
  ['PPP in GRE', ethernet({}, ipv4({}, gre({}, ppp({ compressed: true }, ipv4({}, udp({}, content)))))), 'ethernet ipv4 gre ppp ipv4 udp'],
])('%s', (_name, packet, headers) => {
  expect(walked(packet).headers.join(' ')).toBe(headers);
});

test('padding and payload are told apart, on the wire too', () => {
  const bytes = Buffer.concat([bytesOf(ethernet({}, ipv4({}, udp({}, 'abc')))), Buffer.alloc(15)]);
  const { payload, walk } = walked(bytes, { wireLength: 100 });
  expect([payload, walk.wireEnd - walk.position, walk.datagramEnd, walk.goesOn, walk.isTruncated]).toEqual(['abc', 3, walk.wireEnd, false, false]);
});

test('fragments: the first goes on, and no later one does', () => {
  const read = (packet: Layered): unknown[] => {
    const { headers, walk } = walked(ethernet({}, packet));
    return [headers.slice(1).join(' '), walk.isFragment, walk.isLaterFragment, walk.protocol];
  };
  expect(ipv4Fragments({}, udp({}, Buffer.alloc(40)), 24).map(read)).toEqual([['ipv4 udp', true, false, 17], ['ipv4', true, true, 17]]);
  expect(ipv6Fragments({}, udp({}, Buffer.alloc(40)), 24).map(read)).toEqual([['ipv6 extension udp', true, false, 17], ['ipv6 extension', true, true, 17]]);
});

test('ports and what is behind labels are given by options', () => {
  const inside = ethernet({}, ipv4({}, udp({}, content)));
  const elsewhere = ethernet({}, ipv4({}, vxlan({ destinationPort: 5000 }, inside)));
  expect(walked(elsewhere).headers).toHaveLength(3);
  expect(walked(elsewhere, { vxlanPorts: [5000] }).headers).toHaveLength(7);
  expect(walked(elsewhere, { vxlanPorts: [5000] }).walk.goesOn).toBe(false);
  for (const controlWord of [true, false]) {
    const packet = ethernet({}, mpls({ controlWord }, inside));
    expect(walked(packet).headers).toEqual(['ethernet', 'mpls', 'ethernet', 'ipv4', 'udp']);
    expect(walked(packet, { labels: controlWord ? 'control-word' : 'ethernet' }).headers).toHaveLength(5);
    expect(walked(packet, { labels: 'ip' }).headers).toEqual(['ethernet', 'mpls']);
  }
});

test('the next type is that of what a tunnel carries', () => {
  const typeBehind = (packet: Layered, header: number): number => {
    const bytes = bytesOf(ethernet({}, packet));
    const walk = new HeaderWalk();
    walk.begin(new DataView(Uint8Array.from(bytes).buffer), 0, bytes.length, bytes.length, 1);
    while (walk.next() && walk.header !== header);
    return walk.nextType;
  };
  expect(typeBehind(ipv4({}, vxlan({}, ethernet({}, ''))), HEADER.VXLAN)).toBe(0x6558);
  expect(typeBehind(ipv4({}, gre({ type: 0x0806 }, content)), HEADER.GRE)).toBe(0x0806);
  expect(typeBehind(ipv4({}, gre({ type: 0x0100 }, content)), HEADER.GRE)).toBe(0);
  expect(typeBehind(mpls({}, ipv6({}, udp({}, ''))), HEADER.MPLS)).toBe(0x86dd);
  expect(typeBehind(pppoe({}, mpls({}, ipv4({}, udp({}, '')))), HEADER.PPP)).toBe(0x8847);
  expect(typeBehind(ipv4({}, ipv6({}, udp({}, ''))), HEADER.IPV4)).toBe(0x86dd);
});

test('link types: raw IP and PPP are read, and unknown ones are said to be unknown', () => {
  expect(walked(bytesOf(ipv4({}, udp({}, content))), { linkType: 101 }).headers).toEqual(['ipv4', 'udp']);
  expect(walked(bytesOf(ppp({ addressAndControl: true }, ipv6({}, udp({}, content)))), { linkType: 9 }).headers).toEqual(['ppp', 'ipv6', 'udp']);
  const { headers, isKnown } = walked(Buffer.alloc(60), { linkType: 147 });
  expect([headers, isKnown]).toEqual([[], false]);
});

test('wherever a packet is cut, the same headers come up to there; where one is missing, it says so', () => {
  const wrong: unknown[] = [];
  // What is behind labels, and in front of IP in Teredo, is guessed by what was captured.
  for (const sample of SAMPLES.filter((one) => !walked(one).headers.some((header) => header === 'mpls' || header === 'teredo'))) {
    const bytes = bytesOf(sample);
    const whole = walked(bytes).headers;
    for (let length = 0; length < bytes.length; length++) {
      const { headers, walk } = walked(bytes.subarray(0, length), { wireLength: bytes.length });
      if (headers.join() !== whole.slice(0, headers.length).join() || (headers.length < whole.length && !walk.isTruncated)) wrong.push([headers, whole, length]);
    }
  }
  expect(wrong).toEqual([]);
});

/** Frames of all kinds with some bytes changed, cut anywhere, each with the link type that it is walked through by; always the same. */
function* changedFrames(count: number): Generator<{ bytes: Buffer; linkType: number; random: (below: number) => number }> {
  let state = 12_345;
  const random = (below: number): number => {
    state = Math.imul(state, 1_103_515_245) + 12_345 | 0;
    return (state >>> 8) % below;
  };
  for (let round = 0; round < count; round++) {
    const bytes = Buffer.from(bytesOf(SAMPLES[round % SAMPLES.length]));
    for (let changes = random(6); changes > 0; changes--) bytes[random(bytes.length)] = random(256);
    yield { bytes: random(3) === 0 ? bytes.subarray(0, random(bytes.length + 1)) : bytes, linkType: [1, 1, 1, 101, 113, 276, 0, 9][random(8)], random };
  }
}

const LABELS = ['guess', 'ip', 'ethernet', 'control-word'] as const;

test('any bytes at all can be walked through', () => {
  for (const { bytes, linkType, random } of changedFrames(4000)) walked(bytes, { linkType, labels: LABELS[random(4)] });
});

test('the fast way through usual headers says what the general one does', () => {
  const walks = LABELS.map((labels) => [new HeaderWalk({ labels, vxlanPorts: [4789, 53] }), new GeneralWalk({ labels, vxlanPorts: [4789, 53] })] as const);
  const state = (walk: GeneralWalk, passed: boolean): unknown[] => [
    passed, walk.header, walk.start, walk.position, walk.end, walk.wireEnd, walk.datagramEnd, walk.protocol, walk.isFragment, walk.isLaterFragment, walk.isTruncated, walk.goesOn, walk.nextType,
    passed && (walk.header === HEADER.EXTENSION || walk.header === HEADER.TAG) ? walk.number : 0,
  ];
  let steps = 0;
  for (const { bytes, linkType, random } of changedFrames(20_000)) {
    const view = new DataView(Uint8Array.from(bytes).buffer);
    const [fast, general] = walks[random(LABELS.length)];
    const wireLength = bytes.length + random(2) * random(100);
    for (const walk of [fast, general]) walk.begin(view, 0, bytes.length, wireLength, linkType);
    for (let goesOn = true; goesOn; steps++) {
      goesOn = general.next();
      const [is, should] = [state(fast, fast.next()), state(general, goesOn)];
      if (is.join() !== should.join()) throw new Error(`${is.join()} is not ${should.join()} in ${bytes.toString('hex')}, link type ${linkType}`);
    }
  }
  expect(steps).toBeGreaterThan(50_000);
});
