import type { Brick, BrickContext, BrickDeclaration, BrickModule } from '../core/brick';
import type { ColumnName, PacketBatch } from '../core/packet-batch';
import { HELD_PACKETS_MAXIMUM } from '../core/hold-area';
import type { PacketList, PacketLists } from '../core/packet-list';
import { FLOW_NOT_COMPUTED } from '../core/packet-batch';
import { callLoop } from '../v8/specialise';
import { parseFlow, type FlowTuple } from '../flow/parse';
import { FLOW_NONE, FRAGMENT_FIRST, FRAGMENT_LATER, FlowFields } from '../flow/flow-fields';
import { isLaterFragment } from '../flow/fragments';
import { LINK_TYPE_ETHERNET } from '../flow/link-types';
import { CONSTANT_PORTS, flowHash, flowWord } from '../flow/hash';
import { FragmentTable } from './fragment-table';
import { loadBalancerLoops, type KnownLoop, type LoadBalancerLoops } from './load-balancer-loops';

// What the loops use of other modules, as constants of this one: V8 inlines these, but asks the other
// module's exports again for each packet (25 ns a packet by way of an index file, which has getters).
const call = callLoop;
const parse = parseFlow;
const isLater = isLaterFragment;
const flowWordOf = flowWord;
const hashOf = flowHash;
const ETHERNET = LINK_TYPE_ETHERNET;
const NOT_COMPUTED = FLOW_NOT_COMPUTED;
const NO_FLOW = FLOW_NONE;
const FIRST = FRAGMENT_FIRST;
const LATER = FRAGMENT_LATER;
const NO_PORTS = CONSTANT_PORTS | 0;

/** Instead of a flow word: the packet is held back. */
const HELD = -2;
const FRAGMENT_TABLE_ENTRIES = 16_384;

export interface LoadBalancerOptions {
  readonly tuple?: number;
  readonly inner?: boolean;
  readonly fragmentLifetime?: number;
  readonly fragmentWait?: number;
  readonly [name: string]: number | string | boolean | undefined;
}

const declaration: BrickDeclaration = {
  name: 'LoadBalancer',
  summary: 'Splits packets over its outputs, flow by flow.',
  description: [
    'All packets of a connection, in both directions, go to the same output: output = flow hash modulo number of outputs.',
    'The hash is a symmetric Toeplitz hash over addresses and ports (4-tuple) or addresses alone (2-tuple).',
    'It sees through VLAN tags and QinQ, VN-Tag, E-Tag, Cisco metadata, HSR, MPLS, PPPoE and NSH, through the frames around frames of',
    'FabricPath, TRILL and 802.1ah, and through IPv6 extension headers;',
    'fragments go where the rest of their datagram and connection goes.',
    'Behind another load balancer it splits again, since its level in the tree of bricks is part of the hash.',
    '',
    'Frames that are not IP go by their hardware addresses; packets of a link type without addresses go to output 0.',
  ].join('\n'),
  options: [
    { name: 'tuple', type: 'integer', oneOf: [2, 4], default: 4, description: 'what makes a flow: 2 for both addresses, 4 for addresses and ports' },
    { name: 'inner', type: 'boolean', default: false, description: 'take the innermost flow of GRE (also in UDP), VXLAN, GENEVE, ERSPAN, GTP-U, Teredo, PIM register, IP in IP, 6in4 and their nestings' },
    { name: 'fragmentLifetime', type: 'integer', default: 30_000, minimum: 1, maximum: 3_600_000, unit: 'ms', description: 'how long the way of a fragmented datagram is remembered' },
    { name: 'fragmentWait', type: 'integer', default: 100, minimum: 0, maximum: 10_000, unit: 'ms', description: 'how long a fragment that comes before its first one is held back for it; 0: it goes by its addresses at once' },
  ],
  shorthand: 'tuple',
  inputs: { minimum: 1, maximum: 1 },
  outputs: { minimum: 1, maximum: Infinity },
  fanout: 'one',
  effect: 'reads',
  holds: true,
  flowColumns: true,
  interleavedLists: true,
  counters: [
    { name: 'fragments', description: 'fragments of IP datagrams' },
    { name: 'fragmentsWithoutFirst', description: 'fragments whose first fragment was not seen in time: these go by their addresses' },
    { name: 'fragmentsHeld', description: 'fragments that came before their first one, and were held back for it' },
    { name: 'withoutFlow', description: 'packets without addresses or of another link type: these go to output 0' },
    { name: 'unknownProtocol', description: 'frames of a protocol that LoadBalancer does not read: these go by their hardware addresses' },
  ],
  examples: {
    lua: 'lb = Brick.new("LoadBalancer", 4)\nlb:connect_input("eth3")\nlb:connect_outputs("eth3", 4)',
    typescript: "new LoadBalancer({ tuple: 4 }).connectInput('eth3').connectOutputs('eth3', 4)",
  },
};

