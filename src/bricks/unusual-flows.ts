/**
 * Flows of the packets whose flow no column holds: fragments, tunnels, extension headers, other link types, what has no flow. What a
 * load balancer remembers is here too: where the datagrams of fragments went, and the fragments that wait for their first one.
 */
import type { BrickContext, Counter, Packets } from '../model/brick';
import { HELD_PACKETS_MAXIMUM } from '../buffers/hold-area';
import { FLOW_NOT_COMPUTED } from '../model/packet-batch';
import { isLaterFragment } from '../flow/fragments';
import { parseFlow, type FlowTuple } from '../flow/parse';
import { FLOW_NONE, FRAGMENT_FIRST, FRAGMENT_LATER, FlowFields } from '../flow/flow-fields';
import { LINK_TYPE_ETHERNET } from '../flow/link-types';
import { CONSTANT_PORTS, flowWord } from '../flow/hash';
import { FragmentTable } from './fragment-table';

/** Signed, as all that a FlowFields holds. */
const NO_PORTS = CONSTANT_PORTS | 0;

/** Instead of a flow word: the packet has no flow. */
export const WITHOUT_FLOW = -1;
/** Instead of a flow word: the packet is held back. */
export const KEPT = -2;

const FRAGMENT_TABLE_ENTRIES = 16_384;

export interface FlowDefinition {
  readonly tuple: FlowTuple;
  readonly inner: boolean;
  /** How long a datagram is remembered, and a fragment waits for its first one, in milliseconds. */
  readonly fragmentLifetime: number;
  readonly fragmentWait: number;
}

export class UnusualFlows {
  private readonly seed: number;
  private readonly tuple: FlowTuple;
  private readonly inner: boolean;
  private readonly packets: Packets;
  private readonly offset: Uint32Array;
  private readonly length: Uint32Array;
  private readonly flow = new FlowFields();
  /** Of a packet further on. */
  private readonly later = new FlowFields();
  private readonly fragments: FragmentTable;
  private readonly fragmentCounter: Counter;
  private readonly orphanCounter: Counter;
  private readonly withoutFlowCounter: Counter;
  private readonly unknownProtocolCounter: Counter;
  private readonly heldCounter: Counter | undefined;
  private readonly fragmentWait: number;
  /** Of fragments that wait for their first, by their places: flow word by addresses, and until when they wait (ns). */
  private readonly heldWord = new Uint16Array(HELD_PACKETS_MAXIMUM);
  private readonly heldUntil = new Float64Array(HELD_PACKETS_MAXIMUM);
  /** What the fragment table knows their datagrams by, and its generation when they were last looked for. */
  private readonly heldHash = new Int32Array(HELD_PACKETS_MAXIMUM);
  private readonly heldSource = new Int32Array(HELD_PACKETS_MAXIMUM);
  private readonly heldDestination = new Int32Array(HELD_PACKETS_MAXIMUM);
  private readonly heldGeneration = new Int32Array(HELD_PACKETS_MAXIMUM);
  /** Up to which row first fragments were looked for already, in the batch of that time. */
  private lookedUpTo = 0;
  private lookedAt = -1;

  constructor(definition: FlowDefinition, private readonly context: BrickContext) {
    const { packets, level, clock, outputs } = context;
    this.seed = level;
    this.tuple = definition.tuple;
    this.inner = definition.inner;
    this.packets = packets;
    this.offset = packets.offset;
    this.length = packets.length;
    this.fragments = new FragmentTable(FRAGMENT_TABLE_ENTRIES, definition.fragmentLifetime, clock);
    this.fragmentCounter = context.counter('fragments');
    this.orphanCounter = context.counter('fragmentsWithoutFirst');
    this.withoutFlowCounter = context.counter('withoutFlow');
    this.unknownProtocolCounter = context.counter('unknownProtocol');
    // A brick that never waits need not count it.
    this.heldCounter = definition.fragmentWait > 0 ? context.counter('fragmentsHeld') : undefined;
    // Where there is nothing to choose from, waiting would only change the order.
    this.fragmentWait = outputs > 1 ? definition.fragmentWait : 0;
  }

