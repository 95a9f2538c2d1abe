/**
 * Live capture where our own binding was not built: node-pcap captures in the main thread, whose event loop
 * it needs, and writes to a ring in shared memory that the engine's thread reads.
 *
 * Some 1.5 M packets a CPU second, microseconds, no sending; under full load node-pcap does not let go
 * of the main thread.
 */
import type { LinkPlan, OpenContext, SourcePort, SourceRequest } from '../../src/core/backend';
import { LINK_DROPS, addToCounter } from '../../src/core/counters';
import { DROP_REASON_INDEX } from '../../src/core/drop-reasons';
import { BricksError, messageOf } from '../../src/core/errors';
import type { LinkName } from '../../src/core/link-name';
import { PacketRingWriter, initialiseRing, ringBytes, wakeRing } from '../../src/core/packet-ring';
import { RingSource } from '../../src/core/ring-ports';
import type { OptionValues } from '../../src/core/options';
import { INTERFACE_UP, flagsOf, interfaceNames } from './devices';
import { filterError } from './filter-expression';
import { pcapAddon } from './native';
import { checkWithNodePcap, linkTypeNumber, tryNodePcap, type NodePcap, type NodePcapPacket, type NodePcapSession } from './node-pcap';
import { deviceDownError, noDeviceError, textualError } from './open-errors';
import { pcapSettings, type PcapSettings } from './options';

const RING_DATA_BYTES = 16 << 20;
/** How long packets may wait in the ring for the reader to look: the engine has nothing to wait on. */
const POLL_MILLISECONDS = 2;
const COMMIT_EVERY = 32;
const LOOK_MILLISECONDS = 500;
const CAPTURE_FULL = LINK_DROPS + DROP_REASON_INDEX.captureFull;

/** Words of the shared state of a capture. Drops count modulo 2^32. */
const WORD_DROPS = 0;
const WORD_DEVICE = 1;
const DEVICE_UP = 0;
const DEVICE_DOWN = 1;
const DEVICE_GONE = 2;

/** What the engine's thread is handed for each captured interface. */
export interface FallbackCapture {
  readonly link: string;
  readonly filter: string;
  readonly ring: SharedArrayBuffer;
  readonly state: SharedArrayBuffer;
}

/** The main thread's half of one captured interface. */
export class NodePcapFeeder {
  readonly capture: FallbackCapture;
  private readonly session: NodePcapSession;
  private readonly writer: PacketRingWriter;
  private readonly state: Uint32Array;
  private readonly timer: NodeJS.Timeout;
  private readonly linkType: number;
  private uncommitted = 0;
  private lost = 0;
  private kernelDrops = 0;

  /** @throws BricksError E_NATIVE_MISSING, E_PERMISSION, E_NO_DEVICE, E_DEVICE_DOWN, E_FILTER, E_BACKEND */
  constructor(private readonly link: LinkName, settings: PcapSettings) {
    const pcap = tryNodePcap();
    if (!pcap) pcapAddon();
    const ring = new SharedArrayBuffer(ringBytes(RING_DATA_BYTES));
    initialiseRing(ring);
    this.capture = { link: link.text, filter: settings.filter, ring, state: new SharedArrayBuffer(8) };
    this.writer = new PacketRingWriter(ring);
    this.state = new Uint32Array(this.capture.state);
    this.session = openSession(pcap as NodePcap, link.device, settings);
    this.linkType = linkTypeNumber(this.session.link_type);
    this.session.on('packet', (packet) => this.take(packet));
    this.timer = setInterval(() => this.look(), LOOK_MILLISECONDS);
    this.timer.unref();
  }

  private take(packet: NodePcapPacket): void {
    const { buf, header } = packet;
    const captured = Math.min(header.readUInt32LE(8), buf.length);
    const taken = this.writer.write(buf, 0, captured, Math.max(captured, header.readUInt32LE(12)), header.readUInt32LE(0), header.readUInt32LE(4) * 1000, this.linkType);
    if (!taken) this.countDrops(this.lost + 1, this.kernelDrops);
    // Under full load node-pcap never comes back to the event loop, so that `setImmediate` alone would not do.
    if (!taken || ++this.uncommitted >= COMMIT_EVERY) this.commit();
    else if (this.uncommitted === 1) setImmediate(() => this.commit());
  }

  private commit(): void {
    this.uncommitted = 0;
    if (this.writer.commit()) wakeRing(this.capture.ring);
  }

  private countDrops(lost: number, kernelDrops: number): void {
    this.lost = lost;
    this.kernelDrops = kernelDrops;
    Atomics.store(this.state, WORD_DROPS, (lost + kernelDrops) >>> 0);
  }

