/**
 * Reads capture files into a batch: one window of memory, which is refilled by plain reads.
 *
 * Reads of 256 KiB: they stay in the second-level cache until they are parsed (64 KiB was the same,
 * 4 MiB took twice as long). Files are not mapped: one that shrinks would end the process.
 */
import { SOURCE_ENDED } from '../model/backend';
import type { BricksError } from '../model/errors';
import { packetMemory, type PacketBatch } from '../model/packet-batch';
import { createPacketNotes } from '../model/packet-notes';
import { flowFiller, type FlowFiller } from '../flow/flow-columns';
import { CaptureInput } from './capture-input';
import { plainSection, type CaptureSection } from './capture-section';
import { MAXIMUM_BLOCK, PCAP_HEADER, SECTION_BLOCK } from './formats';
import { nativeFiles, type FilesAddon, type NativeReader } from './native-files';
import { noCapture } from './open-input';
import { parsePcapHeader, parsePcapRecords, startPcap } from './pcap';
import { PcapngParser } from './pcapng';
import {
  BYTES, DAMAGE, DAMAGE_TEXT, END, FLOOR_SECONDS, FLOW, LINK_TYPE, NEXT_NANOSECONDS, NEXT_SECONDS, NOTES, POSITION, ROWS, SKIP,
  SPAN_NANOSECONDS, SPAN_SECONDS, STATE_WORDS, STOP, STOP_DAMAGED, STOP_FULL, STOP_MORE, STOP_OTHER, STOP_TIME, TOO_LONG, type ReaderWindow,
} from './reader-state';

const READ_BYTES = 256 * 1024;
const WINDOW_BYTES = MAXIMUM_BLOCK + READ_BYTES + 64;

type Refill = 'data' | 'nothing' | 'end';

/** What is known of the open file; the next one gets its own. */
class OpenFile {
  /** Of pcapng files only. */
  parser: PcapngParser | undefined;
  /** Of pcap files: what the header tells of the packets. */
  section: CaptureSection | undefined;
  begun = false;
  /** Offset in the file of the window's first byte. */
  base = 0;

  constructor(readonly input: CaptureInput) {}
}

export class CaptureReader {
  readonly state = new Uint32Array(STATE_WORDS);
  /** Packets of the open file that were read so far. */
  packets = 0;
  /** Why the open file ended before its end, if it did. */
  problem = '';
  /** For waiting; of a pipe only, -1 otherwise. */
  descriptor = -1;
  private readonly window: ReaderWindow;
  private native: { readonly addon: FilesAddon; readonly reader: NativeReader } | undefined;
  private file: OpenFile | undefined;
  private batch: PacketBatch;
  private flowColumns = false;
  private notes: boolean;
  private fillFlowColumns: FlowFiller;

  /** `notes`: to hang on the batch what the file tells of packets besides the columns. */
  constructor(batch: PacketBatch, flowColumns: boolean, private readonly useNative = true, notes = false) {
    const buffer = new ArrayBuffer(WINDOW_BYTES);
    this.window = { memory: packetMemory(buffer), view: new DataView(buffer) };
    this.batch = batch;
    this.notes = notes;
    this.fillFlowColumns = flowFiller(batch);
    this.bind(batch, flowColumns, notes);
    this.allDue();
  }

  /** Fills this batch from now on. Notes begin with the next file where this one's interfaces were not noted. */
  rebind(batch: PacketBatch, flowColumns: boolean, notes = false): void {
    const { file } = this;
    this.notes = notes;
    this.fillFlowColumns = flowFiller(batch);
    this.bind(batch, flowColumns, notes && (file?.parser === undefined || this.state[NOTES] === 1));
    if (file?.parser) file.parser.batch = batch;
  }

  private bind(batch: PacketBatch, flowColumns: boolean, notes: boolean): void {
    this.batch = batch;
    this.flowColumns = flowColumns;
    batch.memory = this.window.memory;
    batch.notes = notes ? createPacketNotes(batch.capacity) : undefined;
    this.state[NOTES] = notes ? 1 : 0;
    this.state[FLOW] = flowColumns ? 1 : 0;
    const addon = this.useNative ? nativeFiles() : undefined;
    this.native = addon && { addon, reader: addon.bindReader(batch, this.window.memory.bytes, this.state, batch.notes?.words) };
  }

