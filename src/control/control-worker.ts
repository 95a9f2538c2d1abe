/** The thread of a brick's control half: it has an event loop, and may use sockets, files and timers. */
import { parentPort, workerData } from 'node:worker_threads';
import type { AnyControlHalf, ControlContext } from '../model/brick';
import { isBricksError, messageOf } from '../model/errors';
import { messageWithPlace } from '../plugins/error-place';
import { loadBrickClass } from '../plugins/load-brick';
import { markBrickThread } from './brick-thread';
import type { ControlPlan, ControlReport, ControlRequest } from './control-protocol';
import { gatedLogger } from './gated-logger';
import { Mailbox } from './mailbox';

markBrickThread();

const plan = workerData as ControlPlan;
const toEngine = new Mailbox(plan.toEngine);
const fromEngine = new Mailbox(plan.fromEngine);
let half: AnyControlHalf = {};
let stopping = false;

function report(message: ControlReport): void {
  parentPort?.postMessage(message);
}

const log = gatedLogger((text, level) => report({ kind: 'log', text, level }), () => performance.now());

async function start(): Promise<void> {
  const { definition } = await loadBrickClass(plan.module, plan.kind);
  const { label, engine, shared, outputs, otherOutputs } = plan;
  const context: ControlContext = { name: label, engine, shared, outputs, otherOutputs, log, post: (message) => toEngine.post(message) };
  half = (await definition.control?.(plan.options, context)) ?? {};
  const { methods = {}, stopMilliseconds } = half;
  report({ kind: 'started', methods: Object.keys(methods), stopMilliseconds });
  void listen();
}

/** What the engine's half sends. One that throws is reported, and the next message comes. */
async function listen(): Promise<void> {
  for (;;) {
    await fromEngine.whenWritten();
    if (stopping) return;
    for (let next = fromEngine.take(); next !== undefined; next = fromEngine.take()) {
      try {
        half.onMessage?.(next.message);
      } catch (error) {
        report({ kind: 'log', text: `onMessage failed: ${messageOf(error)}`, level: 'error' });
      }
    }
    // Gives the rest of the thread's work its turn.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

async function call({ number, method, values }: Extract<ControlRequest, { kind: 'call' }>): Promise<void> {
  const { methods = {} } = half;
  try {
    if (!Object.hasOwn(methods, method)) {
      const known = Object.keys(methods);
      report({ kind: 'reply', number, code: 'E_BRICK_CALL', error: `The brick ${plan.label} has no method "${method}". ${known.length > 0 ? `It has: ${known.join(', ')}.` : 'It has none.'}` });
      return;
    }
    report({ kind: 'reply', number, value: await methods[method](...values) });
  } catch (error) {
    // The message of a BricksError says all; of another error, which method threw it must be added.
    if (isBricksError(error)) report({ kind: 'reply', number, code: error.code, error: error.message });
    else report({ kind: 'reply', number, code: 'E_BRICK_CALL', error: `${plan.label}:${method} failed: ${messageOf(error)}` });
  }
}

async function stop(): Promise<void> {
  stopping = true;
  try {
    await half.stop?.();
  } catch (error) {
    report({ kind: 'log', text: `stopping failed: ${messageOf(error)}`, level: 'error' });
  }
  report({ kind: 'stopped' });
}

parentPort?.on('message', (request: ControlRequest) => {
  if (request.kind === 'call') void call(request);
  else if (request.kind === 'ping') report({ kind: 'pong' });
  else void stop();
});
// A BricksError is meant for the user; for other errors, the brick's author needs the place.
start().catch((error: unknown) => report({ kind: 'failed', ...(isBricksError(error) ? { error: error.message, code: error.code } : { error: messageWithPlace(messageOf(error), error) }) }));
