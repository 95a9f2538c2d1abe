/** The commands that scripts, shells and remote clients give to the program: one small set for all of them. */

import type { ErrorCode } from '../model/error-codes';
import { BricksError } from '../model/errors';
import type { BrickSpecification } from '../model/graph';
import type { GraphEdit } from '../model/graph-edits';

/** A brick as a script describes it: this program knows its kind. */
export type NumberedBrick = Omit<BrickSpecification, 'module'>;

/** A change of a graph; a brick that is put in comes without its module. */
export type NumberedEdit = Exclude<GraphEdit, { edit: 'insert' }> | { readonly edit: 'insert'; readonly brick: NumberedBrick; readonly before: number };

export type RegistryCommand =
  | { command: 'engine.create'; name: string; bufferSize?: number; cpu?: number; options?: Record<string, unknown> }
  /** Whether there is an engine of this name; with `brick`, whether that brick is linked to it. */
  | { command: 'engine.exists'; name: string; brick?: number }
  /** `link` adds the bricks to those that the engine has, `relink` puts them in their place; both also while it runs. */
  | { command: 'engine.link' | 'engine.relink'; name: string; bricks: NumberedBrick[]; batch?: number; queue?: number }
  /** Changes the engine's graph, also while it runs; returns its bricks as they are then. */
  | { command: 'engine.edit'; name: string; edit: NumberedEdit }
  | { command: 'engine.unlink' | 'engine.start' | 'engine.stop' | 'engine.delete' | 'engine.stats' | 'engine.audit'; name: string }
  /** The bricks and links of an engine, or of all, as plain data (GraphDescription). */
  | { command: 'engine.graph'; name: string }
  | { command: 'engines.graph' }
  /** Where its thread spends its time, looked at for so many seconds, each so many microseconds. */
  | { command: 'engine.profile'; name: string; seconds: number; every?: number }
  | { command: 'engines.stats' }
  /** The same as text, for people: of one engine with its links, or of all with a line for each. */
  | { command: 'engine.show'; name: string }
  | { command: 'engines.show' }
  | { command: 'engines.list' }
  /** The name of the backend of engines that name none. */
  | { command: 'program.backend' }
  /** The declaration of a kind; without one, the names and summaries of all. */
  | { command: 'brick.describe'; kind?: string }
  /** What engines and backends take as options, for help; those of a plugin's backend only where it is named. */
  | { command: 'options.describe'; backend?: string }
  /** Validates; returns {kind, options} with defaults. Options may be a number or string (shorthand) or a table. */
  | { command: 'brick.check'; kind: string; options: unknown }
  /** Calls a method of the control half of an engine's brick; returns what it returned. */
  | { command: 'brick.call'; name: string; id: number; method: string; values: unknown[] }
  /** Loads a module and makes the bricks that it exports known; returns their names. */
  | { command: 'brick.load'; file: string }
  | { command: 'shutdown' };

export type Answer = { ok: true; value?: unknown } | { ok: false; code: string; message: string };

/** The value of an answer. @throws BricksError with its code */
export function valueOfAnswer(answer: Answer): unknown {
  if (answer.ok) return answer.value;
  throw new BricksError(answer.code as ErrorCode, answer.message);
}