/** Packets with flow columns go by loops, see load-balancer-loops.ts; what stands here is for the others: fragments, tunnels, what has no flow. */
export class LoadBalancerBrick implements Brick {
  readonly reads: readonly ColumnName[];
  private readonly loops: LoadBalancerLoops;
  private readonly passKnownOfWhole: KnownLoop;
  private readonly passKnownOfList: KnownLoop;
  private readonly seed: number;
  private readonly tuple: FlowTuple;
  private readonly inner: boolean;
  private readonly flow = new FlowFields();
  /** Of a packet further on. */
  private readonly later = new FlowFields();
  private readonly fragments: FragmentTable;
  private readonly fragmentCounter: number;
  private readonly orphanCounter: number;
  private readonly withoutFlowCounter: number;
  private readonly unknownProtocolCounter: number;
  private readonly heldCounter: number;
  private readonly fragmentWait: number;
  /** Fragments that wait for their first: row in the hold area, flow word by addresses, and until when (ns). */
  private readonly heldRow = new Uint16Array(HELD_PACKETS_MAXIMUM);
  private readonly heldWord = new Uint16Array(HELD_PACKETS_MAXIMUM);
  private readonly heldUntil = new Float64Array(HELD_PACKETS_MAXIMUM);
  /** What the fragment table knows their datagrams by. */
  private readonly heldHash = new Int32Array(HELD_PACKETS_MAXIMUM);
  private readonly heldSource = new Int32Array(HELD_PACKETS_MAXIMUM);
  private readonly heldDestination = new Int32Array(HELD_PACKETS_MAXIMUM);
  private heldCount = 0;
  /** `news` of the table when those were last looked for that are held. */
  private heldNews = 0;
  /** Whether first fragments further on in this batch were looked for already. */
  private lookedAhead = false;
  /** Counted in this batch. */
  private fragmentCount = 0;
  private orphanCount = 0;
  private withoutFlowCount = 0;
  private unknownProtocolCount = 0;

  constructor(options: LoadBalancerOptions, private readonly context: BrickContext) {
    this.seed = context.level;
    this.tuple = options.tuple === 2 ? 2 : 4;
    this.inner = options.inner === true;
    const loops = loadBalancerLoops(context, { seed: this.seed, tuple: this.tuple, inner: this.inner });
    this.loops = loops;
    this.reads = loops.reads;
    this.passKnownOfWhole = loops.known(null);
    this.passKnownOfList = loops.known(context.inputRows);
    this.fragments = new FragmentTable(FRAGMENT_TABLE_ENTRIES, options.fragmentLifetime ?? 30_000, context.clock);
    this.fragmentCounter = context.counterIndex('fragments');
    this.orphanCounter = context.counterIndex('fragmentsWithoutFirst');
    this.withoutFlowCounter = context.counterIndex('withoutFlow');
    this.unknownProtocolCounter = context.counterIndex('unknownProtocol');
    this.heldCounter = context.counterIndex('fragmentsHeld');
    // Where there is nothing to choose from, waiting would only change the order.
    this.fragmentWait = context.outputs > 1 ? options.fragmentWait ?? 100 : 0;
  }

