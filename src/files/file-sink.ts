/** Capture files as the sinks of an engine: all files of an engine together. */
import type { OpenContext, SinkRequest, Transmitter } from '../model/backend';
import { isSameOptions } from '../model/options';
import type { PacketBatch } from '../model/packet-batch';
import { fileError } from './formats';
import { nativeFiles, type FilesAddon, type NativeRecorder } from './native-files';
import { STATE_ASKS, encodeList, sectionOf } from './record-encoder';
import { RecorderThread } from './recorder-thread';
import { Recording } from './recording';
import type { Sink } from './sink';

/** What native code adds for each list that TypeScript must look at. */
const LISTS_ASK = 2 ** 32;

/** Whoever reads files in the same engine: its files must not be written to. */
export type IsSource = (identity: string) => boolean;

interface OpenFile {
  readonly sink: Sink;
  readonly recording: Recording;
  /** The transmitters that have it: two while one graph takes over from another. */
  readonly users: FileTransmitter[];
}

/** The files that an engine writes, by their links. */
export type OpenFiles = Map<string, OpenFile>;

export class FileTransmitter implements Transmitter {
  readonly readsNotes = true;
  private readonly files: readonly OpenFile[];
  private readonly recordings: readonly Recording[];
  private readonly batches: PacketBatch[];
  private readonly addon: FilesAddon | undefined;
  private readonly native: NativeRecorder | undefined;
  private sent = false;
  private begun = false;
  private closed = false;

  /** Files that are open already, with the same options, go on. @throws BricksError E_FILE */
  constructor(
    private readonly requests: readonly SinkRequest[], context: OpenContext, isSource: IsSource = () => false, useNative = true,
    recorder: () => RecorderThread = () => new RecorderThread(), private readonly open: OpenFiles = new Map(),
  ) {
    const added = requests.filter((request) => !isOpen(request, open));
    const isTaken = (identity: string): string | undefined => (isSource(identity) ? 'reads' : [...open.values()].some(({ sink }) => sink.identity === identity) ? 'writes' : undefined);
    const recording = added.length > 0 ? new Recording(added, context, isTaken, useNative, recorder()) : undefined;
    for (const sink of recording?.sinks ?? []) open.set(sink.request.link.text, { sink, recording: recording as Recording, users: [] });
    this.files = requests.map(({ link }) => open.get(link.text) as OpenFile);
    this.files.forEach(({ sink, users }, index) => {
      sink.request = requests[index];
      users.push(this);
    });
    this.recordings = [...new Set(this.files.map((file) => file.recording))];
    this.batches = [...context.batches];
    this.addon = useNative ? nativeFiles() : undefined;
    this.native = this.bind();
  }

  transmit(batch: PacketBatch, wait: boolean): number {
    this.sent = true;
    if (!this.begun) this.begin();
    const lossless = wait && !this.failed;
    let held = 0;
    if (this.addon && this.native) {
      const index = this.batches.indexOf(batch);
      if (index >= 0) {
        const { revision } = sectionOf(batch);
        const answer = this.addon.encodeLists(this.native, index, batch.memory.bytes, revision, lossless, batch.notes?.words);
        if (answer < LISTS_ASK) return answer;
        held = answer % LISTS_ASK;
        for (const { sink } of this.files) {
          if (sink.ring.state[STATE_ASKS] === 0) continue;
          sink.ring.state[STATE_ASKS] = 0;
          held += encodeList(sink, batch, lossless);
        }
        return held;
      }
    }
    for (const { sink } of this.files) held += encodeList(sink, batch, lossless);
    return held;
  }

  flush(): void {
    if (!this.sent) return;
    this.sent = false;
    for (let index = 0; index < this.recordings.length; index++) this.recordings[index].flush();
  }

  refreshCounters(): void {
    if (!this.begun && !this.closed) this.begin();
    for (const recording of this.recordings) recording.refreshCounters();
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    const leaving = this.files.filter((file) => this.leave(file));
    for (const recording of this.recordings) {
      const sinks = leaving.filter((file) => file.recording === recording).map(({ sink }) => sink);
      if (sinks.length > 0) recording.close(sinks);
    }
    for (const { sink } of leaving) this.open.delete(sink.request.link.text);
  }

  /** True if nobody else has the file. */
  private leave({ sink, users }: OpenFile): boolean {
    users.splice(users.indexOf(this), 1);
    const other = users.at(-1);
    const request = other?.requests.find(({ link }) => link.text === sink.request.link.text);
    if (request) sink.request = request;
    return request === undefined;
  }

  private get failed(): boolean {
    for (let index = 0; index < this.recordings.length; index++) if (this.recordings[index].failed) return true;
    return false;
  }

  private begin(): void {
    this.begun = true;
    for (const recording of this.recordings) recording.begin();
  }

  private bind(): NativeRecorder | undefined {
    const { addon, requests } = this;
    if (!addon || requests.length === 0) return undefined;
    const rings = this.files.map(({ sink }) => sink.ring);
    return addon.bindRecorder(
      this.batches, requests.map(({ lists }) => lists), Uint32Array.from(requests, ({ output }) => output),
      rings.map(({ bytes }) => bytes), rings.map(({ control }) => control), rings.map(({ state }) => state), this.files.map(({ sink }) => sink.description.map),
      requests[0].counters.words, Uint32Array.from(requests, ({ record }) => record),
    );
  }
}

/** @throws BricksError E_FILE where the file is open with other options */
function isOpen({ link, options }: SinkRequest, open: OpenFiles): boolean {
  const known = open.get(link.text);
  if (!known) return false;
  if (isSameOptions(known.sink.request.options, options)) return true;
  throw fileError('E_FILE', `${known.sink.name} can't be written with other options while it is open.`, 'Give the output another name, or take it out of the graph first.');
}
