/** What the web server tells the page. Both sides are made from these types. */
import type { Rate } from '../control/rate-meter';
import type { BrickStatistics, LinkStatistics } from '../control/statistics';
import type { Picture } from '../picture/picture';

export interface WebLink extends Pick<LinkStatistics, 'name' | 'role' | 'packets' | 'bytes' | 'dropped' | 'ring'> {
  readonly rate: Rate;
}

export interface WebBrick extends Pick<BrickStatistics, 'label' | 'kind' | 'packetsIn' | 'packetsOut' | 'dropped' | 'nanosecondsPerPacket'> {
  readonly rate: Rate;
}

export interface WebEngine {
  readonly name: string;
  readonly running: boolean;
  readonly packets: number;
  readonly drops: number;
  /** From 0 to 1. */
  readonly load: number;
  readonly rate: Rate;
  readonly links: readonly WebLink[];
  readonly bricks: readonly WebBrick[];
  readonly faults: readonly string[];
}

export interface WebDrop {
  readonly engine: string;
  readonly place: string;
  readonly reason: string;
  /** The same in a sentence, with what to do about it. */
  readonly text: string;
  /** Whether there is nothing to do about it: a brick is meant to drop packets. */
  readonly intended: boolean;
  /** Packets a second now. */
  readonly rate: number;
}

/** Event `state`, each second. */
export interface WebState {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly engines: readonly WebEngine[];
  readonly drops: readonly WebDrop[];
}

/** What the page can do, if it may do anything: commands of the control protocol. */
export const WEB_COMMANDS = ['engine.start', 'engine.stop', 'daemon.reload', 'daemon.shutdown'] as const;
export type WebCommand = (typeof WEB_COMMANDS)[number];

/** Event `graphs`, at first and when one has changed. */
export interface WebGraphs {
  readonly version: string;
  /** The commands that whoever shows the control token may give; empty where the page only shows. */
  readonly control: readonly WebCommand[];
  readonly pictures: readonly Picture[];
}

/** Of the last ten minutes, one for each second: the answer of /history. */
export interface WebHistory {
  /** Milliseconds since 1970. */
  readonly times: readonly number[];
  readonly packets: readonly number[];
  readonly bits: readonly number[];
  readonly drops: readonly number[];
}

/** Event `packets` of /tap. */
export interface WebPackets {
  readonly lines: readonly string[];
  readonly lost: number;
}
