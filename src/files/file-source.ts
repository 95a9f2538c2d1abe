/** A capture file, a directory of them, or standard input, as the source of an engine. */
import { SOURCE_ENDED, type OpenContext, type SourcePort, type SourceRequest } from '../model/backend';
import { LINK_BYTES, LINK_DROPS, LINK_PACKETS, addToCounter } from '../model/counters';
import { DROP_REASON_INDEX } from '../model/drop-reasons';
import { isBricksError, messageOf } from '../model/errors';
import type { LinkName } from '../model/link-name';
import type { ReportedFault } from '../model/outcome';
import { CaptureReader } from './capture-reader';
import { readDirectory, type CaptureDirectory, type DirectoryFile } from './capture-directory';
import { fileError } from './formats';
import { isStandardInput } from './open-input';
import { Pace, type Clock, type PaceOptions } from './pace';

export class FileSource implements SourcePort {
  readonly link: LinkName;
  readonly lossless = true;
  private readonly reader: CaptureReader;
  private readonly files: readonly DirectoryFile[];
  private readonly isDirectory: boolean;
  /** With pace = "timestamps". */
  private readonly paceOptions: PaceOptions | undefined;
  private pace: Pace | undefined;
  /** Rounds that are left; Infinity for without end. */
  private rounds: number;
  private next = 0;
  private openName = '';
  /** Packets of the open file that were counted as too long. */
  private tooLong = 0;
  private ended = false;
  private opened = false;
  /** Packets of this round, so that a directory without any does not loop for ever. */
  private roundPackets = 0;

  /** @throws BricksError E_FILE, E_FILE_FORMAT */
  constructor(
    private request: SourceRequest,
    private readonly notice: OpenContext['notice'],
    private readonly clock: Clock = () => performance.now(),
    useNative = true,
  ) {
    this.link = request.link;
    const { pace, speed = 1, longestWaitSeconds = 60, loop } = request.options;
    this.paceOptions = pace === 'timestamps' ? { speed: Number(speed), longestWaitSeconds: Number(longestWaitSeconds) } : undefined;
    this.rounds = loop === 0 ? Infinity : typeof loop === 'number' ? loop : 1;
    const path = request.link.device;
    const directory = isStandardInput(path) ? undefined : readDirectory(path);
    this.isDirectory = directory !== undefined;
    this.files = directory?.files ?? [{ path, claimsToBe: true }];
    if (directory) this.tellLeftOut(directory);
    this.reader = new CaptureReader(request.batch, request.flowColumns, useNative, request.notes);
    if (!this.openNext()) {
      if (this.files.some(({ claimsToBe }) => claimsToBe)) throw fileError('E_FILE_FORMAT', `None of the files in ${path} can be read as a capture file.`);
      throw fileError('E_FILE', `The directory ${path} contains no capture files.`);
    }
    if (this.rounds !== 1 && (this.reader.descriptor >= 0 || isStandardInput(path))) {
      this.reader.close();
      throw fileError('E_FILE', `${isStandardInput(path) ? 'Standard input' : `${path} is a pipe and`} can be read only once, so loop is not possible.`);
    }
  }

  /** The files that it reads. */
  get paths(): readonly string[] {
    return this.files.map(({ path }) => path);
  }

  get descriptor(): number {
    return this.reader.descriptor;
  }

  receive(): number {
    for (;;) {
      if (this.ended) return SOURCE_ENDED;
      this.pace?.allow();
      const rows = this.reader.read();
      if (this.reader.tooLong !== this.tooLong) this.countTooLong();
      if (rows > 0) {
        const { words } = this.request.counters;
        addToCounter(words, this.request.record + LINK_PACKETS, rows);
        addToCounter(words, this.request.record + LINK_BYTES, this.reader.bytes);
        this.roundPackets += rows;
        this.pace?.delivered(this.request.batch.seconds[rows - 1]);
        return rows;
      }
      if (rows === 0) {
        if (this.pace?.takeNext()) continue;
        return 0;
      }
      if (this.reader.problem !== '') this.tellDamage(this.reader.problem);
      if (!this.openNext()) this.ended = true;
    }
  }

  /** Packets that are longer than an engine can take are skipped one by one. */
  private countTooLong(): void {
    const { tooLong } = this.reader;
    if (this.tooLong === 0) this.notice(`${this.openName} contains packets of more than 1 MiB, which are skipped and counted (tooLong).`);
    addToCounter(this.request.counters.words, this.request.record + LINK_DROPS + DROP_REASON_INDEX.tooLong, tooLong - this.tooLong);
    this.tooLong = tooLong;
  }

  release(): void {
    // The window is refilled by the next `receive` only.
  }

  nextDue(): number {
    return this.ended || !this.pace ? Infinity : this.pace.nextDue();
  }

  rebind(request: SourceRequest): void {
    this.request = request;
    this.reader.rebind(request.batch, request.flowColumns, request.notes);
  }

  close(): void {
    this.ended = true;
    this.reader.close();
  }

  private tellLeftOut({ leftOut }: CaptureDirectory): void {
    if (leftOut.length === 0) return;
    const text = `Only files in ${this.link.device} are read; skipped: ${leftOut.map(({ name, reason }) => `${name} (${reason})`).join(', ')}.`;
    this.notice(text, leftOut.some(({ isMissing }) => isMissing) ? this.fault : undefined);
  }

  private tellDamage(text: string): void {
    this.notice(text, this.fault);
  }

  /** For what keeps packets from coming. */
  private get fault(): ReportedFault {
    return { kind: 'inputDamaged', link: this.link.text };
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
      const { path, claimsToBe } = this.files[this.next++];
      try {
        this.reader.open(path);
        this.pace = this.paceOptions && new Pace(this.reader, this.paceOptions, this.clock, this.notice);
        this.opened = true;
        this.tooLong = 0;
        this.openName = this.reader.name;
        return true;
      } catch (error) {
        if (!isBricksError(error)) throw error;
        // At the start a single file that is none is an error; later (looping) it has been taken away.
        if (!this.isDirectory && !this.opened) throw error;
        // Of a directory what is no capture by its name and none by its bytes is no concern of ours.
        if (!claimsToBe && error.code === 'E_FILE_FORMAT') continue;
        this.tellDamage(`${messageOf(error)}${this.isDirectory ? ' It was skipped.' : ''}`);
      }
    }
  }
}
