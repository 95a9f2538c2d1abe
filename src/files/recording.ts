/** Capture files that were opened together: their rings, and the thread that writes them. */
import { closeSync, existsSync, openSync, statSync, unlinkSync } from 'node:fs';
import { isatty } from 'node:tty';
import { getSystemErrorName } from 'node:util';
import type { OpenContext, SinkRequest } from '../model/backend';
import { LINK_BYTES, LINK_DROPS, LINK_PACKETS, addToCounter, readCounter, setCounter } from '../model/counters';
import { DROP_REASON_INDEX } from '../model/drop-reasons';
import type { OptionValues } from '../model/options';
import type { ReportedFault } from '../model/outcome';
import { systemCode } from '../model/system-error';
import { fileError, fileReason } from './formats';
import { Guardian } from './guardian';
import { CLOSED, CLOSING, ERROR_NUMBER, FAILED_BYTES, FAILED_PACKETS, HEAD, LAST_ERROR, STATE_CRAMPED, STATE_WAKE, TAIL } from './record-encoder';
import { INTERNAL_ERROR, numberedName } from './record-plan';
import type { RecorderThread } from './recorder-thread';
import { RECORDER_BEGIN, RECORDER_CLOSE, RECORDER_SLEEP, RECORDER_STATE, SLEEP_DEEP, STATE_DONE, STATE_FAILED, STATE_STARTED } from './recorder-worker';
import { unwritten } from './ring-records';
import { createSink, type Sink } from './sink';
import { isStandardOutput } from './target-file';
import { systemName } from './system-name';

/** @throws BricksError E_OPTION, E_FILE */
function checkStandardOutput(options: OptionValues): void {
  if (options['rotateBytes'] !== undefined || options['rotateSeconds'] !== undefined) {
    throw fileError('E_OPTION', 'Standard output is a single stream: a recording to - cannot start new files.', 'Remove rotateBytes and rotateSeconds, or name a file.');
  }
  if (isatty(1)) throw fileError('E_FILE', 'Refusing to write binary pcap to a terminal.', 'Redirect standard output to a file or a program.');
}

const START_MILLISECONDS = 30_000;
/** The writer gets as long as it needs while it gets on, and so long while it does not. */
const CLOSE_MILLISECONDS = 5000;
/** A notification reports the end of one file of several; it may have come before anyone waited for it. */
const LOOK_MILLISECONDS = 5;
/** Descriptors that the writer's thread needs beside its files. */
const SPARE_DESCRIPTORS = 16;

/**
 * Opened are the files by the constructor, emptied only when the engine runs: at the first packet or when
 * it first asks for counters. So whatever else can't be opened, nobody loses an older file by it.
 */
export class Recording {
  readonly sinks: readonly Sink[];
  private readonly shared: Int32Array;
  private readonly guardian: Guardian | undefined;
  /** New files, to be taken away again if the engine does not start. */
  private readonly created: string[] = [];
  private begun = false;
  private readonly open: Set<Sink>;

  /** `isTaken`: what else the engine does with a file, if it does anything. @throws BricksError E_FILE */
  constructor(requests: readonly SinkRequest[], private readonly context: OpenContext, isTaken: (identity: string) => string | undefined, useNative: boolean, private readonly recorder: RecorderThread) {
    this.shared = recorder.shared;
    this.guardian = useNative ? Guardian.start(requests.length, (text) => context.notice(text)) : undefined;
    this.sinks = requests.map((request, index) => createSink(request, index, requests.length, this.guardian, context.live === true, (message) => recorder.tell(message)));
    this.openFiles(isTaken);
    this.startRecorder();
    this.open = new Set(this.sinks);
  }

  /** Whether its thread is gone: it takes nothing any more. */
  get failed(): boolean {
    return Atomics.load(this.shared, RECORDER_STATE) === STATE_FAILED;
  }

