/** What this process knows of all its engines. */
import { FaultList, type EngineFault } from '../model/outcome';
import type { OpenGraph } from './idle-links';
import type { PacketEngine } from './packet-engine';

/** Engines of this process that have links: a program that leaves stops and closes them. */
export const liveEngines = new Set<PacketEngine>();
/** Engines that were made and never started, nor given up. */
export const idle = new Set<PacketEngine>();
let started = false;
/** Of all engines, and of each. */
const allCommands: CommandCount = { atWork: 0, last: -Infinity };
const commandCounts = new WeakMap<PacketEngine, CommandCount>();

interface CommandCount {
  atWork: number;
  last: number;
}

/** Whether any engine has ever run. */
export function anyStarted(): boolean {
  return started;
}

/** Hears of the engines that this process makes, and of those that are closed for good. */
export interface EngineWatcher {
  made(engine: PacketEngine): void;
  deleted(engine: PacketEngine): void;
  replaced(before: PacketEngine, by: PacketEngine): void;
}

let watcher: EngineWatcher | undefined;

export function watchEngines(by: EngineWatcher): void {
  watcher = by;
}

export function noteMade(engine: PacketEngine): void {
  idle.add(engine);
  watcher?.made(engine);
}

export function noteDeleted(engine: PacketEngine): void {
  watcher?.deleted(engine);
}

/** One stands for another one from now on. */
export function noteReplaced(before: PacketEngine, by: PacketEngine): void {
  for (const list of [liveEngines, idle]) {
    if (list.delete(before)) list.add(by);
  }
  watcher?.replaced(before, by);
}

export function noteStart(engine: PacketEngine): void {
  started = true;
  idle.delete(engine);
}

/** The faults of all engines that this process has had. */
export const allFaults = new FaultList();

/** The engines of this process that have links. */
export function engines(): PacketEngine[] {
  return [...liveEngines];
}

/** What a set-up has forgotten to start. */
export function idleEngines(): PacketEngine[] {
  return [...idle];
}

export function faultsOfProcess(): readonly EngineFault[] {
  return allFaults.all;
}

export function openGraphs(): OpenGraph[] {
  return [...liveEngines].flatMap((engine) => engine.openGraph ?? []);
}

/** Notes a command to an engine; the result says that it was carried out. */
export function noteCommand(engine: PacketEngine): () => void {
  const own = commandCounts.get(engine) ?? { atWork: 0, last: -Infinity };
  commandCounts.set(engine, own);
  const counts = [allCommands, own];
  for (const count of counts) count.atWork++;
  return () => {
    for (const count of counts) {
      count.atWork--;
      count.last = performance.now();
    }
  };
}

/** For how many milliseconds no engine, or none of these, has been given a command: 0 while one is at work. */
export function idleSinceLastCommand(of?: Iterable<PacketEngine>): number {
  const counts = of === undefined ? [allCommands] : [...of].flatMap((engine) => commandCounts.get(engine) ?? []);
  if (counts.some(({ atWork }) => atWork > 0)) return 0;
  return performance.now() - Math.max(-Infinity, ...counts.map(({ last }) => last));
}
