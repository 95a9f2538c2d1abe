import { DROP, defineBrick } from 'packet-bricks';
import { ConnectionTable, EVICTED, KNOWN } from './connection-table.js';

const SYN = 2;
const ACK = 16;

/** Passes the beginning of each connection. */
export const FlowCutoff = defineBrick({
  name: 'FlowCutoff',
  summary: 'Passes the first kilobytes or packets of each connection, and no more.',
  description: [
    'What recorders need most: handshakes, requests and headers stand at the beginning, and most bytes do not. A connection is a TCP or UDP flow, in both directions together. It begins with its first packet, with a SYN that comes',
    'later (the same ports again), or when it was silent for `idle`. A packet passes as long as less than the limit has been seen before it; with both limits, as long as neither is reached.',
    'What does not pass goes to output 1 if there is one, and is dropped otherwise, with the reason `decision`.',
    '',
    'Memory is bounded: 16 bytes for each of `connections`, rounded up to a power of two. When there are more, the one that was silent for longest is forgotten, and counts as new if it goes on (`evicted`).',
    'Packets that are not TCP or UDP, and later fragments, always pass (`others`).',
  ].join('\n'),
  options: {
    kilobytes: { type: 'integer', default: 128, minimum: 0, maximum: 1_000_000, description: 'how much of each connection passes, in units of 1,000 bytes on the wire; 0 for no limit' },
    packets: { type: 'integer', default: 0, minimum: 0, maximum: 1_000_000_000, description: 'how many packets of each connection pass; 0 for no limit' },
    connections: { type: 'integer', default: 1_048_576, minimum: 8, maximum: 67_108_864, description: 'how many connections are known at a time' },
    idle: { type: 'integer', default: 300, minimum: 1, maximum: 86_400, unit: 'seconds', description: 'a connection that is silent for so long counts as new' },
  },
  shorthand: 'kilobytes',
  outputs: { minimum: 1, maximum: 2 },
  counters: { connections: 'connections that began', evicted: 'connections that were forgotten to make room', others: 'packets of no connection' },
  state: ({ connections, idle, packets, kilobytes }, { clock }) => ({
    bytes: new ConnectionTable(connections, idle * 1000, clock.now | 0),
    // Counted apart only where both limits hold.
    packets: packets > 0 && kilobytes > 0 ? new ConnectionTable(connections, idle * 1000, clock.now | 0) : undefined,
  }),
  onPacket: ({ kilobytes, packets: most }, context) => {
    const rest = context.outputs > 1 ? 1 : DROP;
    const [connections, evicted, others] = [context.counter('connections'), context.counter('evicted'), context.counter('others')];
    const firstSalt = context.random(0x7fffffff);
    const secondSalt = context.random(0x7fffffff);
    const { cell } = context.clock;
    const byBytes = kilobytes > 0;
    const limit = byBytes ? kilobytes * 1000 : most;
    return (packet, state) => {
      if (packet.sourcePort < 0 || packet.isLaterFragment || limit === 0) {
        others.add(1);
        return 0;
      }
      const begins = packet.isTcp && (packet.tcpFlags & (SYN | ACK)) === SYN;
      const first = packet.connectionHash(firstSalt);
      const second = packet.connectionHash(secondSalt);
      const now = (cell[0] * 1e-6) | 0;
      const found = state.bytes.find(first, second, now, begins);
      if (found !== KNOWN) connections.add(1);
      if (found === EVICTED) evicted.add(1);
      const { seen } = state.bytes;
      state.bytes.see(byBytes ? packet.wireLength : 1);
      if (state.packets) {
        state.packets.find(first, second, now, begins);
        const counted = state.packets.seen;
        state.packets.see(1);
        if (counted >= most) return rest;
      }
      return seen < limit ? 0 : rest;
    };
  },
  examples: {
    lua: 'c = Brick.new("FlowCutoff", {kilobytes = 20})\nc:connect_input("eth3")\nc:connect_output("beginnings.pcap")',
    typescript: "new FlowCutoff({ kilobytes: 20 }).connectInput('eth3').connectOutput('beginnings.pcap')",
  },
});
