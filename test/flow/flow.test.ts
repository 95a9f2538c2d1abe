import { FLOW_NONE, FLOW_WITHOUT_PORTS, FLOW_WITH_PORTS } from '../../src/flow/flow-fields';
import { MAXIMUM_IP_HEADERS } from '../../src/flow/parse';
import { CONSTANT_PORTS } from '../../src/flow/hash';
import { mayEncapsulate } from '../../src/flow/tunnels';
import {
  arp, backbone, bytesOf, ciscoMetadata, cooked, erspan, eTag, ethernet, extension, EXTENSION_HEADERS, fabricPath, fragmentHeader, geneve, gre, greInUdp,
  greMetadata, gtp, hsr, icmp, icmpv6, ipv4, ipv6, llcSnap, mpls, nsh, pimRegister, ppp, pppoe, pptp, snap, tcp, teredo, text, trill, udp, vlan, vnTag, vxlan,
  vxlanGpe, words, type Layered, type Payload,
} from '../support/packets';
import { flowOf, hashOf } from './support';

const PORTS = { sourcePort: 40_001, destinationPort: 443 };
const BOTH_PORTS = 40_001 * 65_536 + 443;
const hello = text('hello');
const tcp4 = ipv4({}, tcp(PORTS, hello));
const udp4 = ipv4({}, udp(PORTS, hello));
const tcp6 = ipv6({}, tcp(PORTS, hello));
const udp6 = ipv6({}, udp(PORTS, hello));
// 192.0.2.1 and 198.51.100.2; 2001:db8::1 and 2001:db8:1::2.
const ADDRESSES_4 = 0xc000 ^ 0x0201 ^ 0xc633 ^ 0x6402;
const ADDRESSES_6 = 0x2001 ^ 0x0db8 ^ 0x0001 ^ 0x2001 ^ 0x0db8 ^ 0x0001 ^ 0x0002;

const plain: [string, Payload, number][] = [
  ['IPv4 TCP', tcp4, ADDRESSES_4], ['IPv4 UDP', udp4, ADDRESSES_4], ['IPv6 TCP', tcp6, ADDRESSES_6], ['IPv6 UDP', udp6, ADDRESSES_6],
  ['IPv4 with header options', ipv4({ options: new Uint8Array(8).fill(1) }, udp(PORTS, hello)), ADDRESSES_4],
];