  /** The engine runs: from now on the files are this recording's. */
  begin(): void {
    if (this.begun) return;
    this.begun = true;
    Atomics.store(this.shared, RECORDER_BEGIN, 1);
    this.wake();
  }

  /** Wakes the writer if it sleeps and has something to do. */
  flush(): void {
    const sleeping = Atomics.load(this.shared, RECORDER_SLEEP);
    if (sleeping === 0) return;
    if (sleeping === SLEEP_DEEP || this.mustWake()) this.wake();
  }

  /** Takes over what could not be written, and tells the user when that begins and ends. */
  refreshCounters(): void {
    for (const sink of this.open) {
      const { control } = sink.plan;
      const packets = Atomics.load(control, FAILED_PACKETS);
      if (packets !== sink.failedPackets) this.moveToDrops(sink, packets, Atomics.load(control, FAILED_BYTES));
      const errorNumber = Atomics.load(control, ERROR_NUMBER);
      // Also reports an error that came and went since the last look, such as one file of a rotation that could not be created.
      if (errorNumber === 0 && sink.errorNumber === 0 && sink.lost > 0) this.tellError(sink, Atomics.load(control, LAST_ERROR));
      if (errorNumber !== sink.errorNumber) this.tellError(sink, errorNumber);
      this.tellLimits(sink);
    }
    if (this.failed) this.tellFailure();
  }

  /** Bytes that wait to be written. */
  private pendingBytes(sinks: Iterable<Sink>): number {
    let bytes = 0;
    for (const { plan } of sinks) bytes += (Atomics.load(plan.control, HEAD) - Atomics.load(plan.control, TAIL)) >>> 0;
    return bytes;
  }

  /** Closes these files, whole; with the last ones the thread ends. */
  close(sinks: readonly Sink[]): void {
    const last = sinks.length === this.open.size;
    if (last) Atomics.store(this.shared, RECORDER_CLOSE, 1);
    for (const { plan } of sinks) Atomics.store(plan.control, CLOSING, 1);
    this.wake();
    const done = (): boolean => (last ? this.awaitState(STATE_DONE, CLOSE_MILLISECONDS) : this.awaitClosed(sinks, CLOSE_MILLISECONDS));
    for (let left = this.pendingBytes(sinks); !done();) {
      const pending = this.pendingBytes(sinks);
      if (pending === left || this.failed) break;
      left = pending;
    }
    this.refreshCounters();
    for (const sink of sinks) this.dropUnwritten(sink);
    for (const sink of sinks) this.open.delete(sink);
    if (!this.begun) this.removeCreated(sinks);
    if (!last) return;
    this.guardian?.close();
    this.recorder.close();
  }

  /** What a file can't hold. */
  private tellLimits(sink: Sink): void {
    const { name, plan: { format }, request: { counters, record }, description } = sink;
    if (readCounter(counters.words, record + LINK_DROPS + DROP_REASON_INDEX.linkType) > 0) {
      this.tellOnce(sink, format === 'pcap'
        ? `${name} can hold only one link type; other packets are dropped. Use pcapng (format = "pcapng").`
        : `${name} describes 65,536 interfaces, the most that a pcapng file can; packets from other interfaces are dropped. Use rotateBytes or rotateSeconds.`);
    }
    const cramped = sink.ring.state[STATE_CRAMPED];
    if (cramped > 0 && readCounter(counters.words, record + LINK_DROPS + DROP_REASON_INDEX.diskSlow) > 0) {
      const room = sink.ring.bytes.length;
      this.tellOnce(sink, `${name} has a buffer of ${room} bytes, and packets of ${cramped}: of these it holds ${Math.floor(room / cramped)} at a time, and the others are dropped (diskSlow) however fast the disk is. Raise bufferBytes to ${16 * 2 ** Math.ceil(Math.log2(cramped))} or more.`, 'cramped');
    }
    if (description.mixedFcs) this.tellOnce(sink, `${name} holds packets with and without frame check sequences, which a pcap file can't distinguish. Use pcapng (format = "pcapng").`);
    if (description.leftOut > 0) this.tellOnce(sink, `The files ${name} are too small for the names and secrets that came with their packets, so these are left out. Raise rotateBytes.`);
  }

