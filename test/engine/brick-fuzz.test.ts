/**
 * Every form of a brick, with frames of all kinds and none. A short run here; the long one:
 *
 *     BRICKS_FUZZ_FRAMES=5000000 node tools/test.cjs test/engine/brick-fuzz.test.ts
 *
 * Frames lie side by side, the last at the very end of its memory. What lies between them is another thing each time the same frames go through:
 * who reads behind a packet throws, or comes to other results.
 */
import { join } from 'node:path';
import { Duplicator, LoadBalancer, Merge, type BrickClass, type BrickDescription } from 'packet-bricks';
import { compileBricks } from 'packet-bricks/src/control/compile-bricks';
import { makeNodes } from 'packet-bricks/src/control/engine-nodes';
import type { EnginePlan } from 'packet-bricks/src/control/engine-protocol';
import { SOURCE_ENDED, type SourcePort, type Transmitter } from 'packet-bricks/src/model/backend';
import { CellClock } from 'packet-bricks/src/context/cell-clock';
import { CounterPublisher, LINK_BYTES, LINK_PACKETS, addToCounter, createCounterBlock, createSharedCounters, snapshotCounters } from 'packet-bricks/src/model/counters';
import { Engine, type EngineHost } from 'packet-bricks/src/core/engine';
import { engineSource } from 'packet-bricks/src/core/engine-source';
import { EngineGraph } from 'packet-bricks/src/core/engine-graph';
import { GraphMemory } from 'packet-bricks/src/rows/graph-memory';
import { copyHeadersByByte } from 'packet-bricks/src/core/header-bytes';
import { createPacketBatch, packetMemory, type PacketBatch } from 'packet-bricks/src/model/packet-batch';
import { auditEngine, engineStatistics } from 'packet-bricks/src/control/statistics';
import { ColumnStages } from 'packet-bricks/src/flow/column-stages';
import { timeReader } from 'packet-bricks/src/native/system';
import { captureNames, capturesFolder, readCapture } from '../support/captures';
import { bytesOf } from '../support/packets';
import { SAMPLES } from 'packet-bricks/src/testing/frames/samples';
import { FUZZ_LINK_TYPES, fuzzFrame, randomBy } from 'packet-bricks/src/testing/fuzz-frames';

// eslint-disable-next-line @typescript-eslint/no-require-imports -- engines load it as a CommonJS module
const bricks = require('../support/model-bricks.cjs') as Record<'Cutter' | 'Dealer' | 'DirectViewer' | 'Grower' | 'Maker' | 'Pairer' | 'Rewriter' | 'Spreader' | 'Tagger' | 'Viewer', BrickClass>;
// eslint-disable-next-line @typescript-eslint/no-require-imports -- as above
const { HeaderChecker } = require('../support/header-checker.cjs') as Record<'HeaderChecker', BrickClass>;

// A global of a test is looked up anew each time, which takes longer than all that bricks do.
const { imul } = Math;

const FRAMES = Number(process.env['BRICKS_FUZZ_FRAMES'] ?? 40_000);
const BATCH = 256;
const ROUND = 20_000;

function seedFrames(): Buffer[] {
  const folder = capturesFolder();
  const captured = folder === undefined ? [] : captureNames(folder).flatMap((name) => readCapture(join(folder, name)).slice(0, 200)).map(({ bytes }) => bytes);
  return [...SAMPLES.map((sample) => Buffer.from(bytesOf(sample))), ...captured];
}

/** What came out, in numbers. */
interface Result { readonly sums: readonly number[]; readonly counters: unknown }

/** Sends batches of frames through a set-up by the engine's own loop. */
async function play(root: BrickDescription, batches: readonly { readonly frames: readonly Buffer[]; readonly linkType: number }[], filling: number): Promise<Result> {
  const graph = await compileBricks(root.collect());
  const memory = new GraphMemory(graph, BATCH);
  const clock = new CellClock(timeReader);
  const plan = { graph, seed: 1, controls: [] } as unknown as EnginePlan;
  const nodes = await makeNodes(plan, memory, clock, () => undefined);
  const counters = createCounterBlock(graph.counterSlots);
  const reads = new Set(nodes.flatMap((node) => [...node.reads]));
  const stages = new ColumnStages(memory, { reads, sourcesFillFlow: false, edits: true, copier: copyHeadersByByte });
  const engineGraph = new EngineGraph(graph, nodes.map((node) => node.inGraph(counters)), memory, counters, new CellClock(timeReader), new Int32Array(1), stages.onEntry, stages.afterEdits);
  const batch = createPacketBatch(BATCH, memory.columns);
  const shared = createSharedCounters(graph.counterSlots);
  let at = 0;
  const [source] = graph.sources;
  const port: SourcePort = {
    link: source.link, descriptor: -1, lossless: true,
    receive() {
      if (at === batches.length) return SOURCE_ENDED;
      const { frames, linkType } = batches[at++];
      load(batch, frames, linkType, filling);
      addToCounter(counters.words, source.record + LINK_PACKETS, frames.length);
      addToCounter(counters.words, source.record + LINK_BYTES, frames.reduce((sum, { length }) => sum + length, 0));
      return frames.length;
    },
    release: () => undefined, close: () => undefined,
  };
  const sums = graph.sinks.map(() => 0);
  const transmitter: Transmitter = {
    transmit(sent: PacketBatch) {
      graph.sinks.forEach(({ brick, output, record }, index) => {
        const { rows, counts, shift, step } = engineGraph.nodes[brick].outputs;
        const { bytes } = sent.memory;
        for (let i = 0; i < counts[output]; i++) {
          const row = rows[(output << shift) + (i << step)];
          const [offset, length] = [sent.offset[row], sent.length[row]];
          if (row >= sent.count || (offset & 3) !== 0 || offset + length > bytes.length || sent.wireLength[row] < length) throw new Error(`row ${row} is no packet`);
          let sum = (sums[index] + length) | 0;
          for (let byte = 0; byte < length; byte += byte < 128 ? 1 : 61) sum = (imul(sum, 31) + bytes[offset + byte]) | 0;
          sums[index] = sum;
          addToCounter(counters.words, record + LINK_BYTES, length);
        }
        addToCounter(counters.words, record + LINK_PACKETS, counts[output]);
        counts[output] = 0;
      });
      return 0;
    },
    flush: () => undefined, close: () => undefined,
  };
  const host: EngineHost = { stopRequested: () => false, pauseRequested: () => false, wait: () => undefined, reportInFlight: () => undefined, housekeeping: () => undefined };
  const engine = new Engine([engineSource(port, batch, source.brick)], engineGraph, [transmitter], counters, new CounterPublisher(counters, shared), clock, host, true);
  expect(engine.run()).toBe('ended');
  engine.close();
  const words = snapshotCounters(shared);
  const audit = auditEngine(graph, words);
  expect(audit.lines.filter(({ balanced }) => !balanced)).toEqual([]);
  expect({ received: audit.received, held: audit.held }).toEqual({ received: batches.reduce((sum, { frames }) => sum + frames.length, 0), held: 0 });
  const { bricks: counted } = engineStatistics('fuzz', false, graph, words);
  return { sums, counters: counted.map(({ kind, packetsIn, packetsOut, copies, created, drops, counters: own }) => ({ kind, packetsIn, packetsOut, copies, created, drops, own })) };
}