const wrappings: [string, (payload: Payload) => Layered, number][] = [
  ['Ethernet', (inner) => ethernet({}, inner), 1],
  ['a VLAN tag', (inner) => ethernet({}, vlan({}, inner)), 1],
  ['QinQ 0x88a8', (inner) => ethernet({}, vlan({ tag: 0x88a8 }, vlan({}, inner))), 1],
  ['QinQ 0x9100', (inner) => ethernet({}, vlan({ tag: 0x9100 }, vlan({}, inner))), 1],
  ['stacked 0x8100', (inner) => ethernet({}, vlan({}, vlan({}, inner))), 1],
  ['five tags', (inner) => ethernet({}, vlan({}, vlan({}, vlan({ tag: 0x9100 }, vlan({}, vlan({}, inner)))))), 1],
  ['MPLS', (inner) => ethernet({}, mpls({}, inner)), 1],
  ['MPLS multicast, three labels, in a VLAN', (inner) => ethernet({}, vlan({}, mpls({ labels: [16, 17, 18], multicast: true }, inner))), 1],
  ['an Ethernet pseudowire', (inner) => ethernet({}, mpls({ controlWord: true }, ethernet({}, vlan({}, inner)))), 1],
  ['PPPoE', (inner) => ethernet({}, pppoe({}, inner)), 1],
  ['PPPoE in QinQ', (inner) => ethernet({}, vlan({ tag: 0x88a8 }, vlan({}, pppoe({}, inner)))), 1],
  ['MPLS in PPPoE', (inner) => ethernet({}, pppoe({}, mpls({}, inner))), 1],
  ['SNAP', (inner) => snap({}, inner), 1],
  ['SNAP in a VLAN', (inner) => ethernet({}, vlan({}, llcSnap({}, inner))), 1],
  ['VN-Tag', (inner) => ethernet({}, vnTag({}, inner)), 1],
  ['VN-Tag and a VLAN tag', (inner) => ethernet({}, vnTag({}, vlan({}, inner))), 1],
  ['E-Tag (802.1BR)', (inner) => ethernet({}, eTag({}, vlan({}, inner))), 1],
  ['HSR', (inner) => ethernet({}, vlan({}, hsr({}, inner))), 1],
  ['Cisco metadata', (inner) => ethernet({}, ciscoMetadata({}, inner)), 1],
  ['Cisco metadata behind a VLAN tag, of two units', (inner) => ethernet({}, vlan({}, ciscoMetadata({ units: 2 }, inner))), 1],
  ['FabricPath', (inner) => fabricPath({}, ethernet({}, vlan({}, inner))), 1],
  ['802.1ah', (inner) => ethernet({}, vlan({ tag: 0x88a8 }, backbone({}, ethernet({}, vlan({}, inner))))), 1],
  ['TRILL', (inner) => ethernet({}, trill({ optionWords: 3 }, ethernet({}, inner))), 1],
  ['NSH', (inner) => ethernet({}, nsh({}, inner)), 1],
  ['NSH with a frame', (inner) => ethernet({}, nsh({ metadata: 0 }, ethernet({}, inner))), 1],
  ['NSH in NSH with labels', (inner) => ethernet({}, nsh({ metadata: 12 }, nsh({}, mpls({}, inner)))), 1],
  ['NSH in Linux cooked', (inner) => cooked({ version: 2 }, nsh({}, inner)), 276],
  ['raw IP', (inner) => inner as Layered, 101],
  ['raw IP 12', (inner) => inner as Layered, 12],
  ['raw IP 14', (inner) => inner as Layered, 14],
  ['Linux cooked 1', (inner) => cooked({}, inner), 113],
  ['Linux cooked 1 with a VLAN tag', (inner) => cooked({}, vlan({}, inner)), 113],
  ['Linux cooked 2', (inner) => cooked({ version: 2 }, inner), 276],
  ['PPP', (inner) => ppp({ addressAndControl: true }, inner), 9],
  ['PPP, compressed', (inner) => ppp({ compressed: true }, inner), 9],
  ['PPP in HDLC', (inner) => ppp({ addressAndControl: true }, inner), 50],
];

describe.each(wrappings)('behind %s', (_title, wrap, linkType) => {
  test.each(plain)('%s has its addresses and ports', (_name, packet, addresses) => {
    for (const offset of [0, 4, 5, 6, 7]) {
      const flow = flowOf(wrap(packet), { linkType, offset });
      expect(flow).toMatchObject({ kind: FLOW_WITH_PORTS, addresses, ports: BOTH_PORTS, fragment: 0 });
    }
  });

  test('other protocols have constant ports', () => {
    for (const packet of [ipv4({}, icmp({}, hello)), ipv4({ protocol: 132 }, words(1, 2, 3, 4)), ipv4({ protocol: 51 }, words(0x0600, 2, 3, 4))]) {
      expect(flowOf(wrap(packet), { linkType })).toMatchObject({ kind: FLOW_WITHOUT_PORTS, addresses: ADDRESSES_4, ports: CONSTANT_PORTS });
    }
    expect(flowOf(wrap(ipv6({}, icmpv6({}, hello))), { linkType })).toMatchObject({ kind: FLOW_WITHOUT_PORTS, addresses: ADDRESSES_6, ports: CONSTANT_PORTS });
  });
});

test('BSD loopback takes the address family in either byte order', () => {
  for (const linkType of [0, 108]) {
    for (const family of [[2, 0, 0, 0], [0, 0, 0, 2]]) {
      expect(flowOf(Buffer.concat([Buffer.from(family), bytesOf(tcp4)]), { linkType })).toMatchObject({ addresses: ADDRESSES_4, ports: BOTH_PORTS });
    }
    for (const family of [10, 24, 28, 30]) {
      expect(flowOf(Buffer.concat([Buffer.from([0, 0, 0, family]), bytesOf(tcp6)]), { linkType })).toMatchObject({ addresses: ADDRESSES_6, ports: BOTH_PORTS });
    }
  }
});

