import { DROP, defineBrick } from 'packet-bricks';
import { PacketHash } from './packet-hash.js';
import { RecentPackets } from './recent-packets.js';

/** Drops packets that were seen a moment ago. */
export const Deduplicator = defineBrick({
  name: 'Deduplicator',
  summary: 'Drops packets that were seen before within a time, as they come from several taps or from both sides of a mirror port.',
  description: [
    'Two packets are the same if their bytes from the network header on are, without padding. What differs between taps is ignored: MAC addresses, tags and labels, the time to live with its checksum; each can be looked at too. Frames without IP are compared from',
    'their type on. Times are those of the packets, so that capture files can be worked on as well.',
    'Duplicates go to output 1 if there is one, and are dropped otherwise, with the reason `decision`.',
    '',
    'Packets are known by 64 bits of hash. Memory is bounded: 13 bytes for each of `packets`, rounded up to a power of two; where they are too few for the window, packets are forgotten too early, which is counted as `crowded`.',
    'A TCP segment that is sent again is not a duplicate: its IP identification is another, with most systems.',
  ].join('\n'),
  options: {
    window: { type: 'number', default: 50, minimum: 0.001, maximum: 600_000, unit: 'ms', description: 'how long a packet is remembered' },
    bytes: { type: 'integer', default: 256, minimum: 20, maximum: 65_535, description: 'how many bytes from the network header on are compared, at most' },
    packets: { type: 'integer', default: 131_072, minimum: 8, maximum: 67_108_864, description: 'how many packets are remembered' },
    macs: { type: 'boolean', default: false, description: 'look at MAC addresses too' },
    tags: { type: 'boolean', default: false, description: 'look at tags and labels too' },
    ttl: { type: 'boolean', default: false, description: 'look at the time to live and the checksum of the IP header too' },
  },
  shorthand: 'window',
  outputs: { minimum: 1, maximum: 2 },
  counters: { duplicates: 'packets that were seen before', crowded: 'packets that were forgotten before their time' },
  state: ({ packets, window }) => new RecentPackets(packets, Math.round(window * 1000)),
  onPacket: ({ bytes, macs, tags, ttl }, context) => {
    const rest = context.outputs > 1 ? 1 : DROP;
    const duplicates = context.counter('duplicates');
    const crowded = context.counter('crowded');
    const { memory, offset, length } = context.packets;
    const hash = new PacketHash({ memory, offset, length }, { macs: !macs, tags: !tags, ttl: !ttl }, bytes);
    return (packet, recent) => {
      hash.take(packet);
      // Microseconds in 32 bits, which turn round.
      const now = (Math.imul(packet.seconds, 1_000_000) + packet.nanoseconds / 1000) | 0;
      if (recent.seen(hash.first, hash.second, now)) {
        duplicates.add(1);
        return rest;
      }
      if (recent.crowded) crowded.add(1);
      return 0;
    };
  },
  examples: {
    lua: 'd = Brick.new("Deduplicator", {window = 20})\nd:connect_input("eth3")\nd:connect_output("eth3{0")',
    typescript: "new Deduplicator({ window: 20 }).connectInput('eth3').connectOutput('eth3{0')",
  },
});
