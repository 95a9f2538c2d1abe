/** Finds a flow by its key: hash chains over entries in shared memory. */
import {
  BACKWARD_BYTES, BACKWARD_END, BACKWARD_PACKETS, DESTINATION, ENTRY_WORDS, FLAGS, FORWARD_BYTES, FORWARD_END, FORWARD_PACKETS, HASH, ICMP, KIND, NEXT, PORTS, SOURCE, STATE, type FlowMemory,
} from './flow-memory.js';
import type { PacketKey } from './packet-key.js';

const IPV6 = 6;

export class FlowTable {
  /** Whether the packet that was looked for goes backward in the flow that was found. */
  backward = false;
  /** Flows that are known. */
  count = 0;
  private free = 0;
  /** Entries from here on were never used. */
  private fresh: number;

  constructor(private readonly memory: FlowMemory, private readonly bidirectional: boolean) {
    this.fresh = memory.entries;
  }

  /** Where the flow of a packet stands; 0 if it is not known. */
  find(key: PacketKey): number {
    const { words, chains, chainMask } = this.memory;
    const { hash, kind } = key;
    for (let at = words[chains + (hash & chainMask)]; at !== 0; at = words[at + NEXT]) {
      if (words[at + HASH] !== hash || words[at + KIND] !== kind) continue;
      if (this.matches(at, key, false)) {
        this.backward = false;
        return at;
      }
      if (this.bidirectional && this.matches(at, key, true)) {
        this.backward = true;
        return at;
      }
    }
    return 0;
  }

  private matches(at: number, { addresses, ports, kind }: PacketKey, backward: boolean): boolean {
    const { words } = this.memory;
    if (words[at + PORTS] !== (backward ? turned(ports) : ports)) return false;
    const source = at + (backward ? DESTINATION : SOURCE);
    const destination = at + (backward ? SOURCE : DESTINATION);
    if (words[source] !== addresses[0] || words[destination] !== addresses[4]) return false;
    if (((kind >> 8) & 0xff) !== IPV6) return true;
    for (let word = 1; word < 4; word++) if (words[source + word] !== addresses[word] || words[destination + word] !== addresses[4 + word]) return false;
    return true;
  }

  /** Whether all entries are in use. */
  get full(): boolean {
    return this.free === 0 && this.fresh === this.memory.entriesEnd;
  }

  /** An entry for a flow that is not known yet; there must be one. */
  insert({ hash, kind }: PacketKey): number {
    const { words, chains, chainMask } = this.memory;
    let at = this.free;
    if (at === 0) {
      at = this.fresh;
      this.fresh += ENTRY_WORDS;
    } else this.free = words[at + NEXT];
    const chain = chains + (hash & chainMask);
    words[at + NEXT] = words[chain];
    words[chain] = at;
    words[at + HASH] = hash;
    words[at + KIND] = kind;
    this.count++;
    return at;
  }

  /** Writes who talks to whom into an entry, and nothing else is known of them. */
  begin(at: number, { addresses, ports }: PacketKey, backward: boolean): void {
    const { words, doubles } = this.memory;
    const source = at + (backward ? DESTINATION : SOURCE);
    const destination = at + (backward ? SOURCE : DESTINATION);
    for (let word = 0; word < 4; word++) {
      words[source + word] = addresses[word];
      words[destination + word] = addresses[4 + word];
    }
    words[at + PORTS] = backward ? turned(ports) : ports;
    words[at + STATE] = 0;
    doubles[(at >> 1) + FORWARD_END] = doubles[(at >> 1) + BACKWARD_END] = 0;
    this.backward = backward;
    this.clear(at);
  }

  /** The same flow, of which nothing was counted yet; when it was last heard of stays. */
  clear(at: number): void {
    const { words, doubles } = this.memory;
    words[at + FLAGS] = words[at + ICMP] = words[at + FORWARD_PACKETS] = words[at + BACKWARD_PACKETS] = 0;
    doubles[(at >> 1) + FORWARD_BYTES] = doubles[(at >> 1) + BACKWARD_BYTES] = 0;
  }

  remove(at: number): void {
    const { words, chains, chainMask } = this.memory;
    const chain = chains + (words[at + HASH] & chainMask);
    if (words[chain] === at) words[chain] = words[at + NEXT];
    else {
      let before = words[chain];
      while (words[before + NEXT] !== at) before = words[before + NEXT];
      words[before + NEXT] = words[at + NEXT];
    }
    words[at + NEXT] = this.free;
    this.free = at;
    this.count--;
  }
}

function turned(ports: number): number {
  return (ports << 16) | (ports >>> 16);
}
