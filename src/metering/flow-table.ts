/** A bounded number of flows with timeouts, in memory that both halves of a brick share. Nothing is allocated after it is made. */
import type { FlowKey } from './flow-key';
import { powerOfTwo } from './record-ring';
import { TimingWheel, WHEEL_WORDS } from './timing-wheel';

/** Words of an entry: the next one in its hash chain (also of entries that are free), its hash, and its two places in the timing wheel. */
const NEXT = 0;
const HASH = 1;
/** Addresses of four words each, as the packet has them; IPv4 fills the first. */
export const SOURCE = 4;
export const DESTINATION = 8;
/** Source << 16 | destination; of ICMP its type, and the type of the answer or else the code. */
export const PORTS = 12;
/** VLAN << 16 | IP version << 8 | protocol. */
export const KIND = 13;
/** From this word on, entries are for those who use the table. */
export const FLOW_TABLE_WORDS = 14;

/** The header: how many flows there is room for, and how many words each has. */
const FLOWS = 0;
const ENTRY_WORDS = 1;
const HEADER_WORDS = 32;
const IPV6 = 6;
/** Flows that are looked at for one to give up. */
const TRIES = 8;

function chainsFor(flows: number): number {
  return Math.max(HEADER_WORDS, powerOfTwo(flows));
}

/** Where the flows lie. Places are indices of 32-bit words; 0, where a header stands, means none. */
export class FlowEntries {
  /** All words of the memory. */
  readonly words: Int32Array;
  /** Where the hash chains begin. */
  readonly chains: number;
  /** How many there are, less one. */
  readonly chainMask: number;
  /** Where the slots of the timing wheel stand. */
  readonly slots: number;
  /** The first entry. */
  readonly first: number;
  /** Behind the last one. */
  readonly end: number;
  /** Words of an entry. */
  readonly entryWords: number;

  /** The flows whose memory was laid out from word `begin` on. */
  constructor(buffer: SharedArrayBuffer, begin = 0) {
    this.words = new Int32Array(buffer);
    const flows = this.words[begin + FLOWS];
    this.entryWords = this.words[begin + ENTRY_WORDS];
    this.chains = begin + HEADER_WORDS;
    this.chainMask = powerOfTwo(flows) - 1;
    this.slots = this.chains + chainsFor(flows);
    this.first = this.slots + WHEEL_WORDS;
    this.end = this.first + flows * this.entryWords;
  }

  /** How many words of memory so many flows need. */
  static size(flows: number, entryWords: number): number {
    return HEADER_WORDS + chainsFor(flows) + WHEEL_WORDS + flows * entryWords;
  }

  /** Lays them out in memory that is all zero. Returns the word behind them. */
  static lay(buffer: SharedArrayBuffer, begin: number, flows: number, entryWords: number): number {
    const header = new Int32Array(buffer, 4 * begin, HEADER_WORDS);
    header[FLOWS] = flows;
    header[ENTRY_WORDS] = entryWords;
    return begin + FlowEntries.size(flows, entryWords);
  }

  /** Memory for so many flows, and nothing else. */
  static allocate(flows: number, entryWords: number): SharedArrayBuffer {
    const buffer = new SharedArrayBuffer(4 * FlowEntries.size(flows, entryWords));
    FlowEntries.lay(buffer, 0, flows, entryWords);
    return buffer;
  }

  /** Where flows stand that are known. What is found may be taken out meanwhile. */
  *places(): Generator<number, void> {
    const { words, chains, chainMask } = this;
    for (let chain = chains; chain <= chains + chainMask; chain++) {
      for (let at = words[chain]; at !== 0;) {
        const next = words[at + NEXT];
        yield at;
        at = next;
      }
    }
  }
}

/** Who uses a table says when flows end. Ticks are those of `tickAfter`. */
export interface FlowKeeper {
  /** The tick at which a flow ends if nothing more is heard of it. */
  deadline(at: number): number;
  /** The flow has come to its end. False takes it out of the table; true leaves it there, until its next deadline. */
  end(at: number): boolean;
  /** A flow that has to make room for another one. */
  evict(at: number): void;
}

/** The engine's half. */
export class FlowTable {
  /** Whether the packet that was looked for goes backward in the flow that was found. */
  backward = false;
  private free = 0;
  /** Entries from here on were never used. */
  private fresh: number;
  private readonly wheel: TimingWheel;