test('link types of one IP version', () => {
  expect(flowOf(tcp4, { linkType: 228 })).toMatchObject({ addresses: ADDRESSES_4, ports: BOTH_PORTS });
  expect(flowOf(tcp6, { linkType: 229 })).toMatchObject({ addresses: ADDRESSES_6, ports: BOTH_PORTS });
  expect(flowOf(tcp6, { linkType: 228 }).kind).toBe(FLOW_NONE);
});

test('all 16 bytes of IPv6 addresses count', () => {
  for (let byte = 0; byte < 32; byte++) {
    const packet = bytesOf(ethernet({}, tcp6));
    packet[14 + 8 + byte] ^= 0x55;
    expect(flowOf(packet).addresses).toBe(ADDRESSES_6 ^ (byte % 2 ? 0x55 : 0x5500));
  }
});

describe('IPv6 extension headers', () => {
  const kinds = Object.keys(EXTENSION_HEADERS) as (keyof typeof EXTENSION_HEADERS)[];

  test.each(kinds)('ports behind %s', (kind) => {
    for (const extra of [0, 1, 5]) {
      const flow = flowOf(ethernet({}, ipv6({}, extension(kind, { extra }, tcp(PORTS, hello)))));
      expect(flow).toMatchObject({ kind: FLOW_WITH_PORTS, addresses: ADDRESSES_6, ports: BOTH_PORTS });
    }
  });

  test('ports behind all of them', () => {
    const chain = kinds.reduce<Layered>((payload, kind) => extension(kind, { extra: 1 }, payload), udp(PORTS, hello));
    expect(flowOf(ethernet({}, ipv6({}, chain)))).toMatchObject({ kind: FLOW_WITH_PORTS, ports: BOTH_PORTS });
  });

  test('one that is not captured whole leaves the addresses', () => {
    const packet = bytesOf(ethernet({}, ipv6({}, extension('routing', { extra: 2 }, tcp(PORTS, hello)))));
    for (let length = 54; length < 14 + 40 + 24 + 4; length++) {
      expect(flowOf(packet.subarray(0, length))).toMatchObject({ kind: FLOW_WITHOUT_PORTS, addresses: ADDRESSES_6, ports: CONSTANT_PORTS });
    }
    expect(flowOf(packet.subarray(0, 14 + 40 + 24 + 4)).ports).toBe(BOTH_PORTS);
  });

  test('an atomic fragment is none', () => {
    expect(flowOf(ethernet({}, ipv6({}, fragmentHeader({}, tcp(PORTS, hello)))))).toMatchObject({ kind: FLOW_WITH_PORTS, ports: BOTH_PORTS, fragment: 0 });
  });
});

describe('what has no ports or no flow', () => {
  test('frames without IP go by four bytes of both hardware addresses, in either direction', () => {
    const ends = { source: '01:02:03:04:05:06', destination: 'aa:bb:cc:dd:ee:ff' };
    const there = flowOf(ethernet(ends, arp('192.0.2.1', '192.0.2.2')));
    // Bytes 2 to 5 of each, from the last to the first.
    expect(there).toMatchObject({ kind: FLOW_WITHOUT_PORTS, addresses: 0x0605 ^ 0x0403 ^ 0xffee ^ 0xddcc, ports: CONSTANT_PORTS });
    expect(flowOf(ethernet({ source: ends.destination, destination: ends.source }, arp('192.0.2.2', '192.0.2.1')))).toEqual(there);
    expect(flowOf(ethernet({ ...ends, type: 0x0800 }, text('no IP at all, but named so'))).addresses).toBe(there.addresses);
    expect(flowOf(ethernet(ends, pppoe({ code: 9 }, text('discovery')))).addresses).toBe(there.addresses);
  });

  test('without Ethernet, what is no IP has no flow', () => {
    expect(flowOf(cooked({}, arp('192.0.2.1', '192.0.2.2')), { linkType: 113 })).toMatchObject({ kind: FLOW_NONE, addresses: 0, ports: CONSTANT_PORTS });
    expect(flowOf(text('no version'), { linkType: 101 }).kind).toBe(FLOW_NONE);
    expect(flowOf(text(''), { linkType: 101 }).kind).toBe(FLOW_NONE);
    expect(flowOf(text('short'), { linkType: 1 }).kind).toBe(FLOW_NONE);
  });

  test('link types that have none', () => {
    for (const linkType of [105, 127, 147, 99_999]) {
      expect(flowOf(ethernet({}, tcp4), { linkType }).kind).toBe(FLOW_NONE);
    }
  });

  test('ports that were not captured whole', () => {
    const packet = bytesOf(ethernet({}, tcp4));
    for (let length = 34; length < 38; length++) expect(flowOf(packet.subarray(0, length))).toMatchObject({ addresses: ADDRESSES_4, ports: CONSTANT_PORTS });
    expect(flowOf(packet.subarray(0, 38)).ports).toBe(BOTH_PORTS);
  });
});