/** Side by side, each at a multiple of 4, the last up to the very end where its length lets it. */
function load(batch: PacketBatch, frames: readonly Buffer[], linkType: number, filling: number): void {
  const starts: number[] = [];
  let end = 0;
  for (const { length } of frames) {
    starts.push((end + 3) & ~3);
    end = starts[starts.length - 1] + length;
  }
  const buffer = new ArrayBuffer(end);
  batch.memory = packetMemory(buffer);
  batch.memory.bytes.fill(filling);
  frames.forEach((frame, row) => {
    batch.memory.bytes.set(frame, starts[row]);
    batch.offset[row] = starts[row];
    batch.length[row] = batch.wireLength[row] = frame.length;
    batch.seconds[row] = batch.nanoseconds[row] = row;
    batch.slot[row] = 0;
  });
  batch.linkType = linkType;
  batch.count = frames.length;
}

/** All bricks that there are, several of them behind copies, and some of them twice. */
function setUp(): BrickDescription {
  const { Cutter, Dealer, DirectViewer, Grower, Maker, Pairer, Rewriter, Spreader, Tagger, Viewer } = bricks;
  return new HeaderChecker().connectInput('in').connectOutput('checked{0').link(
    new Duplicator().connectInput('checked}0').connectOutput('a{0', 'a{1', 'a{2', 'a{3', 'a{4'),
    new Viewer().connectInput('a}0').connectOutput('viewed'),
    new DirectViewer().connectInput('a}1').connectOutput('viewed2'),
    new Spreader().connectInput('a}2').connectOutput('b{0', 'b{1', 'b{2'),
    new Rewriter().connectInput('b}0').connectOutput('c{0'),
    new Cutter().connectInput('b}1').connectOutput('c{1'),
    new Merge().connectInput('c}0', 'c}1', 'b}2').connectOutput('d{0'),
    new Tagger().connectInput('d}0').connectOutput('e{0'),
    new HeaderChecker().connectInput('e}0').connectOutput('edited{0'),
    new LoadBalancer({ fragmentWait: 0 }).connectInput('edited}0').connectOutput('balanced0', 'balanced1', 'balanced2'),
    new Maker().connectInput('a}3').connectOutput('f{0', 'f{1'),
    new HeaderChecker().connectInput('f}0').connectOutput('made{0'),
    new Grower().connectInput('made}0').connectOutput('grown'),
    new Dealer().connectInput('f}1').connectOutput('dealt0', 'g{0'),
    new Cutter().connectInput('g}0').connectOutput('cut'),
    new Pairer().connectInput('a}4').connectOutput('h{0', 'h{1'),
    new Rewriter().connectInput('h}0').connectOutput('held{0'),
    new HeaderChecker().connectInput('held}0').connectOutput('held0'),
    new Tagger().connectInput('h}1').connectOutput('held1'),
  );
}

test(`no frame makes a brick read behind it, get lost or come twice (${FRAMES} frames)`, async () => {
  const seeds = seedFrames();
  for (let done = 0, seed = 4711; done < FRAMES; done += ROUND, seed += 0x9e37) {
    const random = randomBy(seed);
    const batches = [];
    for (let left = Math.min(ROUND, FRAMES - done); left > 0;) {
      const frames = Array.from({ length: Math.min(left, 1 + random(BATCH)) }, () => fuzzFrame(seeds, random));
      batches.push({ frames, linkType: FUZZ_LINK_TYPES[random(FUZZ_LINK_TYPES.length)] });
      left -= frames.length;
    }
    const first = await play(setUp(), batches, 0);
    const second = await play(setUp(), batches, 0xff);
    expect(second).toEqual(first);
    // Both ways to read headers agree on each packet.
    const [plain, direct] = ['Viewer', 'DirectViewer'].map((kind) => (first.counters as { kind: string; own: unknown }[]).find((brick) => brick.kind === kind)?.own);
    expect(direct).toEqual(plain);
    expect((plain as { headers: number }).headers).toBeGreaterThan(0);
  }
}, 60_000 + FRAMES);
