/** Links of a running engine by which nothing can come or be read: slips in a set-up that would make it wait for ever. */
import type { Backend } from '../model/backend';
import { nearest } from '../model/errors';
import type { CompiledGraph } from '../model/graph';
import { parseLinkName, peerName, type LinkName } from '../model/link-name';
import type { OpenThread } from './open-thread';
import type { EngineStatistics, LinkStatistics } from './statistics';
import { isWritten } from '../pipes';

/** A graph of this process, with the backend that opens its links. */
export interface OpenGraph {
  readonly graph: CompiledGraph;
  readonly backend: Backend;
}

/** Pipes that the engine itself makes: those of backends are their own business. */
function isOwnPipe({ backend }: OpenGraph, link: LinkName): boolean {
  return link.kind === 'pipe' && !backend.handles(link);
}

/** The pipes that it reads and that nobody writes to, before it has opened them. */
export function unwrittenPipes(open: OpenGraph): Set<string> {
  const links = open.graph.sources.map(({ link }) => link).filter((link) => isOwnPipe(open, link));
  return new Set(links.filter((link) => !hasWriter(link)).map(({ text }) => text));
}

function hasWriter(link: LinkName): boolean {
  try {
    return isWritten(link);
  } catch {
    return true; // whatever is wrong with it, its opening will tell
  }
}

/** Outputs at the end of a pipe that programs read, in one line, if there are any. */
function outputsAtWrongEnd(open: OpenGraph, all: readonly OpenGraph[]): string | undefined {
  const read = new Set(all.flatMap(({ graph }) => graph.sources.map(({ link }) => link.text)));
  const wrong = open.graph.sinks.filter(({ link }) => link.pipe?.end === 'slave' && isOwnPipe(open, link) && !read.has(peerName(link) ?? ''));
  if (wrong.length === 0) return undefined;
  const [{ link, brick }] = wrong;
  const more = wrong.length > 1 ? ` (and ${wrong.length - 1} more like it)` : '';
  return `${open.graph.bricks[brick].label} writes to ${link.text}${more}, which nobody can read there: those packets come out at ${peerName(link)}. Bricks write ${peerName(link)}, programs read ${link.text}.`;
}

/** Sources that a running engine waits for, and that nobody serves. */
function linksThatWait(open: OpenGraph & { readonly unwritten: ReadonlySet<string> }, prepared: unknown, links: readonly LinkStatistics[], all: readonly OpenGraph[]): string[] {
  const silent = links.filter(({ role, packets, name }) => role === 'source' && packets === 0 && open.unwritten.has(name));
  return [...pipesReadInVain(open, new Set(silent.map(({ name }) => name)), all), ...open.backend.unfed?.(prepared) ?? []];
}

/** What a set-up gets to bring its other engines up before an engine says that it waits for nothing. */
const IDLE_LOOK_MILLISECONDS = 1000;

/** Says at once which links of an engine that has just begun are at the wrong end; later, which bring nothing, or bring it to nobody. */
export function tellOfLinks(engine: { readonly running: boolean; readonly openGraph: OpenGraph | undefined; stats(): EngineStatistics }, thread: OpenThread, all: () => readonly OpenGraph[], tell: (text: string) => void): void {
  const wrongEnd = outputsAtWrongEnd(thread, all());
  if (wrongEnd !== undefined) tell(wrongEnd);
  setTimeout(() => {
    if (!engine.running || engine.openGraph !== thread) return;
    for (const text of linksThatWait(thread, thread.linked.prepared.backend, engine.stats().links, all())) tell(text);
  }, IDLE_LOOK_MILLISECONDS).unref();
}

/** `unwritten` had no writer when the engine was linked, and nothing has come from them since. */
function pipesReadInVain(open: OpenGraph, unwritten: ReadonlySet<string>, all: readonly OpenGraph[]): string[] {
  const written = new Map(all.flatMap(({ graph }) => graph.sinks.map(({ link, brick }): [string, string] => [link.text, graph.bricks[brick].label])));
  return open.graph.sources.flatMap(({ link, brick }) => {
    const peer = peerName(link);
    if (peer === undefined || !unwritten.has(link.text) || written.has(peer)) return [];
    const { label } = open.graph.bricks[brick];
    const writer = written.get(link.text);
    if (writer !== undefined) return [`${label} reads ${link.text}, the same end that ${writer} writes to. What goes in at ${link.text} comes out at ${peer}: read that end.`];
    if (link.pipe?.end === 'master') return [`${label} reads ${link.text}, but nobody writes to ${peer}. Bricks write ${link.text} and read ${peer}: did you mean ${peer}?`];
    const readable = [...written.keys()].flatMap((text) => peerName(parseLinkName(text)) ?? []);
    const guess = nearest(link.text, readable);
    return [`${label} waits for a program that writes to the pipe ${link.text}: no brick of this program does.${guess === undefined ? '' : ` Did you mean ${guess}?`}`];
  });
}