  /** The flow word of a packet, WITHOUT_FLOW, or KEPT. */
  wordOf(row: number): number {
    const { flow, packets } = this;
    parseFlow(packets.memory, this.offset[row], this.length[row], packets.batch.linkType, this.tuple, this.inner, flow);
    if (flow.kind === FLOW_NONE) {
      this.withoutFlowCounter.add(1);
      return WITHOUT_FLOW;
    }
    if (flow.unknownProtocol) this.unknownProtocolCounter.add(1);
    const word = this.wordOfFlow(flow);
    if (flow.fragment !== FRAGMENT_FIRST && flow.fragment !== FRAGMENT_LATER) return word;
    this.fragmentCounter.add(1);
    return flow.fragmentNeedsFirst ? this.fragmentWord(row, word) : word;
  }

  /** The flow word of a held packet, or KEPT if it is to wait on. */
  releasedWord(place: number, all: boolean): number {
    const { fragments, heldHash, heldSource, heldDestination } = this;
    const over = all || this.context.clock.cell[0] >= this.heldUntil[place];
    if (!over && fragments.generation === this.heldGeneration[place]) return KEPT;
    this.heldGeneration[place] = fragments.generation;
    const word = fragments.find(heldHash[place], heldSource[place], heldDestination[place]);
    if (word >= 0) return word;
    if (!over) return KEPT;
    const own = this.heldWord[place];
    fragments.set(heldHash[place], heldSource[place], heldDestination[place], own);
    this.orphanCounter.add(1);
    return own;
  }

  /** The flow word of the datagram of a fragment, or -1. */
  datagramWord(flow: FlowFields): number {
    return this.fragments.find(flow.fragmentHash, flow.fragmentSource, flow.fragmentDestination);
  }

  private wordOfFlow(flow: FlowFields): number {
    return flowWord(flow.addresses, this.tuple === 2 ? NO_PORTS : flow.signedPorts, this.seed);
  }

  private fragmentWord(row: number, own: number): number {
    const { flow } = this;
    let word = this.datagramWord(flow);
    if (word >= 0) return word;
    if (flow.fragment !== FRAGMENT_FIRST) {
      if (this.lookAhead(row + 1)) {
        word = this.datagramWord(flow);
        if (word >= 0) return word;
      }
      if (this.fragmentWait > 0 && this.holdFragment(row, own)) return KEPT;
      this.orphanCounter.add(1);
    }
    this.remember(flow, own);
    return own;
  }

  private remember(flow: FlowFields, word: number): void {
    this.fragments.set(flow.fragmentHash, flow.fragmentSource, flow.fragmentDestination, word);
  }

  /** Keeps a fragment until its first one comes, for a bounded time. */
  private holdFragment(row: number, own: number): boolean {
    const { flow } = this;
    const place = this.context.hold(row);
    if (place < 0) return false;
    this.heldWord[place] = own;
    this.heldUntil[place] = this.context.clock.cell[0] + this.fragmentWait * 1e6;
    this.heldHash[place] = flow.fragmentHash;
    this.heldSource[place] = flow.fragmentSource;
    this.heldDestination[place] = flow.fragmentDestination;
    this.heldGeneration[place] = this.fragments.generation;
    this.heldCounter?.add(1);
    return true;
  }

  /** Fragments out of order mostly come close together: learns of the first fragments in the rest of the batch, once. False if it has. */
  private lookAhead(from: number): boolean {
    const { packets, offset, length, later: flow } = this;
    const { batch, memory } = packets;
    if (this.lookedAt === batch.number && from <= this.lookedUpTo) return false;
    this.lookedAt = batch.number;
    this.lookedUpTo = batch.count;
    const { view } = memory;
    const ethernet = batch.linkType === LINK_TYPE_ETHERNET;
    const flowWords = packets.flowWord;
    for (let row = from; row < batch.count; row++) {
      if (flowWords[row] !== FLOW_NOT_COMPUTED) continue;
      if (ethernet && isLaterFragment(view, offset[row], length[row])) continue;
      parseFlow(memory, offset[row], length[row], batch.linkType, this.tuple, this.inner, flow);
      if (flow.fragment === FRAGMENT_FIRST && flow.fragmentNeedsFirst && this.datagramWord(flow) < 0) this.remember(flow, this.wordOfFlow(flow));
    }
    return true;
  }
}
