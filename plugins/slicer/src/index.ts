import { FLOW_WITH_PORTS, defineBrick } from 'packet-bricks';

const DIRECTION = { type: 'string', oneOf: ['both', 'to-server', 'to-client'], default: 'both', description: 'which packets of a TCP or UDP flow are cut; the server is the end with the smaller port' } as const;
const COUNTERS = { cut: 'packets that were cut' } as const;

/** Cuts packets to so many bytes. */
export const Slicer = defineBrick({
  name: 'Slicer',
  summary: 'Cuts packets to so many bytes.',
  description: [
    'Shorter packets stay as they are. The length on the wire stays too, so that capture files say how long a packet was.',
    'With `direction`, only packets of TCP and UDP flows that go there are cut; both ports equal counts as to the server, and what has no ports in its first headers is not cut.',
  ].join('\n'),
  options: {
    length: { type: 'integer', default: 128, minimum: 14, maximum: 65_535, unit: 'bytes', description: 'what is left of a packet' },
    direction: DIRECTION,
  },
  shorthand: 'length',
  outputs: 1,
  edits: true,
  counters: COUNTERS,
  choose: (packets, { length, direction }, context) => {
    const { length: captured } = packets;
    const cut = context.counter('cut');
    const { edit } = context;
    if (direction === 'both') {
      return (row) => {
        if (captured[row] > length) {
          edit.truncate(row, length);
          cut.add(1);
        }
        return 0;
      };
    }
    // Taken only where they are needed: the engine fills no columns that nobody takes, and after a brick that changes packets it would fill them once more.
    const { flowWord, flowPorts } = packets;
    const toServer = direction === 'to-server';
    return (row) => {
      if (captured[row] <= length || flowWord[row] >>> 16 !== FLOW_WITH_PORTS) return 0;
      const ports = flowPorts[row];
      if ((ports & 0xffff) <= ports >>> 16 !== toServer) return 0;
      edit.truncate(row, length);
      cut.add(1);
      return 0;
    };
  },
  examples: {
    lua: 's = Brick.new("Slicer", 128)\ns:connect_input("eth3")\ns:connect_output("sliced.pcap")',
    typescript: "new Slicer({ length: 128 }).connectInput('eth3').connectOutput('sliced.pcap')",
  },
});

/** Cuts packets after their headers. */
export const HeaderSlicer = defineBrick({
  name: 'HeaderSlicer',
  summary: 'Cuts TCP and UDP packets after their headers.',
  description: [
    'Tags, labels and IPv6 extension headers are headers too. Packets whose transport header is not known, and later fragments, stay as they are: cut them with Slicer. The length on the wire stays.',
    'With `direction`, only packets that go there are cut; both ports equal counts as to the server.',
  ].join('\n'),
  options: {
    payload: { type: 'integer', default: 0, minimum: 0, maximum: 65_535, unit: 'bytes', description: 'how much of the payload is left too' },
    direction: DIRECTION,
  },
  shorthand: 'payload',
  outputs: 1,
  edits: true,
  counters: COUNTERS,
  onPacket: ({ payload, direction }, context) => {
    const cut = context.counter('cut');
    const { edit } = context;
    return (packet) => {
      const begin = packet.payloadOffset;
      if (begin < 0 || packet.sourcePort < 0 || packet.length <= begin + payload) return 0;
      if (direction !== 'both' && packet.destinationPort <= packet.sourcePort !== (direction === 'to-server')) return 0;
      edit.truncate(packet.row, begin + payload);
      cut.add(1);
      return 0;
    };
  },
  examples: {
    lua: 's = Brick.new("HeaderSlicer", {payload = 16})\ns:connect_input("eth3")\ns:connect_output("headers.pcap")',
    typescript: "new HeaderSlicer({ payload: 16 }).connectInput('eth3').connectOutput('headers.pcap')",
  },
});
