/** The process in which `benchBrick` measures: V8's flags, and what it has compiled, are this brick's alone. */
import { Session } from 'node:inspector';
import { loadBrickClass } from '../plugins/load-brick';
import { BenchEngine } from './bench-engine';
import type { AllocatingFunction, BenchAnswer, BenchQuestion } from './bench-protocol';
import { DEOPTIMISATION_MARK } from './bench-protocol';

const WARM_UP_MILLISECONDS = 500;
const ROUND_BATCHES = 400;
const ROUNDS = 9;
const SAMPLE_BYTES = 512;
const SAMPLED_BATCHES = 2000;

/** Writes a line to V8's log which says that what follows is measured: by a deoptimisation of its own. */
function markLog(): void {
  const mark = new Function('value', `return value.mark + 1;\n//# sourceURL=${DEOPTIMISATION_MARK}`) as (value: { mark: number; other?: number }) => number;
  const optimise = new Function('code', '%PrepareFunctionForOptimization(code); code({ mark: 1 }); code({ mark: 2 }); %OptimizeFunctionOnNextCall(code); code({ mark: 3 });') as (code: unknown) => void;
  optimise(mark);
  mark({ other: 1, mark: 4 });
}

function warm(engine: BenchEngine): void {
  for (const begin = performance.now(); performance.now() - begin < WARM_UP_MILLISECONDS;) engine.run(ROUND_BATCHES);
}

function measure(engine: BenchEngine): { inBrick: number; whole: number } {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const before = engine.timed;
    const begin = process.cpuUsage();
    const packets = engine.run(ROUND_BATCHES);
    const { user, system } = process.cpuUsage(begin);
    const { nanoseconds, packets: timed } = engine.timed;
    return { whole: ((user + system) * 1000) / packets, inBrick: (nanoseconds - before.nanoseconds) / Math.max(1, timed - before.packets) };
  });
  const middle = (values: number[]): number => values.sort((a, b) => a - b)[ROUNDS >> 1];
  return { inBrick: middle(rounds.map(({ inBrick }) => inBrick)), whole: middle(rounds.map(({ whole }) => whole)) };
}

interface ProfileNode {
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly selfSize: number;
  readonly children: readonly ProfileNode[];
}

/** What is allocated while packets pass, by function. */
function allocations(engine: BenchEngine): AllocatingFunction[] {
  const session = new Session();
  session.connect();
  const ask = (method: string, parameters: object = {}): { profile?: { head: ProfileNode } } => {
    let answer: object = {};
    // Within a process the answer comes at once.
    session.post(method, parameters, (_error, result) => void (answer = result ?? {}));
    return answer;
  };
  ask('HeapProfiler.startSampling', { samplingInterval: SAMPLE_BYTES, includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true });
  const packets = engine.run(SAMPLED_BATCHES);
  const head = ask('HeapProfiler.stopSampling').profile?.head;
  session.disconnect();
  const found: AllocatingFunction[] = [];
  const visit = ({ callFrame: { functionName, url, lineNumber }, selfSize, children }: ProfileNode): void => {
    if (selfSize > 0) found.push({ name: functionName, url, line: lineNumber + 1, bytes: selfSize / packets });
    children.forEach(visit);
  };
  if (head) visit(head);
  return found;
}

async function answer({ specification, packets, mode }: BenchQuestion): Promise<BenchAnswer> {
  const { declaration, definition } = await loadBrickClass(specification.module, specification.kind);
  const engine = new BenchEngine(specification, declaration, definition, packets.map((hex) => Buffer.from(hex, 'hex')));
  warm(engine);
  if (mode === 'allocation') return { allocations: allocations(engine) };
  markLog();
  return measure(engine);
}

process.once('message', (question: BenchQuestion) => {
  answer(question).then((result) => process.send?.(result)).catch((error: unknown) => process.send?.({ error: error instanceof Error ? error.message : String(error) } satisfies BenchAnswer))
    .finally(() => process.disconnect());
});
