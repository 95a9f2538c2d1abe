/** One packet of each kind that src/net knows, all in Ethernet. */
import {
  arp, erspan, ethernet, extension, geneve, gre, icmp, icmpv6, ipv4, ipv4Fragments, ipv6, ipv6Fragments, mpls, pppoe, pptp, snap, tcp, text, udp, vlan,
  vxlan, type Layered,
} from '../support/packets';

const content = text('some content that is longer than a header of any kind');
const tcp4 = ipv4({}, tcp({}, content));
const udp4 = ipv4({}, udp({}, content));
const tcp6 = ipv6({}, tcp({}, content));
const udp6 = ipv6({}, udp({}, content));
const frame = ethernet({}, udp4);

const network: Layered[] = [
  tcp4, udp4, tcp6, udp6,
  ipv4({}, icmp({}, content)), ipv6({}, icmpv6({}, content)), ipv4({ protocol: 132 }, content), ipv4({ options: new Uint8Array(12).fill(1) }, udp({}, content)),
  ipv6({}, extension('hopByHop', {}, extension('routing', { extra: 2 }, udp({}, content)))), ipv6({}, extension('authentication', { extra: 4 }, tcp({}, content))),
  ...ipv4Fragments({}, udp({}, content), 24), ...ipv6Fragments({}, udp({}, content), 24),
  ipv4({}, tcp4), ipv4({}, tcp6), ipv6({}, tcp4), ipv6({}, udp6), ipv4({}, ipv6({}, ipv4({}, udp6))),
  ipv4({}, gre({}, tcp4)), ipv6({}, gre({ key: 1, sequence: 2, checksum: true }, frame)), ipv4({}, gre({}, mpls({}, udp6))), ipv4({}, pptp({ acknowledgment: 1 }, tcp4)),
  ipv4({}, erspan({ version: 1 }, frame)), ipv4({}, erspan({ version: 2 }, frame)), ipv4({}, erspan({ version: 3, long: true }, frame)),
  ipv4({}, vxlan({}, frame)), ipv6({}, vxlan({ destinationPort: 8472 }, frame)), ipv4({}, geneve({ optionBytes: 16 }, frame)), ipv6({}, geneve({}, tcp6)),
];

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
  ]),
  ethernet({}, arp('192.0.2.1', '192.0.2.2')),
  ethernet({}, vlan({}, arp('192.0.2.1', '192.0.2.2'))),
  ethernet({ type: 0x88cc }, content),
];
