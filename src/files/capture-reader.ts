/**
 * Reads capture files into a batch: one window of memory, which is refilled by plain reads.
 *
 * Reads of 256 KiB: they stay in the second-level cache until they are parsed (64 KiB was the same,
 * 4 MiB took twice as long). Files are not mapped: one that shrinks would end the process.
 */
import { fstatSync, readSync } from 'node:fs';
import { SOURCE_ENDED } from '../core/backend';
import type { BricksError } from '../core/errors';
import { packetMemory, type PacketBatch } from '../core/packet-batch';
import { createPacketNotes } from '../core/packet-notes';
import { fillFlowColumns } from '../net/plain-flow';
import { plainSection, type CaptureSection } from './capture-section';
import { MAXIMUM_BLOCK, PCAP_HEADER, SECTION_BLOCK, fileError, systemCode, systemReason } from './formats';
import { nativeFiles, type FilesAddon, type NativeReader } from './native-files';
import { closeInput, noCapture, openInput } from './open-input';
import { parsePcapHeader, parsePcapRecords, startPcap } from './pcap';
import { PcapngParser } from './pcapng';
import {
  BYTES, DAMAGE, DAMAGE_TEXT, END, FLOW, FORMAT, LIMIT_NANOSECONDS, LIMIT_SECONDS, LINK_TYPE, NEXT_NANOSECONDS, NEXT_SECONDS, NOTES,
  POSITION, ROWS, STATE_WORDS, STOP, STOP_DAMAGED, STOP_FULL, STOP_MORE, STOP_OTHER, STOP_TIME, type ReaderWindow,
} from './reader-state';

const READ_BYTES = 256 * 1024;
const WINDOW_BYTES = MAXIMUM_BLOCK + READ_BYTES + 64;

/** `nextSeconds` before any packet was seen. */
export const TIME_NOT_KNOWN = 0xffff_ffff;

type Refill = 'data' | 'nothing' | 'end';

export class CaptureReader {
  readonly state = new Uint32Array(STATE_WORDS);
  /** Packets of the open file that were read so far. */
  packets = 0;
  /** Why the open file ended before its end, if it did. */
  problem = '';
  /** For waiting; of a pipe only, -1 otherwise. */
  descriptor = -1;
  private readonly window: ReaderWindow;
  private readonly pcapng: PcapngParser;
  private readonly native: { readonly addon: FilesAddon; readonly reader: NativeReader } | undefined;
  /** What the header of a pcap file tells of its packets. */
  private pcapSection: CaptureSection | undefined;
  private file = -1;
  private name = '';
  private begun = false;
  private isPipe = false;
  /** A named pipe that nobody has opened for writing reads as ended; that is no end. */
  private awaitsWriter = false;
  /** Offset in the file of the window's first byte. */
  private base = 0;

  /** `notes`: to hang on the batch what the file tells of packets besides the columns. */
  constructor(private readonly batch: PacketBatch, private readonly flowColumns: boolean, useNative = true, notes = false) {
    const buffer = new ArrayBuffer(WINDOW_BYTES);
    this.window = { memory: packetMemory(buffer), view: new DataView(buffer) };
    batch.memory = this.window.memory;
    batch.notes = notes ? createPacketNotes(batch.capacity) : undefined;
    this.state[NOTES] = notes ? 1 : 0;
    this.pcapng = new PcapngParser(this.state, this.window, batch);
    const addon = useNative ? nativeFiles() : undefined;
    this.native = addon && { addon, reader: addon.bindReader(batch, this.window.memory.bytes, this.state, batch.notes?.words) };
    this.state[FLOW] = flowColumns ? 1 : 0;
    this.noLimit();
  }

