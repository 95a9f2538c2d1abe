/** Sends what an engine's graph has listed for its sinks: after each batch of a source, and what waits beside the batches. Part of the hot path. */
import type { Transmitter } from '../model/backend';
import type { PacketBatch } from '../model/packet-batch';
import type { CellClock } from '../context/cell-clock';
import type { EngineHost } from './engine';
import type { EngineGraph } from './engine-graph';
import { LOOK_SENDING } from './graph-watcher';
import { SIDE_COPIED, SIDE_HELD, SIDE_MADE, type SideKind } from './side-batch';

/** What an orderly stop gives slow readers to take what was already received. */
const STOP_NANOSECONDS = 2_000_000_000;

/** A reader that is at work makes room within microseconds; one that is not is looked at a thousand times a second. */
const ATTEMPTS_WITHOUT_WAIT = 20;
const ATTEMPTS_WITH_SHORT_WAIT = 200;
const SHORT_WAIT_MICROSECONDS = 50;
const LONG_WAIT_MICROSECONDS = 1000;

export class BatchSender {
  /** When, by the engine's clock, slow readers are waited for no longer; 0: the engine was not told to stop. */
  private readonly stopDeadline = new Float64Array(new ArrayBuffer(8));

  constructor(
    private readonly graph: EngineGraph,
    private readonly transmitters: readonly Transmitter[],
    private readonly clock: CellClock,
    private readonly host: EngineHost,
    /** Whether full rings hold the engine up or drop. */
    private readonly wait: boolean,
  ) {}

  /** The engine begins to run. */
  begin(): void {
    this.stopDeadline[0] = 0;
  }

  /** Sends the packets of a batch that the leaves' lists hold. */
  send(batch: PacketBatch): void {
    if ((this.graph.watch.on[0] & LOOK_SENDING) !== 0) this.sendWatched(batch);
    else this.sendNow(batch);
  }

  private sendWatched(batch: PacketBatch): void {
    const { watch } = this.graph;
    const looks = !watch.passesOver() && watch.watcher.sending(batch);
    this.sendNow(batch);
    if (looks) watch.watcher.sent(batch);
  }

  private sendNow(batch: PacketBatch): void {
    const transmitters = this.transmitters;
    let left = 0;
    for (let index = 0; index < transmitters.length; index++) left += transmitters[index].transmit(batch, this.wait);
    for (let index = 0; index < transmitters.length; index++) transmitters[index].flush();
    if (left > 0) this.sendRest(batch);
  }

  /**
   * Waits for slow readers. Only where no source loses packets meanwhile.
   * Nothing is published meanwhile: in the middle of a batch the sums are not right.
   */
  private sendRest(batch: PacketBatch): void {
    const { transmitters, clock, stopDeadline } = this;
    for (let attempt = 0; ; attempt++) {
      clock.read();
      if (this.host.stopRequested() && !this.host.pauseRequested() && stopDeadline[0] === 0) stopDeadline[0] = clock.cell[0] + STOP_NANOSECONDS;
      const mayWait = stopDeadline[0] === 0 || clock.cell[0] < stopDeadline[0];
      let left = 0;
      for (let index = 0; index < transmitters.length; index++) left += transmitters[index].transmit(batch, mayWait);
      for (let index = 0; index < transmitters.length; index++) transmitters[index].flush();
      if (left === 0) return;
      if (attempt > ATTEMPTS_WITHOUT_WAIT) this.host.wait(attempt > ATTEMPTS_WITH_SHORT_WAIT ? LONG_WAIT_MICROSECONDS : SHORT_WAIT_MICROSECONDS);
    }
  }

  /** Sends what waits beside the batches: copies that were to be changed, held packets that go now, packets that bricks have made. */
  sendSides(all: boolean): void {
    const { nodes } = this.graph;
    this.sendCopies();
    for (let index = 0; index < nodes.length; index++) this.sendSidesOf(index, all);
  }

  /** The same for one brick's. */
  sendSidesOf(index: number, all: boolean): void {
    if (this.sendSide(index, SIDE_HELD, all)) this.sendCopies();
    if (this.sendSide(index, SIDE_MADE, all)) this.sendCopies();
  }

  /** Those of one batch, before another's: so they are of one link type, and as many as there is room for. */
  private sendCopies(): void {
    const { nodes } = this.graph;
    for (let index = 0; index < nodes.length; index++) this.sendSide(index, SIDE_COPIED, false);
  }

  private sendSide(index: number, kind: SideKind, all: boolean): boolean {
    const { graph } = this;
    const batch = graph.side(index, kind, all);
    if (batch === undefined) return false;
    this.send(batch);
    graph.endSide();
    return true;
  }
}
