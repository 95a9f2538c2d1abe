/** The control half: looks at intervals whether destinations are up and by which addresses they are reached, and tells the engine what has changed. */
import type { ControlContext } from '../model/brick';
import { messageOf } from '../model/errors';
import type { HealthOptions } from './destination-options';
import { findNextHop, type NextHop } from './next-hop';
import { probeFor, type Probe } from './probes';

/** How long addresses of frames are taken for known. */
const HOP_MILLISECONDS = 10_000;

/** What the control half tells the engine's, in `onMessage`, when something has changed. */
export interface DestinationNews {
  /** Its place in the list. */
  readonly destination: number;
  /** Whether it is up. */
  readonly up: boolean;
  /** Addresses of frames to it; absent as long as they are not known. */
  readonly nextHop?: NextHop;
}

/** What the method `destinations` returns of one. */
export interface DestinationStatus {
  /** As it was given. */
  readonly address: string;
  /** Whether it is up. */
  readonly up: boolean;
  /** Why it is down. */
  readonly trouble?: string;
}

/** What a watch looks at. */
export interface WatchOptions extends HealthOptions {
  /** What is known of addresses of frames (`givenNextHop`); the rest of them is looked up. Leave it out where they don't matter. */
  readonly nextHop?: Partial<NextHop>;
}

/** The control half that watches. */
export interface DestinationWatch {
  /** For users of the brick. */
  readonly methods: {
    /** The state of each destination. */
    readonly destinations: () => DestinationStatus[];
    /** Looks at all of them now. */
    readonly check: () => Promise<void>;
  };
  /** Ends it. */
  stop(): void;
}

/**
 * The control half of a brick with destinations: what its `control` function returns. It knows of all of them before it resolves. Then it checks each at intervals, posts
 * `DestinationNews` about those that went down, came up or moved, and says in the log why.
 */
export async function watchDestinations(addresses: readonly string[], options: WatchOptions, context: Pick<ControlContext, 'log' | 'post'>): Promise<DestinationWatch> {
  const watched = addresses.map((address, index) => new Watched(index, address, options, context));
  const check = async (): Promise<void> => {
    await Promise.all(watched.map((one) => one.check()));
  };
  const timer = setInterval(() => void check(), options.interval);
  await check();
  return { methods: { destinations: () => watched.map(({ status }) => status), check }, stop: () => clearInterval(timer) };
}

class Watched {
  private up = false;
  private trouble: string | undefined;
  private hop: NextHop | undefined;
  private hopSince = -Infinity;
  private failures = 0;
  private wasChecked = false;
  /** The engine does not know it yet. */
  private isNews = true;
  private checking: Promise<void> | undefined;
  private readonly probe: Probe;

  constructor(private readonly index: number, private readonly address: string, private readonly options: WatchOptions, private readonly context: Pick<ControlContext, 'log' | 'post'>) {
    this.probe = probeFor(options);
  }

  get status(): DestinationStatus {
    const { address, up, trouble } = this;
    return { address, up, ...(trouble === undefined ? {} : { trouble }) };
  }

  /** One check at a time. */
  check(): Promise<void> {
    return this.checking ??= this.look().finally(() => { this.checking = undefined; });
  }

  private async look(): Promise<void> {
    let trouble: string | undefined;
    try {
      await this.probe(this.address);
      await this.findHop();
    } catch (error) {
      trouble = messageOf(error);
    }
    this.failures = trouble === undefined ? 0 : this.failures + 1;
    // The first check says how it is; later, one that fails may be chance.
    const up = trouble === undefined || (this.wasChecked && this.up && this.failures < this.options.failures);
    this.trouble = up ? undefined : trouble;
    if (up !== this.up || !this.wasChecked) this.turn(up);
    this.wasChecked = true;
    if (this.isNews) this.isNews = !this.context.post({ destination: this.index, up, ...(this.hop ? { nextHop: this.hop } : {}) } satisfies DestinationNews);
  }

  private turn(up: boolean): void {
    const { address, context: { log } } = this;
    if (up && this.wasChecked) log.info(`${address} is up again and gets its flows back`);
    if (!up) log.warn(`${address} is down (${this.trouble ?? 'no reason'}); its flows go to the other destinations until it is up`);
    this.up = up;
    this.isNews = true;
  }

  private async findHop(): Promise<void> {
    const { address, hop, options: { nextHop } } = this;
    const now = performance.now();
    if (!nextHop || (hop && now - this.hopSince < HOP_MILLISECONDS)) return;
    const { sourceMac, nextHopMac } = nextHop;
    const found = sourceMac && nextHopMac ? { sourceMac, nextHopMac } : await findNextHop(address, nextHop);
    if (!hop || Buffer.compare(found.sourceMac, hop.sourceMac) !== 0 || Buffer.compare(found.nextHopMac, hop.nextHopMac) !== 0) this.isNews = true;
    this.hop = found;
    this.hopSince = now;
  }
}
