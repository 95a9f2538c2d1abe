/** Sending out of network interfaces: all those of an engine in one native call a batch. */
import type { OpenContext, SinkRequest, Transmitter } from '../../src/model/backend';
import type { OptionValues } from '../../src/model/options';
import type { PacketBatch } from '../../src/model/packet-batch';
import { interfaceNames } from './devices';
import { pcapAddon, type NativeTransmitter } from './native';
import { sendError } from './open-errors';
import { pcapSettings } from './options';

/** How often interfaces that are down or gone are looked at. */
const LOOK_MILLISECONDS = 250;
/** What the system says of an interface that was deleted; one that is down may come up again. */
const GONE = /no such device/i;

export class InterfaceTransmitter implements Transmitter {
  private readonly native: NativeTransmitter;
  private readonly batches = new Map<PacketBatch, { readonly number: number; memory: Uint8Array }>();
  private readonly links: readonly string[];
  private readonly troubles: string[];
  private readonly notice: OpenContext['notice'];
  private lookAt = 0;

  /** Opens all interfaces, or none and says why.
   *  @throws BricksError E_NATIVE_MISSING, E_PERMISSION, E_NO_DEVICE, E_BACKEND */
  constructor(requests: readonly SinkRequest[], context: OpenContext, backendOptions: OptionValues = {}) {
    this.native = new (pcapAddon().InterfaceTransmitter)();
    this.links = requests.map((request) => request.link.text);
    this.troubles = requests.map(() => '');
    this.notice = (text, fault) => context.notice(text, fault);
    for (const request of requests) {
      this.addSink(request, backendOptions);
      request.lists.drops.complete[request.output] = 1;
    }
    for (const batch of context.batches) this.bind(batch);
  }

  private addSink(request: SinkRequest, backendOptions: OptionValues): void {
    const settings = pcapSettings(backendOptions, request.options);
    const { device } = request.link;
    try {
      this.native.addSink(
        { device, bufferBytes: settings.sendBufferBytes, bypassQueue: settings.bypassQueue },
        request.lists, request.output, request.counters.buffer, request.record,
      );
    } catch (error) {
      this.native.close();
      throw sendError(device, error, interfaceNames());
    }
  }

  /** Tells the native code where the batch's packets are. A source may have set its memory later than this was made. */
  private bind(batch: PacketBatch): number {
    const known = this.batches.get(batch);
    const number = known?.number ?? this.native.addBatch(batch);
    this.native.setMemory(number, batch.memory.bytes);
    this.batches.set(batch, { number, memory: batch.memory.bytes });
    return number;
  }

  transmit(batch: PacketBatch, wait: boolean): number {
    const known = this.batches.get(batch);
    const number = known !== undefined && known.memory === batch.memory.bytes ? known.number : this.bind(batch);
    return this.native.transmit(number, batch.linkType, wait);
  }

  /** Nothing to do: the kernel has each frame already. */
  flush(): void {}

  /** Says when an interface goes down, and looks whether it is back. The counters are always up to date. */
  refreshCounters(): void {
    const now = performance.now();
    if (now < this.lookAt) return;
    this.lookAt = now + LOOK_MILLISECONDS;
    const states = this.native.states();
    for (let index = 0; index < states.length; index++) {
      if (states[index] === this.troubles[index]) continue;
      const trouble = states[index];
      this.troubles[index] = trouble;
      this.notice(trouble === ''
        ? `The interface ${this.links[index]} accepts packets again.`
        : `The interface ${this.links[index]} does not accept packets: ${trouble}. Packets for it are dropped and counted.`,
        GONE.test(trouble) ? { kind: 'interfaceGone', link: this.links[index] } : undefined);
    }
  }

  close(): void {
    this.native.close();
  }
}
