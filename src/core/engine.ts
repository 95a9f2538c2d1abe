/**
 * The engine's loop: receive, run the graph, send, release; wait when there is nothing.
 * One thread, one graph; knows no backend and no operating system.
 */
import { SOURCE_ENDED, type SourcePort, type Transmitter } from '../model/backend';
import type { CellClock } from '../context/cell-clock';
import {
  ENGINE_BATCHES, ENGINE_BUSY_NANOSECONDS, ENGINE_EMPTY_POLLS, ENGINE_HISTOGRAM, ENGINE_HISTOGRAM_SLOTS, ENGINE_LARGEST_BATCH_NANOSECONDS, ENGINE_WAITS,
  addToCounter, setCounter, type CounterBlock, type CounterPublisher,
} from '../model/counters';
import { abandonAll } from './abandon';
import { BatchSender } from './batch-sender';
import type { EngineGraph } from './engine-graph';
import type { EngineSource } from './engine-source';
import { NO_TIMERS, type EngineTimers, type Inbox } from '../context/engine-timers';

/** What the engine needs of the thread it runs in. */
export interface EngineHost {
  /** True once the engine is to stop. Also the thread's heartbeat: called wherever the engine may stay long. */
  stopRequested(): boolean;
  /** Whether it is only to pause, for a command to its thread: it will run on, or another graph in its place. */
  pauseRequested(): boolean;
  /** Waits until a source has something, someone wakes the engine, or the time is over: a whole number. */
  wait(microseconds: number): void;
  /** Tells those who watch the thread how many packets of which source are on their way: what is lost if a brick never returns. */
  reportInFlight(source: number, packets: number): void;
  /** Called about once a millisecond while packets come, for what the thread itself counts. */
  housekeeping(): void;
}

/** Empty rounds before the engine waits in the system. */
const SPINS_MAXIMUM = 200;
/** After a short wait the engine looks so many times more before the next one. */
const SPINS_MORE = 20;
const SHORT_WAIT_NANOSECONDS = 50_000;
const PUBLISH_NANOSECONDS = 1_000_000;
const REFRESH_NANOSECONDS = 1_000_000_000;
/** Waking this often keeps code and data in the caches: with 50 ms an idle engine used half as much of its CPU, but the first packet after a wait took 80 to 100 µs longer. */
const WAIT_MICROSECONDS = 20_000;
/**
 * So long a new engine looks again and again instead of sleeping, by the same code: what runs only a few hundred times a
 * second V8 would otherwise leave unoptimised for minutes, and the first packets would meet it so.
 */
const WAKEFUL_NANOSECONDS = 100_000_000;
/** Whose times stand where in `Engine.times`, in nanoseconds. */
const NEXT_PUBLISH = 0;
const NEXT_REFRESH = 1;
const WAKEFUL_UNTIL = 2;
const ROUND_BEGIN = 3;

/** `paused`: what bricks hold they hold still. */
export type LoopEnd = 'stopped' | 'ended' | 'paused';

export class Engine {
  /** What warm-up waits for V8 to optimise. */
  static get loopCode(): unknown {
    return Engine.prototype.loop;
  }

  private readonly times = new Float64Array(new ArrayBuffer(32));
  private readonly sender: BatchSender;
  private spins = 0;
  /** Packets have come since the last `housekeeping`. */
  private worked = false;
  /** The source whose batch is on its way. */
  private currentSource: EngineSource | undefined;

  constructor(
    private readonly sources: readonly EngineSource[],
    private readonly graph: EngineGraph,
    private readonly transmitters: readonly Transmitter[],
    private readonly counters: CounterBlock,
    private readonly publisher: CounterPublisher,
    private readonly clock: CellClock,
    private readonly host: EngineHost,
    /** Whether full rings hold the engine up (none of its sources loses packets meanwhile) or drop. */
    wait: boolean,
    private readonly timers: EngineTimers = NO_TIMERS,
    private readonly inboxes: readonly Inbox[] = [],
  ) {
    this.sender = new BatchSender(graph, transmitters, clock, host, wait);
  }

  /** What runs for every batch, for the count of deoptimisations. */
  get hotObjects(): object[] {
    return [this, this.sender, this.host, ...this.graph.hotObjects];
  }

