/**
 * Packets that an engine has in its own memory: copies of packets that a brick is to change while others hold their bytes too, or
 * that are to grow; and packets that a brick has made. They go through the graph as a batch of their own, after the one on its way.
 */
import { copyBytes, copyRow, fillArrival } from './copy-packets';
import { createPacketBatch, createPacketColumns, packetMemory, type NumberColumns, type PacketBatch } from '../model/packet-batch';
import { NO_INTERFACE, createPacketNotes, type PacketNotes } from '../model/packet-notes';

/** Bytes of memory for each row, on average: what is longer takes more, and leaves less for others. */
const BYTES_A_ROW = 2048;
/** There is room for the longest packet at least. */
const BYTES_MINIMUM = 1 << 20;

export class SideArea {
  /** What goes through the graph: rows 0 to `count` - 1, over the columns that all batches of the engine have. */
  readonly outgoing: PacketBatch;
  /** Rows that wait for that. */
  count = 0;
  /** The output of each row, for packets that a brick has made. */
  readonly outputs: Uint16Array;
  private readonly own: NumberColumns;
  /** Of the copies' notes their interfaces are kept. */
  private readonly notes: PacketNotes;
  private readonly capacity: number;
  private used = 0;

  /** `headroom`: a multiple of 4. */
  constructor(private readonly shared: NumberColumns, rows: number, private readonly headroom: number) {
    this.capacity = rows;
    this.own = createPacketColumns(rows);
    this.notes = createPacketNotes(rows);
    this.outputs = new Uint16Array(rows);
    this.outgoing = createPacketBatch(rows, shared);
    this.outgoing.memory = packetMemory(new ArrayBuffer(Math.max(BYTES_MINIMUM, rows * BYTES_A_ROW)));
  }

  /** Copies a packet. False where no room is left. */
  copy(from: PacketBatch, row: number): boolean {
    const length = from.length[row];
    const at = this.take(length, from.linkType);
    if (at < 0) return false;
    const { own } = this;
    copyBytes(from.memory, from.offset[row], this.outgoing.memory, at, length);
    const target = this.count++;
    this.keepInterface(from, row, target);
    // All batches of an engine have the same columns: V8 sees one kind of object.
    copyRow(this.shared, row, own, target);
    own.offset[target] = at;
    return true;
  }

  /** A new packet of zeros, for an output; returns where it starts in `outgoing.memory`, or -1 where no room is left. */
  make(length: number, linkType: number, output: number): number {
    const at = this.take(length, linkType);
    if (at < 0) return -1;
    const { own } = this;
    this.outgoing.memory.bytes.fill(0, at, at + length);
    const target = this.count++;
    own.offset[target] = at;
    own.length[target] = length;
    fillArrival(own, target, target + 1);
    own.flowWord[target] = 0;
    this.outputs[target] = output;
    this.outgoing.notes = undefined;
    return at;
  }

  /** Where the room of a copy begins: that in front of it counts as its own. */
  roomBegin(row: number): number {
    return this.own.offset[row] - this.headroom;
  }

  /** Where it ends. */
  roomEnd(row: number): number {
    return this.own.offset[row] + this.own.length[row];
  }

  /** The columns of the waiting rows come to where bricks see them. */
  load(): PacketBatch {
    const { own, shared, count, outgoing } = this;
    for (let row = 0; row < count; row++) copyRow(own, row, shared, row);
    outgoing.count = count;
    return outgoing;
  }

  clear(): void {
    this.count = this.used = 0;
  }

  private keepInterface({ notes }: PacketBatch, row: number, target: number): void {
    if (target === 0) {
      this.outgoing.notes = notes && this.notes;
      this.notes.section = notes?.section;
    }
    if (notes) this.notes.words[target] = notes.section === this.notes.section ? notes.words[row] : NO_INTERFACE;
  }

  /** Where a packet of so many bytes may start, or -1. All of a batch are of one link type. */
  private take(length: number, linkType: number): number {
    const room = this.outgoing.memory.bytes.length;
    const at = this.used + this.headroom;
    if (this.count === this.capacity || length > room) return -1;
    const end = at + ((length + 3) & ~3);
    if (end > room) return -1;
    if (this.count === 0) this.outgoing.linkType = linkType;
    else if (this.outgoing.linkType !== linkType) return -1;
    this.used = end;
    return at;
  }
}
