/** Commands about the rules of filters: calls of their control halves. */
import type { GraphDescription, GraphBrick } from '../../control/graph-description';
import { BricksError } from '../../model/errors';
import type { FilterStatistics } from '../../protocol/commands/filters';
import type { ListedRule, RuleId, RuleStatistics } from '../../rules/rule-book';
import type { LoadedPart } from '../../rules/rule-loads';
import { takesRules } from '../../rules/rule-sources';
import { carryOut, type ControlHost } from '../control-host';
import { handle, type CommandHandler } from '../handlers';
import type { Session } from '../session';

/** How a client says which filter it means. */
interface Choice {
  readonly name?: string;
  readonly brick?: string;
}

interface Found {
  readonly engine: string;
  readonly brick: GraphBrick;
}

export const FILTER_HANDLERS: readonly CommandHandler[] = [
  handle('filter.statistics', async (host, choice) => {
    const all: FilterStatistics[] = [];
    for (const filter of await filtersOf(host, choice)) {
      const { engine, brick: { id, label, inputs, outputs } } = filter;
      all.push({ engine, id, brick: label, inputs, outputs, ...await call(host, filter, 'statistics') as RuleStatistics });
    }
    return all;
  }),
  handle('filter.rules', async (host, { most, ...choice }) => await call(host, await theFilter(host, choice), 'rules', most) as readonly ListedRule[]),
  handle('filter.add', async (host, { rules, ...choice }) => await call(host, await theFilter(host, choice), 'addAll', rules) as readonly RuleId[]),
  handle('filter.remove', async (host, { ids, ...choice }) => await call(host, await theFilter(host, choice), 'removeAll', ids) as number),
  handle('filter.clear', async (host, choice) => await call(host, await theFilter(host, choice), 'clear') as number),
  handle('filter.load', async (host, { text, load, last, ...choice }, session) => {
    const filter = await theFilter(host, choice);
    const part = await call(host, filter, 'loadPart', text, load, last) as LoadedPart;
    if (load === undefined && !last) cancelWhenGone(host, filter, part.load, session);
    return part;
  }),
];

/** Nobody waits for the rest of a list whose client has gone. */
function cancelWhenGone(host: ControlHost, filter: Found, load: number, { signal }: Session): void {
  const cancel = (): void => {
    // By then the filter may have gone as well.
    call(host, filter, 'loadCancel', load).catch(() => undefined);
  };
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
}

function call(host: ControlHost, { engine, brick: { id } }: Found, method: string, ...values: unknown[]): Promise<unknown> {
  return carryOut(host, { command: 'brick.call', name: engine, id, method, values });
}

/** @throws BricksError E_NO_ENGINE, E_NO_BRICK */
async function filtersOf(host: ControlHost, { name, brick }: Choice): Promise<Found[]> {
  const graphs = name === undefined ? await carryOut(host, { command: 'engines.graph' }) as readonly GraphDescription[] : [await carryOut(host, { command: 'engine.graph', name }) as GraphDescription];
  const all = graphs.flatMap((graph) => graph.bricks.filter(({ kind, options }) => kind === 'Filter' && takesRules(options)).map((one) => ({ engine: graph.name, brick: one })));
  if (brick === undefined) return all;
  const found = all.filter(({ brick: { id, label, name: given, outputs } }) => [String(id), label, given].includes(brick) || outputs.some((output) => output === brick || output.replace('{', '}') === brick));
  if (found.length === 0) throw new BricksError('E_NO_BRICK', `No filter that takes rules is called ${JSON.stringify(brick.slice(0, 80))}.`, all.length === 0 ? NONE : `There are: ${listed(all)}.`);
  return found;
}

const NONE = 'A filter takes rules with the option rules = true, or one that names a source of them.';

/** @throws BricksError E_NO_ENGINE, E_NO_BRICK */
async function theFilter(host: ControlHost, choice: Choice): Promise<Found> {
  const found = await filtersOf(host, choice);
  if (found.length === 0) throw new BricksError('E_NO_BRICK', 'There is no filter that takes rules.', NONE);
  if (found.length > 1) throw new BricksError('E_NO_BRICK', `Several filters take rules: ${listed(found)}.`, 'Say which one is meant, by its engine, and by its brick where that has several.');
  return found[0];
}

function listed(filters: readonly Found[]): string {
  return filters.map(({ engine, brick: { label, id } }) => `${label} (${id}) of engine ${engine}`).join(', ');
}
