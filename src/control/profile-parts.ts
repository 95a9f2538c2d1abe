/** Which part of an engine's work the samples of a profile found: receiving, bricks, sending, the engine itself. */
import type { CpuProfile } from '../v8/cpu-profile';

export type EnginePart = 'receive' | 'bricks' | 'send' | 'engine' | 'collector' | 'waiting' | 'elsewhere';

/** Where the engine's loop enters a part: from there on everything that is called belongs to it (src/core/engine.ts). */
const ENTRIES: Readonly<Record<string, EnginePart>> = {
  receive: 'receive', release: 'receive', refreshCounters: 'receive',
  process: 'bricks', processFrom: 'bricks', run: 'bricks', runTimed: 'bricks', side: 'bricks', runTimers: 'bricks', deliver: 'bricks',
  send: 'send', transmit: 'send', flush: 'send',
  wait: 'waiting',
};
/** What is called by the loop, and calls parts. */
const LOOP = 'loop';
/** The thread's, which calls the engine's `run`: V8 may have compiled the loop into that, so that its name is not there. */
const THREAD = 'runGuarded';
const ENGINE = 'run';
/** Names that V8 gives to what is no function. */
const NO_FUNCTION: Readonly<Record<string, EnginePart>> = { '(garbage collector)': 'collector' };

/** Microseconds by part. */
export function timeByPart({ nodes, samples = [], timeDeltas = [] }: CpuProfile): Readonly<Record<EnginePart, number>> {
  const parts = partsOfNodes(nodes);
  const times: Record<EnginePart, number> = { receive: 0, bricks: 0, send: 0, engine: 0, collector: 0, waiting: 0, elsewhere: 0 };
  const found = samples.map((id) => parts.get(id) ?? 'elsewhere');
  // Before and behind the loop the profiler itself is at work, and makes garbage.
  const isLoop = (part: EnginePart): boolean => part !== 'elsewhere' && part !== 'collector';
  for (let index = Math.max(0, found.findIndex(isLoop)); index <= found.findLastIndex(isLoop); index++) times[found[index]] += Math.max(0, timeDeltas[index] ?? 0);
  return times;
}

function partsOfNodes(nodes: CpuProfile['nodes']): Map<number, EnginePart> {
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const children = new Set(nodes.flatMap((node) => node.children ?? []));
  const parts = new Map<number, EnginePart>();
  // A list, not calls in each other: how deep the tree is others decide.
  const left: { readonly id: number; readonly above: EnginePart; readonly parent: string }[] = nodes.filter(({ id }) => !children.has(id)).map(({ id }) => ({ id, above: 'elsewhere', parent: '' }));
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const node = byId.get(next.id);
    if (node === undefined || parts.has(node.id)) continue;
    const { functionName } = node.callFrame;
    const part = partOf(functionName, next.above, next.parent);
    parts.set(node.id, part);
    for (const id of node.children ?? []) left.push({ id, above: part, parent: functionName });
  }
  return parts;
}

function partOf(name: string, above: EnginePart, parent: string): EnginePart {
  if (above === 'elsewhere') return name === LOOP || name === THREAD ? 'engine' : NO_FUNCTION[name] ?? 'elsewhere';
  if (name === ENGINE && parent === THREAD) return 'engine';
  return above === 'engine' ? ENTRIES[name] ?? 'engine' : above;
}