  /** Opens a file, or `-` for standard input.
   *  @throws BricksError E_FILE, E_FILE_FORMAT */
  open(path: string): void {
    this.close();
    this.name = path === '-' ? 'standard input' : path;
    try {
      this.file = openInput(path === '-' ? '/dev/stdin' : path);
      const status = fstatSync(this.file);
      if (status.isDirectory()) throw fileError('E_FILE', `${this.name} is a directory.`);
      this.isPipe = !status.isFile();
      this.awaitsWriter = status.isFIFO() && path !== '-';
    } catch (error) {
      this.close();
      if (systemCode(error) === undefined) throw error;
      throw fileError('E_FILE', `The capture file ${this.name} can't be read: ${systemReason(error)}.`);
    }
    this.state[POSITION] = this.state[END] = 0;
    this.state[STOP] = STOP_MORE;
    this.base = this.packets = 0;
    this.problem = '';
    this.begun = false;
    if (this.isPipe) {
      this.descriptor = this.file;
      return;
    }
    try {
      this.begin();
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    if (this.file >= 0) closeInput(this.file);
    this.file = this.descriptor = -1;
  }

  /** Packets later than this are not delivered yet. */
  limit(seconds: number, nanoseconds: number): void {
    this.state[LIMIT_SECONDS] = seconds;
    this.state[LIMIT_NANOSECONDS] = nanoseconds;
  }

  noLimit(): void {
    this.limit(0xffff_ffff, 0xffff_ffff);
  }

  /** Makes the next packet not due, so that `nextSeconds` tells its time. Packets of time 0 come all the same. */
  askForTime(): void {
    this.state[NEXT_SECONDS] = TIME_NOT_KNOWN;
    this.limit(0, 0);
  }

  /** Whether `read` delivered nothing because the next packet is not due, and not because there is none. */
  get stoppedByTime(): boolean {
    return this.state[STOP] === STOP_TIME;
  }

  /** When the packet that was not due is due. */
  get nextSeconds(): number {
    return this.state[NEXT_SECONDS];
  }

  get nextNanoseconds(): number {
    return this.state[NEXT_NANOSECONDS];
  }

  /** Captured bytes of the rows that `read` delivered. */
  get bytes(): number {
    return this.state[BYTES];
  }

  /** Fills the batch from row 0; answers the rows, 0 for nothing now, or SOURCE_ENDED: then `problem` may tell why. */
  read(): number {
    const { state, batch } = this;
    state[ROWS] = state[BYTES] = 0;
    batch.count = 0;
    if (this.file < 0) return SOURCE_ENDED;
    if (!this.begun && !this.beginPipe()) return this.file < 0 ? SOURCE_ENDED : 0;
    for (;;) {
      this.parse();
      const rows = state[ROWS];
      const stop = state[STOP];
      if (rows > 0) return this.deliver(rows);
      if (stop === STOP_DAMAGED) return this.end(`is damaged at packet ${this.packets + 1} (offset ${this.offset()}): ${DAMAGE_TEXT[state[DAMAGE]]}`);
      if (stop === STOP_MORE || stop === STOP_FULL) {
        const refill = this.refill();
        if (refill === 'nothing') return 0;
        if (refill === 'end') return this.finish();
      } else {
        return 0;
      }
    }
  }

  private deliver(rows: number): number {
    const { batch, state } = this;
    batch.count = rows;
    batch.linkType = state[LINK_TYPE];
    if (batch.notes) batch.notes.section = state[FORMAT] === 0 ? this.pcapSection : this.pcapng.section;
    this.packets += rows;
    if (!this.native) {
      if (this.flowColumns) fillFlowColumns(batch, 0, rows);
      else batch.flowWord.fill(0, 0, rows);
    }
    return rows;
  }

  private parse(): void {
    const { state, native, pcapng } = this;
    if (state[FORMAT] === 0) {
      if (native) native.addon.parseRecords(native.reader);
      else parsePcapRecords(state, this.window, this.batch);
    } else if (native) {
      do {
        native.addon.parseRecords(native.reader);
        const stop: number = state[STOP];
        if (stop !== STOP_OTHER) return;
        const row = state[ROWS];
        pcapng.step();
        if (state[ROWS] > row) this.fillFlow(row);
      } while (state[STOP] === STOP_FULL && pcapng.skip === 0 && state[ROWS] < this.batch.capacity);
    } else {
      pcapng.parse();
    }
  }

  /** The flow columns of a row that TypeScript parsed in a batch of native code. */
  private fillFlow(row: number): void {
    this.batch.linkType = this.state[LINK_TYPE];
    if (this.flowColumns) fillFlowColumns(this.batch, row, 1);
    else this.batch.flowWord[row] = 0;
  }

  /** Reads on, behind what is left of the window. */
  private refill(): Refill {
    const { state, window } = this;
    const bytes = window.memory.bytes;
    const left = state[END] - state[POSITION];
    // The same remainder modulo 4 as in the file: there most packets start at multiples of 4.
    const start = state[POSITION] & 3;
    if (left > 0 && start !== state[POSITION]) bytes.copyWithin(start, state[POSITION], state[END]);
    this.base += state[POSITION] - start;
    state[POSITION] = start;
    state[END] = start + left;
    for (;;) {
      const read = this.readInto(state[END], Math.min(READ_BYTES, bytes.length - state[END]));
      if (typeof read === 'string') return read;
      const skipped = Math.min(this.pcapng.skip, read);
      if (skipped === 0) {
        state[END] += read;
        return 'data';
      }
      // Inside a large block that nobody needs: nothing else is in the window then.
      this.pcapng.skip -= skipped;
      this.base += skipped;
      if (skipped === read) continue;
      bytes.copyWithin(state[END], state[END] + skipped, state[END] + read);
      state[END] += read - skipped;
      return 'data';
    }
  }

  private readInto(at: number, room: number): number | 'nothing' | 'end' {
    try {
      const read = readSync(this.file, this.window.memory.bytes, at, room, null);
      if (read > 0) {
        this.awaitsWriter = false;
        return read;
      }
      return this.awaitsWriter ? 'nothing' : 'end';
    } catch (error) {
      const code = systemCode(error);
      if (code === 'EAGAIN' || code === 'EINTR') return 'nothing';
      this.problem = `${this.name} can't be read at offset ${this.base + at}: ${systemReason(error)}; the packets before it were read.`;
      return 'end';
    }
  }

  private offset(): number {
    return this.base + this.state[POSITION];
  }

  private end(what: string): number {
    this.problem = `${this.name} ${what}; the packets before it were read.`;
    this.close();
    return SOURCE_ENDED;
  }

  /** The file's end: a good one, or in the middle of something. */
  private finish(): number {
    if (this.problem === '' && (this.state[END] > this.state[POSITION] || this.pcapng.skip > 0)) {
      const what = this.state[FORMAT] === 0 ? `packet ${this.packets + 1}` : `a block behind packet ${this.packets}`;
      return this.end(`ends in the middle of ${what} (offset ${this.offset()})`);
    }
    this.close();
    return SOURCE_ENDED;
  }

  /** Reads the header; of pipes when it has come. */
  private begin(): boolean {
    for (;;) {
      const error = this.recognise();
      if (this.begun) return true;
      const refill = error ? 'end' : this.refill();
      if (refill === 'nothing') return false;
      if (refill === 'end') throw error ?? this.shortFile();
    }
  }

  private beginPipe(): boolean {
    try {
      return this.begin();
    } catch (error) {
      this.problem = (error as BricksError).message;
      this.close();
      return false;
    }
  }

  /** Looks at the first bytes: starts a parser, asks for more (nothing), or says what is wrong. */
  private recognise(): BricksError | undefined {
    const { state, window } = this;
    const available = state[END];
    if (available < 4) return undefined;
    if (window.view.getUint32(0, true) === SECTION_BLOCK) {
      this.pcapng.start();
      this.begun = true;
      return undefined;
    }
    const bytes = window.memory.bytes;
    const header = available >= PCAP_HEADER ? parsePcapHeader(window.view) : undefined;
    if (header) {
      startPcap(state, header);
      state[POSITION] = PCAP_HEADER;
      this.pcapSection = plainSection(header.linkType, header.fcsBytes);
      this.batch.notes?.words.fill(0);
      this.begun = true;
      return undefined;
    }
    const magic = window.view.getUint32(0, true);
    if (PCAP_MAGICS.has(magic) && available < PCAP_HEADER) return undefined;
    return noCapture(this.name, bytes);
  }

  private shortFile(): BricksError {
    if (this.problem !== '') return fileError('E_FILE', this.problem);
    const available = this.state[END];
    if (available === 0) return fileError('E_FILE_FORMAT', `${this.name} is empty: it has not even the header of a capture file.`);
    return fileError('E_FILE_FORMAT', `${this.name} ends in the middle of its header: it has ${available} of ${PCAP_HEADER} bytes.`);
  }
}

const PCAP_MAGICS = new Set([0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1, 0xa1b2cd34, 0x34cdb2a1]);
