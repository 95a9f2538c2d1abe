/**
 * The engine's loop: receive, run the graph, send, release; wait when there is nothing.
 * One thread, one graph; knows no backend and no operating system.
 */
import type { SourcePort, Transmitter } from './backend';
import { SOURCE_ENDED } from './backend';
import type { EngineClock } from './brick';
import {
  ENGINE_BATCHES, ENGINE_EMPTY_POLLS, ENGINE_HISTOGRAM, ENGINE_HISTOGRAM_SLOTS, ENGINE_LARGEST_BATCH_NANOSECONDS, ENGINE_WAITS,
  addToCounter, readCounter, setCounter, type CounterBlock, type CounterPublisher,
} from './counters';
import type { EngineGraph } from './engine-graph';
import type { PacketBatch } from './packet-batch';

/** A source with the batch it fills and the brick it feeds. */
export interface EngineSource {
  readonly port: SourcePort;
  readonly batch: PacketBatch;
  readonly entry: number;
  ended: boolean;
}

/** What the engine needs of the thread it runs in. */
export interface EngineHost {
  /** Nanoseconds, never going back. */
  nanoseconds(): number;
  /** True once the engine is to stop. Called once a round. */
  stopRequested(): boolean;
  /** Waits until a source has something, someone wakes the engine, or the time is over. */
  wait(milliseconds: number): void;
  /** Tells those who watch the thread how many packets of which source are on their way. */
  took(source: number, packets: number): void;
  /** Called about once a second, for what the thread itself counts. */
  housekeeping(): void;
}

/** Empty rounds before the engine waits in the system. */
const SPINS_MAXIMUM = 200;
const PUBLISH_NANOSECONDS = 1_000_000;
const HOUSEKEEPING_NANOSECONDS = 1_000_000_000;
const WAIT_MILLISECONDS = 20;
/**
 * So long a new engine looks again and again instead of sleeping, by the same code: what runs only a few hundred times a
 * second V8 would otherwise leave unoptimised for minutes, and the first packets would meet it so.
 */
const WAKEFUL_NANOSECONDS = 100_000_000;
/** What an orderly stop gives slow readers to take what was already received. */
const STOP_NANOSECONDS = 2_000_000_000;

export type LoopEnd = 'stopped' | 'ended';

export class Engine {
  private nextPublish = 0;
  private nextHousekeeping = 0;
  private spins = 0;
  private stopDeadline = 0;
  private wakefulUntil = 0;
  private readonly holds: boolean;
  /** The source whose batch is on its way, or the brick (its index) whose held packets are. */
  private inHand: EngineSource | undefined;
  private heldInHand = -1;

  constructor(
    private readonly sources: readonly EngineSource[],
    private readonly graph: EngineGraph,
    private readonly transmitters: readonly Transmitter[],
    private readonly counters: CounterBlock,
    private readonly publisher: CounterPublisher,
    private readonly clock: EngineClock,
    private readonly host: EngineHost,
    /** Whether full rings hold the engine up (all its sources are patient) or drop. */
    private readonly wait: boolean,
  ) {
    this.holds = graph.nodes.some((node) => node.hold !== undefined);
  }

  /**
   * Runs until it is told to stop or all sources have ended. Everything received has then been sent or counted.
   * @throws BricksError E_BRICK_FAILED that names the brick, or what a port threw; then, too, everything is counted
   */
  run(): LoopEnd {
    try {
      return this.loop();
    } catch (error) {
      const named = this.graph.nameFailure(error);
      if (named === error) this.graph.dropListed();
      else this.abandonBatch();
      try {
        if (this.graph.held > 0) this.sendHeld(true);
      } catch {
        this.abandonBatch();
      }
      this.publish(this.host.nanoseconds());
      throw named;
    }
  }

  /** A brick has thrown: what the others made of the batch is sent. */
  private abandonBatch(): void {
    const held = this.heldInHand;
    const batch = held >= 0 ? this.graph.nodes[held].hold?.outgoing : this.inHand?.batch;
    if (!batch) return;
    this.graph.abandon(batch, held);
    this.send(batch);
    if (held >= 0) this.graph.freeHeld(held);
    else this.inHand?.port.release();
    this.inHand = undefined;
    this.heldInHand = -1;
  }

  private loop(): LoopEnd {
    const host = this.host;
    let emptyRounds = 0;
    let end: LoopEnd | undefined;
    this.stopDeadline = 0;
    // The end of a busy round is the next one's begin: a look at the clock costs 40 ns.
    let begin = host.nanoseconds();
    this.wakefulUntil = begin + WAKEFUL_NANOSECONDS;
    this.spins = 0;
    while (end === undefined) {
      this.clock.now = begin / 1e6;
      const packets = this.round();
      if (packets > 0) {
        emptyRounds = 0;
        const done = host.nanoseconds();
        // A small integer: a fraction would be a number on the heap, for each batch.
        this.countRound(Math.min(0x3fffffff, done - begin) | 0);
        begin = done;
        if (begin >= this.nextPublish) this.publish(begin);
      } else {
        addToCounter(this.counters.words, ENGINE_EMPTY_POLLS, 1);
        if (this.sources.every(hasEnded)) end = 'ended';
        // Nothing comes between waking and receiving: what there is to publish was published before.
        begin = end === undefined && ++emptyRounds > this.spins ? this.rest(begin) : host.nanoseconds();
      }
      if (host.stopRequested()) end = 'stopped';
    }
    if (this.graph.held > 0) this.sendHeld(true);
    this.publish(host.nanoseconds());
    return end;
  }

