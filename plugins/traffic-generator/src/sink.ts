/** What is sent to interfaces of the generator arrives nowhere; it is counted as sent. */
import { LINK_BYTES, LINK_PACKETS, addToCounter, type PacketBatch, type SinkRequest, type Transmitter } from 'packet-bricks';

export class GeneratorSinks implements Transmitter {
  readonly reads = [];

  constructor(private readonly requests: readonly SinkRequest[]) {}

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

  flush(): void {
    // Nobody waits for them.
  }

  close(): void {
    // Nothing is kept.
  }
}
