/** What an engine has counted, in one line. */
import { engines } from '../control/process-engines';
import { sumOfDrops } from '../model/counters';
import { DROP_REASONS } from '../model/drop-reasons';
import type { EngineStatistics } from '../control/statistics';
import { say } from './messages';

const LINKS_SHOWN = 3;

/** Packets received and dropped, with the reasons; `when` stands behind "received". */
export function summaryOf({ name, packets, drops, links, bricks }: EngineStatistics, when = ''): string {
  const reasons = DROP_REASONS.flatMap(({ name: reason, text }) => {
    const losers = links.filter((link) => (link.drops[reason] ?? 0) > 0);
    if (losers.length === 0) return [];
    const sum = losers.reduce((total, link) => total + (link.drops[reason] ?? 0), 0);
    return [`${sum} because ${text} (${losers.slice(0, LINKS_SHOWN).map((link) => link.name).join(', ')}${losers.length > LINKS_SHOWN ? ', ...' : ''})`];
  });
  const decided = bricks.reduce((sum, brick) => sum + sumOfDrops(brick.drops), 0);
  if (decided > 0) reasons.push(`${decided} because a brick chose to drop them`);
  return `${name}: ${packets} packets received${when}, ${drops} dropped${reasons.length > 0 ? `: ${reasons.join('; ')}` : ''}`;
}

/** What SIGUSR1 asks for. */
export function sayStatistics(): void {
  const all = engines();
  if (all.length === 0) say('no engine is linked');
  for (const engine of all) say(summaryOf(engine.stats(), ' so far'));
}
