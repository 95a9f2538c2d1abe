/** What this process knows of all its engines. */
import { FaultList, type EngineFault } from '../model/outcome';
import type { OpenGraph } from './idle-links';
import type { PacketEngine } from './packet-engine';

/** Engines of this process that have links: a program that leaves stops and closes them. */
export const liveEngines = new Set<PacketEngine>();
/** Engines that were made and never started, nor given up. */
export const idle = new Set<PacketEngine>();
let started = false;
let commandsAtWork = 0;
let lastCommand = -Infinity;

/** Whether any engine has ever run. */
export function anyStarted(): boolean {
  return started;
}

/** Hears of the engines that this process makes, and of those that are closed for good. */
export interface EngineWatcher {
  made(engine: PacketEngine): void;
  deleted(engine: PacketEngine): void;
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
export function noteCommand(): () => void {
  commandsAtWork++;
  return () => {
    commandsAtWork--;
    lastCommand = performance.now();
  };
}

/** For how many milliseconds no engine has been given a command: 0 while one is at work. */
export function idleSinceLastCommand(): number {
  return commandsAtWork > 0 ? 0 : performance.now() - lastCommand;
}
