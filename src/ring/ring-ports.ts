/**
 * Ports on packet rings, without native code: within one process, over SharedArrayBuffers.
 * src/pipes uses native ones of the same behaviour where they were built.
 */
import { addToCounter, LINK_BYTES, LINK_DROPS, LINK_PACKETS, readCounter, setCounter } from '../model/counters';
import { SOURCE_ENDED, type SinkRequest, type SourcePort, type SourceRequest, type Transmitter } from '../model/backend';
import { DROP_REASON_INDEX } from '../model/drop-reasons';
import type { LinkName } from '../model/link-name';
import type { PacketBatch } from '../model/packet-batch';
import { noteDrop } from '../model/drop-notes';
import { takeOff } from '../model/packet-list';
import { SharedSinks } from './shared-sinks';
import { MAXIMUM_RECORD_LINK_TYPE, PacketRingReader, PacketRingWriter, waitForRing, wakeRing } from './packet-ring';

/** With `wait`, how long a full ring's reader may rest before its packets are dropped all the same. */
const STALLED_READER_MILLISECONDS = 1000;

const { noReader: NO_READER, ringFull: RING_FULL, tooLong: TOO_LONG, linkType: LINK_TYPE } = DROP_REASON_INDEX;

/** By which the writer wakes a reader that sleeps until a descriptor is readable. */
export interface RingEvent {
  readonly descriptor: number;
  /** Makes it unreadable. */
  drain(): void;
}

/** Empty looks after which the event is cleared once more: a writer may signal it after its packets were taken. */
const LOOKS_PER_DRAIN = 64;

/** Which source of this thread reads a ring. */
const readers = new WeakMap<ArrayBufferLike, RingSource>();

/** Reads a ring. Its packets belong to the batch until `release`. */
export class RingSource implements SourcePort {
  readonly link: LinkName;
  readonly descriptor: number;
  readonly lossless = false;
  private readonly reader: PacketRingReader;
  private batch: PacketBatch;
  private words: Uint32Array;
  private record: number;
  private armed = false;
  private emptyLooks = 0;

  /** `process` is what the writer learns of its reader: any number but 0. Without an event the reader has to be asked, or to `sleep`. */
  constructor(request: SourceRequest, private readonly buffer: ArrayBufferLike, process = 1, private readonly event: RingEvent | undefined = undefined) {
    this.link = request.link;
    this.descriptor = event?.descriptor ?? -1;
    this.reader = new PacketRingReader(buffer);
    this.batch = request.batch;
    this.batch.memory = this.reader.memory;
    this.words = request.counters.words;
    this.record = request.record;
    this.reader.attach(process);
    readers.set(buffer, this);
  }

  receive(): number {
    const batch = this.batch;
    let count = this.reader.fill(batch, 0, batch.capacity);
    if (this.event !== undefined) {
      if (count > 0) this.disarm(this.event);
      else if (!this.arm(this.event)) count = this.reader.fill(batch, 0, batch.capacity);
    }
    batch.count = count;
    if (count === 0) return this.reader.ended ? SOURCE_ENDED : 0;
    batch.flowWord.fill(0, 0, count);
    let bytes = 0;
    for (let row = 0; row < count; row++) bytes += batch.length[row];
    addToCounter(this.words, this.record + LINK_PACKETS, count);
    addToCounter(this.words, this.record + LINK_BYTES, bytes);
    return count;
  }

  /** False if packets have come meanwhile. */
  private arm(event: RingEvent): boolean {
    if (this.armed && ++this.emptyLooks % LOOKS_PER_DRAIN !== 0) return true;
    event.drain();
    this.armed = this.reader.arm();
    return this.armed;
  }

  private disarm(event: RingEvent): void {
    if (!this.armed) return;
    this.armed = false;
    this.reader.disarm();
    event.drain();
  }

  sleep(milliseconds: number): void {
    waitForRing(this.reader, milliseconds);
  }

  release(): void {
    this.reader.release();
  }

  rebind(request: SourceRequest): void {
    this.batch = request.batch;
    this.batch.memory = this.reader.memory;
    this.words = request.counters.words;
    this.record = request.record;
  }

  close(): void {
    // Another one may read it by now.
    if (readers.get(this.buffer) === this) this.reader.detach();
  }
}

/** What a transmitter knows of a sink. */
interface RingSink {
  readonly writer: PacketRingWriter;
  readonly buffer: ArrayBufferLike;
  readonly request: SinkRequest;
  readonly words: Uint32Array;
  readonly record: number;
  /** Where the reader was when the ring was found full, and since when it has been there; -1: not known of this reader. */
  stalledAt: number;
  stalledSince: number;
}

