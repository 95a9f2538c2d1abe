/**
 * The control half of pipes, in the main thread: makes the rings before an engine opens its links.
 * They belong to the process, so that they outlive an engine's thread, and other engines find them.
 */
import type { LinkPlan } from '../model/backend';
import { BricksError, messageOf } from '../model/errors';
import type { LinkName } from '../model/link-name';
import { expectsReader, initialiseRing, keepsUnread, limitUnread, ringBytes, skipUnread } from '../ring/packet-ring';
import { coreAddon, type CoreAddon, type NativePipeOptions } from '../native/core-addon';
import { pipeDirectory, pipeError, pipeFileName, readingDirection, removeIfEmpty, writingDirection, type PipeDirection } from './pipe-name';

export const DEFAULT_RING_SIZE = 4 << 20;
const OPEN_ATTEMPTS = 5;
/** One that has waited is there within milliseconds, unless it was stopped. */
const EXPECTED_READER_MILLISECONDS = 2000;
const SMALLEST_PLANNED_RING = 256 << 10;
/** All pipes of an engine together take no more than this, unless a ring's size was asked for. */
const RING_BUDGET = 1 << 30;

/** An end of a pipe, made ready. Can be cloned to another thread. */
export interface PreparedPipe {
  readonly text: string;
  readonly role: 'read' | 'write';
  /** The number of the end in the native part, or the ring itself where that was not built. */
  readonly end: number | undefined;
  readonly ring: SharedArrayBuffer | undefined;
}

export interface PreparedPipes {
  readonly pipes: readonly PreparedPipe[];
}

/** Makes the pipes of the plan's links that `isOurs` picks, but those of the graph `before` that are there already. All or none. */
export function preparePipes(plan: LinkPlan, isOurs: (link: LinkName) => boolean = (link) => link.kind === 'pipe', before: PreparedPipes | undefined = undefined): PreparedPipes {
  const sources = plan.sources.filter(({ link }) => isOurs(link));
  const sinks = plan.sinks.filter(({ link }) => isOurs(link));
  const size = plan.ringSize === undefined ? plannedRingSize(sources.length + sinks.length) : 2 ** Math.ceil(Math.log2(plan.ringSize));
  const addon = coreAddon();
  const unreadLimit = plan.keepUnread ?? 0;
  const group = addon && plan.pipeGroup !== undefined && sinks.length > 0 ? pipeGroup(addon, plan.pipeGroup) : undefined;
  const pipes: PreparedPipe[] = [];
  const make = (link: LinkName, role: 'read' | 'write'): void => {
    const known = before?.pipes.find((pipe) => pipe.text === link.text && pipe.role === role);
    if (known) {
      pipes.push(known);
      return;
    }
    const direction = role === 'read' ? readingDirection(link) : writingDirection(link);
    pipes.push(addon ? openNativeEnd(addon, link, role, direction, { dataSize: size, unreadLimit, ...(group === undefined || role === 'read' ? {} : { group }) }) : openLocalEnd(link, role, direction, size, unreadLimit));
  };
  try {
    for (const { link } of sinks) make(link, 'write');
    for (const { link } of sources) make(link, 'read');
  } catch (error) {
    discardPipes({ pipes }, before);
    throw error;
  }
  return { pipes };
}

/** The pipes that were prepared, but not for the other graph too. */
export function pipesWithout(prepared: unknown, other: unknown): PreparedPipes {
  const kept = new Set((other as PreparedPipes | undefined)?.pipes);
  return { pipes: ((prepared as PreparedPipes | undefined)?.pipes ?? []).filter((pipe) => !kept.has(pipe)) };
}

/** After the engine has closed its links: readers of its pipes take what is left, and end. Those stay that another graph of it has. */
export function discardPipes(prepared: unknown, other: unknown = undefined): void {
  const addon = coreAddon();
  const { pipes } = pipesWithout(prepared, other);
  for (const pipe of pipes) {
    if (pipe.end !== undefined) addon?.pipeClose(pipe.end);
    else closeLocalEnd(pipe);
  }
  if (addon && pipes.length > 0) removeIfEmpty(pipeDirectory(addon));
}

