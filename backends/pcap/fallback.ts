/**
 * Live capture where our own binding was not built: node-pcap captures in its own process; the main
 * thread writes its packets to a ring in shared memory that the engine's thread reads.
 *
 * A tenth of the rate, microseconds, no sending.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LinkPlan, OpenContext, SourcePort, SourceRequest } from '../../src/model/backend';
import { LINK_DROPS, addToCounter } from '../../src/model/counters';
import { DROP_REASON_INDEX } from '../../src/model/drop-reasons';
import { BricksError } from '../../src/model/errors';
import type { LinkName } from '../../src/model/link-name';
import { PacketRingWriter, initialiseRing, ringBytes, wakeRing } from '../../src/ring/packet-ring';
import { RingSource } from '../../src/ring/ring-ports';
import type { OptionValues } from '../../src/model/options';
import { INTERFACE_UP, flagsOf, interfaceNames, linuxInterfaces } from './devices';
import { filterError } from '../../src/filter/filter-expression';
import { pcapAddon } from './native';
import { checkWithNodePcap, tryNodePcap } from '../../src/native/node-pcap';
import { RECORD_BYTES, STATISTICS, type ChildStatus, type ChildTask } from './node-pcap-records';
import { deviceDownError, noDeviceError, textualError } from './open-errors';
import { pcapSettings, type PcapSettings } from './options';

const RING_DATA_BYTES = 16 << 20;
/** How long packets may wait in the ring for the reader to look: the engine has nothing to wait on. */
const POLL_MILLISECONDS = 2;
const OPEN_MILLISECONDS = 10_000;
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
  private readonly child: ChildProcess;
  private readonly writer: PacketRingWriter;
  private readonly state: Uint32Array;
  private readonly timer: NodeJS.Timeout;
  private readonly linkType: number;
  /** The beginning of a record whose end has not come yet. */
  private rest: Buffer = Buffer.alloc(0);
  private lost = 0;
  private kernelDrops = 0;

  /** @throws BricksError E_NATIVE_MISSING, E_PERMISSION, E_NO_DEVICE, E_DEVICE_DOWN, E_FILTER, E_BACKEND */
  constructor(private readonly link: LinkName, settings: PcapSettings) {
    checkBeforeOpening(link.device, settings.filter);
    const ring = new SharedArrayBuffer(ringBytes(RING_DATA_BYTES));
    initialiseRing(ring);
    this.capture = { link: link.text, filter: settings.filter, ring, state: new SharedArrayBuffer(8) };
    this.writer = new PacketRingWriter(ring);
    this.state = new Uint32Array(this.capture.state);
    const { child, linkType } = startChild(link.device, settings);
    this.child = child;
    this.linkType = linkType;
    child.stdout?.on('data', (chunk: Buffer) => this.take(chunk));
    child.on('exit', () => this.endRing());
    this.timer = setInterval(() => this.look(), LOOK_MILLISECONDS);
    this.timer.unref();
  }

  /** Writes the records of a chunk to the ring. */
  private take(chunk: Buffer): void {
    const data = this.rest.length > 0 ? Buffer.concat([this.rest, chunk]) : chunk;
    let at = 0;
    while (at + RECORD_BYTES <= data.length) {
      const captured = data.readUInt32LE(at + 8);
      if (captured === STATISTICS) {
        this.countDrops(this.lost, data.readUInt32LE(at));
        at += RECORD_BYTES;
        continue;
      }
      if (at + RECORD_BYTES + captured > data.length) break;
      const taken = this.writer.write(data, at + RECORD_BYTES, captured, data.readUInt32LE(at + 12), data.readUInt32LE(at), data.readUInt32LE(at + 4), this.linkType);
      if (!taken) this.countDrops(this.lost + 1, this.kernelDrops);
      at += RECORD_BYTES + captured;
    }
    this.rest = Buffer.from(data.subarray(at));
    if (this.writer.commit()) wakeRing(this.capture.ring);
  }

  private countDrops(lost: number, kernelDrops: number): void {
    this.lost = lost;
    this.kernelDrops = kernelDrops;
    Atomics.store(this.state, WORD_DROPS, (lost + kernelDrops) >>> 0);
  }

  private look(): void {
    const device = deviceState(this.link.device);
    Atomics.store(this.state, WORD_DEVICE, device);
    if (device === DEVICE_GONE) this.endRing();
  }

  private endRing(): void {
    if (this.writer.close()) wakeRing(this.capture.ring);
  }

  close(): void {
    clearInterval(this.timer);
    this.child.removeAllListeners('exit');
    this.child.stdout?.destroy();
    this.child.stdin?.destroy();
    this.child.kill('SIGKILL');
    this.endRing();
  }
}

