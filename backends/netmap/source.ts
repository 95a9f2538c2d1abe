import { SOURCE_ENDED, type OpenContext, type SourcePort, type SourceRequest } from '../../src/model/backend';
import type { LinkName } from '../../src/model/link-name';
import { packetMemory, type ColumnName, type PacketBatch } from '../../src/model/packet-batch';
import type { NativePort, NativeSource, NativeSourceBinding, NetmapAddon } from './native';
import type { NetmapSettings } from './options';
import type { NetmapTransmitter } from './transmitter';

/** What the backend's control half tells the engine's thread. */
export interface PreparedLinks {
  /** Of the whole engine, files too. */
  readonly sources: number;
  /** Its graph takes the place of another one, whose links are at work. */
  readonly replaces: boolean;
}

/** While sinks have packets in reserve, or for each other, an idle engine looks after them so often. */
const SETTLE_MILLISECONDS = 1;
/** The longest wait in `receive` of an engine's only source: commands are seen after it. */
const WAIT_MILLISECONDS = 10;
/**
 * So many empty looks of a new source do not wait: what is called seldom V8 leaves unoptimised, and the first packets would meet
 * code that crawls (docs/decisions/0017). Some 100 ms.
 */
const WAKEFUL_LOOKS = 20_000;
/** What a batch counts for: it takes as long as so many looks, and an engine with work to do runs its code by that. */
const LOOKS_OF_A_BATCH = 20;
const DO_NOT_WAIT = -1;
const SPINS_MAXIMUM = 128;
/** When looking again did not help lately, it is tried once in so many times. */
const TRY_AGAIN = 64;
const TRY_SPINS = 16;

/**
 * How often an empty ring is looked at before waiting: often where packets then came, seldom where
 * they did not. With one CPU, nobody can send while we look: that took half of the time.
 */
export class Patience {
  private spins = TRY_SPINS;
  private limit = TRY_SPINS;
  private empty = 0;
  private phases = 0;

  constructor(private readonly processors: number) {}

  /** Nothing was there; returns whether to wait now. */
  nothing(): boolean {
    if (this.processors < 2) return true;
    if (this.empty++ === 0) this.limit = ++this.phases % TRY_AGAIN === 0 ? Math.max(TRY_SPINS, this.spins) : this.spins;
    if (this.empty < this.limit) return false;
    if (this.empty === this.limit) this.spins = Math.max(1, this.spins >> 1);
    return true;
  }

  /** After each look, also one that found nothing: all of it runs either way, so that the first packets meet no code that V8 has not seen run. */
  looked(found: boolean): void {
    const more = Math.min(SPINS_MAXIMUM, this.spins * 2);
    const waited = this.empty > 0;
    const inTime = this.empty < this.limit;
    this.spins = found && waited && inTime ? more : this.spins;
    this.empty = found ? 0 : this.empty;
  }
}

function isOnlySource({ prepared }: OpenContext): boolean {
  return (prepared as PreparedLinks | undefined)?.sources === 1;
}

function nativeBinding({ batch, flowColumns, unread, counters, record }: SourceRequest, waits: boolean): NativeSourceBinding {
  const reads = (column: ColumnName): boolean => !unread?.has(column);
  return {
    batch,
    flowColumns,
    flowFields: reads('flowAddresses') || reads('flowPorts'),
    arrival: reads('wireLength') || reads('seconds') || reads('nanoseconds'),
    waits,
    counters: counters.buffer,
    record,
  };
}

export class NetmapSource implements SourcePort {
  readonly link: LinkName;
  readonly descriptor: number;
  withoutArrival: boolean;
  readonly lossless = false;
  readonly unaffectedBySinks = true;
  private readonly native: NativeSource;
  private batch: PacketBatch;
  private readonly notice: OpenContext['notice'];
  /** `receive` has waited for what it answers. */
  waited = false;
  private open = true;
  private wakefulLooks = WAKEFUL_LOOKS;
  private readonly patience: Patience;
  /** Where the engine has other sources too, it waits for all of them itself. */
  private only: boolean;
  /** Nobody else could bring packets while this thread looked for them again. */
  private waitsAtOnce: boolean;
  private transmitter: NetmapTransmitter | undefined;
  private readonly processors: number;

  constructor(
    addon: NetmapAddon,
    options: NetmapSettings,
    request: SourceRequest,
    port: NativePort,
    private readonly transmitterOf: (batch: PacketBatch) => NetmapTransmitter | undefined,
    context: OpenContext,
    private readonly leave: () => void,
  ) {
    this.link = request.link;
    this.batch = request.batch;
    this.notice = context.notice;
    this.descriptor = port.information().descriptor;
    this.processors = addon.usableProcessors();
    this.patience = new Patience(this.processors);
    this.only = isOnlySource(context);
    this.waitsAtOnce = this.only && this.processors < 2;
    const binding = nativeBinding(request, this.waitsAtOnce);
    this.withoutArrival = !binding.arrival;
    this.native = new addon.NetmapSource({ port, timestamps: options.timestamps, ...binding });
    this.batch.memory = packetMemory(this.native.memory());
    this.batch.linkType = 1;
    this.transmitter = transmitterOf(request.batch);
    this.transmitter?.bindSource(request.batch, this.native, this.only);
  }

  rebind(request: SourceRequest, context: OpenContext): void {
    const { batch } = request;
    batch.memory = this.batch.memory;
    batch.linkType = this.batch.linkType;
    this.batch = batch;
    this.only = isOnlySource(context);
    this.waitsAtOnce = this.only && this.processors < 2;
    const binding = nativeBinding(request, this.waitsAtOnce);
    this.withoutArrival = !binding.arrival;
    this.native.rebind(binding);
    this.transmitter = this.transmitterOf(batch);
    this.transmitter?.bindSource(batch, this.native, this.only);
  }

  receive(): number {
    let answer = this.native.receive(this.waitsAtOnce ? this.waitMilliseconds() : DO_NOT_WAIT);
    if (answer >> 1 === 0) {
      this.transmitter?.settle();
      // At once: an engine that got nothing publishes its counters before it looks again.
      if (this.patience.nothing() && this.only && answer === 0) answer = this.native.receive(this.waitMilliseconds());
    }
    const rows = answer >> 1;
    this.waited = (answer & 1) !== 0;
    const found = rows > 0;
    this.batch.count = found ? rows : 0;
    this.patience.looked(found);
    this.wakefulLooks = Math.max(0, this.wakefulLooks - (found ? LOOKS_OF_A_BATCH : 0));
    if (rows >= 0) return rows;
    this.notice(`The interface ${this.link.text} is gone from netmap.`, { kind: 'interfaceGone', link: this.link.text });
    return SOURCE_ENDED;
  }

  private waitMilliseconds(): number {
    if (this.wakefulLooks > 0) {
      this.wakefulLooks--;
      return 0;
    }
    return this.transmitter?.backlog ? SETTLE_MILLISECONDS : WAIT_MILLISECONDS;
  }

  /** The next `receive` does it; the kernel learns of it only then anyway. */
  release(): void {
    return;
  }

  nextDue(): number {
    return this.transmitter?.backlog ? SETTLE_MILLISECONDS : Infinity;
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.native.close();
    this.leave();
  }
}
