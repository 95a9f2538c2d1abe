/** A backend's source in a test: without an engine, with a time that the test moves. */
import type { Backend, OpenContext, SourcePort, SourceRequest } from '../model/backend';
import { LINK_BYTES, LINK_PACKETS, LINK_RECORD, createCounterBlock, readCounter } from '../model/counters';
import { parseLinkName } from '../model/link-name';
import { checkOptions, listOptions, type OptionValue } from '../model/options';
import { createPacketBatch } from '../model/packet-batch';
import type { SourceClock } from '../traffic/paced-source';
import { FIRST_SECOND, packetAt, type TestPacket } from './packets';

export interface TestSourceOptions {
  /** The link that it receives from; default: eth0. */
  readonly link?: string;
  /** Rows of its batch; default: 64. */
  readonly rows?: number;
}

/** A source as an engine reads it: `new TestSource((request, context, clock) => new PacedSource(request, maker, options, context.notice, clock))`, or `TestSource.of(backend, options)`. */
export class TestSource {
  /** What it told the user. */
  readonly notices: string[] = [];
  /** The source itself. */
  readonly port: SourcePort;
  private now = 0;
  private readonly request: SourceRequest;

  /** `open` makes the source; the clock stands still until `advance`. */
  constructor(open: (request: SourceRequest, context: OpenContext, clock: SourceClock) => SourcePort, { link = 'eth0', rows = 64 }: TestSourceOptions = {}) {
    const batch = createPacketBatch(rows);
    this.request = { link: parseLinkName(link), options: {}, queue: -1, batch, flowColumns: false, alsoSink: false, counters: createCounterBlock(LINK_RECORD), record: 0 };
    const context: OpenContext = { batchRows: rows, prepared: undefined, batches: [batch], copies: false, notice: (text) => void this.notices.push(text) };
    this.port = open(this.request, context, { now: () => this.now, origin: FIRST_SECOND * 1000 });
  }

  /** That of a backend, with its options as users give them; it goes by the real time. @throws BricksError for options that are wrong */
  static of(backend: Backend, options: Readonly<Record<string, OptionValue>> = {}, settings: TestSourceOptions = {}): TestSource {
    const checked = checkOptions(`The backend ${backend.name}`, listOptions(backend.options), options);
    backend.check?.(checked);
    return new TestSource((request, context) => backend.ports(checked).openSource(request, context), settings);
  }

  /** What it has counted. */
  get counted(): { readonly packets: number; readonly bytes: number } {
    const { counters: { words }, record } = this.request;
    return { packets: readCounter(words, record + LINK_PACKETS), bytes: readCounter(words, record + LINK_BYTES) };
  }

  /** Moves the time. */
  advance(milliseconds: number): this {
    this.now += milliseconds;
    return this;
  }

  /** One batch, which may be empty; undefined when the source has ended. */
  receive(): TestPacket[] | undefined {
    const count = this.port.receive();
    if (count < 0) return undefined;
    const packets = Array.from({ length: count }, (_, row) => packetAt(this.request.batch, row));
    this.port.release();
    return packets;
  }

  /** All packets to its end, or until there are so many. For sources that do not wait for the time. */
  take(most = Infinity): TestPacket[] {
    const packets: TestPacket[] = [];
    while (packets.length < most) {
      const batch = this.receive();
      if (batch === undefined) break;
      packets.push(...batch);
    }
    return packets;
  }
}
