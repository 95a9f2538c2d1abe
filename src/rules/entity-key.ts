/** From an entity to the tuple it is one of (which parts of a packet's key are looked at) and the values there; and back. */
import {
  CLASS_IPV4, CLASS_WIDE, HOW_CONNECTION, HOW_DIRECTED, HOW_EITHER_ADDRESS, HOW_EITHER_MAC, KEY_DESTINATION, KEY_MACS, KEY_PORTS, KEY_SOURCE, KEY_WORDS, META_MACS,
  META_PORTS, META_PROTOCOL, TUPLE_HOW, TUPLE_USED, TUPLE_WORDS,
} from './layout';
import { maskWord } from './addresses';
import { PROTOCOL_TCP, PROTOCOL_UDP, type AddressWords, type Entity, type FlowEntity, type HardwareAddress, type Subnet } from './rule';

export interface EntityKey {
  readonly class: typeof CLASS_IPV4 | typeof CLASS_WIDE;
  /** As the shared table of tuples has it. */
  readonly tuple: Uint32Array;
  /** The key's words 1 to 12 at their places; words that the tuple does not look at are 0. */
  readonly key: Uint32Array;
}

class KeyBuilder {
  readonly key = new Uint32Array(KEY_WORDS);
  readonly tuple = new Uint32Array(TUPLE_WORDS);
  needs = 0;
  version = 0;

  put(word: number, value: number, mask: number): void {
    this.key[word] |= value & mask;
    this.tuple[word] |= mask;
  }

  subnet(word: number, { version, words, length }: Subnet): void {
    this.version = version;
    for (let index = 0; index < (version === 4 ? 1 : 4); index++) this.put(word + index, words[index], maskWord(length, index));
  }

  sourcePort(port: number): void {
    this.needs |= META_PORTS;
    this.put(KEY_PORTS, port << 16, 0xffff0000);
  }

  destinationPort(port: number): void {
    this.needs |= META_PORTS;
    this.put(KEY_PORTS, port, 0xffff);
  }

  destinationMac([high, low]: HardwareAddress): void {
    this.needs |= META_MACS;
    this.put(KEY_MACS, high, 0xffffffff);
    this.put(KEY_MACS + 1, low << 16, 0xffff0000);
  }

  sourceMac([high, low]: HardwareAddress): void {
    this.needs |= META_MACS;
    this.put(KEY_MACS + 1, high >>> 16, 0xffff);
    this.put(KEY_MACS + 2, ((high << 16) | low) >>> 0, 0xffffffff);
  }

  end(how: number, protocol: number | undefined, prefix = 0): EntityKey {
    const { key, tuple, version } = this;
    const needs = this.needs | (protocol === undefined ? 0 : META_PROTOCOL);
    tuple[TUPLE_HOW] = how | (version << 4) | (needs << 8) | ((protocol ?? 0) << 16) | (prefix << 24);
    for (let word = 1; word <= 12; word++) if (tuple[word] !== 0) tuple[TUPLE_USED] |= 1 << word;
    return { class: version === 4 && (needs & META_MACS) === 0 ? CLASS_IPV4 : CLASS_WIDE, tuple, key };
  }
}

/** TCP, UDP, or not said. */
function hasPorts(protocol: number | undefined): boolean {
  return protocol === undefined || protocol === PROTOCOL_TCP || protocol === PROTOCOL_UDP;
}

export function keyOfEntity(entity: Entity): EntityKey {
  const builder = new KeyBuilder();
  switch (entity.kind) {
    case 'address':
      builder.subnet(KEY_SOURCE, entity.subnet);
      return builder.end(HOW_EITHER_ADDRESS, undefined, entity.subnet.length);
    case 'mac':
      builder.destinationMac(entity.mac);
      return builder.end(HOW_EITHER_MAC, undefined);
    case 'connection': {
      const { source, sourcePort, destination, destinationPort, protocol } = entity;
      const ports = hasPorts(protocol);
      const swap = comesAfter(source.words, destination.words, ports ? sourcePort : 0, ports ? destinationPort : 0);
      builder.subnet(KEY_SOURCE, swap ? destination : source);
      builder.subnet(KEY_DESTINATION, swap ? source : destination);
      if (ports) {
        builder.sourcePort(swap ? destinationPort : sourcePort);
        builder.destinationPort(swap ? sourcePort : destinationPort);
      }
      return builder.end(HOW_CONNECTION, protocol);
    }
    case 'flow':
      return keyOfFlow(builder, entity);
  }
}