  /** Opens a file, or `-` for standard input.
   *  @throws BricksError E_FILE, E_FILE_FORMAT */
  open(path: string): void {
    this.close();
    const file = new OpenFile(CaptureInput.open(path));
    if (this.notes !== (this.state[NOTES] === 1)) this.bind(this.batch, this.flowColumns, this.notes);
    this.file = file;
    this.state[POSITION] = this.state[END] = this.state[SKIP] = this.state[TOO_LONG] = 0;
    this.state[STOP] = STOP_MORE;
    this.packets = 0;
    this.problem = '';
    if (file.input.isPipe) {
      this.descriptor = file.input.file;
      return;
    }
    try {
      this.begin(file);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    this.file?.input.close();
    this.file = undefined;
    this.descriptor = -1;
  }

  /** Delivers packets with time stamps from this second on that are less than this span after it; seconds wrap at 2^32. */
  dueWithin(floorSeconds: number, spanSeconds: number, spanNanoseconds: number): void {
    this.state[FLOOR_SECONDS] = floorSeconds;
    this.state[SPAN_SECONDS] = spanSeconds;
    this.state[SPAN_NANOSECONDS] = spanNanoseconds;
  }

  allDue(): void {
    this.dueWithin(0, 0xffff_ffff, 0xffff_ffff);
  }

  /** Makes the next packet not due, so that `nextSeconds` tells its time. */
  noneDue(): void {
    this.dueWithin(0, 0, 0);
  }

  /** Whether `read` delivered nothing because the next packet is not due, and not because there is none. */
  get stoppedByTime(): boolean {
    return this.state[STOP] === STOP_TIME;
  }

  /** The time stamp of that packet. */
  get nextSeconds(): number {
    return this.state[NEXT_SECONDS];
  }

  get nextNanoseconds(): number {
    return this.state[NEXT_NANOSECONDS];
  }

  /** The open file as messages call it. */
  get name(): string {
    return this.file?.input.name ?? '';
  }

  /** Packets of the open file so far that are longer than MAXIMUM_PACKET, and were skipped. */
  get tooLong(): number {
    return this.state[TOO_LONG];
  }

  /** The number of the packet that is read, or skipped, next. */
  private get nextPacket(): number {
    return this.packets + this.tooLong + (this.state[SKIP] > 0 ? 0 : 1);
  }

  /** Captured bytes of the rows that `read` delivered. */
  get bytes(): number {
    return this.state[BYTES];
  }

  /** Fills the batch from row 0; returns the rows, 0 for nothing now, or SOURCE_ENDED: then `problem` may tell why. */
  read(): number {
    const { state, batch } = this;
    state[ROWS] = state[BYTES] = 0;
    batch.count = 0;
    const { file } = this;
    if (!file) return SOURCE_ENDED;
    if (!file.begun && !this.beginPipe(file)) return this.file ? 0 : SOURCE_ENDED;
    for (;;) {
      this.parse(file);
      const rows = state[ROWS];
      const stop = state[STOP];
      if (rows > 0) return this.deliver(rows);
      if (stop === STOP_DAMAGED) return this.end(file, `is damaged at packet ${this.nextPacket} (${this.place(file)}): ${DAMAGE_TEXT[state[DAMAGE]]}`);
      if (stop === STOP_MORE || stop === STOP_FULL) {
        const refill = this.refill(file);
        if (refill === 'nothing') return 0;
        if (refill === 'end') return this.finish(file);
      } else {
        return 0;
      }
    }
  }

  private deliver(rows: number): number {
    const { batch, state } = this;
    batch.count = rows;
    batch.linkType = state[LINK_TYPE];
    if (batch.notes) batch.notes.section = this.file?.parser ? this.file.parser.section : this.file?.section;
    this.packets += rows;
    if (!this.native) {
      if (this.flowColumns) this.fillFlowColumns(batch, 0, rows);
      else batch.flowWord.fill(0, 0, rows);
    }
    return rows;
  }

  private parse({ parser }: OpenFile): void {
    const { state, native } = this;
    if (!parser) {
      if (native) native.addon.parseRecords(native.reader);
      else parsePcapRecords(state, this.window, this.batch);
    } else if (native) {
      do {
        native.addon.parseRecords(native.reader);
        const stop: number = state[STOP];
        if (stop !== STOP_OTHER) return;
        const row = state[ROWS];
        parser.step();
        if (state[ROWS] > row) this.fillFlow(row);
      } while (state[STOP] === STOP_FULL && state[SKIP] === 0 && state[ROWS] < this.batch.capacity);
    } else {
      parser.parse();
    }
  }

  /** The flow columns of a row that TypeScript parsed in a batch of native code. */
  private fillFlow(row: number): void {
    this.batch.linkType = this.state[LINK_TYPE];
    if (this.flowColumns) this.fillFlowColumns(this.batch, row, 1);
    else this.batch.flowWord[row] = 0;
  }

  /** Reads on, behind what is left of the window. */
  private refill(file: OpenFile): Refill {
    const { state, window } = this;
    const bytes = window.memory.bytes;
    const left = state[END] - state[POSITION];
    // The same remainder modulo 4 as in the file: there most packets start at multiples of 4.
    const start = state[POSITION] & 3;
    if (left > 0 && start !== state[POSITION]) bytes.copyWithin(start, state[POSITION], state[END]);
    file.base += state[POSITION] - start;
    state[POSITION] = start;
    state[END] = start + left;
    for (;;) {
      const read = file.input.read(bytes, state[END], Math.min(READ_BYTES, bytes.length - state[END]));
      if (typeof read === 'string') return read;
      const skipped = Math.min(state[SKIP], read);
      if (skipped === 0) {
        state[END] += read;
        return 'data';
      }
      // Inside a packet or block that is skipped: nothing else is in the window. What follows gets the remainder modulo 4 that it has in the file.
      state[SKIP] -= skipped;
      const offset = file.base + state[END] + skipped;
      const at = offset % 4;
      bytes.copyWithin(at, state[END] + skipped, state[END] + read);
      file.base = offset - at;
      state[POSITION] = at;
      state[END] = at + read - skipped;
      if (skipped < read) return 'data';
    }
  }

  private place(file: OpenFile): string {
    return file.input.placeOf(file.base + this.state[POSITION]);
  }

  private end(file: OpenFile, what: string): number {
    this.problem = `${file.input.name} ${what}; the packets before it were read.`;
    this.close();
    return SOURCE_ENDED;
  }

  /** The file's end: a good one, or in the middle of something. */
  private finish(file: OpenFile): number {
    this.problem = file.input.problem;
    if (this.problem === '' && (this.state[END] > this.state[POSITION] || this.state[SKIP] > 0)) {
      const what = file.parser ? `a block after packet ${this.nextPacket - 1}` : `packet ${this.nextPacket}`;
      return this.end(file, `ends in the middle of ${what} (${this.place(file)})`);
    }
    this.close();
    return SOURCE_ENDED;
  }

  /** Reads the header; of pipes when it has come. */
  private begin(file: OpenFile): boolean {
    for (;;) {
      const error = this.recognise(file);
      if (file.begun) return true;
      const refill = error ? 'end' : this.refill(file);
      if (refill === 'nothing') return false;
      if (refill === 'end') throw error ?? file.input.shortFile(this.state[END], PCAP_HEADER);
    }
  }

  private beginPipe(file: OpenFile): boolean {
    try {
      return this.begin(file);
    } catch (error) {
      this.problem = (error as BricksError).message;
      this.close();
      return false;
    }
  }

  /** Looks at the first bytes: starts a parser, asks for more (nothing), or says what is wrong. */
  private recognise(file: OpenFile): BricksError | undefined {
    const { state, window } = this;
    const available = state[END];
    if (available < 4) return undefined;
    if (window.view.getUint32(0, true) === SECTION_BLOCK) {
      file.parser = new PcapngParser(state, window, this.batch);
      file.begun = true;
      return undefined;
    }
    const bytes = window.memory.bytes;
    const header = available >= PCAP_HEADER ? parsePcapHeader(window.view) : undefined;
    if (header) {
      startPcap(state, header);
      state[POSITION] = PCAP_HEADER;
      file.section = plainSection(header.linkType, header.fcsBytes);
      this.batch.notes?.words.fill(0);
      file.begun = true;
      return undefined;
    }
    const magic = window.view.getUint32(0, true);
    if (PCAP_MAGICS.has(magic) && available < PCAP_HEADER) return undefined;
    if (!file.input.unpack(bytes.subarray(0, available))) return noCapture(file.input.name, bytes);
    state[END] = 0;
    return undefined;
  }
}

const PCAP_MAGICS = new Set([0xa1b2c3d4, 0xd4c3b2a1, 0xa1b23c4d, 0x4d3cb2a1, 0xa1b2cd34, 0x34cdb2a1]);