  /** Sends what bricks have held back and now let go. */
  private sendHeld(all: boolean): void {
    for (let index = 0; index < this.graph.nodes.length; index++) {
      this.heldInHand = index;
      const batch = this.graph.releaseHeld(index, all);
      if (batch === undefined) continue;
      this.send(batch);
      this.graph.freeHeld(index);
    }
    this.heldInHand = -1;
  }

  /** One turn over all sources; answers how many packets it moved. */
  round(): number {
    const sources = this.sources;
    let packets = 0;
    for (let index = 0; index < sources.length; index++) {
      const source = sources[index];
      if (source.ended) continue;
      const received = source.port.receive();
      if (received > 0) {
        this.inHand = source;
        this.host.took(index, received);
        this.graph.process(source.batch, source.entry);
        this.send(source.batch);
        source.port.release();
        packets += received;
      } else if (received === SOURCE_ENDED) {
        source.ended = true;
      }
    }
    if (this.holds && this.graph.held > 0) this.sendHeld(false);
    return packets;
  }

  private send(batch: PacketBatch): void {
    const transmitters = this.transmitters;
    let held = 0;
    for (let index = 0; index < transmitters.length; index++) held += transmitters[index].transmit(batch, this.wait);
    for (let index = 0; index < transmitters.length; index++) transmitters[index].flush();
    if (held > 0) this.sendRest(batch);
  }

  /**
   * Waits for slow readers. Only where the sources are patient, so that nobody loses by it.
   * Nothing is published meanwhile: in the middle of a batch the sums are not right.
   */
  private sendRest(batch: PacketBatch): void {
    for (let attempt = 0; ; attempt++) {
      const now = this.host.nanoseconds();
      if (this.host.stopRequested() && this.stopDeadline === 0) this.stopDeadline = now + STOP_NANOSECONDS;
      const patient = this.stopDeadline === 0 || now < this.stopDeadline;
      let held = 0;
      for (const transmitter of this.transmitters) held += transmitter.transmit(batch, patient);
      for (const transmitter of this.transmitters) transmitter.flush();
      if (held === 0) return;
      if (attempt > 20) this.host.wait(attempt > 200 ? 1 : 0.05);
    }
  }

  /** Publishes and waits; answers the time after it. */
  private rest(now: number): number {
    this.publish(now);
    let milliseconds = WAIT_MILLISECONDS;
    for (const source of this.sources) {
      if (source.port.nextDue && !source.ended) milliseconds = Math.min(milliseconds, source.port.nextDue());
    }
    const before = this.host.nanoseconds();
    if (milliseconds <= 0) return before;
    addToCounter(this.counters.words, ENGINE_WAITS, 1);
    if (before < this.wakefulUntil) {
      this.host.wait(0);
      return this.host.nanoseconds();
    }
    this.host.wait(milliseconds);
    // Short waits mean that packets come often: then look a little longer before the next one. After long ones a look that
    // finds nothing is a waste: where packets come up in blocks, each block was followed by some.
    const after = this.host.nanoseconds();
    this.spins = after - before < 50_000 ? Math.min(SPINS_MAXIMUM, this.spins + 20) : this.spins >> 1;
    return after;
  }

  private countRound(nanoseconds: number): void {
    const words = this.counters.words;
    addToCounter(words, ENGINE_BATCHES, 1);
    const slot = Math.min(ENGINE_HISTOGRAM_SLOTS - 1, 31 - Math.clz32(Math.min(0x7fffffff, nanoseconds) | 1));
    addToCounter(words, ENGINE_HISTOGRAM + slot, 1);
    if (nanoseconds > readCounter(words, ENGINE_LARGEST_BATCH_NANOSECONDS)) setCounter(words, ENGINE_LARGEST_BATCH_NANOSECONDS, nanoseconds);
  }

  private publish(now: number): void {
    if (now >= this.nextHousekeeping) {
      this.nextHousekeeping = now + HOUSEKEEPING_NANOSECONDS;
      for (const source of this.sources) source.port.refreshCounters?.();
      this.host.housekeeping();
    }
    for (const transmitter of this.transmitters) transmitter.refreshCounters?.();
    this.publisher.publish();
    this.nextPublish = now + PUBLISH_NANOSECONDS;
  }

  /** Brings the shared counters up to date, outside of `run`. */
  publishNow(): void {
    this.publish(this.host.nanoseconds());
  }

  /** Closes the ports; sinks first send out what they still have. The counters are final afterwards. */
  close(): void {
    for (const source of this.sources) source.port.refreshCounters?.();
    for (const transmitter of this.transmitters) transmitter.close();
    for (const source of this.sources) source.port.close();
    for (const node of this.graph.nodes) node.brick.teardown?.();
    this.publisher.publish();
  }
}

function hasEnded(source: EngineSource): boolean {
  return source.ended;
}
