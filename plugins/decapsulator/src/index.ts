import { BEHIND_LABELS, defineBrick } from 'packet-bricks';
import { BRIDGED, FRAGMENT, KINDS, TRUNCATED, Tunnels } from './tunnels.js';

const ETHERNET = 1;

/** Takes packets out of tunnels. */
export const Decapsulator = defineBrick({
  name: 'Decapsulator',
  summary: 'Takes packets out of tunnels: GRE, ERSPAN, VXLAN, GENEVE, GTP-U, MPLS, PPPoE and IP in IP.',
  description: [
    'It strips the outermost tunnel, or as many as `layers` says, one inside another; tunnels that are not in `kinds` are not looked into. A label stack is one layer.',
    'An Ethernet frame that was carried leaves as it was. A packet that was carried without an Ethernet header (IP in GRE, GTP-U, labels, PPPoE or IP) gets the one of the frame around it, with its VLAN tags and the right type.',
    'Whatever followed the tunnel in the outer frame, such as padding, is removed.',
    '',
    '| kind | what it is |', '| --- | --- |',
    '| `vxlan` | VXLAN on the `vxlanPorts`, also with the group policy extension; VXLAN-GPE on port 4790 |',
    '| `geneve` | GENEVE on the `genevePorts`, with any options |',
    '| `gre` | GRE with checksum, key, sequence number and routes; NVGRE; PPP in GRE (PPTP); GRE in UDP on port 4754 |',
    '| `erspan` | ERSPAN I, II and III |',
    '| `gtp` | users\' packets in GTP-U version 1, with extension headers, on port 2152 |',
    '| `mpls` | label stacks; `labels` says what follows them |',
    '| `pppoe` | IP and labels in PPPoE sessions |',
    '| `ipip` | IPv4 and IPv6 in IPv4 and IPv6 |',
    '',
    'Labels do not say what they carry. `labels = "guess"` takes what follows them for IP if it begins like IP and its length and checksum fit, and for an Ethernet frame, with or without the control word of a pseudowire, if it has a type that is known.',
    '',
    'All other packets stay as they are, and go to output 1 if there is one, and to output 0 otherwise: packets without a tunnel (`others`), fragments of IP datagrams that may carry one (`fragments`), and packets of which not enough was captured (`truncated`).',
    'A tunnel inside another one that is left for these reasons is counted too. Packets of other link types than Ethernet are `others`.',
  ].join('\n'),
  options: {
    kinds: { type: 'string', list: 'any', oneOf: KINDS, default: KINDS, description: 'which tunnels are stripped' },
    layers: { type: 'integer', default: 1, minimum: 1, maximum: 16, description: 'how many of them, one inside another' },
    vxlanPorts: { type: 'integer', list: 'any', default: [4789, 8472], minimum: 1, maximum: 65_535, description: 'UDP ports of VXLAN' },
    genevePorts: { type: 'integer', list: 'any', default: [6081], minimum: 1, maximum: 65_535, description: 'UDP ports of GENEVE' },
    labels: { type: 'string', oneOf: BEHIND_LABELS, default: 'guess', description: 'what follows MPLS labels: "ip", "ethernet" frames, frames after a "control-word", or what it looks like' },
  },
  shorthand: 'layers',
  outputs: { minimum: 1, maximum: 2 },
  edits: true,
  counters: {
    vxlan: 'VXLAN headers that were stripped', geneve: 'GENEVE headers', gre: 'GRE headers', erspan: 'ERSPAN headers', gtp: 'GTP-U headers', mpls: 'stacks of MPLS labels', pppoe: 'PPPoE headers',
    ipip: 'IP headers around IP', others: 'packets without a tunnel', fragments: 'fragments that may carry a tunnel', truncated: 'packets of which not enough was captured',
  },
  state: (options) => new Tunnels(options),
  choose: ({ memory, offset, length, wireLength, batch }, { layers }, context) => {
    const { edit } = context;
    const stripped = KINDS.map((kind) => context.counter(kind));
    const [others, fragments, truncated] = [context.counter('others'), context.counter('fragments'), context.counter('truncated')];
    const unchanged = context.outputs > 1 ? 1 : 0;
    return (row, tunnels) => {
      const start = offset[row];
      if (batch.linkType !== ETHERNET) {
        others.add(1);
        return unchanged;
      }
      tunnels.begin(memory.view, start, length[row], wireLength[row]);
      let found = 0;
      let layer = 0;
      while (layer < layers) {
        found = tunnels.enter();
        if (found < 0) break;
        stripped[found].add(1);
        layer++;
      }
      if (found === TRUNCATED) truncated.add(1);
      else if (found === FRAGMENT) fragments.add(1);
      else if (layer === 0) others.add(1);
      if (layer === 0) return unchanged;
      let begin = tunnels.carried;
      if (tunnels.type !== BRIDGED) {
        // It gets the Ethernet header of the frame around it.
        begin -= tunnels.frameEnd - tunnels.frame;
        memory.bytes.copyWithin(begin, tunnels.frame, tunnels.frameEnd);
        memory.view.setUint16(tunnels.carried - 2, tunnels.type);
      }
      edit.remove(row, 0, begin - start);
      edit.trim(row, tunnels.wireEnd - begin);
      return 0;
    };
  },
  examples: {
    lua: 'd = Brick.new("Decapsulator", {kinds = {"vxlan", "gre"}, layers = 2})\nd:connect_input("eth3")\nd:connect_output("inner.pcap", "others.pcap")',
    typescript: "new Decapsulator({ kinds: ['vxlan', 'gre'], layers: 2 }).connectInput('eth3').connectOutput('inner.pcap', 'others.pcap')",
  },
});
