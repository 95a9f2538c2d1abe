/** Sinks of backends that only bring packets. */
import type { SinkRequest, Transmitter } from '../model/backend';
import { LINK_BYTES, LINK_PACKETS, addToCounter } from '../model/counters';
import type { PacketBatch } from '../model/packet-batch';

/** What is sent here arrives nowhere; it is counted as sent. For backends that only bring packets: `openSinks: (requests) => new DiscardingSinks(requests)`. */
export class DiscardingSinks implements Transmitter {
  /** It reads no columns. */
  readonly reads = [];

  /** As they are given to `openSinks`. */
  constructor(private readonly requests: readonly SinkRequest[]) {}

  /** Counts what is on the lists, and empties them. */
  transmit(batch: PacketBatch): number {
    const { length } = batch;
    for (const { lists: { rows, counts, shift, step }, output, counters: { words }, record } of this.requests) {
      const count = counts[output];
      if (count === 0) continue;
      let bytes = 0;
      for (let index = 0; index < count; index++) bytes += length[rows[(output << shift) + (index << step)]];
      addToCounter(words, record + LINK_PACKETS, count);
      addToCounter(words, record + LINK_BYTES, bytes);
      counts[output] = 0;
    }
    return 0;
  }

  /** Does nothing. */
  flush(): void {
    // Nobody waits for them.
  }

  /** Does nothing. */
  close(): void {
    // Nothing is kept.
  }
}
