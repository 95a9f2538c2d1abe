/** What the page shows: looks at all engines once a second, and remembers ten minutes of rates. */
import { dropText, dropsOf, remedyOf } from '../control/drops';
import type { PacketEngine } from '../control/packet-engine';
import { RateMeter, type Rate } from '../control/rate-meter';
import type { EngineStatistics } from '../control/statistics';
import type { Picture } from '../picture/picture';
import type { WebEngine, WebHistory, WebState } from './web-messages';

const SECONDS_KEPT = 600;
/** More than anybody looks at: of others the history begins when they are looked at. */
const SERIES_MOST = 2000;

/** Where the engines are. */
export interface WebEngines {
  statistics(): readonly EngineStatistics[];
  readonly all: readonly PacketEngine[];
  pictures(): readonly Picture[];
}

class Series {
  private readonly values = [new Float64Array(SECONDS_KEPT), new Float64Array(SECONDS_KEPT), new Float64Array(SECONDS_KEPT), new Float64Array(SECONDS_KEPT)] as const;
  private count = 0;

  add(time: number, { packets, bits, drops }: Rate): void {
    const at = this.count++ % SECONDS_KEPT;
    [time, packets, bits, drops].forEach((value, index) => {
      this.values[index][at] = value;
    });
  }

  get last(): number {
    return this.count === 0 ? 0 : this.values[0][(this.count - 1) % SECONDS_KEPT];
  }

  get all(): WebHistory {
    const first = Math.max(0, this.count - SECONDS_KEPT);
    const [times, packets, bits, drops] = this.values.map((values) => Array.from({ length: this.count - first }, (_, index) => values[(first + index) % SECONDS_KEPT]));
    return { times, packets, bits, drops };
  }
}

export class WebFeed {
  private readonly meter = new RateMeter([1]);
  private readonly series = new Map<string, Series>();
  private latest: WebState = { time: 0, engines: [], drops: [] };

  constructor(private readonly engines: WebEngines) {}

  /** Of the last look. */
  get state(): WebState {
    return this.latest;
  }

  /** Looks at all engines. `seconds` is by a clock that never jumps. */
  look(time: number, seconds: number): WebState {
    const all = this.engines.statistics();
    const engines = all.map((statistics) => this.engineOf(statistics, seconds));
    this.meter.add(all, seconds);
    for (const engine of engines) {
      this.note(time, engine.name, '', engine.rate);
      for (const { name, rate } of engine.links) this.note(time, engine.name, name, rate);
      for (const { label, rate } of engine.bricks) this.note(time, engine.name, label, rate);
    }
    for (const [key, series] of this.series) if (time - series.last > SECONDS_KEPT * 1000) this.series.delete(key);
    const drops = all.flatMap((statistics, index) => dropsOf(statistics).map((drop) => {
      const { links, bricks } = engines[index];
      const at = drop.kind === 'link' ? links.find(({ name }) => name === drop.place) : bricks.find(({ label }) => label === drop.place);
      return { engine: drop.engine, place: drop.place, reason: drop.reason, text: dropText(drop), intended: remedyOf(drop) === '', rate: at?.rate.drops ?? 0 };
    }));
    this.latest = { time, engines, drops };
    return this.latest;
  }

  /** Of an engine, or of one of its links or bricks. */
  history(engine: string, name: string): WebHistory | undefined {
    return this.series.get(keyOf(engine, name))?.all;
  }

  private note(time: number, engine: string, name: string, rate: Rate): void {
    const key = keyOf(engine, name);
    let series = this.series.get(key);
    if (!series) {
      if (this.series.size >= SERIES_MOST) return;
      series = new Series();
      this.series.set(key, series);
    }
    series.add(time, rate);
  }

  private engineOf(statistics: EngineStatistics, seconds: number): WebEngine {
    const { name, running, packets, drops, links, bricks, faults } = statistics;
    const [rates] = running ? this.meter.rates(statistics, seconds) : [];
    return {
      name, running, packets, drops, load: rates?.load ?? 0, faults: faults.map(({ message }) => message),
      rate: rateOf(rates),
      links: links.map((link, index) => ({
        name: link.name, role: link.role, packets: link.packets, bytes: link.bytes, dropped: link.dropped, rate: rateOf(rates?.links[index]),
        ...(link.ring === undefined ? {} : { ring: link.ring }),
      })),
      bricks: bricks.map(({ label, kind, packetsIn, packetsOut, dropped, nanosecondsPerPacket }, index) => {
        const rate = rates?.bricks[index];
        return { label, kind, packetsIn, packetsOut, dropped, nanosecondsPerPacket, rate: { packets: rate?.packetsIn ?? 0, bits: 0, drops: rate?.drops ?? 0 } };
      }),
    };
  }
}

/** Of more, only that; nothing passes what was not looked at before. */
function rateOf({ packets, bits, drops }: Rate = { packets: 0, bits: 0, drops: 0 }): Rate {
  return { packets, bits, drops };
}

function keyOf(engine: string, name: string): string {
  return `${engine}\n${name}`;
}