describe('IP in IP', () => {
  const packet = ethernet({}, ipv4({ source: '10.1.1.1', destination: '10.2.2.2' }, tcp4));
  const outer = { addresses: 0x0a01 ^ 0x0101 ^ 0x0a02 ^ 0x0202, ports: CONSTANT_PORTS };

  test('by addresses and ports it is the inner packet, by addresses the outer one, as in the original', () => {
    expect(flowOf(packet)).toMatchObject({ addresses: ADDRESSES_4, ports: BOTH_PORTS });
    expect(flowOf(packet, { tuple: 2 })).toMatchObject(outer);
    expect(flowOf(packet, { tuple: 2, inner: true })).toMatchObject({ addresses: ADDRESSES_4, ports: BOTH_PORTS });
  });

  test('other tunnels are looked into only if asked to', () => {
    for (const payload of [tcp6, gre({}, tcp4)]) {
      expect(flowOf(ethernet({}, ipv4({ source: '10.1.1.1', destination: '10.2.2.2' }, payload)))).toMatchObject(outer);
    }
    expect(flowOf(ethernet({}, ipv6({}, tcp4)))).toMatchObject({ addresses: ADDRESSES_6, ports: CONSTANT_PORTS });
  });
});

const tunnels: [string, (inner: Payload) => Layered][] = [
  ['IP in IPv4', (inner) => ethernet({}, ipv4({ source: '10.1.1.1' }, inner))],
  ['IP in IPv6', (inner) => ethernet({}, ipv6({ source: '2001:db8:9::9' }, inner))],
  ['IP in IPv6 behind an extension header', (inner) => ethernet({}, ipv6({ source: '2001:db8:9::9' }, extension('destination', {}, inner)))],
  ['GRE', (inner) => ethernet({}, ipv4({ source: '10.1.1.1' }, gre({}, inner)))],
  ['GRE with key', (inner) => ethernet({}, ipv4({ source: '10.1.1.1' }, gre({ key: 0x12345678 }, inner)))],
  ['GRE with checksum, key and sequence', (inner) => ethernet({}, ipv6({}, gre({ key: 1, sequence: 2, checksum: true }, inner)))],
  ['GRE with MPLS', (inner) => ethernet({}, ipv4({}, gre({}, mpls({}, inner))))],
  ['NVGRE', (inner) => ethernet({}, ipv4({}, gre({ key: 0x100 }, ethernet({}, inner))))],
  ['PPTP', (inner) => ethernet({}, ipv4({}, pptp({}, inner)))],
  ['PPTP with acknowledgment', (inner) => ethernet({}, ipv4({}, pptp({ acknowledgment: 5 }, inner)))],
  ['ERSPAN I', (inner) => ethernet({}, ipv4({}, erspan({ version: 1 }, ethernet({}, inner))))],
  ['ERSPAN II', (inner) => ethernet({}, ipv4({}, erspan({ version: 2 }, ethernet({}, vlan({}, inner)))))],
  ['ERSPAN III', (inner) => ethernet({}, ipv4({}, erspan({ version: 3 }, ethernet({}, inner))))],
  ['ERSPAN III with platform header', (inner) => ethernet({}, ipv4({}, erspan({ version: 3, long: true }, ethernet({}, inner))))],
  ['VXLAN', (inner) => ethernet({}, ipv4({}, vxlan({}, ethernet({}, inner))))],
  ['VXLAN on the old port over IPv6', (inner) => ethernet({}, ipv6({}, vxlan({ destinationPort: 8472 }, ethernet({}, vlan({}, inner)))))],
  ['GENEVE', (inner) => ethernet({}, ipv4({}, geneve({}, ethernet({}, inner))))],
  ['GENEVE with options', (inner) => ethernet({}, vlan({}, ipv6({}, geneve({ optionBytes: 124 }, ethernet({}, inner)))))],
  ['GENEVE with IP', (inner) => ethernet({}, ipv4({}, geneve({ optionBytes: 8 }, inner)))],
  ['GTP-U', (inner) => ethernet({}, ipv4({}, gtp({}, inner)))],
  ['GTP-U with a sequence number over IPv6', (inner) => ethernet({}, vlan({}, ipv6({}, gtp({ sequence: 9, sourcePort: 40_000 }, inner))))],
  ['GTP-U with extension headers', (inner) => ethernet({}, ipv4({}, gtp({ extensions: [[0x85, 1], [0xc0, 3], [0x40, 1]] }, inner)))],
  ['GRE in UDP', (inner) => ethernet({}, ipv4({}, greInUdp({ key: 7 }, inner)))],
  ['GRE in UDP with a frame', (inner) => ethernet({}, ipv6({}, greInUdp({}, ethernet({}, vlan({}, inner)))))],
  ['GRE with Cisco metadata', (inner) => ethernet({}, ipv4({}, greMetadata(inner)))],
  ['PIM register', (inner) => ethernet({}, ipv4({}, pimRegister({}, inner)))],
  ['PIM null register over IPv6', (inner) => ethernet({}, ipv6({}, pimRegister({ empty: true }, inner)))],
  ['Teredo', (inner) => ethernet({}, ipv4({}, teredo({}, ipv6({}, inner))))],
  ['Teredo from its port, with authentication and origin', (inner) => ethernet({}, ipv4({}, teredo({ sourcePort: 3544, destinationPort: 999, authentication: [3, 4], origin: true }, ipv6({}, inner))))],
  ['VXLAN-GPE', (inner) => ethernet({}, ipv4({}, vxlanGpe({}, inner)))],
  ['NSH in VXLAN-GPE', (inner) => ethernet({}, ipv4({}, vxlanGpe({}, nsh({}, ethernet({}, inner)))))],
  ['GTP-U in a VN-Tag, in FabricPath', (inner) => fabricPath({}, ethernet({}, vnTag({}, ipv4({}, gtp({}, inner)))))],
  ['VXLAN in GRE in IP in IP', (inner) => ethernet({}, ipv4({}, ipv6({}, gre({}, ipv4({}, vxlan({}, ethernet({}, inner)))))))],
];

