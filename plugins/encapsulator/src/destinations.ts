/** The destinations as the engine knows them: which of them are up, and who gets which flows. */
import { ConsistentSplit, MOVED } from 'packet-bricks';
import { endsOf, type EncapsulatorOptions } from './options.js';
import { OuterHeaders } from './outer-headers.js';

/** What the control half tells of a destination. */
export interface DestinationMessage {
  readonly destination: number;
  readonly up: boolean;
  /** Addresses of frames to it; absent as long as they are not known. */
  readonly sourceMac?: Uint8Array;
  readonly nextHopMac?: Uint8Array;
}

/** Whether the control half has to run: for health, or to find out addresses of frames. */
export function needsControl({ health, sourceMac, nextHopMac }: EncapsulatorOptions): boolean {
  return health !== 'none' || sourceMac === undefined || nextHopMac === undefined;
}

export class Destinations {
  private readonly headers: readonly OuterHeaders[];
  private readonly split: ConsistentSplit;
  private readonly up: Uint8Array;
  /** How many are up. */
  count = 0;
  /** Whether the packet that was looked at last went to another destination than usual: 1 or 0. */
  moved = 0;

  constructor(options: EncapsulatorOptions) {
    const ends = endsOf(options);
    this.headers = ends.destinations.map((destination) => new OuterHeaders(ends.source, destination, options));
    this.split = new ConsistentSplit(options.destinations);
    this.up = new Uint8Array(ends.destinations.length);
    if (ends.sourceMac && ends.nextHopMac) for (const headers of this.headers) headers.setHardware(ends.sourceMac, ends.nextHopMac);
    if (!needsControl(options)) this.up.fill(1);
    this.change();
  }

  /** Takes what the control half has found out. Returns whether the destination went up (1) or down (-1). */
  take({ destination, up, sourceMac, nextHopMac }: DestinationMessage): number {
    if (sourceMac && nextHopMac) this.headers[destination].setHardware(sourceMac, nextHopMac);
    const now = up ? 1 : 0;
    const change = now - this.up[destination];
    if (change !== 0) {
      this.up[destination] = now;
      this.change();
    }
    return change;
  }

  /** The headers of the destination of a flow, of which one has to be up. */
  of(word: number): OuterHeaders {
    const entry = this.split.table[word];
    this.moved = entry >= MOVED ? 1 : 0;
    return this.headers[entry & (MOVED - 1)];
  }

  private change(): void {
    this.count = this.up.reduce((sum, one) => sum + one, 0);
    if (this.count > 0) this.split.allow(this.up);
  }
}
