/** What an engine needs of its thread, while it warms up and while it runs: the same object, so that V8 sees one. */
import type { CounterBlock } from '../model/counters';
import type { EngineSource } from '../core/engine-source';
import { Waiter } from '../native/system';
import { CollectionCount } from '../v8/collections';
import { DeoptimisationCount } from '../v8/deoptimisations';
import { OptimisationProbe } from '../v8/optimisation';
import type { WarmUpHost } from '../v8/warm-up';
import { CONTROL_HEARTBEAT, CONTROL_PACKETS, CONTROL_SOURCE, CONTROL_STOP, CONTROL_WAKE, PAUSE } from './engine-protocol';

const WARM_UP_WAIT_MICROSECONDS = 20;

export class ThreadHost implements WarmUpHost {
  private collections: CollectionCount | undefined;
  private deoptimisations: DeoptimisationCount | undefined;
  private readonly probe = new OptimisationProbe();
  private waiter: Waiter;
  private longestWait = WARM_UP_WAIT_MICROSECONDS;
  /** Where packets on their way are noted: the control memory, or what stands in for it while packets are synthetic. */
  private inFlight: Int32Array;

  /** `commands` becomes readable with a command, -1 where nothing does. */
  constructor(private readonly control: Int32Array, private readonly commands: number) {
    this.waiter = new Waiter([], control, CONTROL_WAKE);
    this.inFlight = new Int32Array(new ArrayBuffer(control.byteLength));
  }

  /** From now on it works for these sources and counts there, `hot` being the objects whose methods are to stay optimised. */
  attach(sources: readonly EngineSource[], counters: CounterBlock, hot: readonly object[], real = true): void {
    this.waiter = new Waiter(sources, this.control, CONTROL_WAKE, this.commands);
    this.deoptimisations = new DeoptimisationCount(hot, counters, this.probe);
    this.collections = new CollectionCount(counters);
    this.collections.start();
    this.longestWait = real ? 0x3fffffff : WARM_UP_WAIT_MICROSECONDS;
    if (real) this.inFlight = this.control;
  }

  /** What was not counted yet is. */
  detach(): void {
    this.collections?.read();
  }

  stopRequested(): boolean {
    this.control[CONTROL_HEARTBEAT]++;
    return Atomics.load(this.control, CONTROL_STOP) !== 0;
  }

  pauseRequested(): boolean {
    return Atomics.load(this.control, CONTROL_STOP) === PAUSE;
  }

  reportInFlight(source: number, packets: number): void {
    this.inFlight[CONTROL_SOURCE] = source;
    this.inFlight[CONTROL_PACKETS] = packets;
  }

  wait(microseconds: number): void {
    this.waiter.wait(Math.min(microseconds, this.longestWait));
  }

  housekeeping(): void {
    this.collections?.sample();
    this.deoptimisations?.sample();
  }
}
