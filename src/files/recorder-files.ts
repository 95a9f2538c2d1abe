/**
 * The writer's half of a file sink: takes whole records out of a ring and writes them to the file.
 * On an error of the disk the file is cut back to its last whole record, what can't be written is
 * counted, and every new part is an attempt again, at most ten a second.
 */
import { closeSync, constants as flags, existsSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { extname } from 'node:path';
import type { CaptureFormat } from './formats';
import { systemCode } from './formats';
import type { Guardian } from './guardian';
import { pcapHeader } from './pcap';
import { interfaceBlock, sectionBlock } from './pcapng';
import {
  ERROR_NUMBER, FAILED_BYTES, FAILED_PACKETS, HEAD, HINTS, HINT_COUNT, LINK_TYPES, LINK_TYPE_TABLE, ROTATIONS, ROTATIONS_DONE,
  ROTATION_ROOM, ROTATION_TABLE, TAIL,
} from './record-encoder';

/** What a file is to be like; can be cloned into another thread. */
export interface RecordFilePlan {
  readonly path: string;
  readonly format: CaptureFormat;
  readonly nanoseconds: boolean;
  readonly snapLength: number;
  /** Files are numbered: trace-00001.pcap and so on. */
  readonly rotates: boolean;
  readonly slot: number;
  readonly bytes: Uint8Array;
  readonly control: Uint32Array;
}

/** Until a packet tells another one. */
const FIRST_LINK_TYPE = 1;
const RETRY_MILLISECONDS = 100;
/** Less than this waits for more, up to the time below. */
const WORTH_WRITING = 64 * 1024;
const WRITE_AT_LEAST_EVERY = 100;
const PIECE = 256 * 1024;

/** The name of the n-th file. */
export function numberedName(path: string, number: number): string {
  const ending = extname(path);
  return `${path.slice(0, path.length - ending.length)}-${String(number).padStart(5, '0')}${ending}`;
}

/** What a file without packets holds. */
export function emptyFile(plan: Pick<RecordFilePlan, 'format' | 'nanoseconds' | 'snapLength'>, linkTypes: readonly number[]): Uint8Array {
  const [first = FIRST_LINK_TYPE] = linkTypes;
  if (plan.format === 'pcap') return pcapHeader(first, plan.nanoseconds, plan.snapLength);
  return Buffer.concat([sectionBlock(), ...(linkTypes.length > 0 ? linkTypes : [first]).map((linkType) => interfaceBlock(linkType, plan.snapLength))]);
}

export class RecordFile {
  private fd = -1;
  private regular = true;
  private number = 1;
  /** Bytes of the file that are known to be whole records. */
  private committed = 0;
  /** Link types that the file's headers tell of; the first may still be a guess. */
  private described = 0;
  private tail = 0;
  private lastWrite = 0;
  private lastFailure = -Infinity;
  private lastError: unknown = 'ENOSPC';

  constructor(readonly plan: RecordFilePlan, private readonly guardian: Guardian | undefined) {}

  private get name(): string {
    return this.plan.rotates ? numberedName(this.plan.path, this.number) : this.plan.path;
  }

  /** Opens the file without touching what it holds (see FileTransmitter). Throws what the system throws. */
  open(): void {
    const header = emptyFile(this.plan, this.linkTypes());
    this.guardian?.announce(this.plan.slot, this.name, header);
    try {
      this.fd = openSync(this.name, flags.O_WRONLY | flags.O_CREAT, 0o666);
    } catch (error) {
      this.guardian?.forget(this.plan.slot);
      throw error;
    }
    this.regular = fstatSync(this.fd).isFile();
    if (this.regular) this.guardian?.watch(this.plan.slot, this.fd);
    else this.guardian?.forget(this.plan.slot);
  }

  /** The device and file number of what is open. */
  identity(): string {
    const status = fstatSync(this.fd);
    return `${status.dev}:${status.ino}`;
  }

  get isRegular(): boolean {
    return this.regular;
  }

  /** Empties the file and writes its header. */
  private begin(): void {
    const header = emptyFile(this.plan, this.linkTypes());
    this.committed = 0;
    this.guardian?.commit(this.plan.slot, 0);
    if (this.regular) ftruncateSync(this.fd, 0);
    this.writeAll(header, 0, header.length);
    this.commit(header.length);
    this.described = Math.max(1, this.control(LINK_TYPES));
  }

  /**
   * Takes over a file that another thread opened. It is opened anew, since each thread closes
   * the descriptors that it opened, at its end at the latest; by the descriptor, as its name may be another's by now.
   */
  adopt(fd: number): void {
    const again = `/proc/self/fd/${fd}`;
    this.fd = openSync(existsSync(again) ? again : this.name, flags.O_WRONLY);
    this.regular = fstatSync(this.fd).isFile();
  }

  get descriptor(): number {
    return this.fd;
  }

  /** As `begin`, but a failure is told by the control block, and mended by the next packets. */
  tryBegin(): void {
    if (this.committed > 0) return;
    try {
      this.prepare();
    } catch (error) {
      this.fail(error, performance.now());
    }
  }

  close(): void {
    if (this.fd < 0) return;
    this.leave();
    this.guardian?.forget(this.plan.slot);
  }

  /** Closes the descriptor only: another thread has taken the file over. */
  leave(): void {
    closeSync(this.fd);
    this.fd = -1;
  }

  /** Writes what is there, if it is worth it; answers whether anything was done. `all`: however little it is. */
  drain(now: number, all: boolean): boolean {
    const { control } = this.plan;
    let end = this.control(HEAD);
    const done = control[ROTATIONS_DONE];
    if (this.control(ROTATIONS) !== done) {
      const at = Atomics.load(control, ROTATION_TABLE + (done & (ROTATION_ROOM - 1)));
      if (at === this.tail) {
        this.rotate();
        Atomics.store(control, ROTATIONS_DONE, (done + 1) >>> 0);
        return true;
      }
      if (this.distance(at) <= this.distance(end)) {
        end = at;
        all = true;
      }
    }
    const pending = this.distance(end);
    if (pending === 0) return false;
    if (!all && pending < WORTH_WRITING && now - this.lastWrite < WRITE_AT_LEAST_EVERY) return false;
    this.lastWrite = now;
    this.writeRecords(this.part(end), now);
    return true;
  }

  /** True if packets wait in the ring. */
  get hasPending(): boolean {
    return this.control(HEAD) !== this.tail || this.control(ROTATIONS) !== this.plan.control[ROTATIONS_DONE];
  }

  private control(word: number): number {
    return Atomics.load(this.plan.control, word);
  }

  private distance(position: number): number {
    return (position - this.tail) >>> 0;
  }

  private linkTypes(): number[] {
    return Array.from(this.plan.control.subarray(LINK_TYPE_TABLE, LINK_TYPE_TABLE + this.control(LINK_TYPES)));
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

  private writeRecords(end: number, now: number): void {
    const { bytes, control } = this.plan;
    const length = this.distance(end);
    const at = this.tail & (bytes.length - 1);
    const first = Math.min(length, bytes.length - at);
    let written = 0;
    let error: unknown;
    if (now - this.lastFailure >= RETRY_MILLISECONDS) {
      try {
        this.prepare();
        written = this.write(bytes, at, first, this.committed);
        if (written === first && length > first) written += this.write(bytes, 0, length - first, this.committed + first);
        if (written < length) error = this.lastError;
      } catch (thrown) {
        error = thrown;
      }
    }
    if (written === length && error === undefined) {
      this.commit(this.committed + length);
      if (control[ERROR_NUMBER] !== 0) Atomics.store(control, ERROR_NUMBER, 0);
    } else {
      if (error !== undefined) this.fail(error, now);
      this.keepWhole(written, length);
    }
    this.tail = end;
    Atomics.store(control, TAIL, end);
  }

  /** Writes all of it, or as much as goes. */
  private write(bytes: Uint8Array, from: number, length: number, position: number): number {
    let written = 0;
    while (written < length) {
      try {
        const count = writeSync(this.fd, bytes, from + written, length - written, this.regular ? position + written : null);
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

  private writeAll(bytes: Uint8Array, position: number, length: number): void {
    const written = this.write(bytes, 0, length, position);
    if (written < length) throw Object.assign(new Error('the disk is full'), { code: 'ENOSPC' });
  }

  /** Opens the file if that failed before, and describes link types that it does not know yet. */
  private prepare(): void {
    if (this.fd < 0) this.open();
    if (this.committed === 0) this.begin();
    const types = this.linkTypes();
    const header = emptyFile(this.plan, []);
    if (types.length > 0 && this.committed === header.length && this.described === 1 && types[0] !== FIRST_LINK_TYPE) {
      const right = emptyFile(this.plan, [types[0]]);
      this.writeAll(right, 0, right.length);
    }
    for (; this.described < types.length; this.described++) {
      const block = interfaceBlock(types[this.described], this.plan.snapLength);
      try {
        this.writeAll(block, this.committed, block.length);
      } catch (error) {
        this.cut();
        throw error;
      }
      this.commit(this.committed + block.length);
    }
  }

  private rotate(): void {
    this.close();
    this.number++;
    this.committed = 0;
    this.tryBegin();
  }

  private fail(error: unknown, now: number): void {
    this.lastFailure = now;
    const code = typeof error === 'string' ? error : systemCode(error) ?? 'EIO';
    Atomics.store(this.plan.control, ERROR_NUMBER, (constants.errno as Readonly<Record<string, number | undefined>>)[code] ?? constants.errno.EIO);
  }

  /** After a failure: keeps the whole records of what was written, and counts the others. */
  private keepWhole(written: number, length: number): void {
    const { control } = this.plan;
    let good = 0;
    let failedPackets = 0;
    let failedBytes = 0;
    for (let at = 0; at < length;) {
      const { record, packet } = this.recordAt(at);
      if (at + record <= written) {
        good = at + record;
      } else {
        failedPackets++;
        failedBytes += packet;
      }
      at += record;
    }
    if (this.fd >= 0 && this.committed > 0) {
      this.commit(this.committed + good);
      this.cut();
    }
    Atomics.add(control, FAILED_PACKETS, failedPackets);
    Atomics.add(control, FAILED_BYTES, failedBytes);
  }

  private cut(): void {
    try {
      if (this.regular) ftruncateSync(this.fd, this.committed);
    } catch {
      // What stands behind is overwritten by the next packets.
    }
  }

  private recordAt(at: number): { readonly record: number; readonly packet: number } {
    if (this.plan.format === 'pcapng') return { record: this.ringWord(at + 4), packet: this.ringWord(at + 20) };
    const packet = this.ringWord(at + 8);
    return { record: 16 + packet, packet };
  }

  private ringWord(at: number): number {
    const { bytes } = this.plan;
    const mask = bytes.length - 1;
    const from = this.tail + at;
    return (bytes[from & mask] | (bytes[(from + 1) & mask] << 8) | (bytes[(from + 2) & mask] << 16) | (bytes[(from + 3) & mask] << 24)) >>> 0;
  }

  private commit(length: number): void {
    this.committed = length;
    this.guardian?.commit(this.plan.slot, length);
  }
}
