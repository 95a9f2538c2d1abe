/**
 * The Lua thread: one Lua state, whose commands wait for their answers here, so that a script which
 * loops or waits holds up nobody else.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { Answer, RegistryCommand } from '../control/registry-commands';
import { messageOf } from '../model/errors';
import { packageRoot } from '../native/load-addon';
import type { AnswerMessage, CommandMessage, Reply, Request, WorkerSettings } from './messages';
import { loadNativeLua } from './native-lua';
import type { NativeFailure, NativeLuaState, NativeOutcome } from './native-lua';

/** A lost wake-up must not hang a script for ever. */
const LONGEST_WAIT_MS = 1000;
/** What lines of the shell are named in messages. */
const SHELL = 'shell';

const settings = workerData as WorkerSettings;
const parent = parentPort!;
let state: NativeLuaState;
let commandNumber = 0;

/** Tables of Lua don't say whether they are empty lists. */
function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function tidy(command: Record<string, unknown>): RegistryCommand {
  if (command['command'] === 'engine.link' || command['command'] === 'engine.relink') {
    const bricks = listOf(command['bricks']) as Record<string, unknown>[];
    for (const brick of bricks) {
      brick['inputs'] = listOf(brick['inputs']);
      brick['outputs'] = listOf(brick['outputs']);
    }
  }
  if (command['command'] === 'engine.edit') {
    const edit = command['edit'] as Record<string, unknown>;
    if ('links' in edit) edit['links'] = listOf(edit['links']);
    const inserted = edit['edit'] === 'insert' ? edit['brick'] as Record<string, unknown> : undefined;
    if (inserted) for (const name of ['inputs', 'outputs']) inserted[name] = listOf(inserted[name]);
  }
  if (command['command'] === 'brick.call') command['values'] = listOf(command['values']);
  return command as RegistryCommand;
}

/** Sends a command and waits for its answer, or for an interrupt. */
function sendCommand(command: Record<string, unknown>): Answer {
  const message: CommandMessage = { number: ++commandNumber, command: tidy(command) };
  settings.commands.postMessage(message);
  for (;;) {
    const seen = Atomics.load(settings.bell, 0);
    const received = receiveMessageOnPort(settings.commands) as { message: AnswerMessage } | undefined;
    if (state.isInterrupted()) return { ok: false, code: 'E_INTERRUPTED', message: 'interrupted' };
    if (!received) {
      Atomics.wait(settings.bell, 0, seen, LONGEST_WAIT_MS);
    } else if (received.message.number === commandNumber) {
      return received.message.answer;
    } // else the answer to a command that was interrupted
  }
}

function loadPrelude(): void {
  const folder = join(packageRoot(), 'src', 'lua', 'prelude');
  const setUp = `local host = ...; host.settings = host.getSettings()`;
  const chunks: [name: string, source: string][] = [['set-up', setUp]];
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.lua')).sort()) {
    chunks.push([name, readFileSync(join(folder, name), 'utf8')]);
  }
  for (const [name, source] of chunks) {
    const { failure } = state.load(source, `=[bricks ${name}]`);
    if (failure) throw new Error(failure.message);
  }
}

function reply(message: Reply): void {
  parent.postMessage(message);
}

function serve(request: Request): void {
  if ('close' in request) {
    state.close();
    parent.close();
    settings.commands.close();
  } else if (request.name === 'memory') {
    reply({ call: request.call, outcome: { value: state.memory, interrupted: false } });
  } else {
    const outcome = state.call(request.call, request.name, request.values);
    reply({ call: request.call, outcome: outcome.failure ? explained(request, outcome, outcome.failure) : outcome });
  }
}

/** A failure of a misspelt name, with the name that was perhaps meant. */
function explained(request: Extract<Request, { call: number }>, outcome: NativeOutcome, failure: NativeFailure): NativeOutcome {
  if (outcome.interrupted || !/ \(a nil value\)$/.test(failure.message)) return outcome;
  const { value } = state.call(request.call, 'explain', [failure.message, sourceLine(request, failure)]);
  return typeof value === 'string' ? { ...outcome, failure: { ...failure, message: value } } : outcome;
}

/** The line that a failure happened in, where it can be found. */
function sourceLine({ name, values }: Extract<Request, { call: number }>, { file, line }: NativeFailure): string {
  if (file === undefined || line === undefined) return '';
  try {
    const typed = name === 'line' && file === SHELL;
    const text = typed ? String(values[0]) : readFileSync(file, 'utf8');
    return text.split('\n')[line - (typed ? Number(values[2]) : 1)] ?? '';
  } catch {
    return ''; // it has gone, or has a name of its own
  }
}

try {
  const { daemon, version, scripts, firstBrick, rehearsal } = settings;
  state = new (loadNativeLua().LuaState)(settings.descriptors, settings.memoryLimit, {
    command: sendCommand,
    getSettings: () => ({ daemon, version, scripts, firstBrick, ...(rehearsal === undefined ? {} : { rehearsal }) }),
    skip: (text: string) => reply({ skipped: text }),
  }, rehearsal?.seconds ?? 0);
  loadPrelude();
  parent.on('message', serve);
  reply({ ready: state.id });
} catch (error) {
  reply({ broken: messageOf(error) });
}