function keyOfFlow(builder: KeyBuilder, flow: FlowEntity): EntityKey {
  const { source, sourcePort, destination, destinationPort, protocol, sourceMac, destinationMac } = flow;
  if (source) builder.subnet(KEY_SOURCE, source);
  if (destination) builder.subnet(KEY_DESTINATION, destination);
  if (hasPorts(protocol)) {
    if (sourcePort !== undefined) builder.sourcePort(sourcePort);
    if (destinationPort !== undefined) builder.destinationPort(destinationPort);
  }
  if (sourceMac) builder.sourceMac(sourceMac);
  if (destinationMac) builder.destinationMac(destinationMac);
  return builder.end(HOW_DIRECTED, protocol);
}

/** Whether the ends of a connection are to change places, so that both directions have one key. */
function comesAfter(source: AddressWords, destination: AddressWords, sourcePort: number, destinationPort: number): boolean {
  for (let word = 0; word < 4; word++) if (source[word] !== destination[word]) return source[word] > destination[word];
  return sourcePort > destinationPort;
}

/** What a rule's record stands for. Addresses of a connection may have changed places. */
export function entityOfKey(tuple: Uint32Array, key: Uint32Array): Entity {
  const how = tuple[TUPLE_HOW] & 15;
  const version = (tuple[TUPLE_HOW] >>> 4) & 15;
  const needs = (tuple[TUPLE_HOW] >>> 8) & 255;
  const protocol = needs & META_PROTOCOL ? { protocol: (tuple[TUPLE_HOW] >>> 16) & 255 } : {};
  const source = subnetAt(tuple, key, KEY_SOURCE, version);
  if (how === HOW_EITHER_ADDRESS) return { kind: 'address', subnet: { ...source, length: tuple[TUPLE_HOW] >>> 24 } };
  if (how === HOW_EITHER_MAC) return { kind: 'mac', mac: [key[KEY_MACS], key[KEY_MACS + 1] >>> 16] };
  const destination = subnetAt(tuple, key, KEY_DESTINATION, version);
  const sourcePort = key[KEY_PORTS] >>> 16;
  const destinationPort = key[KEY_PORTS] & 0xffff;
  if (how === HOW_CONNECTION) return { kind: 'connection', source, sourcePort, destination, destinationPort, ...protocol };
  return {
    kind: 'flow', ...protocol,
    // Of a flow that is about one version only, all of it.
    ...(source.length > 0 || (version !== 0 && destination.length === 0) ? { source } : {}),
    ...(destination.length > 0 ? { destination } : {}),
    ...(tuple[KEY_PORTS] >>> 16 ? { sourcePort } : {}),
    ...(tuple[KEY_PORTS] & 0xffff ? { destinationPort } : {}),
    ...(tuple[KEY_MACS + 2] ? { sourceMac: [((key[KEY_MACS + 1] << 16) | (key[KEY_MACS + 2] >>> 16)) >>> 0, key[KEY_MACS + 2] & 0xffff] as const } : {}),
    ...(tuple[KEY_MACS] ? { destinationMac: [key[KEY_MACS], key[KEY_MACS + 1] >>> 16] as const } : {}),
  };
}

function subnetAt(tuple: Uint32Array, key: Uint32Array, at: number, version: number): Subnet {
  let length = 0;
  for (let word = 0; word < 4; word++) length += bitsOf(tuple[at + word]);
  return { version: version === 6 ? 6 : 4, words: [key[at], key[at + 1], key[at + 2], key[at + 3]], length };
}

/** How many bits a mask has, all of them at its beginning. */
function bitsOf(mask: number): number {
  let bits = 0;
  for (let rest = mask; rest !== 0; rest = (rest << 1) >>> 0) bits++;
  return bits;
}
