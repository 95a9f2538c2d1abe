/** How full the rings of pipes are, and who reads them: looked at from outside, without a word to the engine. */
import { readFileSync } from 'node:fs';
import { coreAddon } from '../native/core-addon';
import { ringState } from '../ring/packet-ring';
import type { PreparedPipes } from './prepare';

/** The ring of a pipe. */
export interface RingFill {
  /** Bytes that it holds at most. */
  readonly bytes: number;
  /** Bytes that its reader has not taken yet: how far it is behind. */
  readonly used: number;
  /** Who reads it; missing while nobody does. */
  readonly reader?: RingReader;
}

/** Who reads a ring. */
export interface RingReader {
  /** The number of the process. */
  readonly process: number;
  /** Its name, if the system tells. */
  readonly name?: string;
}

/** The same links, pipes among them with their rings. */
export function withRings<Link extends { readonly name: string }>(links: readonly Link[], prepared: unknown): (Link & { readonly ring?: RingFill })[] {
  const fills = ringFills(prepared);
  return links.map((link) => {
    const ring = fills.get(link.name);
    return ring === undefined ? link : { ...link, ring };
  });
}

/** By the names of the links. */
function ringFills(prepared: unknown): Map<string, RingFill> {
  const names = new Map<number, string | undefined>();
  const fills = new Map<string, RingFill>();
  for (const { text, end, ring } of (prepared as PreparedPipes | undefined)?.pipes ?? []) {
    const memory = end === undefined ? ring && new Uint8Array(ring) : coreAddon()?.pipeView(end);
    if (memory === undefined) continue;
    const { size, used, reader } = ringState(memory.buffer, memory.byteOffset);
    if (reader !== 0 && !names.has(reader)) names.set(reader, processName(reader));
    const name = names.get(reader);
    fills.set(text, { bytes: size, used, ...(reader === 0 ? {} : { reader: { process: reader, ...(name === undefined ? {} : { name }) } }) });
  }
  return fills;
}

function processName(process: number): string | undefined {
  try {
    // Any process chooses its own name: what would move a terminal's cursor is not passed on.
    return readFileSync(`/proc/${process}/comm`, 'utf8').trimEnd().replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
  } catch {
    return undefined; // it has gone, or this system has no such files
  }
}
