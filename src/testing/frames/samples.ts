/** One frame of each kind that src/flow knows. */
import { backbone, ciscoMetadata, eTag, fabricPath, hsr, nsh, trill, vnTag } from './data-centre';
import { extension, ipv4, ipv4Fragments, ipv6, ipv6Fragments } from './ip';
import type { Layered } from './layers';
import { arp, ethernet, llcSnap, mpls, pppoe, snap, vlan } from './link';
import { icmp, icmpv6, sctp, tcp, udp } from './transport';
import { erspan, geneve, gre, greInUdp, greMetadata, gtp, pimRegister, pptp, teredo, vxlan, vxlanGpe } from './tunnels';

const content = 'some content that is longer than a header of any kind';
const tcp4 = ipv4({}, tcp({}, content));
const udp4 = ipv4({}, udp({}, content));
const tcp6 = ipv6({}, tcp({}, content));
const udp6 = ipv6({}, udp({}, content));
const frame = ethernet({}, udp4);

const network: Layered[] = [
  tcp4, udp4, tcp6, udp6,
  ipv4({}, icmp({}, content)), ipv6({}, icmpv6({}, content)), ipv4({}, sctp({}, content)), ipv4({ options: new Uint8Array(12).fill(1) }, udp({}, content)),
  ipv6({}, extension('hopByHop', {}, extension('routing', { extra: 2 }, udp({}, content)))), ipv6({}, extension('authentication', { extra: 4 }, tcp({}, content))),
  ...ipv4Fragments({}, udp({}, content), 24), ...ipv6Fragments({}, udp({}, content), 24),
  ipv4({}, tcp4), ipv4({}, tcp6), ipv6({}, tcp4), ipv6({}, udp6), ipv4({}, ipv6({}, ipv4({}, udp6))),
  ipv4({}, gre({}, tcp4)), ipv6({}, gre({ key: 1, sequence: 2, checksum: true }, frame)), ipv4({}, gre({}, mpls({}, udp6))), ipv4({}, pptp({ acknowledgment: 1 }, tcp4)),
  ipv4({}, erspan({ version: 1 }, frame)), ipv4({}, erspan({ version: 2 }, frame)), ipv4({}, erspan({ version: 3, long: true }, frame)),
  ipv4({}, vxlan({}, frame)), ipv6({}, vxlan({ destinationPort: 8472 }, frame)), ipv4({}, geneve({ optionBytes: 16 }, frame)), ipv6({}, geneve({}, tcp6)),
  ipv4({}, gtp({}, tcp4)), ipv4({}, gtp({ sequence: 3 }, tcp6)), ipv6({}, gtp({ extensions: [[0x85, 1], [0xc0, 2]] }, udp4)), ipv4({}, gtp({}, ipv4({}, gre({}, udp6)))),
  ipv4({}, teredo({}, tcp6)), ipv4({}, teredo({ sourcePort: 3544, destinationPort: 50_000, authentication: [3, 5], origin: true }, udp6)),
  ipv4({}, greInUdp({ key: 1 }, tcp4)), ipv4({}, greInUdp({}, frame)), ipv4({}, greMetadata(tcp6)),
  ipv4({}, pimRegister({}, udp4)), ipv6({}, pimRegister({ empty: true }, udp6)), ...ipv4Fragments({}, pimRegister({}, udp4), 56),
  ipv4({}, vxlanGpe({}, udp6)), ipv4({}, vxlanGpe({}, nsh({}, frame))), ipv6({}, vxlanGpe({}, mpls({}, tcp4))),
];

/** One frame of each kind, all in Ethernet: what bricks are fuzzed with. */
export const SAMPLES: readonly Layered[] = [
  ...network.map((packet) => ethernet({}, packet)),
  ...network.map((packet) => ethernet({}, vlan({ id: 7 }, packet))),
  ...[tcp4, udp6, ipv4({}, vxlan({}, frame))].flatMap((packet) => [
    ethernet({}, vlan({ tag: 0x88a8 }, vlan({}, packet))),
    ethernet({}, vlan({ tag: 0x9100 }, packet)),
    ethernet({}, vlan({}, vlan({ tag: 0x9100 }, packet))),
    ethernet({}, vlan({ tag: 0x9100 }, vlan({}, vlan({}, packet)))),
    ethernet({}, mpls({ labels: [1, 2] }, packet)),
    ethernet({}, mpls({ controlWord: true }, ethernet({}, packet))),
    ethernet({}, vlan({}, pppoe({}, packet))),
    snap({}, packet),
    ethernet({}, vnTag({}, vlan({}, packet))),
    ethernet({}, eTag({}, packet)),
    ethernet({}, vlan({}, hsr({}, packet))),
    ethernet({}, ciscoMetadata({ units: 2 }, packet)),
    ethernet({}, nsh({}, packet)),
    ethernet({}, nsh({ metadata: 0 }, nsh({ metadata: 8 }, ethernet({}, vlan({}, packet))))),
    fabricPath({}, ethernet({}, vlan({}, packet))),
    ethernet({}, vlan({ tag: 0x88a8 }, backbone({}, ethernet({}, packet)))),
    ethernet({}, trill({ optionWords: 1 }, ethernet({}, packet))),
    ethernet({}, vlan({}, llcSnap({}, packet))),
  ]),
  ethernet({}, arp('192.0.2.1', '192.0.2.2')),
  ethernet({}, vlan({}, arp('192.0.2.1', '192.0.2.2'))),
  ethernet({ type: 0x88cc }, content),
  ethernet({ type: 0x88b5 }, content),
  fabricPath({}, ethernet({}, arp('192.0.2.1', '192.0.2.2'))),
  ethernet({}, nsh({}, ethernet({ type: 0x88b5 }, content))),
  ethernet({}, nsh({ next: 77 }, content)),
];
