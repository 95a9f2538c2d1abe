/** A capture file, a directory of them, or standard input, as the source of an engine. */
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { SOURCE_ENDED, type OpenContext, type SourcePort, type SourceRequest } from '../core/backend';
import { LINK_BYTES, LINK_PACKETS, addToCounter } from '../core/counters';
import { isBricksError, messageOf } from '../core/errors';
import type { LinkName } from '../core/link-name';
import type { OptionDeclaration } from '../core/options';
import { CaptureReader, TIME_NOT_KNOWN } from './capture-reader';
import { fileError, systemReason } from './formats';

export const FILE_SOURCE_OPTIONS: readonly OptionDeclaration[] = [
  { name: 'pace', type: 'string', default: 'fast', oneOf: ['fast', 'timestamps'], description: 'How packets come: as fast as they are taken, or with the gaps between their time stamps. Each file begins at once.' },
  { name: 'speed', type: 'number', default: 1, minimum: 0.000001, maximum: 1e9, description: 'With pace = "timestamps": how many times faster than the original.' },
  { name: 'loop', type: 'integer', default: 1, minimum: 0, description: 'How many times to read everything; 0 for without end. Time stamps stay what they are.' },
];

const IN_DIRECTORY = /(pcap|pcapng|cap)$/i;
const NATURAL = new Intl.Collator('en', { numeric: true });

/** Milliseconds, never going back; tests put in their own. */
export type Clock = () => number;

export class FileSource implements SourcePort {
  readonly link: LinkName;
  readonly patient = true;
  private readonly reader: CaptureReader;
  private readonly files: readonly string[];
  private readonly isDirectory: boolean;
  private readonly paced: boolean;
  private readonly speed: number;
  /** Rounds that are left; Infinity for without end. */
  private rounds: number;
  private next = 0;
  private ended = false;
  private opened = false;
  /** Packets of this round, so that a directory without any does not loop for ever. */
  private roundPackets = 0;
  /** Pace: the time of the file's first packet, and when it was delivered. */
  private firstSeconds = -1;
  private firstNanoseconds = 0;
  private started = 0;
  private waitsForTime = false;

  /** @throws BricksError E_FILE, E_FILE_FORMAT */
  constructor(
    private readonly request: SourceRequest,
    private readonly notice: OpenContext['notice'],
    private readonly clock: Clock = () => performance.now(),
    useNative = true,
  ) {
    this.link = request.link;
    const { pace, speed, loop } = request.options;
    this.paced = pace === 'timestamps';
    this.speed = typeof speed === 'number' ? speed : 1;
    this.rounds = loop === 0 ? Infinity : typeof loop === 'number' ? loop : 1;
    const path = request.link.device;
    const found = filesOf(path);
    this.isDirectory = found !== undefined;
    this.files = found ?? [path];
    this.reader = new CaptureReader(request.batch, request.flowColumns, useNative, request.notes);
    if (!this.openNext()) throw fileError('E_FILE_FORMAT', `None of the files in ${path} can be read as a capture file.`);
    if (this.rounds !== 1 && this.reader.descriptor >= 0) {
      this.reader.close();
      throw fileError('E_FILE', `${path} is a pipe and can be read only once: loop is impossible.`);
    }
  }

  /** The files that it reads. */
  get paths(): readonly string[] {
    return this.files;
  }

  get descriptor(): number {
    return this.reader.descriptor;
  }

  receive(): number {
    for (;;) {
      if (this.ended) return SOURCE_ENDED;
      if (this.paced) this.setLimit();
      const rows = this.reader.read();
      if (rows > 0) {
        const { words } = this.request.counters;
        addToCounter(words, this.request.record + LINK_PACKETS, rows);
        addToCounter(words, this.request.record + LINK_BYTES, this.reader.bytes);
        this.roundPackets += rows;
        this.waitsForTime = false;
        return rows;
      }
      if (rows === 0) {
        this.waitsForTime = this.paced && this.reader.stoppedByTime;
        // The first packet of a file is not due because nobody knew its time.
        if (this.paced && this.firstSeconds < 0 && this.beginPace()) continue;
        return 0;
      }
      if (this.reader.problem !== '') this.tellDamage(this.reader.problem);
      if (!this.openNext()) this.ended = true;
    }
  }

  release(): void {
    // The window is refilled by the next `receive` only.
  }

  nextDue(): number {
    if (!this.waitsForTime || this.firstSeconds < 0 || this.ended) return Infinity;
    return Math.max(0, this.started + this.sinceFirst() / this.speed - this.clock());
  }

  close(): void {
    this.ended = true;
    this.reader.close();
  }

  private tellDamage(text: string): void {
    this.notice(text, { kind: 'inputDamaged', link: this.link.text });
  }

  /** Milliseconds from the file's first packet to the next one, by their time stamps. */
  private sinceFirst(): number {
    return (this.reader.nextSeconds - this.firstSeconds) * 1000 + (this.reader.nextNanoseconds - this.firstNanoseconds) / 1e6;
  }

  private beginPace(): boolean {
    const seconds = this.reader.nextSeconds;
    if (seconds === TIME_NOT_KNOWN) return false;
    this.firstSeconds = seconds;
    this.firstNanoseconds = this.reader.nextNanoseconds;
    this.started = this.clock();
    return true;
  }

  private setLimit(): void {
    if (this.firstSeconds < 0) {
      // Nothing is due, so that the reader tells the time of the first packet. (Time 0 comes at once.)
      this.reader.askForTime();
      return;
    }
    const passed = (this.clock() - this.started) * this.speed;
    const nanoseconds = this.firstNanoseconds + Math.floor((passed % 1000) * 1e6);
    const carry = Math.floor(nanoseconds / 1e9);
    const seconds = this.firstSeconds + Math.floor(passed / 1000) + carry;
    this.reader.limit(Math.min(seconds, 0xffff_ffff), seconds > 0xffff_ffff ? 0xffff_ffff : nanoseconds - carry * 1e9);
  }

  /** Opens the next file that is one; false when there is none. Of a directory, others are skipped with a notice. */
  private openNext(): boolean {
    for (;;) {
      if (this.next === this.files.length) {
        const empty = this.roundPackets === 0;
        this.roundPackets = 0;
        if (--this.rounds <= 0 || empty) return false;
        this.next = 0;
      }
      const file = this.files[this.next++];
      this.firstSeconds = -1;
      try {
        this.reader.open(file);
        this.opened = true;
        return true;
      } catch (error) {
        if (!isBricksError(error)) throw error;
        // At the start a single file that is none is an error; later (looping) it has been taken away.
        if (!this.isDirectory && !this.opened) throw error;
        this.tellDamage(`${messageOf(error)}${this.isDirectory ? ' It was skipped.' : ''}`);
      }
    }
  }
}

/** The capture files of a directory in order, or nothing if the path is none. */
function filesOf(path: string): string[] | undefined {
  if (path === '-') return undefined;
  let names: string[];
  try {
    if (!statSync(path).isDirectory()) return undefined;
    names = readdirSync(path).filter((name) => IN_DIRECTORY.test(name)).sort((a, b) => NATURAL.compare(a, b) || (a < b ? -1 : 1));
  } catch (error) {
    throw fileError('E_FILE', `The capture file ${path} can't be read: ${systemReason(error)}.`);
  }
  const files = names.map((name) => join(path, name)).filter(isRegularFile);
  if (files.length === 0) throw fileError('E_FILE', `The directory ${path} holds no capture file.`, 'Their names end in pcap, pcapng or cap.');
  return files;
}

function isRegularFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
