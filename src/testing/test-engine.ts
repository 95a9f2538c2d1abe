/**
 * An engine without threads, ports and a clock of its own: the very graph, contexts and loop that engines run, one round at a time, over packets that a
 * test gives. What lies between packets is the test's to choose: a brick that reads behind a packet is found out.
 */
import { CellClock } from '../context/cell-clock';
import type { ControlLink } from '../control/brick-controls';
import { BrickAtWork } from '../control/brick-at-work';
import { EngineNode } from '../control/engine-nodes';
import { auditEngine, engineStatistics, type Audit, type EngineStatistics } from '../control/statistics';
import { EngineTimers } from '../context/engine-timers';
import { OutputReaders } from '../context/output-readers';
import { Engine, type EngineHost } from '../core/engine';
import { engineSource, type EngineSource } from '../core/engine-source';
import { EngineGraph } from '../core/engine-graph';
import { GraphMemory } from '../rows/graph-memory';
import { copyHeadersByByte } from '../core/header-bytes';
import { ColumnStages } from '../flow/column-stages';
import { SOURCE_ENDED, type SourcePort, type Transmitter } from '../model/backend';
import type { BrickDescription } from '../model/brick-description';
import { CounterPublisher, LINK_BYTES, LINK_PACKETS, addToCounter, createCounterBlock, createSharedCounters, snapshotCounters } from '../model/counters';
import type { BrickClass } from '../model/define-brick';
import { BricksError, isBricksError, messageOf } from '../model/errors';
import { compileGraph, type CompiledGraph } from '../model/graph';
import { createPacketBatch, packetMemory, type PacketBatch } from '../model/packet-batch';
import { placeOfError } from '../plugins/error-place';
import { packetAt, type TestPacket } from './packets';
import { EngineContainer, type Provision } from '../plugins/engine-container';

export interface TestEngineOptions {
  /** Packets in a batch, at most. */
  readonly batch: number;
  readonly seed: number;
  /** What each byte is that no packet holds. */
  readonly filling: number;
  readonly controls: readonly ControlLink[];
  readonly provide: readonly Provision[];
  readonly tell: (text: string) => void;
}

/** A test begins here, in nanoseconds. */
const BEGIN = 1e9;
/** Between two packets. */
const GAP_BYTES = 64;

/** The class of a described brick. */
function classOf(brick: BrickDescription): BrickClass {
  return brick.constructor as unknown as BrickClass;
}

/** The graph of some bricks, without loading them from anywhere. @throws BricksError */
export function compileDescribed(root: BrickDescription): { graph: CompiledGraph; classes: BrickClass[] } {
  const byId = new Map(root.all.map((brick) => [brick.id, classOf(brick)]));
  const classOfId = (id: number): BrickClass => byId.get(id) as BrickClass;
  const graph = compileGraph(root.collect(), ({ id }) => classOfId(id).declaration);
  const files = graph.bricks.find(({ declaration }) => declaration.files !== undefined);
  if (files) throw new BricksError('E_ARGUMENT', `${files.label} reads or writes capture files itself, and can't be tested this way.`, 'Test it in an engine: new PacketEngine(...).');
  return { graph, classes: graph.bricks.map(({ specification }) => classOfId(specification.id)) };
}

export class TestEngine {
  /** What came out so far, by sink. */
  readonly sent: TestPacket[][];
  /** In nanoseconds. */
  private time = BEGIN;
  private readonly engine: Engine;
  private readonly engineGraph: EngineGraph;
  private readonly clock: CellClock;
  private readonly nodes: readonly EngineNode[];
  private readonly counters: ReturnType<typeof createCounterBlock>;
  private readonly shared: SharedArrayBuffer;
  private readonly sources: EngineSource[];
  private readonly waiting: (readonly TestPacket[] | undefined)[];

  constructor(readonly graph: CompiledGraph, classes: readonly BrickClass[], private readonly options: TestEngineOptions) {
    const { controls, seed, tell } = options;
    const container = new EngineContainer(options.provide);
    const reader = (into: Float64Array) => (): void => {
      into[0] = this.time;
    };
    const clock = (this.clock = new CellClock(reader));
    const memory = new GraphMemory(graph, options.batch);
    this.nodes = graph.bricks.map((brick, index) => new EngineNode(index, brick, new BrickAtWork({ index, readers: new OutputReaders(graph) }, brick, classes[index].definition, memory, clock, { controls, seed }, tell, container), memory));
    const reads = new Set(this.nodes.flatMap((node) => [...node.reads]));
    const stages = new ColumnStages(memory, { reads, sourcesFillFlow: false, edits: true, copier: copyHeadersByByte });
    const counters = (this.counters = createCounterBlock(graph.counterSlots));
    this.shared = createSharedCounters(graph.counterSlots);
    this.engineGraph = new EngineGraph(graph, this.nodes.map((node) => node.inGraph(counters)), memory, counters, new CellClock(reader), new Int32Array(1), stages.onEntry, stages.afterEdits);
    this.sent = graph.sinks.map(() => []);
    this.waiting = graph.sources.map(() => undefined);
    this.sources = graph.sources.map((source, index) => {
      const batch = createPacketBatch(options.batch, memory.columns);
      return engineSource(this.port(index, batch), batch, source.brick);
    });
    const host: EngineHost = { stopRequested: () => true, pauseRequested: () => false, wait: () => undefined, reportInFlight: () => undefined, housekeeping: () => undefined };
    const timers = new EngineTimers(this.nodes.flatMap((node) => node.timers));
    const inboxes = this.nodes.flatMap(({ inbox }) => inbox ?? []);
    this.engine = new Engine(this.sources, this.engineGraph, [this.transmitter()], counters, new CounterPublisher(counters, this.shared), clock, host, true, timers, inboxes);
    // Timers begin with the first look.
    this.guarded(() => this.engine.run());
  }

