/**
 * Packets that a brick keeps beyond `process`: copies, in a batch of their own, which later goes
 * through the rest of the graph like any other. Bounded, and allocated once.
 */
import { createPacketBatch, packetMemory, type PacketBatch, type PacketColumns, type PacketMemory } from './packet-batch';

/** Packets that may be held at a time, and the longest of them in bytes. */
export const HELD_PACKETS_MAXIMUM = 256;
export const HELD_LENGTH_MAXIMUM = 2048;

export class HoldArea {
  readonly batch: PacketBatch = createPacketBatch(HELD_PACKETS_MAXIMUM);
  /** What goes now, over the columns that all batches of the engine have. */
  readonly outgoing: PacketBatch;
  private readonly free = Uint16Array.from({ length: HELD_PACKETS_MAXIMUM }, (_, index) => HELD_PACKETS_MAXIMUM - 1 - index);
  private freeCount = HELD_PACKETS_MAXIMUM;
  /** Packets taken in since the books were last kept. */
  private fresh = 0;

  constructor(columns: PacketColumns) {
    this.outgoing = createPacketBatch(HELD_PACKETS_MAXIMUM, columns);
    this.batch.memory = packetMemory(new ArrayBuffer(HELD_PACKETS_MAXIMUM * HELD_LENGTH_MAXIMUM));
    for (let row = 0; row < HELD_PACKETS_MAXIMUM; row++) this.batch.offset[row] = row * HELD_LENGTH_MAXIMUM;
    this.outgoing.memory = this.batch.memory;
  }

  /** Packets that are held now. */
  get count(): number {
    return HELD_PACKETS_MAXIMUM - this.freeCount;
  }

  /** Copies a packet; answers its row in `batch`, or -1 if there is no room, it is too long, or of another link type than those held. */
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
    this.fresh++;
    return target;
  }

  /** Makes a held packet row `target` of `outgoing`. */
  load(row: number, target: number): void {
    copyRow(this.batch, row, this.outgoing, target);
    this.outgoing.linkType = this.batch.linkType;
    this.outgoing.count = target + 1;
  }

  /** Gives a row back, once its packet has gone. */
  release(row: number): void {
    this.free[this.freeCount++] = row;
  }

  /** How many packets came in since the last call. */
  takeFresh(): number {
    const fresh = this.fresh;
    this.fresh = 0;
    return fresh;
  }
}

/** 32 bits at a time, as both places are multiples of 4, but none behind the packet. */
function copyBytes(from: PacketMemory, start: number, to: PacketMemory, at: number, length: number): void {
  const source = from.words;
  const target = to.words;
  const first = start >>> 2;
  const whole = length >>> 2;
  for (let word = 0; word < whole; word++) target[(at >>> 2) + word] = source[first + word];
  for (let index = whole << 2; index < length; index++) to.bytes[at + index] = from.bytes[start + index];
}

function copyRow(from: PacketColumns, row: number, to: PacketColumns, target: number): void {
  to.offset[target] = from.offset[row];
  to.length[target] = from.length[row];
  to.wireLength[target] = from.wireLength[row];
  to.seconds[target] = from.seconds[row];
  to.nanoseconds[target] = from.nanoseconds[row];
  to.flowWord[target] = from.flowWord[row];
  to.flowAddresses[target] = from.flowAddresses[row];
  to.flowPorts[target] = from.flowPorts[row];
  // No source has a slot for it.
  to.slot[target] = 0;
}
