/** What passes the links of a picture: rates between two looks at an engine. */
import { shortNumber } from '../control/number-text';
import { linkRates, type LinkRate } from '../control/rate-meter';
import type { EngineStatistics } from '../control/statistics';
import type { Picture } from './picture';

/** What passes an edge each second. */
export interface EdgeRate {
  readonly packets: number;
  readonly bytes: number;
  readonly dropped: number;
}

const NOTHING: LinkRate = { name: '', packets: 0, bits: 0, drops: 0 };

/** `1.2 M/s`, and what is dropped. */
export function rateText({ packets, dropped }: EdgeRate): string {
  const rate = `${shortNumber(packets)}/s`;
  return dropped > 0 ? `${rate}, ${shortNumber(dropped)}/s dropped` : rate;
}

/** The rates of a picture's edges: of all links that each stands for. */
export function edgeRates({ edges }: Picture, before: EngineStatistics, after: EngineStatistics, seconds: number): EdgeRate[] {
  const rates = new Map(linkRates(before.links, after.links, seconds).map((rate) => [rate.name, rate]));
  return edges.map(({ links }) => {
    const sum = (of: (rate: LinkRate) => number): number => links.reduce((total, link) => total + of(rates.get(link) ?? NOTHING), 0);
    return { packets: sum(({ packets }) => packets), bytes: sum(({ bits }) => bits / 8), dropped: sum(({ drops }) => drops) };
  });
}