  /** Sends packets in by a source, as one batch: at most `batch` of them, all of one link type. */
  feed(source: number, packets: readonly TestPacket[]): void {
    this.waiting[source] = packets;
    this.round();
  }

  /** Lets time pass. A timer that is due several times meanwhile is called as often. */
  advance(milliseconds: number): void {
    const end = this.time + milliseconds * 1e6;
    const step = this.shortestTimer;
    while (this.time < end) {
      this.time = Math.min(end, this.time + step);
      this.round();
    }
  }

  private get shortestTimer(): number {
    return Math.min(Infinity, ...this.nodes.flatMap(({ timers }) => timers.map(({ nanoseconds }) => nanoseconds)));
  }

  /** One turn, in which what bricks have sent each other arrives. @throws BricksError E_BRICK_FAILED */
  round(): void {
    this.clock.read();
    this.guarded(() => this.engine.round());
  }

  /** Stops: nothing may be held any longer. */
  end(): void {
    for (const source of this.sources) source.ended = true;
    this.guarded(() => this.engine.run());
    this.engine.close();
  }

  get statistics(): EngineStatistics {
    this.engine.publishNow();
    return engineStatistics('test', false, this.graph, snapshotCounters(this.shared));
  }

  get audit(): Audit {
    this.engine.publishNow();
    return auditEngine(this.graph, snapshotCounters(this.shared));
  }

  private guarded<Result>(call: () => Result): Result {
    try {
      return call();
    } catch (error) {
      const named = this.engineGraph.nameFailure(error);
      const place = placeOfError(error);
      throw isBricksError(named) && place ? Object.assign(new BricksError(named.code, `${place.line}: ${messageOf(named)}`), { cause: error }) : named;
    }
  }

  private port(index: number, batch: PacketBatch): SourcePort {
    const { link, record } = this.graph.sources[index];
    return {
      link, descriptor: -1, lossless: true, release: () => undefined, close: () => undefined,
      receive: () => {
        const packets = this.waiting[index];
        this.waiting[index] = undefined;
        if (packets === undefined) return this.sources[index].ended ? SOURCE_ENDED : 0;
        load(batch, packets, this.options.filling);
        addToCounter(this.counters.words, record + LINK_PACKETS, packets.length);
        addToCounter(this.counters.words, record + LINK_BYTES, packets.reduce((sum, { bytes }) => sum + bytes.length, 0));
        return packets.length;
      },
    };
  }

  private transmitter(): Transmitter {
    return { transmit: (batch) => this.collect(batch), flush: () => undefined, close: () => undefined };
  }

  private collect(batch: PacketBatch): number {
    this.graph.sinks.forEach(({ brick, output, record }, index) => {
      const { rows, counts, shift, step } = this.engineGraph.nodes[brick].outputs;
      for (let i = 0; i < counts[output]; i++) {
        const packet = packetAt(batch, rows[(output << shift) + (i << step)]);
        addToCounter(this.counters.words, record + LINK_BYTES, packet.bytes.length);
        this.sent[index].push(packet);
      }
      addToCounter(this.counters.words, record + LINK_PACKETS, counts[output]);
      counts[output] = 0;
    });
    return 0;
  }
}

/** Each at a multiple of 4, with some bytes between them that are no packet's, the last up to the very end. */
function load(batch: PacketBatch, packets: readonly TestPacket[], filling: number): void {
  const starts: number[] = [];
  let [next, end] = [0, 0];
  for (const { bytes } of packets) {
    starts.push(next);
    end = next + bytes.length;
    next = (end + GAP_BYTES + 3) & ~3;
  }
  batch.memory = packetMemory(new ArrayBuffer(end));
  batch.memory.bytes.fill(filling);
  packets.forEach(({ bytes, wireLength, seconds, nanoseconds }, row) => {
    batch.memory.bytes.set(bytes, starts[row]);
    batch.offset[row] = starts[row];
    batch.length[row] = bytes.length;
    batch.wireLength[row] = wireLength;
    batch.seconds[row] = seconds;
    batch.nanoseconds[row] = nanoseconds;
    batch.slot[row] = 0;
  });
  batch.linkType = packets[0].linkType;
  batch.count = packets.length;
}
