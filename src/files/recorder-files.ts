/**
 * The writer's half of a file sink: takes whole records out of a ring and writes them to the file.
 * On an error of the disk the file is cut back to its last whole record, what can't be written is
 * counted, and every new part is an attempt again, at most ten a second. What a pipe does not take
 * now stays in the ring.
 */
import { constants } from 'node:os';
import { systemCode } from '../model/system-error';
import type { Guardian } from './guardian';
import { PipeWriter } from './pipe-writer';
import { CLOSED, CLOSING, ERROR_NUMBER, FAILED_BYTES, FAILED_PACKETS, HEAD, HINTS, HINT_COUNT, LAST_ERROR, MARKED, MARK_BYTES, TAIL, type RecorderMessage } from './record-encoder';
import { INTERNAL_ERROR, emptyFile, numberedName, type RecordFilePlan } from './record-plan';
import { distanceToMark, recordAt } from './ring-records';
import { TargetFile } from './target-file';

const RETRY_MILLISECONDS = 100;
/** Less than this waits for more, up to the time below. */
const WORTH_WRITING = 64 * 1024;
const WRITE_AT_LEAST_EVERY = 100;
const PIECE = 256 * 1024;
/** How long opening waits for the reader of a named pipe, and for the guardian of a program that was killed. */
const READER_MILLISECONDS = 10_000;
const LOCK_MILLISECONDS = 1000;

export class RecordFile {
  private target: TargetFile | undefined;
  /** What it is, or was when it was open last. */
  private regular = true;
  private readonly pipe = new PipeWriter();
  /** Whether it is a pipe that takes nothing now. */
  isBlocked = false;
  private number = 1;
  /** Bytes of the file that are known to be whole records. */
  private committed = 0;
  /** What the file begins with; a guess until the first mark tells. */
  private header: Uint8Array;
  private guessed = true;
  /** Interfaces and other blocks that the file is to describe, and how many of them it does. */
  private blocks: Uint8Array[] = [];
  private described = 0;
  private tail = 0;
  private lastWrite = 0;
  private lastFailure = -Infinity;
  private lastError: unknown = 'ENOSPC';

  /** `nextMessage` tells what the next mark means. */
  constructor(readonly plan: RecordFilePlan, private readonly guardian: Guardian | undefined, private readonly nextMessage: () => RecorderMessage | undefined = () => undefined) {
    this.header = emptyFile(plan);
  }

  private get name(): string {
    return this.plan.rotates ? numberedName(this.plan.path, this.number) : this.plan.path;
  }

  /** Opens the file without touching what it holds (see FileTransmitter). Throws what the system throws. */
  open(readerMilliseconds = READER_MILLISECONDS): void {
    if (this.name !== '-') this.guardian?.announce(this.plan.slot, this.name, this.plan.format === 'pcap' ? this.header : emptyFile(this.plan));
    try {
      this.target = TargetFile.open(this.name, readerMilliseconds);
    } catch (error) {
      this.guardian?.forget(this.plan.slot);
      throw error;
    }
    this.regular = this.target.regular;
  }

  /** From now on no other engine writes to it; it is the guardian's too. Throws EBUSY, and is closed then. */
  lock(milliseconds = LOCK_MILLISECONDS): void {
    try {
      this.target?.lock(milliseconds);
    } catch (error) {
      this.close();
      throw error;
    }
    if (this.regular) this.guardian?.watch(this.plan.slot, this.descriptor);
    else this.guardian?.forget(this.plan.slot);
  }

  /** The device and file number of what is open. */
  identity(): string {
    return this.target?.identity() ?? '';
  }

  get isRegular(): boolean {
    return this.regular;
  }

  get isFile(): boolean {
    return this.target?.isFile ?? false;
  }

  /** Empties the file, and writes its header and what it describes. */
  private begin(): void {
    const preface = Buffer.concat([this.header, ...this.blocks]);
    if (this.regular) {
      this.committed = 0;
      this.guardian?.commit(this.plan.slot, 0);
      this.target?.cut(0);
      this.writeAll(preface, 0, preface.length);
    } else {
      this.pipe.begin(preface);
    }
    this.commit(preface.length);
    this.described = this.blocks.length;
  }

  /** Takes over a file that another thread opened. */
  adopt(descriptor: number): void {
    this.target = TargetFile.take(descriptor, this.name);
    this.regular = this.target.regular;
  }

  get descriptor(): number {
    return this.target?.descriptor ?? -1;
  }

