import { SOURCE_ENDED, type OpenContext, type SourcePort, type SourceRequest } from '../../src/core/backend';
import type { LinkName } from '../../src/core/link-name';
import { packetMemory, type PacketBatch } from '../../src/core/packet-batch';
import { REASON_SLOTS, type NativePort, type NativeSource, type NetmapAddon } from './native';
import type { NetmapOptions } from './options';
import type { NetmapTransmitter } from './transmitter';

/** While sinks have packets in reserve, an idle engine looks after them so often. */
const SETTLE_MILLISECONDS = 1;

export class NetmapSource implements SourcePort {
  readonly link: LinkName;
  readonly descriptor: number;
  readonly patient = false;
  private readonly native: NativeSource;
  private readonly batch: PacketBatch;
  private readonly notice: (text: string) => void;
  private open = true;

  constructor(
    addon: NetmapAddon,
    options: NetmapOptions,
    request: SourceRequest,
    port: NativePort,
    private readonly transmitter: NetmapTransmitter | undefined,
    context: OpenContext,
    private readonly leave: () => void,
  ) {
    this.link = request.link;
    this.batch = request.batch;
    this.notice = context.notice;
    this.descriptor = port.information().descriptor;
    this.native = new addon.NetmapSource({
      port,
      batch: request.batch,
      flowColumns: request.flowColumns,
      timestamps: options.timestamps,
      counters: request.counters.buffer,
      record: request.record,
      reasons: REASON_SLOTS,
    });
    this.batch.memory = packetMemory(this.native.memory());
    this.batch.linkType = 1;
    this.transmitter?.bindSource(request.batch, this.native);
  }

  receive(): number {
    const rows = this.native.receive();
    if (rows > 0) {
      this.batch.count = rows;
      return rows;
    }
    this.batch.count = 0;
    if (rows === 0) {
      this.transmitter?.settle();
      return 0;
    }
    this.notice(`netmap no longer has ${this.link.text}: the interface is gone.`);
    return SOURCE_ENDED;
  }

  release(): void {
    this.native.release();
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