  private tellOnce(sink: Sink, text: string, what = text): void {
    if (sink.said.has(what)) return;
    sink.said.add(what);
    this.context.notice(text);
  }

  private tellFailure(): void {
    const [first] = this.sinks;
    if (first.said.has('failed')) return;
    first.said.add('failed');
    this.context.notice(`The writer of capture files failed: ${textIn(this.recorder.problem)}. This is a bug in Packet Bricks, not a disk problem: please report it. Packets for files are dropped and counted (diskSlow).`, lossOf(first));
  }

  /** What the writer could not get rid of was not sent. */
  private dropUnwritten(sink: Sink): void {
    const { packets, bytes } = unwritten(sink.plan);
    if (packets === 0) {
      if (!this.failed && Atomics.load(sink.plan.control, CLOSED) === 0) this.context.notice(`${sink.name} is not closed yet: its disk has done nothing for ${CLOSE_MILLISECONDS / 1000} s. A new file may lack its header until it does.`);
      return;
    }
    this.moveToDrops(sink, (sink.failedPackets + packets) >>> 0, (sink.failedBytes + bytes) >>> 0);
    this.context.notice(`${sink.name} could not be finished: ${packets} packets were not written, and are counted as dropped (diskError).`, lossOf(sink));
  }

  private removeCreated(sinks: readonly Sink[]): void {
    const names = new Set(sinks.map(firstName));
    for (const name of this.created) if (names.has(name)) if (existsSync(systemName(name)) && statSync(systemName(name)).size === 0) unlinkSync(systemName(name));
  }

  private openFiles(isTaken: (identity: string) => string | undefined): void {
    const seen = new Map<string, string>();
    const spare: number[] = [];
    let at = this.sinks[0];
    try {
      for (const { request } of this.sinks) if (isStandardOutput(request.link.device)) checkStandardOutput(request.options);
      for (const sink of this.sinks) {
        at = sink;
        const name = firstName(sink);
        const existed = existsSync(systemName(name));
        sink.file.open();
        if (!existed && sink.file.isRegular) this.created.push(name);
        const identity = sink.file.identity();
        const other = seen.get(identity);
        if (sink.file.isRegular && other !== undefined) throw fileError('E_FILE', `${sink.plan.path} and ${other} are the same file.`, 'Give each output its own file.');
        const use = isTaken(identity);
        if (use !== undefined) throw fileError('E_FILE', `${sink.name} can't be written: the engine ${use} it.`, 'Give the output another name.');
        if (sink.file.isFile) sink.identity = identity;
        seen.set(identity, sink.plan.path);
        sink.file.lock();
      }
      // Better said here than by a thread that does not start.
      Array.from({ length: SPARE_DESCRIPTORS }, () => spare.push(openSync('/dev/null', 'r')));
    } catch (error) {
      for (const sink of this.sinks) sink.file.close();
      this.removeCreated(this.sinks);
      this.guardian?.close();
      this.recorder.end();
      if (systemCode(error) === undefined) throw error;
      throw fileError('E_FILE', `Cannot write ${at.plan.path === '-' ? at.name : `the capture file ${at.plan.path}`}: ${fileReason(error)}.`);
    } finally {
      spare.forEach(closeSync);
    }
  }

  private startRecorder(): void {
    this.recorder.begin({ guardian: this.guardian?.plan, files: this.sinks.map(({ plan, file }) => ({ plan, fd: file.descriptor })) });
    if (this.awaitState(STATE_STARTED, START_MILLISECONDS)) {
      for (const sink of this.sinks) sink.file.leave();
      return;
    }
    for (const sink of this.sinks) sink.file.close();
    this.guardian?.close();
    this.recorder.end();
    throw fileError('E_FILE', 'The capture file writer does not start.');
  }