  /**
   * Loops that call nothing take most packets; what packets without flow columns need stands outside of them
   * (2 ns a packet less).
   */
  process(batch: PacketBatch, input: PacketList, outputs: PacketLists): void {
    const { loops } = this;
    call(loops.begin, undefined, undefined, undefined);
    this.passAll(batch, input, outputs);
    call(loops.end, undefined, undefined, undefined);
  }

  private passAll(batch: PacketBatch, input: PacketList, outputs: PacketLists): void {
    this.lookedAhead = false;
    const count = input.count;
    const passKnown = input.whole ? this.passKnownOfWhole : this.passKnownOfList;
    for (let position = 0; position < count;) {
      position = call(passKnown, position, count, undefined);
      if (position < count) position = this.passParsed(batch, input, outputs, position);
    }
    if (this.fragmentCount > 0 || this.withoutFlowCount > 0 || this.unknownProtocolCount > 0) this.countParsed();
  }

  /** Packets that no loop takes mostly come together: passes them on from list position `from` up to the first that has flow columns. */
  private passParsed(batch: PacketBatch, input: PacketList, outputs: PacketLists, from: number): number {
    const { flow } = this;
    const { next } = this.loops;
    const { step } = outputs;
    const { count, rows } = input;
    const { flowWord: flowWords } = batch;
    let position = from;
    while (position < count && (position === from || flowWords[rows[position]] === NOT_COMPUTED)) {
      const row = rows[position];
      parse(batch.memory, batch.offset[row], batch.length[row], batch.linkType, this.tuple, this.inner, flow);
      const word = this.parsedWord(batch, row, input, position);
      position++;
      if (word === HELD) continue;
      const output = word < 0 ? 0 : this.outputOf(word);
      outputs.rows[step > 0 ? (next[output]++ << step) + output : next[output]++] = row;
    }
    return position;
  }

  private outputOf(word: number): number {
    // Both unsigned: V8 divides others as floating point.
    return hashOf(word) % (this.context.outputs >>> 0);
  }

  private countParsed(): void {
    this.context.countAt(this.fragmentCounter, this.fragmentCount);
    this.context.countAt(this.orphanCounter, this.orphanCount);
    this.context.countAt(this.withoutFlowCounter, this.withoutFlowCount);
    this.context.countAt(this.unknownProtocolCounter, this.unknownProtocolCount);
    this.fragmentCount = 0;
    this.orphanCount = 0;
    this.withoutFlowCount = 0;
    this.unknownProtocolCount = 0;
  }

  /** The flow word of a packet whose flow was parsed, -1 for one without, or HELD. */
  private parsedWord(batch: PacketBatch, row: number, input: PacketList, position: number): number {
    const { flow } = this;
    if (flow.kind === NO_FLOW) {
      this.withoutFlowCount++;
      return -1;
    }
    if (flow.unknownProtocol) this.unknownProtocolCount++;
    const word = this.wordOf(flow);
    if (flow.fragment !== FIRST && flow.fragment !== LATER) return word;
    this.fragmentCount++;
    return flow.fragmentNeedsFirst ? this.fragmentWord(batch, row, input, position, word) : word;
  }

  private wordOf(flow: FlowFields): number {
    return flowWordOf(flow.addresses, this.tuple === 2 ? NO_PORTS : flow.signedPorts, this.seed);
  }

