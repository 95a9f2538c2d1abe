/** Columns of a packet's arrival, for sources that leave out what no brick reads (SourcePort.withoutArrival): who looks at packets reads them. */
import type { PacketBatch } from '../model/packet-batch';

/** Fills them in for rows `first` to `end - 1`: the packets came just now, and nothing of them was cut off. */
export function fillArrival({ length, wireLength, seconds, nanoseconds }: PacketBatch, first: number, end: number): void {
  const now = Date.now();
  for (let row = first; row < end; row++) {
    wireLength[row] = length[row];
    seconds[row] = now / 1000;
    nanoseconds[row] = (now % 1000) * 1_000_000;
  }
}
