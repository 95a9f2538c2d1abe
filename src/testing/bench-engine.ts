/** An engine for measuring a brick: its own loop over packets that lie ready, without ports. */
import { CellClock } from '../context/cell-clock';
import { EngineTimers } from '../context/engine-timers';
import { OutputReaders } from '../context/output-readers';
import { BrickAtWork } from '../control/brick-at-work';
import { EngineNode } from '../control/engine-nodes';
import { Engine, type EngineHost } from '../core/engine';
import { engineSource, type EngineSource } from '../core/engine-source';
import { EngineGraph } from '../core/engine-graph';
import { GraphMemory } from '../rows/graph-memory';
import { copyHeadersByByte } from '../core/header-bytes';
import { ColumnStages } from '../flow/column-stages';
import { SOURCE_ENDED, type SourcePort, type Transmitter } from '../model/backend';
import { BRICK_NANOSECONDS, BRICK_TIMED_PACKETS, CounterPublisher, createCounterBlock, createSharedCounters, readCounter } from '../model/counters';
import type { AnyDefinition, BrickDeclaration } from '../model/brick';
import { compileGraph, type BrickSpecification } from '../model/graph';
import { createPacketBatch, packetMemory, type PacketBatch } from '../model/packet-batch';
import { nativeHeaderCopier, timeReader } from '../native/system';

const BATCH = 256;

export class BenchEngine {
  private readonly engine: Engine;
  private readonly source: EngineSource;
  private readonly words: Uint32Array;
  private readonly record: number;
  private left = 0;
  /** Where all packets lie, batch by batch: a brick may move them, and finds them again as they were. */
  private readonly starts: Uint32Array[] = [];
  private readonly lengths: Uint32Array[] = [];
  private next = 0;

  constructor(specification: BrickSpecification, declaration: BrickDeclaration, definition: AnyDefinition, packets: readonly Uint8Array[]) {
    const graph = compileGraph([specification], () => declaration);
    const memory = new GraphMemory(graph, BATCH);
    const clock = new CellClock(timeReader);
    const node = new EngineNode(0, graph.bricks[0], new BrickAtWork({ index: 0, readers: new OutputReaders(graph) }, graph.bricks[0], definition, memory, clock, { controls: [], seed: 1 }, () => undefined), memory);
    const { reads } = node;
    const { onEntry, afterEdits } = new ColumnStages(memory, { reads, sourcesFillFlow: false, edits: true, copier: nativeHeaderCopier() ?? copyHeadersByByte });
    const counters = createCounterBlock(graph.counterSlots);
    const engineGraph = new EngineGraph(graph, [node.inGraph(counters)], memory, counters, new CellClock(timeReader), new Int32Array(1), onEntry, afterEdits);
    const batch = createPacketBatch(BATCH, memory.columns);
    this.lay(batch, packets);
    this.words = counters.words;
    this.record = graph.bricks[0].record;
    this.source = engineSource(this.port(graph.sources[0].link, batch), batch, 0);
    const { counts } = engineGraph.nodes[0].outputs;
    const transmitter: Transmitter = {
      reads: [],
      transmit() {
        counts.fill(0);
        return 0;
      },
      flush: () => undefined, close: () => undefined,
    };
    const host: EngineHost = { stopRequested: () => false, pauseRequested: () => false, wait: () => undefined, reportInFlight: () => undefined, housekeeping: () => undefined };
    const publisher = new CounterPublisher(counters, createSharedCounters(graph.counterSlots));
    this.engine = new Engine([this.source], engineGraph, [transmitter], counters, publisher, clock, host, true, new EngineTimers(node.timers));
  }

  /** Sends so many batches through. */
  run(batches: number): number {
    this.left = batches;
    this.source.ended = false;
    this.engine.run();
    return batches * BATCH;
  }

  /** What the brick has taken so far in its own code. */
  get timed(): { nanoseconds: number; packets: number } {
    return { nanoseconds: readCounter(this.words, this.record + BRICK_NANOSECONDS), packets: readCounter(this.words, this.record + BRICK_TIMED_PACKETS) };
  }

  private lay(batch: PacketBatch, packets: readonly Uint8Array[]): void {
    const count = Math.ceil(packets.length / BATCH) * BATCH;
    const all = Array.from({ length: count }, (_, index) => packets[index % packets.length]);
    const room = all.reduce((sum, { length }) => sum + ((length + 63) & ~63), 0);
    batch.memory = packetMemory(new ArrayBuffer(room));
    let at = 0;
    for (let first = 0; first < count; first += BATCH) {
      const rows = all.slice(first, first + BATCH);
      this.lengths.push(Uint32Array.from(rows, ({ length }) => length));
      this.starts.push(Uint32Array.from(rows, (bytes) => {
        batch.memory.bytes.set(bytes, at);
        const start = at;
        at += (bytes.length + 63) & ~63;
        return start;
      }));
    }
  }

  private port(link: SourcePort['link'], batch: PacketBatch): SourcePort {
    const receive = (): number => {
      if (this.left-- <= 0) return SOURCE_ENDED;
      const { starts, lengths, next } = this;
      for (let row = 0; row < BATCH; row++) {
        batch.offset[row] = starts[next][row];
        batch.length[row] = batch.wireLength[row] = lengths[next][row];
      }
      this.next = next + 1 < starts.length ? next + 1 : 0;
      return (batch.count = BATCH);
    };
    return { link, descriptor: -1, lossless: true, receive, release: () => undefined, close: () => undefined };
  }
}
