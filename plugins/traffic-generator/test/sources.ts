/** The generator's source without an engine, with a time that the test moves. */
import { COLUMN_NAMES, createPacketBatch, parseLinkName, type SourceRequest } from 'packet-bricks';
import type { TestPacket } from 'packet-bricks/testing';
import { checkOptions, listOptions, type OptionValue } from 'packet-bricks/src/model/options';
import { GENERATOR_OPTIONS, type GeneratorOptions } from '../src/options';
import { GeneratorSource } from '../src/source';

export class TestSource {
  now = 1000;
  readonly notices: string[] = [];
  readonly words = new Uint32Array(64);
  readonly source: GeneratorSource;
  private readonly batch;

  constructor(options: Partial<Record<keyof GeneratorOptions, OptionValue>>, link = 'eth0', capacity = 64) {
    this.batch = createPacketBatch(capacity);
    const request: SourceRequest = {
      link: parseLinkName(link), options: {}, queue: -1, batch: this.batch, flowColumns: false, alsoSink: false, counters: { buffer: this.words.buffer, words: this.words }, record: 0, unread: new Set(COLUMN_NAMES),
    };
    const checked = checkOptions('the generator', listOptions(GENERATOR_OPTIONS), options) as unknown as GeneratorOptions;
    this.source = new GeneratorSource(request, checked, (text) => void this.notices.push(text), { now: () => this.now, origin: 1_700_000_000_250.5 });
  }

  /** One batch; nothing once the source has ended. */
  receive(): TestPacket[] | undefined {
    const count = this.source.receive();
    if (count < 0) return undefined;
    const { memory: { bytes }, offset, length, wireLength, seconds, nanoseconds, linkType } = this.batch;
    return Array.from({ length: count }, (_, row) => ({
      bytes: Buffer.from(bytes.subarray(offset[row], offset[row] + length[row])), wireLength: wireLength[row], seconds: seconds[row], nanoseconds: nanoseconds[row], linkType,
    }));
  }

  /** All packets to the end, or so many at least. */
  take(most = Infinity): TestPacket[] {
    const packets: TestPacket[] = [];
    for (let batch = this.receive(); batch !== undefined; batch = this.receive()) {
      packets.push(...batch);
      if (packets.length >= most) break;
    }
    return packets;
  }
}
