/** How long a brick takes for a packet, and what makes it slow: memory that it allocates, code that V8 throws away. */
import { fork } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BricksError } from '../model/errors';
import type { BrickDescription } from '../model/brick-description';
import { isOfOthers, pathOf, shownPlace } from '../plugins/error-place';
import { DEOPTIMISATION_MARK, type AllocatingFunction, type BenchAnswer, type BenchQuestion } from './bench-protocol';
import { bytesOf, ethernet, ipv4, tcp, udp } from './frames';
import { testPacket, type GivenPacket } from './packets';
import { connected, type TestBrickOptions } from './test-brick';

export interface BenchOptions extends Pick<TestBrickOptions, 'outputs'> {
  /** Packets to measure with, again and again; default: small TCP and UDP packets of 1,024 flows. */
  readonly packets?: Iterable<GivenPacket>;
  /** Prints nothing. */
  readonly quiet?: boolean;
}

export interface BenchWarning {
  readonly kind: 'allocation' | 'deoptimisation';
  /** `by-size.ts:8`: of the function that allocates, or of the very place where code was thrown away. */
  readonly line: string;
  readonly text: string;
}

export interface BenchReport {
  /** In the brick's own code, as statistics show it. */
  readonly nanosecondsPerPacket: number;
  /** With all that the engine does around it, but for ports. */
  readonly nanosecondsPerPacketInEngine: number;
  readonly warnings: readonly BenchWarning[];
}

const PACKETS = 4096;
const FLOWS = 1024;
const LIMIT_MILLISECONDS = 60_000;
/** Of allocated memory, less is the profiler's own noise. */
const LEAST_BYTES = 0.5;
const OUTPUTS = 2;
/** So that each function of the brick is seen separately. */
const SEPARATE = ['--no-turbo-inlining', ...(Number(process.versions.node.split('.')[0]) >= 22 ? ['--no-maglev'] : [])];

function usualPackets(): Buffer[] {
  return Array.from({ length: PACKETS }, (_, number) => {
    const flow = (number * 7) % FLOWS;
    const ends = { source: `10.0.${flow >> 8}.${flow & 255}`, destination: '192.0.2.1' };
    const ports = { sourcePort: 1024 + flow, destinationPort: 443 };
    return bytesOf(ethernet({}, ipv4(ends, flow % 3 === 0 ? udp(ports, Buffer.alloc(18)) : tcp(ports, Buffer.alloc(6)))));
  });
}

/**
 * Measures a brick in separate processes and prints the result. The brick is loaded from its module, so that has to export it.
 * @throws BricksError E_MODULE, E_BRICK_FAILED
 */
export async function benchBrick(brick: BrickDescription, options: BenchOptions = {}): Promise<BenchReport> {
  const { minimum, maximum } = brick.declaration.outputs;
  const [specification] = connected(brick, options.outputs ?? Math.min(maximum, Math.max(minimum, OUTPUTS))).collect();
  const packets = (options.packets === undefined ? usualPackets() : Array.from(options.packets, (given, number) => testPacket(given, number).bytes)).map((bytes) => bytes.toString('hex'));
  const folder = mkdtempSync(join(tmpdir(), 'bricks-bench-'));
  try {
    const log = join(folder, 'v8.log');
    const time = await ask({ specification, packets, mode: 'time' }, ['--allow-natives-syntax', '--log-deopt', '--no-logfile-per-isolate', `--logfile=${log}`]);
    const { allocations = [] } = await ask({ specification, packets, mode: 'allocation' }, SEPARATE);
    const warnings = [...allocationWarnings(allocations), ...deoptimisationWarnings(readFileSync(log, 'utf8'))];
    const report = { nanosecondsPerPacket: time.inBrick ?? NaN, nanosecondsPerPacketInEngine: time.whole ?? NaN, warnings };
    if (options.quiet !== true) process.stdout.write(textOf(brick.kind, report));
    return report;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function textOf(kind: string, { nanosecondsPerPacket, nanosecondsPerPacketInEngine, warnings }: BenchReport): string {
  const figures = `${kind}: ${nanosecondsPerPacket.toFixed(1)} ns a packet, ${nanosecondsPerPacketInEngine.toFixed(1)} with the engine around it\n`;
  return figures + warnings.map(({ line, text }) => `  ${line}: ${text}\n`).join('');
}

/** Functions of the brick that allocate, each once, however it was called. */
function allocationWarnings(allocations: readonly AllocatingFunction[]): BenchWarning[] {
  const found = new Map<string, { name: string; bytes: number }>();
  for (const { name, url, line, bytes } of allocations) {
    if (!isOfOthers(pathOf(url))) continue;
    const key = `${shownPlace(url)}:${line}`;
    found.set(key, { name: name || 'a function', bytes: bytes + (found.get(key)?.bytes ?? 0) });
  }
  return [...found].filter(([, { bytes }]) => bytes >= LEAST_BYTES).map(([line, { name, bytes }]) => ({ kind: 'allocation', line, text: `${name} allocates ${bytes.toFixed(1)} bytes a packet` }));
}

/** What V8 has thrown away of the brick's code since it was warm, by its log. */
export function deoptimisationWarnings(log: string): BenchWarning[] {
  const lines = log.split('\n').filter((line) => line.startsWith('code-deopt,'));
  const mark = lines.findIndex((line) => line.includes(DEOPTIMISATION_MARK));
  const found = new Map<string, BenchWarning>();
  for (const text of lines.slice(mark + 1)) {
    const [, place, line, reason] = /<(.*?):(\d+):\d+>.*,([^,]*)$/.exec(text) ?? [];
    if (place === undefined || !isOfOthers(pathOf(place))) continue;
    const key = `${shownPlace(place)}:${line}`;
    found.set(key, { kind: 'deoptimisation', line: key, text: `V8 throws the compiled code away: ${reason}` });
  }
  return [...found.values()];
}

async function ask(question: BenchQuestion, flags: readonly string[]): Promise<BenchAnswer> {
  const child = fork(join(__dirname, '..', 'testing', 'bench-child.js'), [], { execArgv: [...flags], stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env: { ...process.env, NODE_OPTIONS: '' } });
  const limit = setTimeout(() => child.kill('SIGKILL'), LIMIT_MILLISECONDS);
  try {
    const answer = await new Promise<BenchAnswer>((resolve) => {
      child.once('message', (told: BenchAnswer) => resolve(told));
      child.once('error', (error) => resolve({ error: error.message }));
      child.once('exit', (code, signal) => resolve({ error: signal === null ? `it ended with code ${code}` : `it did not end within ${LIMIT_MILLISECONDS / 1000} s` }));
      child.send(question);
    });
    if (answer.error !== undefined) throw new BricksError('E_BRICK_FAILED', `${question.specification.kind} can't be measured: ${answer.error}`);
    return answer;
  } finally {
    clearTimeout(limit);
  }
}
