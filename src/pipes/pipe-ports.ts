/** Pipes in an engine's thread: natively, or by the ports of src/ring/ring-ports.ts where that was not built. */
import { SOURCE_ENDED, type OpenContext, type PortOpener, type SinkRequest, type SourcePort, type SourceRequest, type Transmitter } from '../model/backend';
import { BricksError } from '../model/errors';
import type { LinkName } from '../model/link-name';
import { packetMemory, type PacketBatch, type PacketMemory } from '../model/packet-batch';
import { RingSource, RingTransmitter } from '../ring/ring-ports';
import { SharedSinks } from '../ring/shared-sinks';
import { coreAddon, receivedLinkType, receivedPackets, type CoreAddon, type NativeRing, type NativeRingSource, type NativeRingTransmitter } from '../native/core-addon';
import type { PreparedPipe, PreparedPipes } from './prepare';

export class PipePorts implements PortOpener {
  private readonly rings = new SharedSinks<ArrayBufferLike, RingTransmitter>();
  private readonly ends = new SharedSinks<NativeRing, NativeTransmitter>();

  openSource(request: SourceRequest, context: OpenContext): SourcePort {
    const pipe = findPipe(context, request.link, 'read');
    const addon = coreAddon();
    if (addon && pipe.end !== undefined) return new PipeSource(addon, request, pipe.end);
    return new RingSource(request, ringOf(pipe), process.pid);
  }

  openSinks(requests: readonly SinkRequest[], context: OpenContext): Transmitter {
    const pipes = requests.map((request) => findPipe(context, request.link, 'write'));
    const addon = coreAddon();
    if (!addon || pipes.some((pipe) => pipe.end === undefined)) return new ScriptTransmitter(requests, pipes.map(ringOf), this.rings);
    return new NativeTransmitter(addon, requests, pipes.map((pipe) => pipe.end as number), context.batches, context.copies, this.ends);
  }
}

function findPipe(context: OpenContext, link: LinkName, role: 'read' | 'write'): PreparedPipe {
  const pipe = (context.prepared as PreparedPipes | undefined)?.pipes.find((candidate) => candidate.text === link.text && candidate.role === role);
  if (!pipe) throw new BricksError('E_PIPE', `${link.text} was not prepared.`);
  return pipe;
}

function ringOf(pipe: PreparedPipe): SharedArrayBuffer {
  if (!pipe.ring) throw new BricksError('E_NATIVE_MISSING', `${pipe.text} needs the native part bricks_core, which can't be loaded here.`);
  return pipe.ring;
}

/** Sends to pipes within this process, where the native part was not built. */
class ScriptTransmitter extends RingTransmitter implements Transmitter {
  hasReader(sink: number): boolean {
    return this.readerOf(sink) !== 0;
  }
}

/** Reads an end of a pipe. */
class PipeSource implements SourcePort {
  readonly link: LinkName;
  readonly descriptor: number;
  readonly lossless = false;
  private native: NativeRingSource;
  private batch: PacketBatch;

  constructor(private readonly addon: CoreAddon, request: SourceRequest, private readonly end: number) {
    this.link = request.link;
    this.batch = request.batch;
    this.descriptor = addon.pipeDescriptor(end);
    const bytes = addon.pipeView(end);
    request.batch.memory = packetMemory(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.native = this.bind(request);
  }

  private bind({ batch, flowColumns, counters, record }: SourceRequest): NativeRingSource {
    return new this.addon.RingSource({ ring: this.end, batch, flowColumns, counters: counters.buffer, record });
  }

  rebind(request: SourceRequest): void {
    // What was received has been released, so that the ring itself says where the next packet is.
    this.native.close();
    request.batch.memory = this.batch.memory;
    this.batch = request.batch;
    this.native = this.bind(request);
  }

  receive(): number {
    const { batch } = this;
    const answer = this.native.receive(batch.capacity);
    // One way for packets and for none, so that the first packets meet no code that V8 has not seen run.
    const told = answer > 0 ? answer : 0;
    const count = receivedPackets(told);
    const linkType = receivedLinkType(told);
    batch.count = count;
    batch.linkType = count > 0 ? linkType : batch.linkType;
    return answer < 0 ? SOURCE_ENDED : count;
  }

  release(): void {
    this.native.release();
  }

    close(): void {
    this.native.close();
  }
}

/** Sends to rings natively: all sinks in one call a batch. `rings` are ends of pipes, or memory that holds rings. */
export class NativeTransmitter implements Transmitter {
  private readonly native: NativeRingTransmitter;
  private readonly memories: (PacketMemory | undefined)[];

  /** Where a transmitter before has a ring too, this one goes on in its place. */
  constructor(
    addon: CoreAddon, requests: readonly SinkRequest[], private readonly rings: readonly NativeRing[], private readonly batches: readonly PacketBatch[], copies = false,
    private readonly users = new SharedSinks<NativeRing, NativeTransmitter>(),
  ) {
    this.memories = batches.map(() => undefined);
    this.native = new addon.RingTransmitter({
      batches,
      sinks: requests.map(({ lists, output, counters, record }, index) => {
        const before = users.userOf(rings[index]);
        return { ring: rings[index], lists, output, counters: counters.buffer, record, ...(before && { before: before.native, index: before.rings.indexOf(rings[index]) }) };
      }),
      copies,
    });
    for (const { lists, output } of requests) lists.drops.complete[output] = 1;
    for (const ring of rings) users.enter(ring, this);
  }

  transmit(batch: PacketBatch, wait: boolean): number {
    const index = this.batches.indexOf(batch);
    if (this.memories[index] !== batch.memory) {
      this.native.bindMemory(index, batch.memory.bytes);
      this.memories[index] = batch.memory;
    }
    return this.native.transmit(index, batch.linkType, wait ? 1 : 0);
  }

  flush(): void {
    this.native.flush();
  }

  /** Packets for a reader that has taken a killed one's place do not wait for the next ones. */
  refreshCounters(): void {
    this.native.follow();
  }

  hasReader(sink: number): boolean {
    return this.native.hasReader(sink) !== 0;
  }

  close(): void {
    this.native.close(Uint8Array.from(this.rings, (ring) => (this.users.leave(ring, this) ? 0 : 1)));
  }
}
