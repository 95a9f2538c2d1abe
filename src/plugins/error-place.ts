/** Where in the files of a user an error arose: file and line, as Lua's errors have them. */
import { spawnSync } from 'node:child_process';
import { isAbsolute, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from '../native/load-addon';

const SHOWN_FRAMES = 5;
const OWN_FOLDERS = [join(packageRoot(), 'dist'), join(packageRoot(), 'node_modules')];

export interface ErrorPlace {
  /** `brick.mjs:5`. */
  readonly line: string;
  /** The calls within the user's files, innermost first; empty for a syntax error. */
  readonly frames: readonly string[];
}

/** Nothing for an error that did not pass through a file of the user's, or of a plugin. `file` is the one that was being loaded, if any. */
export function placeOfError(error: unknown, file?: string): ErrorPlace | undefined {
  const { stack } = (error ?? {}) as { stack?: unknown };
  if (typeof stack !== 'string') return undefined;
  const lines = stack.split('\n');
  // V8 puts the place of a syntax error in front of everything.
  const syntax = /^((?:file:\/\/)?\/.*):(\d+)$/.exec(lines[0]);
  if (syntax && isOfOthers(pathOf(syntax[1]))) return { line: `${shownPlace(syntax[1])}:${syntax[2]}`, frames: [] };
  const others = lines.flatMap((line) => {
    const match = /^\s+at (?:(.*) \()?((?:file:\/\/)?\/.*?):(\d+):\d+\)?$/.exec(line);
    return match && isOfOthers(pathOf(match[2])) ? [{ what: match[1], path: pathOf(match[2]), line: `${shownPlace(match[2])}:${match[3]}` }] : [];
  });
  const ofUser = others.filter(({ path }) => !path.includes('/node_modules/'));
  // Where the user's own files have no part in it, those of a plugin.
  const found = ofUser.length > 0 ? ofUser : others;
  if (found.length === 0) return error instanceof SyntaxError && file !== undefined ? placeOfSyntaxError(file) : undefined;
  return { line: found[0].line, frames: found.slice(0, SHOWN_FRAMES).map(({ what, line }) => (what ? `${line}: in ${what}` : line)) };
}

/** A message with the place in front and the calls below, for errors of scripts. */
export function messageWithPlace(message: string, error: unknown, file?: string): string {
  const place = placeOfError(error, file);
  if (!place || message.startsWith(place.line)) return message;
  const calls = place.frames.length > 1 ? [`stack traceback:`, ...place.frames.map((frame) => `\t${frame}`)] : [];
  return [`${place.line}: ${message}`, ...calls].join('\n');
}

/** Of a module's syntax error Node tells the place only to who reads its own report of it. */
function placeOfSyntaxError(file: string): ErrorPlace | undefined {
  const { stderr } = spawnSync(process.execPath, ['--check', file], { encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, NODE_OPTIONS: '' } });
  const match = /^((?:file:\/\/)?\/.*):(\d+)$/m.exec(stderr ?? '');
  return match ? { line: `${shownPlace(match[1])}:${match[2]}`, frames: [] } : undefined;
}

/** The path of a file as V8 names it. */
export function pathOf(place: string): string {
  return place.startsWith('file:') ? fileURLToPath(place.replace(/[?#].*$/, '')) : place;
}

/** Whether a path is of a file that is not part of this package. */
export function isOfOthers(path: string): boolean {
  return isAbsolute(path) && !OWN_FOLDERS.some((folder) => path.startsWith(`${folder}/`));
}

/** The shorter way to write a place: relative to the working directory, or absolute. */
export function shownPlace(place: string): string {
  const path = pathOf(place);
  const near = relative('.', path);
  return near.startsWith('..') || near.length >= path.length ? path : near;
}