/** Where the system does not tell (other than Linux), or for all devices at once, it is taken to be up. */
function deviceState(device: string): number {
  if (device !== 'any' && linuxInterfaces()?.includes(device) === false) return DEVICE_GONE;
  return ((flagsOf(device) ?? INTERFACE_UP) & INTERFACE_UP) === 0 ? DEVICE_DOWN : DEVICE_UP;
}

/** What can be known without opening: it has better words than node-pcap. */
function checkBeforeOpening(device: string, filter: string): void {
  if (!tryNodePcap()) pcapAddon();
  const names = interfaceNames();
  if (!names.includes(device)) throw noDeviceError(device, names);
  if (deviceState(device) === DEVICE_DOWN) throw deviceDownError(device);
  const problem = filter ? checkWithNodePcap(filter, 1) : '';
  if (problem) throw filterError(filter, 'filter', problem);
}

/** Starts the capturing process, and waits until it captures: nothing that comes afterwards is missed. */
function startChild(device: string, settings: PcapSettings): { readonly child: ChildProcess; readonly linkType: number } {
  const folder = mkdtempSync(join(tmpdir(), 'bricks-capture-'));
  const task: ChildTask = {
    device,
    status: join(folder, 'status'),
    options: {
      filter: settings.filter,
      buffer_size: settings.bufferBytes,
      snap_length: settings.snapLength,
      buffer_timeout: settings.latency,
      promiscuous: settings.promiscuous,
    },
  };
  const child = spawn(process.execPath, [join(__dirname, '..', 'pcap', 'node-pcap-child.js'), JSON.stringify(task)], { stdio: ['pipe', 'pipe', 'inherit'] });
  try {
    const status = waitForStatus(task.status);
    if ('linkType' in status) return { child, linkType: status.linkType };
    child.kill('SIGKILL');
    throw textualError(device, 'capture on', status.error, interfaceNames());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function waitForStatus(file: string): ChildStatus {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (let waited = 0; waited < OPEN_MILLISECONDS; waited += 5) {
    try {
      return JSON.parse(readFileSync(file, 'utf8')) as ChildStatus;
    } catch {
      Atomics.wait(sleeper, 0, 0, 5);
    }
  }
  return { error: 'node-pcap does not answer' };
}

/** The engine's half. */
export class FallbackSource implements SourcePort {
  readonly link: LinkName;
  readonly descriptor = -1;
  readonly lossless = false;
  private readonly ring: RingSource;
  private readonly state: Uint32Array;
  private readonly words: Uint32Array;
  private readonly record: number;
  private readonly notice: OpenContext['notice'];
  private drops = 0;
  private device = DEVICE_UP;

  constructor(request: SourceRequest, context: OpenContext, backendOptions: OptionValues, capture: FallbackCapture) {
    const { filter, fanout } = pcapSettings(backendOptions, request.options);
    if (filter !== capture.filter) {
      throw new BricksError('E_NATIVE_MISSING', `The option "filter" of the backend can't be used for ${request.link.text} without the native part bricks_pcap.`, 'Remove it, or build the native part: bricks build.');
    }
    this.link = request.link;
    this.ring = new RingSource(request, capture.ring);
    this.state = new Uint32Array(capture.state);
    this.words = request.counters.words;
    this.record = request.record;
    this.notice = (text, fault) => context.notice(text, fault);
    this.notice(`${request.link.text} is captured with node-pcap, because the native part bricks_pcap was not built: slower, with microsecond time stamps, and it cannot send.`);
    if (request.queue >= 0 || (fanout !== '' && fanout !== 'none')) this.notice(`${request.link.text}: an interface can't be shared by several engines without the native part bricks_pcap; this one gets all packets.`);
    if (request.alsoSink) this.notice(`${request.link.text}: outgoing frames are captured too.`);
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
    const what = device === DEVICE_GONE ? 'is gone; no more packets will come from it' : device === DEVICE_DOWN ? 'went down; waiting for it to come up again' : 'is up again';
    this.notice(`The interface ${this.link.text} ${what}.`, device === DEVICE_GONE ? { kind: 'interfaceGone', link: this.link.text } : undefined);
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
