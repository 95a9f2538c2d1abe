/** Ranges: `eth3{0..3` for four pipes, `out-{0..3}.pcap` for four files, `1..3` for outputs. */
import { parseLinkName } from '../model/link-name';

/** As many as a brick can tell apart. */
export const MAXIMUM_NUMBERS = 65_536;

/** What can't be meant. */
export interface RangeProblem {
  readonly problem: string;
  readonly remedy: string;
}

const PIPES = /^(.*[{}])(\d+)\.\.(\d+)$/;
const INSIDE = /^(.*?)\{(\d+)\.\.(\d+)\}(.*)$/;

/** `2`, or `1..3`; nothing for what is neither. */
export function numbersOf(text: string): number[] | undefined {
  const match = /^(\d+)(?:\.\.(\d+))?$/.exec(text);
  if (!match) return undefined;
  const [first, last] = [Number(match[1]), Number(match[2] ?? match[1])];
  if (last < first || last >= MAXIMUM_NUMBERS) return undefined;
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

/** The names that a word without quotes stands for. */
export function expandLink(text: string): string[] | RangeProblem {
  const pipes = PIPES.exec(text);
  if (pipes) return between(text, pipes[1], pipes[2], pipes[3]);
  if (!INSIDE.test(text)) return [text];
  const names = expandInside(text);
  if (!Array.isArray(names)) return names;
  if (isFile(names[0])) return names;
  const pipe = /^(.*\{\d+\.\.\d+)\}$/.exec(text)?.[1];
  return { problem: `${text} is not a range of files, and braces are closed only in those.`, remedy: pipe === undefined ? 'Put the name in quotes if it has braces of its own.' : `Pipes are written ${pipe}, interfaces one by one.` };
}

function expandInside(text: string): string[] | RangeProblem {
  const match = INSIDE.exec(text);
  if (!match) return [text];
  const rest = expandInside(match[4]);
  if (!Array.isArray(rest)) return rest;
  const heads = between(text, match[1], match[2], match[3]);
  if (!Array.isArray(heads)) return heads;
  if (heads.length * rest.length > MAXIMUM_NUMBERS) return tooMany(text);
  return heads.flatMap((head) => rest.map((tail) => head + tail));
}

/** Numbers that begin with a zero keep their width, as in a shell. */
function between(text: string, before: string, first: string, last: string): string[] | RangeProblem {
  const [from, to] = [Number(first), Number(last)];
  if (to < from) return { problem: `The range ${text} runs backwards.`, remedy: 'Write the smaller number first.' };
  if (to - from >= MAXIMUM_NUMBERS || !Number.isSafeInteger(to)) return tooMany(text);
  const width = first.length > 1 && first.startsWith('0') ? first.length : 0;
  return Array.from({ length: to - from + 1 }, (_, index) => before + String(from + index).padStart(width, '0'));
}

function tooMany(text: string): RangeProblem {
  return { problem: `The range ${text} has more than ${MAXIMUM_NUMBERS} names.`, remedy: `A brick has at most ${MAXIMUM_NUMBERS} outputs.` };
}

function isFile(name: string): boolean {
  try {
    return parseLinkName(name).kind === 'file';
  } catch {
    return false;
  }
}

/** A word, and the names that it stands for. */
export interface LinkWord {
  readonly text: string;
  readonly names: readonly string[];
}

/** Names side by side, as few words as say them; `plain` tells which of them need no quotes. */
export function collapseLinks(names: readonly string[], plain: (name: string) => boolean, quote: (name: string) => string): LinkWord[] {
  const words: LinkWord[] = [];
  for (let at = 0; at < names.length; at += words[words.length - 1].names.length) {
    const name = names[at];
    const run = plain(name) ? runAt(names, at) : undefined;
    words.push(run?.names.every(plain) ? run : { text: plain(name) ? name : quote(name), names: [name] });
  }
  return words;
}

interface Numbered {
  readonly before: string;
  readonly number: number;
  readonly after: string;
}

const LEAST_PIPES = 2;
const LEAST_FILES = 3;

function runAt(names: readonly string[], start: number): LinkWord | undefined {
  const first = numbered(names[start]);
  if (!first) return undefined;
  let end = start + 1;
  for (; end < names.length; end++) {
    const next = numbered(names[end]);
    if (next?.before !== first.before || next.after !== first.after || next.number !== first.number + end - start) break;
  }
  const isPipe = first.after === '' && /[{}]$/.test(first.before);
  if (end - start < (isPipe ? LEAST_PIPES : LEAST_FILES)) return undefined;
  const range = `${first.number}..${first.number + end - start - 1}`;
  return { text: isPipe ? first.before + range : `${first.before}{${range}}${first.after}`, names: names.slice(start, end) };
}

/** The number of a pipe, or the last one in the name of a file. */
function numbered(name: string): Numbered | undefined {
  const pipe = /^(.*[{}])(0|[1-9]\d{0,8})$/.exec(name);
  if (pipe) return { before: pipe[1], number: Number(pipe[2]), after: '' };
  const file = /^([^{}]*?)(0|[1-9]\d{0,8})([^{}\d]*)$/.exec(name);
  return file && !/\d$/.test(file[1]) && isFile(name) ? { before: file[1], number: Number(file[2]), after: file[3] } : undefined;
}

/** Numbers in rising order, as brackets have them: `0, 2..4`. */
export function collapseNumbers(numbers: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < numbers.length;) {
    let end = at + 1;
    while (end < numbers.length && numbers[end] === numbers[at] + end - at) end++;
    parts.push(end - at > 1 ? `${numbers[at]}..${numbers[end - 1]}` : String(numbers[at]));
    at = end;
  }
  return parts.join(', ');
}
