/**
 * Who looks at packets on their way: taps and traces. While nobody looks an engine asks only whether anybody does:
 *
 *     one byte, once a batch where it enters, once where it is sent      below 1 ns each
 *     whether someone wants to, when counters are published              below 1 ns a millisecond
 *
 * While a tap waits for the next packet of its sample, the packets that are sent are only counted. To call it for each batch instead would take some
 * 80 ns: not for what it does, but for the memory that it reads, which no longer lies in the nearest cache.
 */
import type { PacketBatch } from '../model/packet-batch';
import type { PacketList, PacketLists } from '../model/packet-list';
import { uint32Array } from '../model/typed-arrays';
import type { SideKind } from './side-batch';

/** Called at each step of a batch while somebody looks. It must not throw, and changes nothing: neither packets nor lists. */
export interface GraphWatcher {
  /** Between batches, now and then: whether to look, or to look no longer. */
  look(): void;
  /** A source's batch enters the graph. */
  entered(batch: PacketBatch): void;
  /** Packets enter that have waited at a node: rows of `batch`. */
  enteredSide(node: number, kind: SideKind, batch: PacketBatch): void;
  /** A node has got what came on its links, and has done nothing with it yet. */
  given(node: number): void;
  /** A node has copied its packets, which it gets later, but for the last `refused` of `node.refused`. */
  copied(node: number, input: PacketList, refused: number): void;
  /** A node has listed its packets for its outputs. */
  ran(node: number, input: PacketList): void;
  /** A node's brick has thrown: what it was given is dropped, but for what it holds. Its lists are empty. */
  failed(node: number, input: PacketList): void;
  /** What it holds is dropped. */
  lostHeld(node: number): void;
  /** A node is about to say which of the packets go that it holds; and it has said so. */
  releasing(node: number): void;
  released(node: number): void;
  /** What lies on the sinks' lists is about to be sent; returns whether to call `sent` when it was sent or dropped. */
  sending(batch: PacketBatch): boolean;
  sent(batch: PacketBatch): void;
}

function nothing(): void {}

/** Nobody looks. */
export const NOBODY: GraphWatcher = {
  look: nothing, entered: nothing, enteredSide: nothing, given: nothing, copied: nothing, ran: nothing, failed: nothing, lostHeld: nothing, releasing: nothing, released: nothing, sending: () => false, sent: nothing,
};

/** Steps at which somebody looks, so that those who look at one of them do not pay for the others. */
export const LOOK_ENTERED = 1;
/** Between the bricks. It needs the other two. */
export const LOOK_BRICKS = 2;
export const LOOK_SENDING = 4;
export const LOOK_EVERYWHERE = LOOK_ENTERED | LOOK_BRICKS | LOOK_SENDING;

/** Packets that are still passed over: behind the steps. */
const LEFT = 1;
/** Where none are: a list of no packets is looked at too. */
const NONE = -1;
const MOST_LEFT = 0x3fffffff;
const NO_COUNTS = uint32Array(1);

/** Who looks at a graph. */
export class Watch {
  /** The steps at which somebody looks; 0: nobody looks. Behind it, so that both lie in one cache line, the packets that are passed over. */
  readonly on = new Int32Array(new ArrayBuffer(8));
  watcher: GraphWatcher = NOBODY;
  /** Of these outputs. */
  private counts: PacketLists['counts'] = NO_COUNTS;
  private first = 0;
  private end = 0;

  constructor() {
    this.on[LEFT] = NONE;
  }

  /** Whether nobody looks at what the sinks' lists hold now, as the sample lies behind it. It is counted then. */
  passesOver(): boolean {
    const { on, counts, end } = this;
    let waiting = 0;
    for (let output = this.first; output < end; output++) waiting += counts[output];
    if (on[LEFT] < waiting) return false;
    on[LEFT] -= waiting;
    return true;
  }

  /** Nobody need be called for the next packets of outputs `first` to `end - 1`. Returns how many it passes over, at most as many as wanted. */
  passOver(packets: number, counts: PacketLists['counts'], first: number, end: number): number {
    const most = Math.min(packets, MOST_LEFT);
    this.counts = counts;
    this.first = first;
    this.end = end;
    this.on[LEFT] = most;
    return most;
  }

  /** From now on none are passed over. Returns how many were left. */
  passNoMore(): number {
    const { on } = this;
    const left = Math.max(0, on[LEFT]);
    on[LEFT] = NONE;
    return left;
  }
}