  /**
   * Runs until it is told to stop or all sources have ended. Everything received has then been sent or counted.
   * @throws BricksError E_BRICK_FAILED that names the brick, or what a port threw; then, too, everything is counted
   */
  run(): LoopEnd {
    try {
      return this.loop();
    } catch (error) {
      throw this.abandonAfter(error);
    }
  }

  /** Before another graph takes over: what these bricks hold goes through this one, and its counters are final. @throws as `run` */
  flush(bricks: readonly number[]): void {
    try {
      this.sender.begin();
      for (const index of bricks) this.sender.sendSidesOf(index, true);
      for (const { port } of this.sources) port.refreshCounters?.();
      this.publishNow();
    } catch (error) {
      throw this.abandonAfter(error);
    }
  }

  /** Sends or counts as dropped what is on its way after a failure, and publishes; returns what to throw. */
  private abandonAfter(error: unknown): unknown {
    const named = abandonAll(this.graph, this.sender, this.currentSource, error);
    this.currentSource = undefined;
    this.publishNow();
    return named;
  }

  private loop(): LoopEnd {
    const { host, clock, times } = this;
    const { cell } = clock;
    let emptyRounds = 0;
    let end: LoopEnd | undefined;
    this.sender.begin();
    this.graph.watch.watcher.look();
    // The end of a busy round is the next one's begin: a look at the clock costs 40 ns.
    clock.read();
    times[WAKEFUL_UNTIL] = cell[0] + WAKEFUL_NANOSECONDS;
    this.spins = 0;
    while (end === undefined) {
      times[ROUND_BEGIN] = cell[0];
      const packets = this.round();
      if (packets > 0) {
        emptyRounds = 0;
        this.worked = true;
        clock.read();
        // A small integer: a fraction would be a number on the heap, for each batch.
        this.countRound(Math.min(0x3fffffff, cell[0] - times[ROUND_BEGIN]) | 0);
        if (cell[0] >= times[NEXT_PUBLISH]) this.publish();
      } else {
        addToCounter(this.counters.words, ENGINE_EMPTY_POLLS, 1);
        if (this.allEnded()) end = 'ended';
        // `rest` publishes before it waits, so that after waking the engine receives at once.
        if (end === undefined && ++emptyRounds > this.spins) this.rest();
        else clock.read();
      }
      if (host.stopRequested()) end = 'stopped';
    }
    if (end === 'stopped' && host.pauseRequested()) end = 'paused';
    else if (this.graph.sidesWait) this.sender.sendSides(true);
    this.publishNow();
    return end;
  }

  private allEnded(): boolean {
    for (let index = 0; index < this.sources.length; index++) {
      if (!this.sources[index].ended) return false;
    }
    return true;
  }

  /** One turn over all sources; returns how many packets were received. */
  round(): number {
    const { sources, graph, timers, inboxes } = this;
    let packets = 0;
    for (let index = 0; index < inboxes.length; index++) if (inboxes[index].mail.waiting) graph.deliver(inboxes[index]);
    for (let index = 0; index < sources.length; index++) {
      const source = sources[index];
      if (source.ended) continue;
      const received = source.port.receive();
      if (received > 0) {
        if (source.port.waited === true) this.beginAgain();
        this.currentSource = source;
        this.host.reportInFlight(index, received);
        graph.process(source.batch, source.entry);
        this.sender.send(source.batch);
        source.port.release();
        this.currentSource = undefined;
        this.host.reportInFlight(index, 0);
        packets += received;
        // Copies are of one source's packets: all of a batch are of one link type.
        if (graph.sidesWait) this.sender.sendSides(false);
      } else if (received === SOURCE_ENDED) {
        source.ended = true;
      }
    }
    if (timers.due(this.clock.cell[0])) this.runTimers();
    if (packets === 0 && graph.sidesWait) this.sender.sendSides(false);
    return packets;
  }

  /** What bricks do by the clock. */
  private runTimers(): void {
    this.graph.runTimers(this.timers, this.clock.cell[0]);
    if (this.graph.sidesWait) this.sender.sendSides(false);
  }