describe.each(tunnels)('the inner flow of %s', (_title, wrap) => {
  test.each(plain)('%s', (_name, packet, addresses) => {
    expect(flowOf(wrap(packet), { inner: true })).toMatchObject({ kind: FLOW_WITH_PORTS, addresses, ports: BOTH_PORTS, fragment: 0 });
    for (const tuple of [2, 4] as const) {
      expect(hashOf(wrap(packet), { tuple, inner: true })).toBe(hashOf(ethernet({}, packet), { tuple }));
    }
  });

  test('is the outer flow where the inner IP header is cut', () => {
    const packet = bytesOf(wrap(udp4));
    const whole = packet.length - (20 + 8 + 5);
    const outer = flowOf(packet.subarray(0, whole), { inner: true });
    expect(outer.kind).not.toBe(FLOW_NONE);
    for (let cut = 1; cut < 20; cut++) expect(flowOf(packet.subarray(0, whole + cut), { inner: true })).toEqual(outer);
    expect(flowOf(packet, { inner: true })).toMatchObject({ addresses: ADDRESSES_4, ports: BOTH_PORTS });
  });
});

test('a frame without IP in a tunnel counts as outside of it', () => {
  const frame = ethernet({ source: '01:02:03:04:05:06', destination: 'aa:bb:cc:dd:ee:ff' }, arp('192.0.2.1', '192.0.2.2'));
  for (const packet of [ipv4({}, vxlan({}, frame)), ipv6({}, geneve({}, frame)), ipv4({}, erspan({ version: 2 }, frame)), ipv4({}, gre({}, frame))]) {
    expect(hashOf(ethernet({}, packet), { inner: true })).toBe(hashOf(frame));
  }
});

