/** The engine's side of the thread that writes its files. It gets ready while the engine makes its bricks, warms up and opens its files. */
import { join } from 'node:path';
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import type { RecorderMessage } from './record-encoder';
import { PROBLEM_BYTES } from './record-plan';
import { RECORDER_PLANNED, RECORDER_WORDS, type RecorderData, type RecorderPlan } from './recorder-worker';

export class RecorderThread {
  /** Words that the engine and its recorder share. */
  readonly shared = new Int32Array(new SharedArrayBuffer(RECORDER_WORDS * 4));
  /** Why the thread ended, if it did: a text, with zeros behind it. */
  readonly problem = new Uint8Array(new SharedArrayBuffer(PROBLEM_BYTES));
  private readonly worker: Worker;
  private readonly port: MessagePort;

  /** `program`: what runs in the thread; a test gives one that is late. */
  constructor(program = join(__dirname, '..', 'files', 'recorder-worker.js')) {
    const { port1, port2 } = new MessageChannel();
    const data: RecorderData = { shared: this.shared, problem: this.problem, port: port2 };
    this.port = port1;
    this.worker = new Worker(program, { workerData: { captureFiles: data }, transferList: [port2] });
    this.worker.unref();
    // The engine's thread has no event loop: an error is seen by the thread's state, and must not be thrown here later.
    this.worker.on('error', () => undefined);
  }

  /** Gives it its files. */
  begin(plan: RecorderPlan): void {
    this.port.postMessage(plan);
    Atomics.store(this.shared, RECORDER_PLANNED, 1);
    Atomics.notify(this.shared, RECORDER_PLANNED);
  }

  /** What a mark in a ring means. */
  tell(message: RecorderMessage): void {
    this.port.postMessage(message);
  }

  /** Tells nothing any more: it ends when it has written all. */
  close(): void {
    this.port.close();
  }

  /** Ends it at once, for an engine that does not start. */
  end(): void {
    this.port.close();
    void this.worker.terminate();
  }
}
