/** The thread that writes the files of an engine. It knows only its rings, and ends on command. */
import { receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads';
import { Guardian, type GuardianPlan } from './guardian';
import type { RecorderMessage } from './record-encoder';
import type { RecordFilePlan } from './record-plan';
import { RecordFile } from './recorder-files';

/** Words that the engine and its recorder share. */
export const RECORDER_STATE = 0;
export const RECORDER_SLEEP = 1;
export const RECORDER_CLOSE = 2;
/** Set when the engine runs: only then are the files emptied. */
export const RECORDER_BEGIN = 3;
/** Set when its plan was sent. */
export const RECORDER_PLANNED = 4;
export const RECORDER_WORDS = 5;

export const STATE_STARTED = 1;
export const STATE_DONE = 2;
export const STATE_FAILED = 3;

/** Whether it looks again after a while, or only when it is woken. */
export const SLEEP_LIGHT = 1;
export const SLEEP_DEEP = 2;

const LIGHT_MILLISECONDS = 50;
/** A pipe that takes nothing is asked again so soon at first. */
const BLOCKED_MILLISECONDS = 1;
/** When it is to end: what nobody has taken for so long is left. */
const GIVE_UP_MILLISECONDS = 3000;
/** Being woken does not rest on this; it is the second line of defence. */
const DEEP_MILLISECONDS = 2000;

/** What it begins with. */
export interface RecorderData {
  readonly shared: Int32Array;
  /** Why the thread ended, if it did: a text, with zeros behind it. */
  readonly problem: Uint8Array;
  /** First its plan comes, when the files are open; then what marks mean, in the order of the rings. */
  readonly port: MessagePort;
}

export interface RecorderPlan {
  readonly guardian: GuardianPlan | undefined;
  readonly files: readonly { readonly plan: RecordFilePlan; readonly fd: number }[];
}

function isBlocked(file: RecordFile): boolean {
  return file.isBlocked;
}

function setState(shared: Int32Array, state: number): void {
  Atomics.store(shared, RECORDER_STATE, state);
  Atomics.notify(shared, RECORDER_STATE);
}

function sleep(shared: Int32Array, files: readonly RecordFile[], begun: boolean, closing: boolean, milliseconds: number): void {
  const light = files.some(hasPending);
  const depth = light ? SLEEP_LIGHT : SLEEP_DEEP;
  Atomics.store(shared, RECORDER_SLEEP, depth);
  const told = files.some((file) => file.isClosing) || (!closing && Atomics.load(shared, RECORDER_CLOSE) !== 0) || (!begun && Atomics.load(shared, RECORDER_BEGIN) !== 0);
  const come = told || (!light && files.some(hasPending));
  if (!come) Atomics.wait(shared, RECORDER_SLEEP, depth, light ? milliseconds : DEEP_MILLISECONDS);
  Atomics.store(shared, RECORDER_SLEEP, 0);
}

function hasPending(file: RecordFile): boolean {
  return file.hasPending;
}

/** Messages for all files, until each is asked for. */
class Inbox {
  private readonly waiting = new Map<number, RecorderMessage[]>();

  constructor(private readonly port: MessagePort) {}

  next(slot: number): RecorderMessage | undefined {
    for (let received = receiveMessageOnPort(this.port); received; received = receiveMessageOnPort(this.port)) {
      const message = received.message as RecorderMessage;
      const before = this.waiting.get(message.slot);
      if (before) before.push(message);
      else this.waiting.set(message.slot, [message]);
    }
    const mine = this.waiting.get(slot);
    const first = mine?.shift();
    if (mine?.length === 0) this.waiting.delete(slot);
    return first;
  }
}

/** Ends with its engine, if that never has one for it. */
function awaitPlan({ shared, port }: RecorderData): RecorderPlan {
  Atomics.wait(shared, RECORDER_PLANNED, 0);
  return (receiveMessageOnPort(port) as { readonly message: RecorderPlan }).message;
}

function record(data: RecorderData): void {
  const { shared, port } = data;
  const plan = awaitPlan(data);
  const guardian = Guardian.join(plan.guardian);
  const inbox = new Inbox(port);
  let files = plan.files.map(({ plan: file, fd }) => {
    const recorded = new RecordFile(file, guardian, () => inbox.next(file.slot));
    recorded.adopt(fd);
    return recorded;
  });
  setState(shared, STATE_STARTED);
  let begun = false;
  let pause = BLOCKED_MILLISECONDS;
  let last = performance.now();
  for (;;) {
    const closing = Atomics.load(shared, RECORDER_CLOSE) !== 0;
    // What is to be closed first, then whether to begin: an engine that ends at once has begun before.
    const leaving = closing ? [] : files.filter((file) => file.isClosing);
    if (!begun && Atomics.load(shared, RECORDER_BEGIN) !== 0) {
      begun = true;
      for (const file of files) file.tryBegin();
    }
    const now = performance.now();
    let busy = false;
    for (const file of files) if (file.drain(now, closing || file.isClosing)) busy = true;
    if (busy || (!closing && leaving.length === 0)) last = now;
    const done = leaving.filter((file) => !file.hasPending || now - last > GIVE_UP_MILLISECONDS);
    if (done.length > 0) {
      for (const file of done) file.finish(begun);
      files = files.filter((file) => !done.includes(file));
      Atomics.notify(shared, RECORDER_STATE);
      continue;
    }
    if (busy) {
      pause = BLOCKED_MILLISECONDS;
      continue;
    }
    if (closing && (!files.some(hasPending) || now - last > GIVE_UP_MILLISECONDS)) break;
    sleep(shared, files, begun, closing, files.some(isBlocked) ? pause : LIGHT_MILLISECONDS);
    pause = Math.min(LIGHT_MILLISECONDS, pause * 1.5);
  }
  for (const file of files) file.finish(begun);
  setState(shared, STATE_DONE);
}

if (workerData !== null && typeof workerData === 'object' && 'captureFiles' in workerData) {
  const data = (workerData as { readonly captureFiles: RecorderData }).captureFiles;
  try {
    record(data);
  } catch (error) {
    data.problem.set(Buffer.from(String(error)).subarray(0, data.problem.length));
    setState(data.shared, STATE_FAILED);
    throw error;
  }
}