/** The readers that had waited for this writer get what it wrote, also where it has ended before they could attach. */
export async function awaitExpectedReaders(prepared: unknown): Promise<void> {
  const addon = coreAddon();
  const ends = ((prepared as PreparedPipes | undefined)?.pipes ?? []).flatMap(({ role, end }) => (role === 'write' && end !== undefined ? [end] : []));
  const limit = performance.now() + EXPECTED_READER_MILLISECONDS;
  const isExpected = (end: number): boolean => {
    const view = addon?.pipeView(end);
    return view !== undefined && expectsReader(view.buffer, view.byteOffset);
  };
  while (ends.some(isExpected) && performance.now() < limit) await new Promise((resolve) => setTimeout(resolve, 1));
}

function plannedRingSize(pipes: number): number {
  let size = DEFAULT_RING_SIZE;
  while (size > SMALLEST_PLANNED_RING && size * pipes > RING_BUDGET) size /= 2;
  return size;
}

function openNativeEnd(addon: CoreAddon, link: LinkName, role: 'read' | 'write', direction: PipeDirection, options: NativePipeOptions): PreparedPipe {
  for (let attempt = 1; ; attempt++) {
    try {
      const end = addon.pipeOpen(pipeDirectory(addon), pipeFileName(link), direction, role === 'read' ? 0 : 1, options);
      return { text: link.text, role, end, ring: undefined };
    } catch (error) {
      // The directory was empty, and another process has just removed it.
      const removed = attempt < OPEN_ATTEMPTS && (error as { code?: string }).code === 'E_PIPE_DIRECTORY' && /no such file/i.test(messageOf(error));
      if (!removed) throw pipeError(link, role, error);
    }
  }
}

/** @throws BricksError E_PIPE_GROUP */
function pipeGroup(addon: CoreAddon, name: string): number {
  const group = /^\d+$/.test(name) ? Number(name) : addon.groupNumber(name);
  if (group < 0 || group >= 0xffff_ffff) throw new BricksError('E_PIPE_GROUP', `There is no group ${name} to read the pipes.`, 'List the groups with: getent group');
  return group;
}

/** Rings within this process, where the native part was not built. */
interface LocalRing {
  readonly ring: SharedArrayBuffer;
  read: boolean;
  write: boolean;
}
const localRings = new Map<string, LocalRing>();

function localKey(link: LinkName, direction: PipeDirection): string {
  return `${pipeFileName(link)} ${direction}`;
}

function openLocalEnd(link: LinkName, role: 'read' | 'write', direction: PipeDirection, size: number, unreadLimit: number): PreparedPipe {
  const key = localKey(link, direction);
  let local = localRings.get(key);
  if (!local) {
    local = { ring: new SharedArrayBuffer(ringBytes(size)), read: false, write: false };
    initialiseRing(local.ring);
    limitUnread(local.ring, 0);
    localRings.set(key, local);
  }
  if (local[role]) throw new BricksError('E_PIPE_BUSY', `${link.text} is busy: ${role === 'read' ? 'read' : 'written'} by this process.`);
  if (role === 'write') limitUnread(local.ring, Math.min(unreadLimit, size));
  else if (!keepsUnread(local.ring)) skipUnread(local.ring);
  local[role] = true;
  return { text: link.text, role, end: undefined, ring: local.ring };
}

function closeLocalEnd(pipe: PreparedPipe): void {
  for (const [key, local] of localRings) {
    if (local.ring !== pipe.ring) continue;
    local[pipe.role] = false;
    // A closed ring is for the reader who has it; the next writer gets a fresh one.
    if (pipe.role === 'write' || !local.write) localRings.delete(key);
  }
}