  private beginAgain(): void {
    this.clock.read();
    this.times[ROUND_BEGIN] = this.clock.cell[0];
  }

  /** Publishes, then waits. On return the clock shows the present time. */
  private rest(): void {
    const { clock, sources, times, timers } = this;
    this.publish();
    let microseconds = WAIT_MICROSECONDS;
    for (let index = 0; index < sources.length; index++) {
      const { port, ended } = sources[index];
      if (port.nextDue && !ended) microseconds = Math.min(microseconds, Math.ceil(port.nextDue() * 1000));
    }
    clock.read();
    microseconds = Math.min(microseconds, timers.microsecondsLeft(clock.cell[0]));
    if (microseconds <= 0) return;
    addToCounter(this.counters.words, ENGINE_WAITS, 1);
    const before = clock.cell[0];
    if (before < times[WAKEFUL_UNTIL]) {
      this.host.wait(0);
      clock.read();
      return;
    }
    this.host.wait(microseconds);
    clock.read();
    // All was published before the wait. The first batch after it meets cold caches and is the longest: what publishing takes comes later.
    times[NEXT_PUBLISH] = clock.cell[0] + PUBLISH_NANOSECONDS;
    // Short waits mean that packets come often: then look a little longer before the next one. After long ones a look that
    // finds nothing is a waste: where packets come up in blocks, each block was followed by some. (Both are worked out, so that V8
    // knows both before it has seen both.)
    const more = Math.min(SPINS_MAXIMUM, this.spins + SPINS_MORE);
    const fewer = this.spins >> 1;
    this.spins = clock.cell[0] - before < SHORT_WAIT_NANOSECONDS ? more : fewer;
  }

  private countRound(nanoseconds: number): void {
    const words = this.counters.words;
    addToCounter(words, ENGINE_BATCHES, 1);
    addToCounter(words, ENGINE_BUSY_NANOSECONDS, nanoseconds);
    const slot = Math.min(ENGINE_HISTOGRAM_SLOTS - 1, 31 - Math.clz32(Math.min(0x7fffffff, nanoseconds) | 1));
    addToCounter(words, ENGINE_HISTOGRAM + slot, 1);
    if (nanoseconds > words[2 * ENGINE_LARGEST_BATCH_NANOSECONDS]) setCounter(words, ENGINE_LARGEST_BATCH_NANOSECONDS, nanoseconds);
  }

  private publish(): void {
    const { times, sources, transmitters } = this;
    const now = this.clock.cell[0];
    if (now >= times[NEXT_REFRESH]) {
      times[NEXT_REFRESH] = now + REFRESH_NANOSECONDS;
      for (let index = 0; index < sources.length; index++) sources[index].port.refreshCounters?.();
    }
    if (this.worked) {
      this.worked = false;
      this.host.housekeeping();
    }
    for (let index = 0; index < transmitters.length; index++) transmitters[index].refreshCounters?.();
    this.publisher.publish();
    this.graph.watch.watcher.look();
    times[NEXT_PUBLISH] = now + PUBLISH_NANOSECONDS;
  }

  /** Brings the shared counters up to date, outside of `run`. */
  publishNow(): void {
    this.clock.read();
    this.publish();
  }

  /** Closes the ports; sinks first send out what they still have. The counters are final afterwards. */
  close(): void {
    this.retire(new Set(), this.graph.nodes.map((_, index) => index));
  }

  /** Closes what the graph that takes over does not have: the sources but `kept`, these bricks, and all transmitters, whose links that graph has taken over. @throws what a brick has thrown */
  retire(kept: ReadonlySet<SourcePort>, bricks: readonly number[]): void {
    const leaving = this.sources.filter(({ port }) => !kept.has(port));
    for (const { port } of leaving) port.refreshCounters?.();
    for (const transmitter of this.transmitters) transmitter.close();
    for (const { port } of leaving) port.close();
    const failures: unknown[] = [];
    for (const index of bricks) {
      try {
        this.graph.nodes[index].close();
      } catch (error) {
        failures.push(error);
      }
    }
    this.publisher.publish();
    // What closing has dropped.
    this.graph.watch.watcher.look();
    if (failures.length > 0) throw failures[0];
  }
}
