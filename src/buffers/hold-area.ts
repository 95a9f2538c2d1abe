/**
 * Packets that a brick keeps beyond `process`: copies, in a batch of their own, which later goes
 * through the rest of the graph like any other. Bounded, and allocated once.
 */
import { copyBytes, copyRow } from './copy-packets';
import { createPacketBatch, packetMemory, type NumberColumns, type PacketBatch } from '../model/packet-batch';
import { NO_INTERFACE, createPacketNotes, type PacketNotes, type PacketSection } from '../model/packet-notes';

/** Packets that may be held at a time, and the longest of them in bytes. */
export const HELD_PACKETS_MAXIMUM = 256;
const HELD_LENGTH_MAXIMUM = 2048;
/** Of a capture file's options of a packet, so many bytes are kept, or none. */
const HELD_OPTIONS_MAXIMUM = 512;
const ROOM = HELD_LENGTH_MAXIMUM + HELD_OPTIONS_MAXIMUM;

export class HoldArea {
  readonly batch: PacketBatch = createPacketBatch(HELD_PACKETS_MAXIMUM);
  /** What goes now, over the columns that all batches of the engine have. */
  readonly outgoing: PacketBatch;
  private readonly free = Uint16Array.from({ length: HELD_PACKETS_MAXIMUM }, (_, index) => HELD_PACKETS_MAXIMUM - 1 - index);
  private freeCount = HELD_PACKETS_MAXIMUM;
  /** Where each row's notes count its interface. */
  private readonly sections: (PacketSection | undefined)[] = Array.from({ length: HELD_PACKETS_MAXIMUM }, () => undefined);
  private readonly notes: PacketNotes = createPacketNotes(HELD_PACKETS_MAXIMUM);
  private readonly outgoingNotes: PacketNotes = createPacketNotes(HELD_PACKETS_MAXIMUM);
  /** Packets taken in since they were last counted. */
  private fresh = 0;
  /** How many the last count found: the last ones that wait, whose rows in their batch these are. */
  lastFresh = 0;
  readonly freshRows = new Uint16Array(HELD_PACKETS_MAXIMUM);
  /** The rows that wait, in the order in which they came. */
  readonly waiting = new Uint16Array(HELD_PACKETS_MAXIMUM);
  waitingCount = 0;
  /** Where each of those goes: an output, or a constant of the contract. */
  readonly decided = new Int32Array(HELD_PACKETS_MAXIMUM);
  /** Those that go now, in order: row i of `outgoing` is packet `going[i]`. */
  readonly going = new Uint16Array(HELD_PACKETS_MAXIMUM);
  goingCount = 0;

  constructor(columns: NumberColumns) {
    this.outgoing = createPacketBatch(HELD_PACKETS_MAXIMUM, columns);
    this.batch.memory = packetMemory(new ArrayBuffer(HELD_PACKETS_MAXIMUM * ROOM));
    for (let row = 0; row < HELD_PACKETS_MAXIMUM; row++) this.batch.offset[row] = row * ROOM;
    this.outgoing.memory = this.batch.memory;
    this.outgoing.notes = this.outgoingNotes;
  }

  /** Packets that are held now. */
  get count(): number {
    return HELD_PACKETS_MAXIMUM - this.freeCount;
  }

  /** Copies a packet; returns its row in `batch`, or -1 if there is no room, it is too long, or of another link type than those held. */
  keep(from: PacketBatch, row: number): number {
    const length = from.length[row];
    const batch = this.batch;
    if (this.freeCount === 0 || length > HELD_LENGTH_MAXIMUM) return -1;
    if (from.linkType !== batch.linkType) {
      if (this.count > 0) return -1;
      batch.linkType = from.linkType;
    }
    const target = this.free[--this.freeCount];
    const at = batch.offset[target];
    copyBytes(from.memory, from.offset[row], batch.memory, at, length);
    copyRow(from, row, batch, target);
    batch.offset[target] = at;
    this.keepNotes(from, row, target);
    this.waiting[this.waitingCount++] = target;
    this.freshRows[this.fresh++] = row;
    return target;
  }

  /** Makes a held packet row `target` of `outgoing`. */
  load(row: number, target: number): void {
    copyRow(this.batch, row, this.outgoing, target);
    this.outgoing.linkType = this.batch.linkType;
    this.outgoing.count = target + 1;
    // Packets of several sections in one batch: of those of another than the first, the interface is not known.
    const section = this.sections[row];
    if (target === 0) this.outgoingNotes.section = section;
    const from = this.notes.words;
    const to = this.outgoingNotes.words;
    to[target] = section === this.outgoingNotes.section ? from[row] : NO_INTERFACE;
    to[HELD_PACKETS_MAXIMUM + target] = from[HELD_PACKETS_MAXIMUM + row];
    to[2 * HELD_PACKETS_MAXIMUM + target] = from[2 * HELD_PACKETS_MAXIMUM + row];
  }

  private keepNotes({ notes, capacity, memory }: PacketBatch, row: number, target: number): void {
    const { words } = this.notes;
    const length = notes ? notes.words[2 * capacity + row] : 0;
    const kept = length <= HELD_OPTIONS_MAXIMUM ? length : 0;
    const at = target * ROOM + HELD_LENGTH_MAXIMUM;
    this.sections[target] = notes?.section;
    words[target] = notes ? notes.words[row] : 0;
    words[HELD_PACKETS_MAXIMUM + target] = at;
    words[2 * HELD_PACKETS_MAXIMUM + target] = kept;
    const start = notes ? notes.words[capacity + row] : 0;
    for (let index = 0; index < kept; index++) this.batch.memory.bytes[at + index] = memory.bytes[start + index];
  }

  /** Empties it: what a warm-up has left. */
  clear(): void {
    for (let row = 0; row < HELD_PACKETS_MAXIMUM; row++) this.free[row] = HELD_PACKETS_MAXIMUM - 1 - row;
    this.freeCount = HELD_PACKETS_MAXIMUM;
    this.waitingCount = this.goingCount = this.fresh = 0;
  }

  /** Makes a held packet the next row of `outgoing`, and returns which. */
  go(place: number): number {
    const row = this.goingCount++;
    this.load(place, row);
    this.going[row] = place;
    return row;
  }

  /** The packets that went have gone. */
  releaseGone(): void {
    for (let row = 0; row < this.goingCount; row++) this.release(this.going[row]);
    this.goingCount = 0;
  }

  /** Gives a row back, once its packet has gone. */
  release(row: number): void {
    this.free[this.freeCount++] = row;
  }

  /** How many packets came in since the last call. */
  takeFresh(): number {
    const fresh = this.fresh;
    this.lastFresh = fresh;
    this.fresh = 0;
    return fresh;
  }
}