  private look(): void {
    this.commit();
    try {
      this.countDrops(this.lost, this.session.stats().ps_drop);
    } catch {
      // No statistics are no reason to end.
    }
    const device = deviceState(this.link.device);
    Atomics.store(this.state, WORD_DEVICE, device);
    if (device === DEVICE_GONE) this.endRing();
  }

  private endRing(): void {
    if (this.writer.close()) wakeRing(this.capture.ring);
  }

  close(): void {
    clearInterval(this.timer);
    this.session.close();
    // node-pcap lets go of its handle, and of the event loop, only in the dispatch after `close`.
    this.session.session.dispatch(this.session.buf, this.session.header);
    this.endRing();
  }
}

/** Where the system does not tell (other than Linux), or for all devices at once, it is taken to be up. */
function deviceState(device: string): number {
  const flags = flagsOf(device);
  if (flags !== undefined) return (flags & INTERFACE_UP) === 0 ? DEVICE_DOWN : DEVICE_UP;
  return process.platform === 'linux' && device !== 'any' ? DEVICE_GONE : DEVICE_UP;
}

function openSession(pcap: NodePcap, device: string, settings: PcapSettings): NodePcapSession {
  const names = interfaceNames();
  if (!names.includes(device)) throw noDeviceError(device, names);
  const flags = flagsOf(device);
  if (flags !== undefined && (flags & INTERFACE_UP) === 0) throw deviceDownError(device);
  if (settings.filter) {
    const problem = checkWithNodePcap(settings.filter, 1);
    if (problem) throw filterError(settings.filter, 'filter', problem);
  }
  pcap.warningHandler = () => undefined;
  try {
    return pcap.createSession(device, {
      filter: settings.filter,
      buffer_size: settings.bufferBytes,
      snap_length: settings.snapLength,
      buffer_timeout: settings.latency,
      promiscuous: settings.promiscuous,
    });
  } catch (error) {
    throw textualError(device, 'capture on', messageOf(error), names);
  }
}

/** The engine's half. */
export class FallbackSource implements SourcePort {
  readonly link: LinkName;
  readonly descriptor = -1;
  readonly patient = false;
  private readonly ring: RingSource;
  private readonly state: Uint32Array;
  private readonly words: Uint32Array;
  private readonly record: number;
  private readonly notice: (text: string) => void;
  private drops = 0;
  private device = DEVICE_UP;

  constructor(request: SourceRequest, context: OpenContext, backendOptions: OptionValues, capture: FallbackCapture) {
    const { filter } = pcapSettings(backendOptions, request.options);
    if (filter !== capture.filter) {
      throw new BricksError('E_NATIVE_MISSING', `The option "filter" of the backend can't be used for ${request.link.text} without the native part bricks_pcap.`, 'Give it to the link, or build the native part: npm run build:native.');
    }
    this.link = request.link;
    this.ring = new RingSource(request, capture.ring);
    this.state = new Uint32Array(capture.state);
    this.words = request.counters.words;
    this.record = request.record;
    this.notice = (text) => context.notice(text);
    this.notice(`${request.link.text} is captured by node-pcap, since the native part bricks_pcap was not built: slower, in microseconds, and nothing can be sent.`);
    if (request.alsoSink) this.notice(`${request.link.text}: frames that go out are captured too.`);
  }

  receive(): number {
    return this.ring.receive();
  }

  release(): void {
    this.ring.release();
  }

  nextDue(): number {
    return POLL_MILLISECONDS;
  }

  refreshCounters(): void {
    const drops = Atomics.load(this.state, WORD_DROPS);
    addToCounter(this.words, this.record + CAPTURE_FULL, (drops - this.drops) >>> 0);
    this.drops = drops;
    const device = Atomics.load(this.state, WORD_DEVICE);
    if (device === this.device) return;
    this.device = device;
    const what = device === DEVICE_GONE ? 'is gone; nothing more comes from it' : device === DEVICE_DOWN ? 'went down; waiting for it to come up again' : 'is up again';
    this.notice(`The interface ${this.link.text} ${what}.`);
  }

  close(): void {
    this.ring.close();
  }
}

/** Starts a feeder for each interface that an engine captures: all or none. */
export function startFeeders(plan: LinkPlan, backendOptions: OptionValues, handles: (link: LinkName) => boolean): NodePcapFeeder[] {
  const feeders: NodePcapFeeder[] = [];
  try {
    for (const { link, options } of plan.sources) {
      if (handles(link)) feeders.push(new NodePcapFeeder(link, pcapSettings(backendOptions, options)));
    }
    return feeders;
  } catch (error) {
    for (const feeder of feeders) feeder.close();
    throw error;
  }
}