  private fragmentWord(batch: PacketBatch, row: number, input: PacketList, position: number, own: number): number {
    const { flow } = this;
    let word = this.knownWord(flow);
    if (word >= 0) return word;
    if (flow.fragment !== FIRST) {
      if (!this.lookedAhead) {
        this.lookAhead(batch, input, position + 1);
        word = this.knownWord(flow);
        if (word >= 0) return word;
      }
      if (this.fragmentWait > 0 && this.holdFragment(batch, row, own)) return HELD;
      this.orphanCount++;
    }
    this.remember(flow, own);
    return own;
  }

  private knownWord(flow: FlowFields): number {
    return this.fragments.find(flow.fragmentHash, flow.fragmentSource, flow.fragmentDestination);
  }

  private remember(flow: FlowFields, word: number): void {
    this.fragments.set(flow.fragmentHash, flow.fragmentSource, flow.fragmentDestination, word);
  }

  /** Keeps a fragment until its first one comes, for a bounded time. */
  private holdFragment(batch: PacketBatch, row: number, own: number): boolean {
    const { flow } = this;
    const held = this.context.hold(batch, row);
    if (held < 0) return false;
    const entry = this.heldCount++;
    this.heldRow[entry] = held;
    this.heldWord[entry] = own;
    this.heldUntil[entry] = this.context.clock.cell[0] + this.fragmentWait * 1e6;
    this.heldHash[entry] = flow.fragmentHash;
    this.heldSource[entry] = flow.fragmentSource;
    this.heldDestination[entry] = flow.fragmentDestination;
    this.context.countAt(this.heldCounter, 1);
    return true;
  }

  /** Lets go, in their order, fragments whose first has come, and those that have waited long enough: these by their addresses. */
  releaseHeld(_held: PacketBatch, outputs: PacketLists, all: boolean): void {
    const { fragments, heldUntil } = this;
    const now = this.context.clock.cell[0];
    // All wait equally long, so that the first one's time is over first.
    if (!all && fragments.news === this.heldNews && now < heldUntil[0]) return;
    const { rows, counts, shift, step } = outputs;
    const { heldRow, heldWord, heldHash, heldSource, heldDestination } = this;
    let left = 0;
    for (let entry = 0; entry < this.heldCount; entry++) {
      const row = heldRow[entry];
      let word = fragments.find(heldHash[entry], heldSource[entry], heldDestination[entry]);
      if (word < 0 && (all || now >= heldUntil[entry])) {
        word = heldWord[entry];
        fragments.set(heldHash[entry], heldSource[entry], heldDestination[entry], word);
        this.context.countAt(this.orphanCounter, 1);
      }
      if (word < 0) {
        heldRow[left] = row;
        heldWord[left] = heldWord[entry];
        heldUntil[left] = heldUntil[entry];
        heldHash[left] = heldHash[entry];
        heldSource[left] = heldSource[entry];
        heldDestination[left] = heldDestination[entry];
        left++;
      } else {
        const output = this.outputOf(word);
        rows[(output << shift) + (counts[output]++ << step)] = row;
      }
    }
    this.heldCount = left;
    this.heldNews = fragments.news;
  }

  /** Fragments out of order mostly come close together: learns of the first fragments in the rest of the batch, once. */
  private lookAhead(batch: PacketBatch, input: PacketList, from: number): void {
    this.lookedAhead = true;
    const flow = this.later;
    const { view } = batch.memory;
    const ethernet = batch.linkType === ETHERNET;
    for (let i = from; i < input.count; i++) {
      const row = input.rows[i];
      if (batch.flowWord[row] !== NOT_COMPUTED) continue;
      if (ethernet && isLater(view, batch.offset[row], batch.length[row])) continue;
      parse(batch.memory, batch.offset[row], batch.length[row], batch.linkType, this.tuple, this.inner, flow);
      if (flow.fragment === FIRST && flow.fragmentNeedsFirst && this.knownWord(flow) < 0) this.remember(flow, this.wordOf(flow));
    }
  }
}

export const loadBalancer: BrickModule<LoadBalancerOptions> = {
  declaration,
  create: (options, context) => new LoadBalancerBrick(options, context),
};