  /**
   * As `begin`, but reports a failure in the control block; the next packets make up for it.
   * A pipe's header is written with its first packet, which tells the link type, or at its end (`last`).
   */
  tryBegin(last = false): void {
    if (this.committed > 0 || (!this.regular && !last)) return;
    try {
      this.prepare();
      if (!this.regular && this.target) this.pipe.write(this.target, this.plan, this.tail, 0);
    } catch (error) {
      this.fail(error, performance.now());
    }
  }

  close(): void {
    if (!this.target) return;
    this.leave();
    this.guardian?.forget(this.plan.slot);
  }

  /** Closes the descriptor only: another thread has taken the file over. */
  leave(): void {
    this.target?.close();
    this.target = undefined;
  }

  /** Writes what is there, if it is worth it; returns whether anything was done. `all`: however little it is. */
  drain(now: number, all: boolean): boolean {
    let end = this.control(HEAD);
    const marked = this.distance(this.control(MARKED));
    if (marked > 0 && marked <= this.plan.bytes.length) {
      const next = distanceToMark(this.plan, this.tail, this.distance(end));
      if (next === 0 && end !== this.tail) return this.takeMark();
      if (next < this.distance(end)) all = true;
      end = (this.tail + next) >>> 0;
    }
    const pending = this.distance(end);
    if (pending === 0) return false;
    if (!all && pending < Math.min(WORTH_WRITING, this.plan.bytes.length / 4) && now - this.lastWrite < WRITE_AT_LEAST_EVERY) return false;
    const progress = this.regular ? this.writeRecords(this.part(end), now) : this.writePipe(end, now);
    if (progress) this.lastWrite = now;
    return progress;
  }

  /** It is to be closed, while others go on. */
  get isClosing(): boolean {
    return this.control(CLOSING) !== 0;
  }

  /** Closes it, and says so. */
  finish(begun: boolean): void {
    if (begun) this.tryBegin(true);
    this.close();
    Atomics.store(this.plan.control, CLOSED, 1);
  }

  /** True if packets wait in the ring. */
  get hasPending(): boolean {
    return this.control(HEAD) !== this.tail;
  }

  private control(word: number): number {
    return Atomics.load(this.plan.control, word);
  }

  private distance(position: number): number {
    return (position - this.tail) >>> 0;
  }

  /** Does what the mark at the ring's tail means; false if that is not known yet. */
  private takeMark(): boolean {
    const message = this.nextMessage();
    if (!message) return false;
    const { rotates, header, blocks } = message;
    if (rotates) this.leaveFull();
    if (header) {
      // What was written as a guess is written anew; a pipe has nothing before its first packet.
      if (this.guessed) this.committed = 0;
      this.guessed = false;
      this.header = header;
      this.blocks = [];
      this.described = 0;
    }
    this.blocks.push(...blocks);
    this.free((this.tail + MARK_BYTES) >>> 0);
    if (rotates) this.tryBegin();
    return true;
  }

  /** The first boundary of records from which on a write is worth it, so that space becomes free early. */
  private part(end: number): number {
    let best = this.distance(end);
    if (best <= 2 * PIECE) return end;
    for (let index = 0; index < HINT_COUNT; index++) {
      const distance = this.distance(this.control(HINTS + index));
      if (distance >= PIECE && distance < best) best = distance;
    }
    return (this.tail + best) >>> 0;
  }

  private writeRecords(end: number, now: number): boolean {
    const length = this.distance(end);
    let written = 0;
    let error: unknown;
    if (now - this.lastFailure >= RETRY_MILLISECONDS) {
      try {
        this.prepare();
        written = this.writeRing(length, this.committed);
        if (written < length) error = this.lastError;
      } catch (thrown) {
        error = thrown;
      }
    }
    if (written === length && error === undefined) {
      this.commit(this.committed + length);
      this.succeed();
    } else {
      if (error !== undefined) this.fail(error, now);
      this.keepWhole(written, length);
    }
    this.free(end);
    return true;
  }

  /** The same for a pipe, which may take a part of a record. False if it takes nothing now. */
  private writePipe(end: number, now: number): boolean {
    try {
      if (now - this.lastFailure < RETRY_MILLISECONDS) throw this.lastError;
      if (!this.pipe.withinRecord) this.prepare();
      const written = this.target ? this.pipe.write(this.target, this.plan, this.tail, this.distance(end)) : -1;
      this.isBlocked = written < 0;
      if (this.isBlocked) return false;
      this.succeed();
      this.free((this.tail + written) >>> 0);
    } catch (error) {
      this.isBlocked = systemCode(error) === 'EAGAIN';
      if (this.isBlocked) return false;
      if (error !== this.lastError) this.fail(error, now);
      this.lastError = error;
      // Whoever reads next is to find a header first.
      this.pipe.forget();
      this.committed = 0;
      this.keepWhole(0, this.distance(end));
      this.free(end);
    }
    return true;
  }

