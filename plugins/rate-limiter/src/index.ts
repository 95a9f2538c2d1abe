import { DROP, defineBrick, type PacketView } from 'packet-bricks';
import { Buckets } from './buckets.js';

const { imul } = Math;

/** Mixes one number into a hash. */
function mix(hash: number, word: number): number {
  const next = imul(hash ^ word, 0x9e3779b1);
  return imul(next ^ (next >>> 15), 0x85ebca6b) ^ (next >>> 13);
}

/** Limits packets or bits per second. */
export const RateLimiter = defineBrick({
  name: 'RateLimiter',
  summary: 'Limits packets or bits per second: of all packets together, of each flow, or of each address.',
  description: [
    'A token bucket: packets pass at the rate, and after a pause as many at once as `burst` allows. Times are those of the packets, so that capture files are limited by their own time. With both limits, a packet passes if neither is exceeded.',
    'By `flow`, both directions of a TCP or UDP connection share a bucket; other IP packets go by their two addresses. Packets without an address share one bucket.',
    'What does not pass goes to output 1 if there is one, and is dropped otherwise, with the reason `decision`.',
    '',
    'Memory is bounded: 16 bytes for each of `buckets` and limit, rounded up to a power of two. When there are more, the one that has rested for longest is reset, which lets a few packets too many pass (`evicted`).',
  ].join('\n'),
  options: {
    packets: { type: 'number', default: 0, minimum: 0, maximum: 1_000_000_000, description: 'packets per second; 0 for no limit' },
    kilobits: { type: 'number', default: 0, minimum: 0, maximum: 1_000_000_000, description: 'kilobits per second, by the length on the wire; 0 for no limit' },
    burst: { type: 'number', default: 100, minimum: 0, maximum: 3_600_000, unit: 'ms', description: 'how much time at the rate may pass at once' },
    by: { type: 'string', oneOf: ['link', 'flow', 'source', 'destination'], default: 'link', description: 'what shares a bucket' },
    buckets: { type: 'integer', default: 65_536, minimum: 8, maximum: 67_108_864, description: 'how many buckets there are' },
  },
  shorthand: 'packets',
  outputs: { minimum: 1, maximum: 2 },
  counters: { evicted: 'buckets that were reset to make room' },
  state: ({ buckets, burst, by }) => {
    const count = by === 'link' ? 8 : buckets;
    return { packets: new Buckets(count, burst * 1000), bits: new Buckets(count, burst * 1000) };
  },
  onPacket: ({ packets: packetRate, kilobits, by }, context) => {
    const rest = context.outputs > 1 ? 1 : DROP;
    const evicted = context.counter('evicted');
    const { memory, offset } = context.packets;
    const firstSalt = context.random(0x7fffffff);
    const secondSalt = context.random(0x7fffffff);
    const packetCost = packetRate > 0 ? 1e6 / packetRate : 0;
    const byteCost = kilobits > 0 ? 8000 / kilobits : 0;

    const addressHash = (packet: PacketView, at: number, salt: number): number => {
      const start = offset[packet.row] + at;
      const end = start + (packet.ipVersion === 4 ? 4 : 16);
      let hash = salt;
      for (let word = start; word < end; word += 4) hash = mix(hash, memory.view.getInt32(word));
      return hash;
    };
    const hashOf = (packet: PacketView, salt: number): number => {
      if (by === 'flow') return packet.connectionHash(salt);
      if (by === 'link' || packet.sourceOffset < 0) return salt;
      return addressHash(packet, by === 'source' ? packet.sourceOffset : packet.destinationOffset, salt);
    };
    return (packet, { packets, bits }) => {
      const now = packet.seconds * 1e6 + packet.nanoseconds / 1000;
      const first = hashOf(packet, firstSalt);
      const second = hashOf(packet, secondSalt);
      const ofPackets = packetCost > 0 ? packets.find(first, second, now) : 0;
      if (packetCost > 0 && packets.evicted) evicted.add(1);
      const ofBits = byteCost > 0 ? bits.find(first, second, now) : 0;
      if (byteCost > 0 && packetCost === 0 && bits.evicted) evicted.add(1);
      if ((packetCost > 0 && !packets.has(ofPackets, now)) || (byteCost > 0 && !bits.has(ofBits, now))) return rest;
      if (packetCost > 0) packets.take(ofPackets, now, packetCost);
      if (byteCost > 0) bits.take(ofBits, now, byteCost * packet.wireLength);
      return 0;
    };
  },
  examples: {
    lua: 'r = Brick.new("RateLimiter", {kilobits = 10000, by = "flow"})\nr:connect_input("eth3")\nr:connect_output("eth3{0")',
    typescript: "new RateLimiter({ kilobits: 10_000, by: 'flow' }).connectInput('eth3').connectOutput('eth3{0')",
  },
});
