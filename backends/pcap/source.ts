/** A captured interface, in the engine's thread: by a receive ring of our own, or by libpcap. */
import type { OpenContext, SourcePort, SourceRequest } from '../../src/model/backend';
import { SOURCE_ENDED } from '../../src/model/backend';
import type { LinkName } from '../../src/model/link-name';
import { packetMemory, type PacketMemory } from '../../src/model/packet-batch';
import { interfaceNames } from './devices';
import { NATIVE_FAILED, pcapAddon, type NativePcapSource } from './native';
import { captureError } from './open-errors';
import { pcapSettings, type PcapSettings } from './options';
import type { OptionValues } from '../../src/model/options';

/** libpcap's packets are copied here, packed: small enough to stay in a cache while they are looked at. */
const STAGING_BYTES = 1 << 20;
/** When an interface has vanished, what came last is handed up after its latency, and somewhat later on a busy machine. */
const LAST_MILLISECONDS = 50;

/** A buffer with room for fewer loses packets whenever the engine is held up. */
const FEW_PACKETS = 1024;


export class PcapSource implements SourcePort {
  readonly link: LinkName;
  readonly descriptor: number;
  readonly lossless = false;
  /** Whether time stamps have nanoseconds. */
  readonly nanoseconds: boolean;
  /** Whether rows point into the kernel's own blocks; libpcap's are copies. */
  readonly receiveRing: boolean;
  private readonly native: NativePcapSource;
  private readonly pause: Uint32Array;
  private batch: SourceRequest['batch'];
  private readonly notice: OpenContext['notice'];
  private down = false;
  private ended = false;
  private readonly latency: number;
  /** Where the interface has vanished: when nothing more can come of it. */
  private goneAt = Infinity;

  /** @throws BricksError E_NATIVE_MISSING, E_PERMISSION, E_NO_DEVICE, E_DEVICE_DOWN, E_FILTER, E_BACKEND */
  constructor(request: SourceRequest, context: OpenContext, backendOptions: OptionValues = {}) {
    this.link = request.link;
    this.batch = request.batch;
    this.notice = (text, fault) => context.notice(text, fault);
    const settings = pcapSettings(backendOptions, request.options);
    const room = Math.floor(settings.bufferBytes / settings.snapLength);
    if (settings.latency === 0 && room < FEW_PACKETS) {
      this.notice(`${request.link.text}: with latency 0 the kernel's buffer may hold only ${room} packets; with snapLength 2048 it holds ${Math.floor(settings.bufferBytes / 2048)}.`);
    }
    const fanout = sharing(settings, request.queue);
    this.native = openCapture(request.link.device, settings, directionOf(request, settings, this.notice), fanout, request.queue);
    this.descriptor = this.native.descriptor;
    this.nanoseconds = this.native.nanoseconds;
    this.pause = this.native.pause;
    this.latency = settings.latency;
    if (this.native.warning) this.notice(`${request.link.text}: ${this.native.warning}.`);
    if (request.queue >= 0 && fanout === '') this.notice(`${request.link.text}: with fanout none, queue ${request.queue} gets all packets of the interface.`);
    if (this.native.others > 0) this.notice(`${request.link.text}: another engine captures this interface too, and each gets all packets. To share them, link each engine with its own queue, or set the option fanout.`);
    // Room for a packet of full length behind the last one that the native code begins with.
    const memory = packetMemory(this.native.memory ?? new ArrayBuffer(STAGING_BYTES + Math.ceil(this.native.snapLength / 4096) * 4096));
    this.receiveRing = this.native.memory !== undefined;
    this.bind(request, memory);
  }

  private bind({ batch, counters, record, flowColumns }: SourceRequest, memory: PacketMemory): void {
    this.batch = batch;
    batch.memory = memory;
    batch.linkType = this.native.linkType;
    this.native.bind(batch, memory.bytes, counters.buffer, record, flowColumns);
  }

  rebind(request: SourceRequest): void {
    this.bind(request, this.batch.memory);
  }

  receive(): number {
    if (this.ended) return SOURCE_ENDED;
    const count = this.native.receive();
    // One way for packets and for none, so that the first packets meet no code that V8 has not seen run.
    this.batch.count = count > 0 ? count : 0;
    return count < 0 ? this.lookAtDevice(count === NATIVE_FAILED) : count;
  }

  /** While packets come fast, several blocks of the kernel's are taken at each waking. */
  nextDue(): number {
    const microseconds = this.pause[0];
    return microseconds === 0 ? Infinity : microseconds / 1000;
  }

  /** Nothing to do: the next `receive`, which comes before any wait, hands the memory back. */
  release(): void {}

  refreshCounters(): void {
    if (!this.ended) this.native.refreshCounters();
  }

  close(): void {
    this.ended = true;
    this.native.close();
  }

  /** Is the interface down (it may come up again), gone, or was there some other error? */
  private lookAtDevice(failed: boolean): number {
    const { device, error } = this.native.state();
    if (device === 'gone') {
      const now = performance.now();
      this.goneAt = Math.min(this.goneAt, now + this.latency + LAST_MILLISECONDS);
      return now < this.goneAt ? 0 : this.end('is gone; no more packets will come from it');
    }
    if (device === 'down') {
      if (!this.down) this.notice(`The interface ${this.link.text} went down; waiting for it to come up again (ip link set ${this.link.device} up).`);
      this.down = true;
      return 0;
    }
    if (this.down) {
      this.down = false;
      this.notice(`The interface ${this.link.text} is up again.`);
      return 0;
    }
    // Without a text it is up again before anyone looked.
    return failed && error !== '' ? this.end(`can't be captured any more: ${error}`) : 0;
  }

  private end(what: string): number {
    this.native.refreshCounters();
    this.notice(`The interface ${this.link.text} ${what}.`, { kind: 'interfaceGone', link: this.link.text });
    this.ended = true;
    return SOURCE_ENDED;
  }
}

/** An engine that sends on the interface too must not get its own packets back. */
function directionOf(request: SourceRequest, settings: PcapSettings, notice: (text: string) => void): string {
  if (!request.alsoSink || settings.direction === 'in') return settings.direction;
  notice(`${request.link.text}: the engine also sends on this interface, so only incoming frames are captured.`);
  return 'in';
}

/** How the interface is shared with other engines: '' for not at all. */
function sharing({ fanout }: PcapSettings, queue: number): string {
  if (fanout === 'none') return '';
  return fanout === '' && queue >= 0 ? 'balance' : fanout;
}

function openCapture(device: string, settings: PcapSettings, direction: string, fanout: string, share: number): NativePcapSource {
  const addon = pcapAddon();
  try {
    return new addon.PcapSource({
      device,
      direction,
      timestampSource: settings.timestampSource,
      filter: settings.filter,
      snapLength: settings.snapLength,
      bufferBytes: settings.bufferBytes,
      latencyMilliseconds: settings.latency,
      promiscuous: settings.promiscuous,
      nanoseconds: settings.timestampPrecision === 'nanosecond',
      receiveRing: settings.receiveRing,
      fanout,
      share,
      takeOver: settings.fanoutTakeOver,
    });
  } catch (error) {
    throw captureError(device, settings.filter, error, interfaceNames());
  }
}
