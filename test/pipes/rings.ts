/** Rings with a writer and a reader of either kind, for tests. */
import { createCounterBlock, LINK_RECORD, readCounter, readDrops, LINK_DROPS, type CounterBlock, type DropCounts } from 'packet-bricks/src/model/counters';
import type { SinkRequest, SourceRequest, Transmitter } from 'packet-bricks/src/model/backend';
import { parseLinkName } from 'packet-bricks/src/model/link-name';
import { createPacketBatch, packetMemory, type PacketBatch } from 'packet-bricks/src/model/packet-batch';
import { createPacketLists, type PacketLists } from 'packet-bricks/src/model/packet-list';
import { initialiseRing, ringBytes } from 'packet-bricks/src/ring/packet-ring';
import { RingSource, RingTransmitter } from 'packet-bricks/src/ring/ring-ports';
import { coreAddon, receivedLinkType, receivedPackets, type CoreAddon } from 'packet-bricks/src/native/core-addon';
import { NativeTransmitter } from 'packet-bricks/src/pipes/pipe-ports';

export type Kind = 'TypeScript' | 'native';
export const native: CoreAddon | undefined = coreAddon();
export const describeNative = native ? describe : describe.skip;
export const kinds: Kind[] = native ? ['TypeScript', 'native'] : ['TypeScript'];
export const crossings: [Kind, Kind][] = kinds.flatMap((writer) => kinds.map((reader): [Kind, Kind] => [writer, reader]));
if (!native) console.warn('bricks_core was not built: tests of native rings and of pipes between processes are left out');

export interface Packet {
  readonly bytes: Uint8Array;
  readonly wireLength: number;
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** A packet that can be told from all others. */
export function numberedPacket(number: number, length: number): Packet {
  const bytes = new Uint8Array(length);
  for (let k = 0; k < length; k++) bytes[k] = number * 7 + k;
  new DataView(bytes.buffer).setUint32(0, number);
  return { bytes, wireLength: length + (number % 3), seconds: number >>> 0, nanoseconds: number % 1_000_000_000 };
}

/** The lists of several rings are interleaved, and packets may go to several of them. */
export class RingWriterUnderTest {
  readonly batch: PacketBatch;
  readonly lists: PacketLists;
  readonly counters: CounterBlock;
  readonly transmitter: Transmitter;

  constructor(kind: Kind, rings: readonly ArrayBufferLike[], capacity = 64) {
    this.batch = createPacketBatch(capacity);
    this.batch.memory = packetMemory(new ArrayBuffer(capacity * 4096));
    this.lists = createPacketLists(rings.length, capacity, rings.length > 1);
    this.counters = createCounterBlock(rings.length * LINK_RECORD);
    const requests = rings.map((_, output): SinkRequest => ({ link: parseLinkName(`test{${output}`), options: {}, lists: this.lists, output, counters: this.counters, record: output * LINK_RECORD }));
    this.transmitter = kind === 'native' && native
      ? new NativeTransmitter(native, requests, rings.map((ring) => new Uint8Array(ring)), [this.batch], rings.length > 1)
      : new RingTransmitter(requests, rings);
  }

  /** Offers packets to an output; answers how many remain on the list. */
  send(packets: readonly Packet[], output = 0, wait = false): number {
    return this.sendTo(packets, () => [output], wait);
  }

  /** Offers each packet to the outputs that `outputsOf` answers for its number; answers how many remain on all lists. */
  sendTo(packets: readonly Packet[], outputsOf: (index: number) => readonly number[], wait = false): number {
    const { batch, lists } = this;
    packets.forEach((packet, row) => {
      batch.offset[row] = row * 4096;
      batch.length[row] = packet.bytes.length;
      batch.wireLength[row] = packet.wireLength;
      batch.seconds[row] = packet.seconds;
      batch.nanoseconds[row] = packet.nanoseconds;
      batch.memory.bytes.set(packet.bytes, row * 4096);
      for (const output of outputsOf(row)) lists.rows[(output << lists.shift) + (lists.counts[output]++ << lists.step)] = row;
    });
    batch.count = packets.length;
    return this.again(wait);
  }

  /** Offers what remains. */
  again(wait: boolean): number {
    const left = this.transmitter.transmit(this.batch, wait);
    this.transmitter.flush();
    return left;
  }

  sent(output = 0): number {
    return readCounter(this.counters.words, output * LINK_RECORD);
  }

  drops(output = 0): DropCounts {
    return readDrops(this.counters.words, output * LINK_RECORD + LINK_DROPS);
  }
}

export class RingReaderUnderTest {
  readonly batch: PacketBatch;
  readonly counters = createCounterBlock(LINK_RECORD);
  private readonly source: { receive(most: number): number; release(): void; close(): void };

  constructor(private readonly kind: Kind, ring: ArrayBufferLike, capacity = 64) {
    this.batch = createPacketBatch(capacity);
    const request: SourceRequest = { link: parseLinkName('test}0'), options: {}, queue: -1, batch: this.batch, flowColumns: false, alsoSink: false, counters: this.counters, record: 0 };
    if (kind === 'native' && native) {
      this.batch.memory = packetMemory(ring);
      this.source = new native.RingSource({ ring: new Uint8Array(ring), batch: this.batch, flowColumns: false, counters: this.counters.buffer, record: 0, process: 1 });
    } else {
      this.source = new RingSource(request, ring);
    }
  }

  /** The next packets, or nothing at the end. */
  receive(): Packet[] | undefined {
    const { batch } = this;
    const answer = this.source.receive(batch.capacity);
    if (answer < 0) return undefined;
    const count = this.kind === 'native' ? receivedPackets(answer) : answer;
    if (this.kind === 'native' && count > 0) batch.linkType = receivedLinkType(answer);
    return Array.from({ length: count }, (_, row) => ({
      bytes: batch.memory.bytes.slice(batch.offset[row], batch.offset[row] + batch.length[row]),
      wireLength: batch.wireLength[row],
      seconds: batch.seconds[row],
      nanoseconds: batch.nanoseconds[row],
    }));
  }

  release(): void {
    this.source.release();
  }

  close(): void {
    this.source.close();
  }

  received(): number {
    return readCounter(this.counters.words, 0);
  }
}

export function newRing(dataSize: number): SharedArrayBuffer {
  const ring = new SharedArrayBuffer(ringBytes(dataSize));
  initialiseRing(ring);
  return ring;
}
