import type { OpenContext, SinkRequest, Transmitter } from '../../src/model/backend';
import { createLateDrops } from '../../src/model/late-drops';
import type { PacketBatch } from '../../src/model/packet-batch';
import type { NativePort, NativeSource, NativeTransmitter, NetmapAddon } from './native';
import type { NetmapSettings } from './options';
import type { PortName } from './port-name';

/** So long may sinks that another graph does not have deliver their reserve, while packets for the others wait. */
const HAND_OVER_MILLISECONDS = 10;

/** All netmap sinks of an engine: they send together, in one native call a batch. */
export class NetmapTransmitter implements Transmitter {
  readonly reads = [];
  private readonly native: NativeTransmitter;
  private readonly batches: readonly PacketBatch[];
  /** The memory that each batch was last bound with. */
  private readonly bound: (Uint8Array | undefined)[];
  private readonly drainMilliseconds: number;
  private open = true;
  /** Takes its place, once it is closed. */
  private successor: NetmapTransmitter | undefined;
  /** Packets in the reserve, or owed by one sink to the next, as of the last look. */
  backlog = 0;
  private unsettled = false;
  private wantsFlush = false;

  /** `ports[k]` is the port of `requests[k]`; `before` is the transmitter of the graph that is replaced. */
  constructor(
    addon: NetmapAddon,
    options: NetmapSettings,
    requests: readonly SinkRequest[],
    ports: readonly { readonly native: NativePort; readonly name: PortName }[],
    context: OpenContext,
    private before: NetmapTransmitter | undefined,
    private readonly leave: (transmitter: NetmapTransmitter) => void,
  ) {
    this.batches = context.batches;
    for (const { lists, output } of requests) {
      lists.drops.complete[output] = 1;
      // What waits in extra buffers, or goes on along a chain, may be dropped long after its batch.
      lists.drops.late ??= createLateDrops();
    }
    this.bound = context.batches.map(() => undefined);
    this.drainMilliseconds = options.drainMilliseconds;
    this.native = new addon.NetmapTransmitter({
      batches: context.batches,
      sinks: requests.map((request, index) => ({
        port: ports[index].native,
        pipe: ports[index].name.kind === 'pipe',
        splits: options.longFrames === 'split' || (options.longFrames === 'auto' && ports[index].name.kind !== 'interface'),
        lists: request.lists,
        output: request.output,
        counters: request.counters.buffer,
        record: request.record,
      })),
      copies: context.copies,
      chains: options.groups === 'chain',
      batchesTogether: options.batchesTogether,
      before: before?.native,
    });
    if (before) before.successor = this;
  }

  /** Whether it sends the packets of a batch. */
  sends(batch: PacketBatch): boolean {
    return this.batches.includes(batch);
  }

  /** Says which netmap source fills a batch, so that its packets can move. The engine's only source also flushes, when it asks for packets. */
  bindSource(batch: PacketBatch, source: NativeSource, only: boolean): void {
    const index = this.batches.indexOf(batch);
    this.bound[index] = batch.memory.bytes;
    this.native.bindMemory(index, batch.memory.bytes, source);
    if (only) this.native.leaveFlushTo(source);
  }

  transmit(batch: PacketBatch, wait: boolean): number {
    const index = this.batches.indexOf(batch);
    const { bytes } = batch.memory;
    if (this.bound[index] !== bytes) {
      this.bound[index] = bytes;
      this.native.bindMemory(index, bytes, undefined);
    }
    this.unsettled = true;
    const answer = this.native.transmit(index, wait ? 1 : 0);
    this.wantsFlush = (answer & 1) !== 0;
    return answer >>> 1;
  }

  flush(): void {
    if (!this.wantsFlush) return;
    this.wantsFlush = false;
    this.native.flush();
  }

  /** For idle rounds: what waited for more goes out, what the reserve holds as far as there is room, and what readers gave back. */
  settle(): void {
    if (!this.unsettled) return;
    this.backlog = this.native.settle();
    this.unsettled = this.backlog > 0;
  }

  /** The engine calls this at least once in 20 milliseconds, and whenever it rests. */
  refreshCounters(): void {
    this.settle();
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    // One that was to take another's place, and is not needed after all.
    if (this.before?.successor === this) this.before.successor = undefined;
    const { successor } = this;
    this.native.close(successor ? Math.min(HAND_OVER_MILLISECONDS, this.drainMilliseconds) : this.drainMilliseconds, successor?.native);
    if (successor) {
      successor.before = undefined;
      // What it has taken over of the reserve waits, though it has sent nothing yet.
      successor.unsettled = true;
      successor.settle();
    }
    this.leave(this);
  }
}
