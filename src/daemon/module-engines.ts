/** Engines of a module that was reloaded: those that are there are brought to what the module makes now, and belong to it from then on. */
import type { EngineRegistry } from '../control/engine-registry';
import type { LeaveHandler } from '../control/module-reading';
import type { PacketEngine } from '../control/packet-engine';
import { BricksError } from '../model/errors';
import { sayError } from '../program/messages';
import type { ReloadReport } from '../protocol/commands/program';
import { Reload } from './reload';

/** @throws BricksError E_RELOAD, E_ENGINE_EXISTS; then all engines are as they were */
export async function takeOverEngines(registry: EngineRegistry, planned: ReadonlySet<PacketEngine>): Promise<ReloadReport> {
  const names = [...planned].map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new BricksError('E_RELOAD', `Nothing was changed: the script makes two engines "${twice}".`, 'Give each its own name.');
  const wanted = [...planned].map((engine) => ({ ...engine.setUp, started: engine.endPlan() }));
  const report = await new Reload(registry, wanted, registry.ofModules).apply();
  for (const engine of planned) {
    const real = registry.all.find(({ name }) => name === engine.name);
    if (real) engine.takeOver(real);
  }
  return report;
}

/** What a reading has begun besides engines ends. */
export async function leaveModule(handlers: readonly LeaveHandler[]): Promise<void> {
  for (const handler of handlers) {
    try {
      await handler();
    } catch (error) {
      sayError(error);
    }
  }
}
