/** What commands may ask of the daemon. */
import type { EngineRegistry } from '../control/engine-registry';
import { valueOfAnswer, type RegistryCommand } from '../control/registry-commands';
import type { DaemonInformation, ReloadReport } from '../protocol/commands/program';

export interface ControlHost {
  readonly registry: EngineRegistry;
  /** Which daemon this is. */
  readonly information: Omit<DaemonInformation, 'protocol' | 'access'>;
  /** Reads the script anew and changes what has changed. */
  reload(): Promise<ReloadReport>;
  /** Ends the daemon in order. */
  shutdown(): void;
}

/** Gives a command; returns its value. @throws BricksError with the code of the registry's answer */
export async function carryOut({ registry }: ControlHost, command: RegistryCommand): Promise<unknown> {
  return valueOfAnswer(await registry.execute(command));
}