function drop({ request: { lists, output }, words, record }: RingSink, row: number, reason: number): void {
  addToCounter(words, record + LINK_DROPS + reason, 1);
  noteDrop(lists.drops, output, row, reason);
}

/** What was written but skipped for the next reader was read by nobody. */
function takeBackSkipped({ writer, words, record }: RingSink): void {
  const skipped = writer.takeSkipped();
  if (!skipped) return;
  // Whoever reads the ring can write there: no more is believed than was sent.
  const packets = Math.min(skipped.packets, readCounter(words, record + LINK_PACKETS));
  setCounter(words, record + LINK_PACKETS, readCounter(words, record + LINK_PACKETS) - packets);
  setCounter(words, record + LINK_BYTES, Math.max(0, readCounter(words, record + LINK_BYTES) - skipped.bytes));
  addToCounter(words, record + LINK_DROPS + NO_READER, packets);
}

/** Writes the lists of all sinks of an engine to their rings. */
export class RingTransmitter implements Transmitter {
  private readonly sinks: RingSink[];

  /** `rings[k]` is where `requests[k]` sends to. Where a transmitter before has a ring too, this one goes on in its place. */
  constructor(requests: readonly SinkRequest[], rings: readonly ArrayBufferLike[], private readonly users = new SharedSinks<ArrayBufferLike, RingTransmitter>()) {
    this.sinks = requests.map((request, index) => ({
      writer: users.userOf(rings[index])?.writerOf(rings[index]) ?? new PacketRingWriter(rings[index]),
      buffer: rings[index],
      request,
      words: request.counters.words,
      record: request.record,
      stalledAt: 0,
      stalledSince: -1,
    }));
    for (const { lists, output } of requests) lists.drops.complete[output] = 1;
    for (const { buffer } of this.sinks) users.enter(buffer, this);
  }

  private writerOf(ring: ArrayBufferLike): PacketRingWriter | undefined {
    return this.sinks.find(({ buffer }) => buffer === ring)?.writer;
  }

  transmit(batch: PacketBatch, wait: boolean): number {
    let left = 0;
    for (const sink of this.sinks) {
      const { lists, output } = sink.request;
      if (lists.counts[output] > 0) left += this.send(sink, batch, wait);
    }
    return left;
  }

  /** Who reads a sink's ring, 0 for nobody. */
  protected readerOf(sink: number): number {
    return this.sinks[sink].writer.reader;
  }

  private send(sink: RingSink, batch: PacketBatch, wait: boolean): number {
    const { writer, words, record } = sink;
    const { lists, output } = sink.request;
    const { rows, counts, shift, step } = lists;
    takeBackSkipped(sink);
    const read = writer.lookForReader();
    const first = output << shift;
    const count = counts[output];
    let packets = 0;
    let bytes = 0;
    counts[output] = 0;
    for (let k = 0; k < count; k++) {
      const row = rows[first + (k << step)];
      if (writer.writeRow(batch, row)) {
        packets++;
        bytes += batch.length[row];
      } else if (batch.length[row] > writer.longest) {
        drop(sink, row, TOO_LONG);
      } else if (batch.linkType > MAXIMUM_RECORD_LINK_TYPE) {
        drop(sink, row, LINK_TYPE);
      } else if (!read || writer.reader === 0) {
        sink.stalledSince = -1;
        drop(sink, row, NO_READER);
      } else if (!wait || this.stalled(sink)) {
        drop(sink, row, RING_FULL);
      } else {
        takeOff(lists, output, k, count);
        // The reader can make room only for what it sees.
        if (writer.commit()) wakeRing(sink.buffer);
        break;
      }
    }
    if (packets > 0) {
      addToCounter(words, record + LINK_PACKETS, packets);
      addToCounter(words, record + LINK_BYTES, bytes);
    }
    return counts[output];
  }

  /** Whether the reader of a full ring has made no progress for too long. */
  private stalled(sink: RingSink): boolean {
    const position = sink.writer.readerPosition;
    const now = performance.now();
    if (sink.stalledSince < 0 || position !== sink.stalledAt) {
      sink.stalledAt = position;
      sink.stalledSince = now;
      return false;
    }
    return now - sink.stalledSince > STALLED_READER_MILLISECONDS;
  }

  flush(): void {
    for (const sink of this.sinks) {
      if (sink.writer.commit()) wakeRing(sink.buffer);
    }
  }

  /** The readers take what is left, and then learn that it was all. */
  close(): void {
    for (const sink of this.sinks) {
      if (!this.users.leave(sink.buffer, this)) continue;
      takeBackSkipped(sink);
      sink.writer.close();
      wakeRing(sink.buffer);
    }
  }
}