  /** `bidirectional`: both directions of a connection are one flow, as in the keys. */
  constructor(private readonly entries: FlowEntries, private readonly bidirectional: boolean, private readonly keeper: FlowKeeper) {
    this.fresh = entries.first;
    this.wheel = new TimingWheel(entries.words, entries.slots);
  }

  /** Where the flow of a packet stands; 0 if it is not known. */
  find(key: FlowKey): number {
    const { words, chains, chainMask } = this.entries;
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

  private matches(at: number, { addresses, ports, kind }: FlowKey, backward: boolean): boolean {
    const { words } = this.entries;
    if (words[at + PORTS] !== (backward ? turned(ports) : ports)) return false;
    const source = at + (backward ? DESTINATION : SOURCE);
    const destination = at + (backward ? SOURCE : DESTINATION);
    if (words[source] !== addresses[0] || words[destination] !== addresses[4]) return false;
    if (((kind >> 8) & 0xff) !== IPV6) return true;
    for (let word = 1; word < 4; word++) if (words[source + word] !== addresses[word] || words[destination + word] !== addresses[4 + word]) return false;
    return true;
  }

  /** An entry for a flow that is not known yet; its deadline is at a tick. Words of your own are there as another flow has left them. */
  insert(key: FlowKey, tick: number, backward = false): number {
    if (this.free === 0 && this.fresh === this.entries.end) this.makeRoom();
    const { words, chains, chainMask, entryWords } = this.entries;
    const { hash, kind } = key;
    let at = this.free;
    if (at === 0) {
      at = this.fresh;
      this.fresh += entryWords;
    } else this.free = words[at + NEXT];
    const chain = chains + (hash & chainMask);
    words[at + NEXT] = words[chain];
    words[chain] = at;
    words[at + HASH] = hash;
    words[at + KIND] = kind;
    this.orient(at, key, backward);
    this.wheel.file(at, tick);
    return at;
  }

  /** Says anew who has begun a flow: the sender of this packet, or, if it goes backward, its receiver. */
  orient(at: number, { addresses, ports }: FlowKey, backward: boolean): void {
    const { words } = this.entries;
    const source = at + (backward ? DESTINATION : SOURCE);
    const destination = at + (backward ? SOURCE : DESTINATION);
    for (let word = 0; word < 4; word++) {
      words[source + word] = addresses[word];
      words[destination + word] = addresses[4 + word];
    }
    words[at + PORTS] = backward ? turned(ports) : ports;
    this.backward = backward;
  }

  /** A flow is looked at at another tick: an earlier one. A later one needs no call, since each look asks for the deadline. */
  move(at: number, tick: number): void {
    this.wheel.remove(at);
    this.wheel.file(at, tick);
  }

  /** Takes a flow out, before its end. */
  remove(at: number): void {
    this.wheel.remove(at);
    this.unchain(at);
  }

  /** Looks at flows whose time has come by a tick, at most so many. */
  expire(now: number, most: number): void {
    const { wheel, keeper } = this;
    for (let looked = 0; looked < most; looked++) {
      const at = wheel.due(now);
      if (at === 0) return;
      wheel.remove(at);
      let tick = keeper.deadline(at);
      if (((tick - now) | 0) <= 0) {
        if (!keeper.end(at)) {
          this.unchain(at);
          continue;
        }
        tick = keeper.deadline(at);
      }
      wheel.file(at, tick);
    }
  }

  /** By the flow that would end soonest, as far as a few looks tell. */
  private makeRoom(): void {
    const { wheel, keeper } = this;
    let at = wheel.soonest;
    for (let tries = 1; tries < TRIES; tries++) {
      this.move(at, keeper.deadline(at));
      const next = wheel.soonest;
      if (next === at) break;
      at = next;
    }
    keeper.evict(at);
    this.remove(at);
  }

  private unchain(at: number): void {
    const { words, chains, chainMask } = this.entries;
    const chain = chains + (words[at + HASH] & chainMask);
    if (words[chain] === at) words[chain] = words[at + NEXT];
    else {
      let before = words[chain];
      while (words[before + NEXT] !== at) before = words[before + NEXT];
      words[before + NEXT] = words[at + NEXT];
    }
    words[at + NEXT] = this.free;
    this.free = at;
  }
}

function turned(ports: number): number {
  return (ports << 16) | (ports >>> 16);
}
