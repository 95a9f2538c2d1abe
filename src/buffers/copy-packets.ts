/** Copies packets from one memory, and from one set of columns, to another. */
import type { NumberColumns, PacketMemory } from '../model/packet-batch';

/** 32 bits at a time, as both places are multiples of 4, but none behind the packet. */
export function copyBytes(from: PacketMemory, start: number, to: PacketMemory, at: number, length: number): void {
  const source = from.words;
  const target = to.words;
  const first = start >>> 2;
  const whole = length >>> 2;
  for (let word = 0; word < whole; word++) target[(at >>> 2) + word] = source[first + word];
  for (let index = whole << 2; index < length; index++) to.bytes[at + index] = from.bytes[start + index];
}

/** Columns of arrival for rows `first` to `end - 1`, whose length is known: the packets came just now, and nothing of them was cut off. */
export function fillArrival({ length, wireLength, seconds, nanoseconds }: NumberColumns, first: number, end: number): void {
  const now = Date.now();
  for (let row = first; row < end; row++) {
    wireLength[row] = length[row];
    seconds[row] = now / 1000;
    nanoseconds[row] = (now % 1000) * 1_000_000;
  }
}

/** All columns that go with a packet, from one set of them to another; header columns are filled anew where it enters a graph. */
export function copyRow(from: NumberColumns, row: number, to: NumberColumns, target: number): void {
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