  /** Waits until the recorder is in this state; false if it fails or takes longer. */
  private awaitState(wanted: number, milliseconds: number): boolean {
    const deadline = performance.now() + milliseconds;
    for (;;) {
      const state = Atomics.load(this.shared, RECORDER_STATE);
      if (state === wanted) return true;
      const left = deadline - performance.now();
      if (state === STATE_FAILED || left <= 0) return false;
      Atomics.wait(this.shared, RECORDER_STATE, state, left);
    }
  }

  /** The same for files that are closed while others are written. */
  private awaitClosed(sinks: readonly Sink[], milliseconds: number): boolean {
    const deadline = performance.now() + milliseconds;
    for (;;) {
      const state = Atomics.load(this.shared, RECORDER_STATE);
      if (sinks.every(({ plan }) => Atomics.load(plan.control, CLOSED) !== 0)) return true;
      const left = deadline - performance.now();
      if (state === STATE_FAILED || left <= 0) return false;
      Atomics.wait(this.shared, RECORDER_STATE, state, Math.min(left, LOOK_MILLISECONDS));
    }
  }

  private wake(): void {
    Atomics.store(this.shared, RECORDER_SLEEP, 0);
    Atomics.notify(this.shared, RECORDER_SLEEP);
  }

  private mustWake(): boolean {
    let wake = false;
    for (const { ring } of this.sinks) {
      if (ring.state[STATE_WAKE] === 0) continue;
      ring.state[STATE_WAKE] = 0;
      wake = true;
    }
    return wake;
  }

  private moveToDrops(sink: Sink, packets: number, bytes: number): void {
    const { counters: { words }, record } = sink.request;
    const lostPackets = (packets - sink.failedPackets) >>> 0;
    const lostBytes = (bytes - sink.failedBytes) >>> 0;
    setCounter(words, record + LINK_PACKETS, readCounter(words, record + LINK_PACKETS) - lostPackets);
    setCounter(words, record + LINK_BYTES, readCounter(words, record + LINK_BYTES) - lostBytes);
    const internal = Atomics.load(sink.plan.control, LAST_ERROR) === INTERNAL_ERROR;
    addToCounter(words, record + LINK_DROPS + (internal ? DROP_REASON_INDEX.backendError : DROP_REASON_INDEX.diskError), lostPackets);
    sink.failedPackets = packets;
    sink.failedBytes = bytes;
    sink.lost += lostPackets;
  }

  private tellError(sink: Sink, errorNumber: number): void {
    sink.errorNumber = errorNumber;
    if (errorNumber === 0) {
      this.context.notice(`Writing ${sink.name} again; ${sink.lost} packets were lost in the meantime.`);
      sink.lost = 0;
      return;
    }
    if (errorNumber === INTERNAL_ERROR) {
      this.context.notice(`${sink.name} can't be written: ${textIn(sink.plan.problem)}. This is a bug in Packet Bricks, not a disk problem: please report it. Its packets are dropped and counted (backendError) until it can be written again; everything else carries on.`, lossOf(sink));
      return;
    }
    const reason = fileReason({ code: getSystemErrorName(-errorNumber) });
    this.context.notice(`${sink.name} can't be written: ${reason}. Its packets are dropped and counted (diskError) until it can be written again; everything else carries on.`, lossOf(sink));
  }
}

/** The file that it begins with. */
function firstName({ plan }: Sink): string {
  return plan.rotates ? numberedName(plan.path, 1) : plan.path;
}

function lossOf(sink: Sink): ReportedFault {
  return { kind: 'outputLost', link: sink.request.link.text };
}

function textIn(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(bytes.subarray(0, end < 0 ? bytes.length : end)).toString();
}
