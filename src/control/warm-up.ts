/**
 * Warm-up: an engine's graph is run over synthetic packets until its code is optimised, before any
 * port is open, so that the first real packet meets fast code. Twin bricks do it, whose state is
 * thrown away; the code that V8 optimises is the same.
 */
import { setFlagsFromString } from 'node:v8';
import type { PacketBatch } from '../core/packet-batch';
import { FLOW_NOT_COMPUTED, FLOW_WITH_PORTS, packetMemory } from '../core/packet-batch';
import type { EngineGraph } from '../core/engine-graph';

const PACKET_BYTES = 256;
const PACKET_KINDS = 64;
const OPTIMISED = 1 << 4;
const CHECK_EVERY = 200;
/** Warm once V8 has optimised nothing more for so long: what a brick's `process` calls comes after it. */
const SETTLED_MILLISECONDS = 40;

/** Whether V8 has optimised a function; always true where it can't be asked. */
export function optimisationProbe(): (code: unknown) => boolean {
  try {
    setFlagsFromString('--allow-natives-syntax');
    const status = new Function('code', 'return %GetOptimizationStatus(code)') as (code: unknown) => number;
    status(optimisationProbe);
    return (code) => (status(code) & OPTIMISED) !== 0;
  } catch {
    return () => true;
  } finally {
    setFlagsFromString('--no-allow-natives-syntax');
  }
}

/** Frames of many kinds: IPv4 and IPv6, TCP, UDP and others, tags, labels, fragments, ARP, and rubbish. */
function syntheticMemory(): ArrayBuffer {
  const buffer = new ArrayBuffer(PACKET_BYTES * PACKET_KINDS);
  const bytes = new Uint8Array(buffer);
  let random = 1;
  for (let at = 0; at < bytes.length; at++) {
    random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = random >>> 16;
  }
  const types = [0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8, 0x8847, 0x8864, 0x0800, 0x86dd, 0x0800];
  for (let kind = 0; kind < PACKET_KINDS; kind++) {
    let at = kind * PACKET_BYTES + 12;
    const type = types[kind % types.length];
    bytes[at++] = type >> 8;
    bytes[at++] = type & 255;
    let inner = type;
    if (type === 0x8100 || type === 0x88a8) {
      inner = kind & 1 ? 0x0800 : 0x86dd;
      bytes[at + 2] = inner >> 8;
      bytes[at + 3] = inner & 255;
      at += 4;
    }
    if (type === 0x8847) {
      bytes[at + 2] |= 1;
      at += 4;
      inner = 0x0800;
    }
    if (inner === 0x0800) {
      bytes[at] = 0x45;
      bytes[at + 6] = kind % 7 === 0 ? 0x20 : 0;
      bytes[at + 7] = kind % 7 === 1 ? 3 : 0;
      bytes[at + 9] = [6, 17, 1, 6, 4, 47][kind % 6];
    } else if (inner === 0x86dd) {
      bytes[at] = 0x60;
      bytes[at + 6] = [6, 17, 58, 44, 0, 6][kind % 6];
    }
  }
  return buffer;
}

function fillBatch(batch: PacketBatch, round: number): void {
  batch.count = round % 5 === 0 ? 1 + (round % batch.capacity) : batch.capacity;
  for (let row = 0; row < batch.count; row++) {
    const kind = (row * 7 + round) % PACKET_KINDS;
    batch.offset[row] = kind * PACKET_BYTES;
    batch.length[row] = row % 31 === 0 ? row % 60 : 60 + (row % 196);
    batch.wireLength[row] = batch.length[row];
    const known = round % 4 !== 3 && row % 8 !== 0;
    batch.flowWord[row] = known ? (FLOW_WITH_PORTS << 16) | ((row * 40_503) & 0xffff) : FLOW_NOT_COMPUTED;
    batch.flowAddresses[row] = (row * 40_503) & 0xffff;
    batch.flowPorts[row] = Math.imul(row + 1, 2_654_435_761) >>> 0;
  }
}

/** The methods of an object: what runs while it works. */
export function methodsOf(object: object): unknown[] {
  const found = new Set<unknown>();
  for (let level: object | null = object; level && level !== Object.prototype; level = Object.getPrototypeOf(level) as object | null) {
    for (const { value } of Object.values(Object.getOwnPropertyDescriptors(level)) as { value?: unknown }[]) {
      if (typeof value === 'function') found.add(value);
    }
  }
  return [...found];
}

/**
 * Runs the twin graph until its bricks' code is optimised or the time is over; answers the microseconds it took.
 * Calls `beat` in each round.
 * @throws BricksError E_BRICK_FAILED
 */
export function warmUp(graph: EngineGraph, entries: readonly number[], batch: PacketBatch, milliseconds: number, beat: () => void = () => undefined): number {
  const begin = performance.now();
  const optimised = optimisationProbe();
  batch.memory = packetMemory(syntheticMemory());
  const entryPoints = [...new Set(graph.nodes.map((node) => node.brick.process))];
  const codes = [...new Set([graph, ...graph.nodes.map((node) => node.brick)].flatMap(methodsOf))];
  let known = 0;
  let settledSince = begin;
  for (let round = 0; performance.now() - begin < milliseconds; round++) {
    fillBatch(batch, round);
    beat();
    for (const entry of entries) {
      try {
        graph.process(batch, entry);
      } catch (error) {
        throw graph.nameFailure(error);
      }
      for (const node of graph.nodes) node.outputs.counts.fill(0);
    }
    if (round % CHECK_EVERY !== CHECK_EVERY - 1) continue;
    const now = performance.now();
    const optimisedNow = codes.filter(optimised).length;
    if (optimisedNow !== known || !entryPoints.every(optimised)) settledSince = now;
    known = optimisedNow;
    if (now - settledSince > SETTLED_MILLISECONDS) break;
  }
  return Math.round((performance.now() - begin) * 1000);
}