  /** Writes what the ring holds from its tail on, around its end where need be. */
  private writeRing(length: number, position: number): number {
    const { bytes } = this.plan;
    const at = this.tail & (bytes.length - 1);
    const first = Math.min(length, bytes.length - at);
    const written = this.write(bytes, at, first, position);
    return written === first && length > first ? written + this.write(bytes, 0, length - first, position + first) : written;
  }

  /** Writes all of it, or as much as goes. */
  private write(bytes: Uint8Array, from: number, length: number, position: number): number {
    let written = 0;
    while (this.target && written < length) {
      try {
        const count = this.target.write(bytes, from + written, length - written, position + written);
        if (count <= 0) break;
        written += count;
      } catch (error) {
        if (written === 0 && position === this.committed) throw error;
        this.lastError = error;
        break;
      }
    }
    return written;
  }

  private free(tail: number): void {
    this.tail = tail;
    Atomics.store(this.plan.control, TAIL, tail);
  }

  private succeed(): void {
    if (this.plan.control[ERROR_NUMBER] !== 0) Atomics.store(this.plan.control, ERROR_NUMBER, 0);
  }

  private writeAll(bytes: Uint8Array, position: number, length: number): void {
    const written = this.write(bytes, 0, length, position);
    if (written < length) throw Object.assign(new Error('the disk is full'), { code: 'ENOSPC' });
  }

  /** Opens the file if that failed before, and describes link types that it does not know yet. */
  private prepare(): void {
    if (!this.target) {
      this.open(0);
      this.lock(0);
    }
    if (this.committed === 0) this.begin();
    for (; this.described < this.blocks.length; this.described++) {
      const block = this.blocks[this.described];
      try {
        if (this.regular) this.writeAll(block, this.committed, block.length);
        else this.pipe.begin(block);
      } catch (error) {
        this.cut();
        throw error;
      }
      this.commit(this.committed + block.length);
    }
  }

  /** The next packets go to the next file. */
  private leaveFull(): void {
    this.close();
    this.number++;
    this.committed = 0;
    this.lastFailure = -Infinity; // what was wrong with the last file need not be with this one
  }

  /** Tells by the control block what is wrong. A mistake of ours never looks like the disk's. */
  private fail(error: unknown, now: number): void {
    // What standard output lacks nobody can add: it would end in the middle of a packet, and go on with another.
    this.lastFailure = this.target?.isStandardOutput ? Infinity : now;
    const code = typeof error === 'string' ? error : systemCode(error);
    const number = (constants.errno as Readonly<Record<string, number | undefined>>)[code ?? ''];
    if (number === undefined) {
      const text = Buffer.from(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
      this.plan.problem.fill(0);
      this.plan.problem.set(text.subarray(0, this.plan.problem.length));
    }
    Atomics.store(this.plan.control, LAST_ERROR, number ?? INTERNAL_ERROR);
    Atomics.store(this.plan.control, ERROR_NUMBER, number ?? INTERNAL_ERROR);
  }

  /** After a failure: keeps the whole records of what was written, and counts the others. */
  private keepWhole(written: number, length: number): void {
    const { control } = this.plan;
    let good = 0;
    let failedPackets = 0;
    let failedBytes = 0;
    for (let at = 0; at < length;) {
      const { record, packet } = recordAt(this.plan, this.tail + at);
      if (at + record <= written) {
        good = at + record;
      } else {
        failedPackets++;
        failedBytes += packet;
      }
      at += record;
    }
    if (this.target && this.committed > 0) {
      this.commit(this.committed + good);
      this.cut();
    }
    // The packets last: who sees them takes over their bytes too.
    Atomics.add(control, FAILED_BYTES, failedBytes);
    Atomics.add(control, FAILED_PACKETS, failedPackets);
  }

  private cut(): void {
    try {
      this.target?.cut(this.committed);
    } catch {
      // What stands behind is overwritten by the next packets.
    }
  }

  private commit(length: number): void {
    this.committed = length;
    this.guardian?.commit(this.plan.slot, length);
  }
}
