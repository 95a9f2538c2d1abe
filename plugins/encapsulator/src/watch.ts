/** The control half: looks at intervals whether destinations are up and by which addresses they are reached, and tells the engine what has changed. */
import type { DestinationMessage } from './destinations.js';
import { findHop, type Hop } from './next-hop.js';
import { endsOf, type EncapsulatorOptions } from './options.js';
import { probeFor, type Probe } from './probes.js';

/** How long addresses of frames are taken for known. */
const HOP_MILLISECONDS = 10_000;

interface Surroundings {
  readonly log: { info(text: string): void; warn(text: string): void };
  post(message: DestinationMessage): boolean;
}

/** What `destinations` returns of one. */
export interface DestinationStatus {
  readonly address: string;
  readonly up: boolean;
  /** Why it is down. */
  readonly trouble?: string;
}

class Watched {
  up = false;
  trouble: string | undefined;
  hop: Hop | undefined;
  hopSince = -Infinity;
  failures = 0;
  checked = false;
  /** The engine does not know it yet. */
  news = true;
  checking: Promise<void> | undefined;

  constructor(readonly index: number, readonly address: string) {}
}

export class Watch {
  private readonly watched: readonly Watched[];
  private readonly probe: Probe;
  private readonly known: Partial<Hop>;
  private readonly timer: NodeJS.Timeout;

  private constructor(private readonly options: EncapsulatorOptions, private readonly around: Surroundings) {
    const { sourceMac, nextHopMac } = endsOf(options);
    this.watched = options.destinations.map((address, index) => new Watched(index, address));
    this.probe = probeFor(options);
    this.known = { ...(sourceMac ? { sourceMac } : {}), ...(nextHopMac ? { nextHopMac } : {}) };
    this.timer = setInterval(() => void this.check(), options.interval);
  }

  /** Begins, and knows of all destinations. */
  static async start(options: EncapsulatorOptions, around: Surroundings): Promise<Watch> {
    const watch = new Watch(options, around);
    await watch.check();
    return watch;
  }

  /** Looks at all of them now. */
  async check(): Promise<void> {
    await Promise.all(this.watched.map((one) => (one.checking ??= this.checkOne(one).finally(() => { one.checking = undefined; }))));
  }

  get status(): DestinationStatus[] {
    return this.watched.map(({ address, up, trouble }) => ({ address, up, ...(trouble === undefined ? {} : { trouble }) }));
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async checkOne(one: Watched): Promise<void> {
    let trouble: string | undefined;
    try {
      await this.probe(one.address);
      await this.find(one);
    } catch (error) {
      trouble = error instanceof Error ? error.message : String(error);
    }
    one.failures = trouble === undefined ? 0 : one.failures + 1;
    // The first check says how it is; later, one that fails may be chance.
    const up = trouble === undefined || (one.checked && one.up && one.failures < this.options.failures);
    one.trouble = up ? undefined : trouble;
    if (up !== one.up || !one.checked) this.turn(one, up);
    one.checked = true;
    if (one.news) one.news = !this.around.post({ destination: one.index, up: one.up, ...(one.hop ?? {}) });
  }

  private turn(one: Watched, up: boolean): void {
    const { log } = this.around;
    if (up && one.checked) log.info(`${one.address} is up again and gets its flows back`);
    if (!up) log.warn(`${one.address} is down (${one.trouble ?? 'no reason'}); its flows go to the other destinations until it is up`);
    one.up = up;
    one.news = true;
  }

  private async find(one: Watched): Promise<void> {
    const now = performance.now();
    if (one.hop && now - one.hopSince < HOP_MILLISECONDS) return;
    const { sourceMac, nextHopMac } = this.known;
    const hop = sourceMac && nextHopMac ? { sourceMac, nextHopMac } : await findHop(one.address, this.known);
    if (!one.hop || Buffer.compare(hop.sourceMac, one.hop.sourceMac) !== 0 || Buffer.compare(hop.nextHopMac, one.hop.nextHopMac) !== 0) one.news = true;
    one.hop = hop;
    one.hopSince = now;
  }
}
