/** What passes the links of a picture: rates between two looks at an engine. */
import { shortNumber } from '../control/number-text';
import type { EngineStatistics } from '../control/statistics';
import type { Picture, PictureEdge } from './picture';

/** What passes an edge each second. */
export interface EdgeRate {
  readonly packets: number;
  readonly bytes: number;
  readonly dropped: number;
}

/** `1.2 M/s`, and what is dropped. */
export function rateText({ packets, dropped }: EdgeRate): string {
  const rate = `${shortNumber(packets)}/s`;
  return dropped > 0 ? `${rate}, ${shortNumber(dropped)}/s dropped` : rate;
}

/** The rates of a picture's edges. Links that one of the two does not know count as nothing. */
export function edgeRates({ edges }: Picture, before: EngineStatistics, after: EngineStatistics, seconds: number): EdgeRate[] {
  const linksOf = ({ links }: EngineStatistics) => new Map(links.map((link) => [link.name, link]));
  const [first, second] = [linksOf(before), linksOf(after)];
  const rateOf = (links: PictureEdge['links'], count: 'packets' | 'bytes' | 'dropped'): number => {
    const gained = links.reduce((sum, link) => sum + Math.max(0, (second.get(link)?.[count] ?? 0) - (first.get(link)?.[count] ?? 0)), 0);
    return gained / seconds;
  };
  return edges.map(({ links }) => ({ packets: rateOf(links, 'packets'), bytes: rateOf(links, 'bytes'), dropped: rateOf(links, 'dropped') }));
}
