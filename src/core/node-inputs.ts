/** What a node of the graph gets of a batch: the lists of its inputs, merged and counted. Part of the hot path, once a node and batch. */
import { LINK_BYTES, LINK_PACKETS, addToCounter } from '../model/counters';
import type { PacketList } from '../model/packet-list';
import type { FixedList, InnerLink } from '../rows/graph-memory';
import type { GraphNode } from './graph-node';

export class NodeInputs {
  /** Whether the batch on its way is a source's, whose rows are all in the source's list. */
  private ofSource = true;
  /** Bytes on inner links so far, of one batch; and those of the whole batch once they are known, else -1. */
  private innerBytes = 0;
  private wholeBytes = -1;

  /** `allRows`: all rows of the batch on its way. `words`: the engine's counters. */
  constructor(private readonly allRows: FixedList, private readonly words: Uint32Array) {}

  /** Another batch enters the graph. */
  begin(ofSource: boolean): void {
    this.ofSource = ofSource;
    this.innerBytes = 0;
    this.wholeBytes = -1;
  }

  /** A brick has changed packets. */
  bytesChanged(): void {
    this.wholeBytes = -1;
  }

  /** What a node was given last. */
  last(node: GraphNode, entry: boolean): PacketList {
    const merges = node.inputs.length > 1 || (node.inputs.length === 1 && entry);
    if (merges) return node.merged.list;
    return node.inputs.length === 1 ? node.inputs[0].list : this.allRows;
  }

  /** The packets for a node; `entry`: also those of the batch, which begins there. */
  of(node: GraphNode, entry: boolean): PacketList {
    const inputs = node.inputs;
    if (inputs.length === 0) {
      if (entry) return this.allRows;
      node.merged.clear();
      return node.merged.list;
    }
    if (inputs.length === 1 && !entry) return this.takeOnly(inputs[0], node);
    node.merged.clear();
    if (node.distinct) {
      if (!entry && this.takeWholeBatch(node)) return this.allRows;
      if (entry) node.merged.mark(0);
      for (let index = 0; index < inputs.length; index++) {
        this.takeInner(inputs[index]);
        node.merged.mark(index + 1);
      }
      node.merged.collect();
      return node.merged.list;
    }
    if (entry) node.merged.add(this.allRows);
    for (let index = 0; index < inputs.length; index++) node.merged.add(this.takeInner(inputs[index]));
    return node.merged.list;
  }

  /** Where the inputs hold all packets of the batch between them, merging gives the list that it began with. */
  private takeWholeBatch(node: GraphNode): boolean {
    const inputs = node.inputs;
    let waiting = 0;
    for (let index = 0; index < inputs.length; index++) waiting += inputs[index].lists.counts[inputs[index].output];
    if (!this.ofSource || waiting !== this.allRows.count) return false;
    const before = this.innerBytes;
    for (let index = 0; index < inputs.length; index++) this.takeInner(inputs[index]);
    this.wholeBytes = this.innerBytes - before;
    node.merged.list.count = waiting;
    return true;
  }

  /** The only input of a node. One with all packets of the batch is the list that it began with. */
  private takeOnly(inner: InnerLink, node: GraphNode): PacketList {
    const count = inner.lists.counts[inner.output];
    if (!node.distinct || !this.ofSource || count !== this.allRows.count) return this.takeInner(inner);
    if (this.wholeBytes < 0) {
      const before = this.innerBytes;
      this.takeInner(inner);
      this.wholeBytes = this.innerBytes - before;
    } else {
      this.countInner(inner, count, this.wholeBytes);
    }
    return this.allRows;
  }

  /** Takes what waits on an inner link, and counts it. */
  private takeInner(inner: InnerLink): PacketList {
    const count = inner.lists.counts[inner.output];
    this.countInner(inner, count, count > 0 ? inner.bytes(count) : 0);
    return inner.list;
  }

  private countInner(inner: InnerLink, count: number, bytes: number): void {
    inner.lists.counts[inner.output] = 0;
    inner.list.count = count;
    this.innerBytes += bytes;
    addToCounter(this.words, inner.record + LINK_PACKETS, count);
    addToCounter(this.words, inner.record + LINK_BYTES, bytes);
  }
}
