/**
 * The loopback backend: interfaces in memory, without native code, for development and tests.
 *
 *     loopback.inject('eth3', frame)     a frame arrives on eth3
 *     loopback.read('eth4')              what engines have sent to eth4
 *     loopback.end('eth3')               nothing more will arrive there
 *
 * Each interface has a ring towards engines and one from them, shared by all threads of the process.
 */
import type { Backend, BackendStatus, DeviceInformation, LinkPlan, OpenContext, PortOpener, SinkRequest, SourcePort, SourceRequest, Transmitter } from '../../src/model/backend';
import { BricksError } from '../../src/model/errors';
import type { LinkName } from '../../src/model/link-name';
import { createPacketBatch } from '../../src/model/packet-batch';
import { PacketRingReader, PacketRingWriter, initialiseRing, ringBytes, wakeRing } from '../../src/ring/packet-ring';
import { RingSource, RingTransmitter } from '../../src/ring/ring-ports';
import { SharedSinks } from '../../src/ring/shared-sinks';
import { coreAddon } from '../../src/native/core-addon';

/** A packet as tests give and get it. */
export interface LoopbackPacket {
  /** Its captured bytes. */
  readonly bytes: Uint8Array;
  /** Bytes on the wire, where more than were captured. */
  readonly wireLength?: number;
  /** Time of arrival: seconds since 1970. The time of `inject` if it is left out. */
  readonly seconds?: number;
  /** Time of arrival: nanoseconds within the second, below 1,000,000,000. */
  readonly nanoseconds?: number;
  /** As pcap numbers them; 1, Ethernet, unless told otherwise. */
  readonly linkType?: number;
}

const RING_DATA_BYTES = 4 * 1024 * 1024;

type Direction = 'arriving' | 'sent';

/** The ring towards engines, and the event that wakes the engine that reads it, where the native part was built. */
interface ArrivingRing {
  readonly ring: SharedArrayBuffer;
  readonly readable: number;
  readonly writable: number;
}

/** Rings are made when they are first used: memory for what nobody sends or reads would be lost. */
interface LoopbackInterface {
  arriving?: ArrivingRing;
  sent?: SharedArrayBuffer;
  /** The engines that use it: one may read, and one may send. */
  readonly engines: { arriving?: string; sent?: string };
  /** For how many of that engine's graphs it was prepared. */
  readonly graphs: { arriving: number; sent: number };
  writer?: PacketRingWriter;
  reader?: PacketRingReader;
}

interface PreparedRings {
  readonly engine: string;
  readonly arriving: Readonly<Record<string, ArrivingRing>>;
  readonly sent: Readonly<Record<string, SharedArrayBuffer>>;
}

function createRing(): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(ringBytes(RING_DATA_BYTES));
  initialiseRing(buffer);
  return buffer;
}

function createArrivingRing(): ArrivingRing {
  const [readable, writable] = coreAddon()?.eventCreate() ?? [-1, -1];
  return { ring: createRing(), readable, writable };
}

/** Wakes the engine that sleeps until a packet arrives there. */
function wake({ ring, writable }: ArrivingRing): void {
  if (writable >= 0) coreAddon()?.eventSignal(writable);
  else wakeRing(ring);
}

/** The loopback backend: frames arrive by `inject`, and `read` tells what engines sent. */
export class LoopbackBackend implements Backend {
  /** `loopback`. */
  readonly name = 'loopback';
  /** What it is, in a few words. */
  readonly summary = 'in-memory interfaces, for development and tests';
  readonly preference = 0;
  readonly options = {};
  readonly interleavedLists = true;
  readonly inMemory = true;
  readonly takesOver = true;
  /** What `read` takes packets by. */
  private readonly batch = createPacketBatch();
  private readonly interfaces = new Map<string, LoopbackInterface>();

  /** Whether it works here; it always does. */
  status(): BackendStatus {
    return { usable: true, reason: 'works everywhere, but sees no real traffic' };
  }

  /** Its interfaces: those that were used so far. */
  devices(): Promise<readonly DeviceInformation[]> {
    return Promise.resolve([...this.interfaces.keys()].map((name) => ({ name, description: 'in memory', capture: true, send: true, notes: [] })));
  }

  handles(link: LinkName): boolean {
    return link.kind === 'interface';
  }

  /** @throws BricksError E_LINK_BUSY */
  prepare(plan: LinkPlan): PreparedRings {
    const wanted: [Direction, LinkName][] = [
      ...plan.sources.map(({ link }): [Direction, LinkName] => ['arriving', link]),
      ...plan.sinks.map(({ link }): [Direction, LinkName] => ['sent', link]),
    ];
    const ours = wanted.filter(([, link]) => this.handles(link));
    const before = plan.before as PreparedRings | undefined;
    for (const [direction, link] of ours) {
      const user = this.interfaceOf(link.text).engines[direction];
      if (user !== undefined && !(before && link.text in before[direction])) throw new BricksError('E_LINK_BUSY', `Engine "${user}" already ${direction === 'sent' ? 'sends to' : 'reads'} ${link.text}.`, 'A loopback interface takes one engine in each direction: use another name.');
    }
    const prepared = { engine: plan.engine, arriving: {} as Record<string, ArrivingRing>, sent: {} as Record<string, SharedArrayBuffer> };
    for (const [direction, { text }] of ours) {
      const port = this.interfaceOf(text);
      port.engines[direction] = plan.engine;
      port.graphs[direction]++;
      if (direction === 'arriving') prepared.arriving[text] = this.arrivingAt(text);
      else prepared.sent[text] = this.sentTo(text);
    }
    return prepared;
  }

