/** Commands about engines and their bricks: commands to the registry. */
import type { BrickDeclaration } from '../../model/brick';
import { BricksError, isBricksError } from '../../model/errors';
import type { Audit, EngineStatistics } from '../../control/statistics';
import type { NumberedBrick, NumberedEdit } from '../../control/registry-commands';
import type { GraphDescription } from '../../control/graph-description';
import type { CommandName, CommandResult } from '../../protocol/commands';
import { listedLinkCount, type DescribedBrick, type LinkedBrick, type NamedAudit } from '../../protocol/commands/engines';
import { isTable } from '../../model/table';
import { carryOut, type ControlHost } from '../control-host';
import { handle, type AnyClient, type CommandHandler } from '../handlers';

/** Bricks of clients get their own numbers, far from those that scripts and shells count: a client knows nothing of the others. */
let lastBrick = 1_000_000_000;

/** The page starts and stops engines, too. */
export function engineCommand(command: CommandName & ('engine.unlink' | 'engine.start' | 'engine.stop' | 'engine.delete')): CommandHandler<AnyClient> {
  return handle(command, async (host, { name }) => {
    await carryOut(host, { command, name });
    return null;
  });
}

function linking(command: 'engine.link' | 'engine.relink'): CommandHandler {
  return handle(command, async (host, { name, bricks, ...options }) => {
    const numbered = bricks.map(checkedBrick);
    await carryOut(host, { command, name, bricks: numbered, ...options });
    return numbered.map(({ id }) => id);
  });
}

export const ENGINE_HANDLERS: readonly CommandHandler[] = [
  handle('engine.list', (host) => carryOut(host, { command: 'engines.list' }) as Promise<CommandResult<'engine.list'>>),
  handle('engine.exists', (host, { name }) => carryOut(host, { command: 'engine.exists', name }) as Promise<boolean>),
  handle('engine.stats', async (host, { name }) => (name === undefined ? statisticsOfAll(host) : [await carryOut(host, { command: 'engine.stats', name }) as EngineStatistics])),
  handle('engine.audit', async (host, { name }) => (name === undefined ? auditsOfAll(host) : [{ engine: name, ...await carryOut(host, { command: 'engine.audit', name }) as Audit }])),
  handle('engine.profile', (host, { name, seconds, every }) => carryOut(host, { command: 'engine.profile', name, seconds, every }) as Promise<CommandResult<'engine.profile'>>),
  handle('engine.graph', async (host, { name }) => (name === undefined ? await carryOut(host, { command: 'engines.graph' }) as readonly GraphDescription[] : [await carryOut(host, { command: 'engine.graph', name }) as GraphDescription])),
  handle('engine.create', async (host, { name, backend, backendOptions, ...options }) => {
    const more = { ...options, ...(backend === undefined ? {} : { backend }), ...(backendOptions === undefined ? {} : { backendOptions }) };
    await carryOut(host, { command: 'engine.create', name, options: more });
    return null;
  }),
  linking('engine.link'),
  linking('engine.relink'),
  engineCommand('engine.unlink'),
  engineCommand('engine.start'),
  engineCommand('engine.stop'),
  engineCommand('engine.delete'),
  handle('brick.list', (host) => carryOut(host, { command: 'brick.describe' }) as Promise<CommandResult<'brick.list'>>),
  handle('brick.describe', async (host, { kind }) => {
    const declaration = await carryOut(host, { command: 'brick.describe', kind }) as BrickDeclaration;
    return { ...declaration, inputs: listedLinkCount(declaration.inputs), outputs: listedLinkCount(declaration.outputs) };
  }),
  handle('brick.check', (host, { kind, options }) => carryOut(host, { command: 'brick.check', kind, options: options ?? {} }) as Promise<CommandResult<'brick.check'>>),
  handle('brick.load', (host, { file }) => carryOut(host, { command: 'brick.load', file }) as Promise<string[]>),
  handle('brick.addOutputs', (host, { name, brick, links, options }) => edit(host, name, { edit: 'addOutputs', brick, links: checkedLinks(links), ...(options && { options }) })),
  handle('brick.removeOutputs', (host, { name, brick, links }) => edit(host, name, { edit: 'removeOutputs', brick, links: checkedLinks(links) })),
  handle('brick.set', (host, { name, brick, options }) => edit(host, name, { edit: 'setOptions', brick, options })),
  handle('brick.insert', (host, { name, before, kind, options = {} }) => edit(host, name, { edit: 'insert', before, brick: { id: ++lastBrick, kind, options, inputs: [], outputs: [] } })),
  handle('brick.remove', (host, { name, brick }) => edit(host, name, { edit: 'remove', brick })),
  handle('brick.call', (host, { name, brick, method, values }) => carryOut(host, { command: 'brick.call', name, id: brick, method, values: [...values ?? []] })),
  handle('option.describe', (host, { backend }) => carryOut(host, { command: 'options.describe', ...(backend === undefined ? {} : { backend }) }) as Promise<CommandResult<'option.describe'>>),
  handle('backend.default', (host) => carryOut(host, { command: 'program.backend' }) as Promise<string>),
];

export function statisticsOfAll(host: ControlHost): Promise<readonly EngineStatistics[]> {
  return carryOut(host, { command: 'engines.stats' }) as Promise<readonly EngineStatistics[]>;
}

function edit(host: ControlHost, name: string, change: NumberedEdit): Promise<readonly LinkedBrick[]> {
  return carryOut(host, { command: 'engine.edit', name, edit: change }) as Promise<readonly LinkedBrick[]>;
}

/** @throws BricksError E_OPTION */
function checkedLinks(links: readonly string[]): readonly string[] {
  if (!isNames(links) || links.length === 0) throw new BricksError('E_OPTION', 'The links must be a list of link names.', 'For example: ["eth3{4"].');
  return links;
}

/** Of the engines that have counted something. */
async function auditsOfAll(host: ControlHost): Promise<NamedAudit[]> {
  const audits: NamedAudit[] = [];
  for (const { name } of host.registry.all) {
    try {
      audits.push({ engine: name, ...await carryOut(host, { command: 'engine.audit', name }) as Audit });
    } catch (error) {
      // One that was never linked; or it was deleted meanwhile.
      if (!isBricksError(error) || !['E_ENGINE_NOT_LINKED', 'E_NO_ENGINE'].includes(error.code)) throw error;
    }
  }
  return audits;
}

/** @throws BricksError E_OPTION */
function checkedBrick(given: DescribedBrick, index: number): NumberedBrick {
  const wrong = (what: string): BricksError => new BricksError('E_OPTION', `engine.link: brick ${index + 1} ${what}.`, 'For example: {"kind": "LoadBalancer", "inputs": ["eth3"], "outputs": ["eth3{0", "eth3{1"]}.');
  if (!isTable(given)) throw wrong('is not a table');
  const { kind, options, inputs, outputs } = given;
  if (typeof kind !== 'string') throw wrong('needs its "kind", which is a string');
  if (options !== undefined && !isTable(options)) throw wrong('has "options" that are not a table');
  if (!isNames(inputs)) throw wrong('needs its "inputs", a list of link names');
  if (!isNames(outputs)) throw wrong('needs its "outputs", a list of link names');
  return { id: ++lastBrick, kind, options: options ?? {}, inputs, outputs };
}

function isNames(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((name) => typeof name === 'string');
}