test('only so many IP headers are looked at', () => {
  let packet = udp4;
  for (let headers = 1; headers < MAXIMUM_IP_HEADERS; headers++) packet = ipv4({ source: '10.1.1.1' }, packet);
  expect(flowOf(ethernet({}, packet), { inner: true }).ports).toBe(BOTH_PORTS);
  expect(flowOf(ethernet({}, ipv4({}, packet)), { inner: true })).toMatchObject({ kind: FLOW_WITHOUT_PORTS, ports: CONSTANT_PORTS });
});

test('VXLAN without its flag, GENEVE and GRE of unknown versions stay outside', () => {
  const cases: [Layered, number, number][] = [
    [ipv4({}, vxlan({}, ethernet({}, tcp4))), 42, 0x00], [ipv4({}, geneve({}, ethernet({}, tcp4))), 42, 0x40], [ipv4({}, gre({}, tcp4)), 35, 0x02],
  ];
  for (const [packet, at, value] of cases) {
    const bytes = bytesOf(ethernet({}, packet));
    expect(flowOf(bytes, { inner: true }).ports).toBe(BOTH_PORTS);
    bytes[at] = value;
    expect(flowOf(bytes, { inner: true })).toEqual(flowOf(bytes));
  }
});

test('what only looks like a tunnel stays outside', () => {
  const cases: [string, Payload][] = [
    ['GTP-U that is no user packet', ipv4({}, gtp({ message: 1 }, tcp4))],
    ['GTP-U of an unknown version', ipv4({}, udp({ destinationPort: 2152 }, Buffer.concat([words(0x50ff, 40, 0, 1), bytesOf(tcp4)])))],
    ['GTP prime', ipv4({}, udp({ destinationPort: 2152 }, Buffer.concat([words(0x20ff, 40, 0, 1), bytesOf(tcp4)])))],
    ['GTP-U with an extension header of no length', ipv4({}, gtp({ extensions: [[0x85, 0]] }, tcp4))],
    ['GTP-U with a frame that is no IP', ipv4({}, gtp({}, text('unstructured data')))],
    ['PIM of version 1', ipv4({}, pimRegister({ version: 1 }, tcp4))],
    ['PIM that is no register', ipv4({ protocol: 103 }, Buffer.concat([words(0x2000, 0, 0, 0), bytesOf(tcp4)]))],
    ['IPv4 behind Teredo', ipv4({}, teredo({}, tcp4))],
    ['VXLAN-GPE of an unknown version', ipv4({}, udp({ destinationPort: 4790 }, Buffer.concat([words(0x3c00, 1, 0, 0), bytesOf(tcp4)])))],
    ['VXLAN-GPE without any flag', ipv4({}, udp({ destinationPort: 4790 }, Buffer.concat([words(0, 1, 0, 0), bytesOf(tcp4)])))],
    ['TCP with a port of a tunnel', ipv4({}, tcp({ destinationPort: 2152 }, Buffer.concat([words(0x30ff, 40, 0, 1), bytesOf(tcp4)])))],
  ];
  for (const [name, packet] of cases) {
    const frame = ethernet({}, packet);
    expect([name, flowOf(frame, { inner: true })]).toEqual([name, flowOf(frame)]);
  }
});

test('without the option, all of these go by their outer addresses', () => {
  const outer = { source: '10.1.1.1', destination: '10.2.2.2' };
  for (const packet of [gtp({}, tcp4), teredo({}, tcp6), greInUdp({}, tcp4), pimRegister({}, udp4), vxlanGpe({}, tcp6)]) {
    for (const tuple of [2, 4] as const) {
      expect(flowOf(ethernet({}, ipv4(outer, packet)), { tuple }).addresses).toBe(0x0a01 ^ 0x0101 ^ 0x0a02 ^ 0x0202);
    }
  }
});