  discard(prepared: unknown): void {
    for (const direction of ['arriving', 'sent'] as const) {
      for (const [name, ring] of Object.entries((prepared as PreparedRings)[direction])) {
        const port = this.interfaces.get(name);
        if (port && port[direction] === ring && --port.graphs[direction] === 0) delete port.engines[direction];
      }
    }
  }

  unfed(prepared: unknown): string[] {
    const names = Object.keys((prepared as PreparedRings).arriving).filter((name) => this.interfaces.get(name)?.writer === undefined);
    return names.map((name) => `Nothing arrives on ${name}: with the loopback backend it exists in memory only and receives only what a program injects (loopback().inject('${name}', frame)). For an interface of this machine, use --backend pcap.`);
  }

  flowColumns(): boolean {
    return false;
  }

  ports(): PortOpener {
    return new LoopbackPorts();
  }

  /** Lets a packet arrive on an interface. False if its ring is full: nothing is lost silently. */
  inject(name: string, packet: Uint8Array | LoopbackPacket): boolean {
    const given: LoopbackPacket = ArrayBuffer.isView(packet) ? { bytes: packet } : packet;
    const { bytes, wireLength = given.bytes.length, seconds = 0, nanoseconds = 0, linkType = 1 } = given;
    const writer = this.writerOf(name);
    const taken = writer.write(bytes, 0, bytes.length, wireLength, seconds, nanoseconds, linkType);
    if (writer.commit()) wake(this.arrivingAt(name));
    return taken;
  }

  /** Says that nothing more will arrive on an interface. */
  end(name: string): void {
    if (this.writerOf(name).close()) wake(this.arrivingAt(name));
  }

  /** Takes what engines have sent to an interface since the last call. */
  read(name: string): Required<LoopbackPacket>[] {
    const port = this.interfaceOf(name);
    if (!port.reader) {
      port.reader = new PacketRingReader(this.sentTo(name));
      port.reader.attach(process.pid);
    }
    const packets: Required<LoopbackPacket>[] = [];
    const { batch } = this;
    for (;;) {
      const count = port.reader.fill(batch, 0, batch.capacity);
      if (count === 0) return packets;
      for (let row = 0; row < count; row++) {
        const at = batch.offset[row];
        packets.push({
          bytes: port.reader.memory.bytes.slice(at, at + batch.length[row]),
          wireLength: batch.wireLength[row],
          seconds: batch.seconds[row],
          nanoseconds: batch.nanoseconds[row],
          linkType: batch.linkType,
        });
      }
      port.reader.release();
    }
  }

  /** Forgets all interfaces: for the time between two tests, when no engine uses them. */
  reset(): void {
    for (const { arriving } of this.interfaces.values()) {
      if (arriving && arriving.writable >= 0) coreAddon()?.eventClose(arriving.readable, arriving.writable);
    }
    this.interfaces.clear();
  }

  private interfaceOf(name: string): LoopbackInterface {
    let port = this.interfaces.get(name);
    if (!port) {
      port = { engines: {}, graphs: { arriving: 0, sent: 0 } };
      this.interfaces.set(name, port);
    }
    return port;
  }

  private arrivingAt(name: string): ArrivingRing {
    return (this.interfaceOf(name).arriving ??= createArrivingRing());
  }

  private sentTo(name: string): SharedArrayBuffer {
    return (this.interfaceOf(name).sent ??= createRing());
  }

  private writerOf(name: string): PacketRingWriter {
    const port = this.interfaceOf(name);
    return (port.writer ??= new PacketRingWriter(this.arrivingAt(name).ring));
  }
}

/** The one of this thread. */
export const loopbackBackend = new LoopbackBackend();

class LoopbackPorts implements PortOpener {
  private readonly sent = new SharedSinks<ArrayBufferLike, RingTransmitter>();

  openSource(request: SourceRequest, context: OpenContext): SourcePort {
    if (request.queue >= 0) context.notice(`${request.link.text}: loopback interfaces have no hardware queues; this engine gets all packets.`);
    const { ring, readable } = prepared('arriving', context, request.link);
    const addon = readable < 0 ? undefined : coreAddon();
    return new RingSource(request, ring, 1, addon && { descriptor: readable, drain: () => addon.eventDrain(readable) });
  }

  openSinks(requests: readonly SinkRequest[], context: OpenContext): Transmitter {
    return new RingTransmitter(requests, requests.map((request) => prepared('sent', context, request.link)), this.sent);
  }
}

function prepared<Which extends Direction>(which: Which, context: OpenContext, { text }: LinkName): PreparedRings[Which][string] {
  const rings: PreparedRings[Which] = (context.prepared as PreparedRings)[which];
  if (!(text in rings)) throw new BricksError('E_INTERNAL', `The loopback interface ${text} was not prepared.`);
  return rings[text] as PreparedRings[Which][string];
}
