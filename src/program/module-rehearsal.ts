/**
 * Runs a module with engines that are only planned. Its own code runs as ever; what it begins besides engines ends with the program. Until then what it
 * prints goes to standard error: the program itself prints by `writeOut`.
 */
import { ModuleReading } from '../control/module-reading';
import type { GraphDescription } from '../control/graph-description';
import type { EngineDescription } from '../control/planned-description';
import { idleSinceLastCommand } from '../control/process-engines';
import { looseBricks } from '../model/brick-description';
import { BricksError } from '../model/errors';
import { catchExit, exitCodeOfThrown, restoreExit } from './module-exit';
import { failureOfModule, runModule } from './script';

const LOOK_MILLISECONDS = 20;
/** So long after its last command a module makes no more engines: one that has started all that it has made, and any other. */
const REST_MILLISECONDS = 100;
const LONG_REST_MILLISECONDS = 1000;

export interface RehearsedModule {
  readonly engines: readonly EngineDescription[];
  /** Of the engines that it has made and not deleted. */
  readonly graphs: readonly GraphDescription[];
  /** What was wrong, with its place in front. */
  readonly failure?: BricksError;
  /** What it gave to process.exit, or left in process.exitCode. */
  readonly exitCode?: number;
  /** It was still being loaded: it waits for something. */
  readonly waits: boolean;
  /** Bricks that no engine has. */
  readonly loose: readonly string[];
}

/** How a module ended, if it did: as it should, or by what it threw. */
type End = { readonly thrown?: BricksError };

export async function rehearseModule(path: string, words: readonly string[], limitSeconds: number): Promise<RehearsedModule> {
  const reading = ModuleReading.begin({ rehearsal: true });
  process.stdout.write = process.stderr.write.bind(process.stderr);
  catchExit();
  try {
    const end = await endOf(path, words, reading, limitSeconds * 1000);
    const thrown = end?.thrown;
    const left = exitCodeOfThrown(thrown) ?? (process.exitCode === undefined || process.exitCode === null ? undefined : Number(process.exitCode));
    return {
      engines: reading.describe(), graphs: reading.graphs(), waits: end === undefined, loose: looseBricks(),
      ...(thrown !== undefined && exitCodeOfThrown(thrown) === undefined ? { failure: thrown } : left === undefined ? {} : { exitCode: left }),
    };
  } finally {
    reading.end();
    restoreExit();
  }
}

/** Waits until a module has made its engines; resolves with nothing for one that is still being loaded then. */
async function endOf(path: string, words: readonly string[], reading: ModuleReading, limitMilliseconds: number): Promise<End | undefined> {
  const begin = performance.now();
  let end: End | undefined;
  let idle = false;
  const fail = (thrown: BricksError): void => { end = { thrown }; };
  // One that has its own way with such errors has it here, too.
  const late = (event: 'uncaughtException' | 'unhandledRejection') => (thrown: unknown): void => {
    if (process.listenerCount(event) === 1) fail(failureOfModule(thrown, path));
  };
  process.on('uncaughtException', late('uncaughtException'));
  process.on('unhandledRejection', late('unhandledRejection'));
  const nothingLeft = new Promise<void>((resolve) => process.once('beforeExit', () => { idle = true; resolve(); }));
  let loaded = performance.now();
  runModule(path, words).then(() => { end ??= {}; loaded = performance.now(); }, fail);
  for (;;) {
    await Promise.race([nothingLeft, new Promise<void>((resolve) => setTimeout(resolve, LOOK_MILLISECONDS).unref())]);
    if (idle || end?.thrown !== undefined) return end;
    const passed = performance.now() - begin;
    const { made } = reading;
    const rest = Math.min(end === undefined ? passed : performance.now() - loaded, idleSinceLastCommand(made.map(({ engine }) => engine)));
    const short = end !== undefined && made.length > 0 && made.every(({ engine }) => engine.hasRun);
    if (rest >= (short ? REST_MILLISECONDS : LONG_REST_MILLISECONDS) && (end !== undefined || made.length > 0)) return end;
    if (passed < limitMilliseconds) continue;
    if (rest < LONG_REST_MILLISECONDS) return { thrown: new BricksError('E_INTERRUPTED', `The script ${path} was still at work on its engines after ${limitMilliseconds / 1000} s.`, 'Let it make its engines at once, or give it longer: --limit SECONDS.') };
    return end;
  }
}
