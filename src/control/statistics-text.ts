/** Statistics as tables, for people: what `show_stats` prints. */
import { dropsOf, dropText, readerText } from './drops';
import { columnsOf } from './columns';
import { percentText, shortNumber } from './number-text';
import type { EngineStatistics } from './statistics';
import { isUnlinked, unlinkedText } from './unlinked';

/** One engine: its links, what passes them, and what became of the packets that were dropped. */
export function engineText(engine: EngineStatistics): string {
  const { name, packets, bytes, drops, links } = engine;
  const counted = columnsOf(
    ['LINK', 'ROLE', 'PACKETS', 'BYTES', 'DROPS'],
    [...links.map((link) => [link.name, link.role, `${link.packets}`, `${link.bytes}`, `${link.dropped}`]), ['total', '', `${packets}`, `${bytes}`, `${drops}`]],
    2,
  );
  return lines([`Engine ${name} (${stateOf(engine)})`, ...counted, ...ratesTable(engine), ...underTitle(dropLines(engine, '')), ...unlinkedLines(engine), ...faultLines(engine)]);
}

/** All engines: a line for each, and the totals of all. */
export function enginesText(engines: readonly EngineStatistics[]): string {
  const total = (of: 'packets' | 'bytes' | 'drops'): string => `${engines.reduce((sum, engine) => sum + engine[of], 0)}`;
  const running = engines.filter(({ rates }) => rates !== undefined);
  const counted = columnsOf(
    ['ENGINE', 'STATE', 'PACKETS', 'BYTES', 'DROPS'],
    [...engines.map((engine) => [engine.name, engine.running ? 'running' : 'stopped', `${engine.packets}`, `${engine.bytes}`, `${engine.drops}`]), ['total', '', total('packets'), total('bytes'), total('drops')]],
    2,
  );
  const rates = running.length === 0 ? [] : columnsOf(
    ['ENGINE', ...spanTitles(running[0]), ...(running[0].rates ?? []).map(({ seconds }, index) => (index === 0 ? 'BUSY' : `IN ${secondsText(seconds).toUpperCase()}`))],
    running.map((engine) => [engine.name, ...spanValues(engine, (rate) => rate), ...busyOf(engine)]),
    1,
  );
  return lines([...counted, ...rates, ...underTitle(engines.flatMap((engine) => dropLines(engine, `${engine.name} `))), ...engines.flatMap(unlinkedLines), ...engines.flatMap(faultLines)]);
}

/** `running, busy 34 % over 1 s, 35 % over 10 s` */
function stateOf({ running, rates }: EngineStatistics): string {
  if (!running) return 'stopped';
  return `running${rates === undefined ? '' : `, busy ${rates.map(({ load, seconds }) => `${percentText(load)} over ${secondsText(seconds)}`).join(', ')}`}`;
}

function ratesTable(engine: EngineStatistics): string[] {
  const { rates, links } = engine;
  if (rates === undefined) return [];
  const rings = links.some(({ ring }) => ring !== undefined);
  return columnsOf(
    ['LINK', ...spanTitles(engine), 'SHARE', ...(rings ? ['RING', 'READER'] : [])],
    links.map(({ ring }, index) => {
      const { name, share } = rates[0].links[index];
      const fill = ring === undefined ? ['', ''] : [percentText(ring.used / ring.bytes), readerText(ring)];
      return [name, ...spanValues(engine, (one) => one.links[index]), share === undefined ? '' : percentText(share), ...(rings ? fill : [])];
    }),
    1,
    rings ? 1 : 0,
  );
}

function spanTitles({ rates = [] }: EngineStatistics): string[] {
  return rates.flatMap(({ seconds }, index) => (index === 0 ? ['PACKETS/S', 'BITS/S'] : [`IN ${secondsText(seconds).toUpperCase()}`, 'BITS/S']));
}

function spanValues({ rates = [] }: EngineStatistics, of: (rates: NonNullable<EngineStatistics['rates']>[number]) => { readonly packets: number; readonly bits: number }): string[] {
  return rates.flatMap((one) => [shortNumber(of(one).packets), shortNumber(of(one).bits)]);
}

function busyOf({ rates = [] }: EngineStatistics): string[] {
  return rates.map(({ load }) => percentText(load));
}

function secondsText(seconds: number): string {
  return `${seconds < 0.95 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}

function dropLines(engine: EngineStatistics, prefix: string): string[] {
  const former = engine.former?.drops ?? 0;
  const told = dropsOf(engine).map((drop) => `  ${prefix}${dropText(drop)}`);
  const gone = former > 0 ? [`  ${prefix}${former} more were dropped by links and bricks that have left the graph.`] : [];
  return [...told, ...gone];
}

function underTitle(told: readonly string[]): string[] {
  return told.length === 0 ? [] : ['Drops:', ...told];
}

function unlinkedLines(engine: EngineStatistics): string[] {
  return isUnlinked(engine) ? [unlinkedText(engine.name)] : [];
}

/** What kept engines from doing all of their work. */
function faultLines({ faults }: EngineStatistics): string[] {
  return faults.map(({ message }) => `Fault: ${message}`);
}

function lines(all: readonly string[]): string {
  return all.join('\n');
}
