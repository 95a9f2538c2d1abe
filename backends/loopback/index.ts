/**
 * The loopback backend: interfaces in memory, without native code, for development and tests.
 *
 *     loopback.inject('eth3', frame)     a frame arrives on eth3
 *     loopback.read('eth4')              what engines have sent to eth4
 *     loopback.end('eth3')               nothing more will arrive there
 *
 * Each interface has a ring towards engines and one from them, shared by all threads of the process.
 */
import type { Backend, BackendStatus, DeviceInformation, LinkPlan, OpenContext, PortOpener, SinkRequest, SourcePort, SourceRequest, Transmitter } from '../../src/core/backend';
import { BricksError } from '../../src/core/errors';
import type { LinkName } from '../../src/core/link-name';
import { createPacketBatch } from '../../src/core/packet-batch';
import { PacketRingReader, PacketRingWriter, initialiseRing, ringBytes, wakeRing } from '../../src/core/packet-ring';
import { RingSource, RingTransmitter } from '../../src/core/ring-ports';

/** A packet as tests give and get it. */
export interface LoopbackPacket {
  readonly bytes: Uint8Array;
  /** Bytes on the wire, where more than were captured. */
  readonly wireLength?: number;
  readonly seconds?: number;
  readonly nanoseconds?: number;
  /** As pcap numbers them; 1, Ethernet, unless told otherwise. */
  readonly linkType?: number;
}

const RING_DATA_BYTES = 4 * 1024 * 1024;

type Direction = 'arriving' | 'sent';

/** Rings are made when they are first used: memory for what nobody sends or reads would be lost. */
interface LoopbackInterface {
  arriving?: SharedArrayBuffer;
  sent?: SharedArrayBuffer;
  /** The engines that use it: one may read, and one may send. */
  readonly engines: { arriving?: string; sent?: string };
  writer?: PacketRingWriter;
  reader?: PacketRingReader;
}

interface PreparedRings {
  readonly engine: string;
  readonly arriving: Readonly<Record<string, SharedArrayBuffer>>;
  readonly sent: Readonly<Record<string, SharedArrayBuffer>>;
}

function createRing(): SharedArrayBuffer {
  const buffer = new SharedArrayBuffer(ringBytes(RING_DATA_BYTES));
  initialiseRing(buffer);
  return buffer;
}

export class LoopbackBackend implements Backend {
  static readonly backendName = 'loopback';
  readonly name = LoopbackBackend.backendName;
  readonly summary = 'interfaces in memory, for development and tests';
  readonly preference = 0;
  readonly options = [];
  private readonly interfaces = new Map<string, LoopbackInterface>();

  status(): BackendStatus {
    return { usable: true, reason: 'it works everywhere, but sees no real traffic' };
  }

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
    for (const [direction, link] of ours) {
      const user = this.interfaceOf(link.text).engines[direction];
      if (user !== undefined) throw new BricksError('E_LINK_BUSY', `The engine ${user} ${direction === 'sent' ? 'sends to' : 'reads'} ${link.text} already.`, 'A loopback interface has one engine for each direction: take another name.');
    }
    const prepared = { engine: plan.engine, arriving: {} as Record<string, SharedArrayBuffer>, sent: {} as Record<string, SharedArrayBuffer> };
    for (const [direction, link] of ours) {
      this.interfaceOf(link.text).engines[direction] = plan.engine;
      prepared[direction][link.text] = this.ringOf(link.text, direction);
    }
    return prepared;
  }

  discard(prepared: unknown): void {
    for (const direction of ['arriving', 'sent'] as const) {
      for (const [name, ring] of Object.entries((prepared as PreparedRings)[direction])) {
        const port = this.interfaces.get(name);
        if (port && port[direction] === ring) delete port.engines[direction];
      }
    }
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
    if (writer.commit()) wakeRing(this.ringOf(name, 'arriving'));
    return taken;
  }

  /** Says that nothing more will arrive on an interface. */
  end(name: string): void {
    if (this.writerOf(name).close()) wakeRing(this.ringOf(name, 'arriving'));
  }

  /** Takes what engines have sent to an interface since the last call. */
  read(name: string): Required<LoopbackPacket>[] {
    const port = this.interfaceOf(name);
    if (!port.reader) {
      port.reader = new PacketRingReader(this.ringOf(name, 'sent'));
      port.reader.attach(process.pid);
    }
    const packets: Required<LoopbackPacket>[] = [];
    const batch = createPacketBatch();
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
    this.interfaces.clear();
  }

  private interfaceOf(name: string): LoopbackInterface {
    let port = this.interfaces.get(name);
    if (!port) {
      port = { engines: {} };
      this.interfaces.set(name, port);
    }
    return port;
  }

  private ringOf(name: string, direction: Direction): SharedArrayBuffer {
    const port = this.interfaceOf(name);
    return (port[direction] ??= createRing());
  }

  private writerOf(name: string): PacketRingWriter {
    const port = this.interfaceOf(name);
    return (port.writer ??= new PacketRingWriter(this.ringOf(name, 'arriving')));
  }
}

class LoopbackPorts implements PortOpener {
  openSource(request: SourceRequest, context: OpenContext): SourcePort {
    return new RingSource(request, ringOf(context, 'arriving', request.link));
  }

  openSinks(requests: readonly SinkRequest[], context: OpenContext): Transmitter {
    return new RingTransmitter(requests, requests.map((request) => ringOf(context, 'sent', request.link)));
  }
}

function ringOf(context: OpenContext, which: Direction, link: LinkName): SharedArrayBuffer {
  const ring = (context.prepared as PreparedRings)[which][link.text];
  if (!ring) throw new BricksError('E_INTERNAL', `The loopback interface ${link.text} was not prepared.`);
  return ring;
}