describe('a frame that goes by hardware addresses', () => {
  const ends = { source: '01:02:03:04:05:06', destination: 'aa:bb:cc:dd:ee:ff' };
  const content = text('no IP that anybody could find in here');

  test('is told apart if nothing here reads its protocol', () => {
    const unknown: Payload[] = [
      ethernet({ type: 0x88b5 }, content), ethernet({ type: 0x88e5 }, content), ethernet({ type: 0x600 }, content), ethernet({}, vlan({ type: 0x88b5 }, content)),
      ethernet({}, mpls({}, words(0x5000, 1, 2, 3))), ethernet({}, pppoe({}, ppp({ protocol: 0x002d }, content))), ethernet({}, nsh({ next: 99 }, content)),
      ethernet({}, ciscoMetadata({}, layered88b5(content))), fabricPath({}, ethernet({ type: 0x88b5 }, content)),
    ];
    for (const frame of unknown) expect(flowOf(frame)).toMatchObject({ kind: FLOW_WITHOUT_PORTS, unknownProtocol: true });
    expect(flowOf(ethernet({}, ipv4({}, vxlan({}, ethernet({ type: 0x88b5 }, content)))), { inner: true }).unknownProtocol).toBe(true);
  });

  test('is not if it has no IP by its nature, is broken, or is cut', () => {
    const known: Payload[] = [
      ethernet({}, arp('192.0.2.1', '192.0.2.2')), ethernet({ type: 0x88cc }, content), ethernet({ type: 0x8863 }, content), ethernet({ type: 40 }, content),
      snap({ type: 0x88cc }, content), ethernet({}, pppoe({}, ppp({ protocol: 0xc021 }, content))), ethernet({ type: 0x0800 }, content), ethernet({ type: 0x88fb }, content),
      ethernet({}, vlan({}, vlan({}, arp('192.0.2.1', '192.0.2.2')))), bytesOf(ethernet({}, vnTag({}, tcp4))).subarray(0, 18),
    ];
    for (const frame of known) expect(flowOf(frame)).toMatchObject({ kind: FLOW_WITHOUT_PORTS, unknownProtocol: false });
    for (const packet of [tcp4, udp6, ipv4({}, icmp({}, content))]) expect(flowOf(ethernet({}, packet)).unknownProtocol).toBe(false);
  });

  test('goes by those of the frame within, where one is around another', () => {
    const frame = ethernet(ends, arp('192.0.2.1', '192.0.2.2'));
    for (const outer of [fabricPath({}, frame), ethernet({}, backbone({}, frame)), ethernet({}, trill({}, frame)), ethernet({}, nsh({}, frame))]) {
      expect(hashOf(outer)).toBe(hashOf(frame));
    }
  });
});

function layered88b5(payload: Payload): Layered {
  return { bytes: bytesOf(payload), starts: 'data', type: 0x88b5 };
}

test('headers may be nested as deeply as a packet is long', () => {
  const levels: [string, Buffer][] = [
    ['labels around frames', bytesOf(ethernet({}, mpls({ controlWord: true }, text(''))))],
    ['FabricPath', bytesOf(fabricPath({}, text('')))],
    ['NSH', bytesOf(ethernet({}, nsh({ metadata: 0, next: 3 }, text(''))))],
    ['GRE', bytesOf(ethernet({}, ipv4({}, gre({ type: 0x6558 }, text('')))))],
  ];
  for (const [name, level] of levels) {
    const packet = Buffer.concat(Array.from({ length: Math.trunc(262_144 / level.length) }, () => level));
    expect([name, flowOf(packet, { inner: true }).kind]).toEqual([name, FLOW_WITHOUT_PORTS]);
  }
});

test('ports that may mean a tunnel', () => {
  for (const port of [4789, 8472, 6081, 4790, 2152, 4754]) {
    expect(mayEncapsulate(40_000 * 65_536 + port)).toBe(true);
    expect(mayEncapsulate(port * 65_536 + 40_000)).toBe(false);
  }
  // Either end of Teredo may have its port.
  expect([mayEncapsulate(3544), mayEncapsulate(3544 * 65_536 + 1)]).toEqual([true, true]);
  expect(mayEncapsulate(CONSTANT_PORTS)).toBe(false);
});
