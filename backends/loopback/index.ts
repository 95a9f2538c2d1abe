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

interface LoopbackInterface {
  readonly arriving: SharedArrayBuffer;
  readonly sent: SharedArrayBuffer;
  writer?: PacketRingWriter;
  reader?: PacketRingReader;
}

interface PreparedRings {
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

  prepare(plan: LinkPlan): PreparedRings {
    const rings = (links: LinkPlan['sources'], which: 'arriving' | 'sent'): Record<string, SharedArrayBuffer> =>
      Object.fromEntries(links.filter(({ link }) => this.handles(link)).map(({ link }) => [link.text, this.interfaceOf(link.text)[which]]));
    return { arriving: rings(plan.sources, 'arriving'), sent: rings(plan.sinks, 'sent') };
  }

  ports(): PortOpener {
    return new LoopbackPorts();
  }

  /** Lets a packet arrive on an interface. False if its ring is full: nothing is lost silently. */
  inject(name: string, packet: Uint8Array | LoopbackPacket): boolean {
    const given: LoopbackPacket = ArrayBuffer.isView(packet) ? { bytes: packet } : packet;
    const { bytes, wireLength = given.bytes.length, seconds = 0, nanoseconds = 0, linkType = 1 } = given;
    const port = this.interfaceOf(name);
    port.writer ??= new PacketRingWriter(port.arriving);
    const taken = port.writer.write(bytes, 0, bytes.length, wireLength, seconds, nanoseconds, linkType);
    if (port.writer.commit()) wakeRing(port.arriving);
    return taken;
  }

  /** Says that nothing more will arrive on an interface. */
  end(name: string): void {
    const port = this.interfaceOf(name);
    port.writer ??= new PacketRingWriter(port.arriving);
    if (port.writer.close()) wakeRing(port.arriving);
  }

  /** Takes what engines have sent to an interface since the last call. */
  read(name: string): Required<LoopbackPacket>[] {
    const port = this.interfaceOf(name);
    if (!port.reader) {
      port.reader = new PacketRingReader(port.sent);
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
      port = { arriving: createRing(), sent: createRing() };
      this.interfaces.set(name, port);
    }
    return port;
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

function ringOf(context: OpenContext, which: keyof PreparedRings, link: LinkName): SharedArrayBuffer {
  const ring = (context.prepared as PreparedRings)[which][link.text];
  if (!ring) throw new BricksError('E_INTERNAL', `The loopback interface ${link.text} was not prepared.`);
  return ring;
}
