/** What commands may ask of the daemon. */
import type { EngineRegistry } from '../control/engine-registry';
import type { Order } from '../control/orders';
import { BricksError } from '../model/errors';
import type { ErrorCode } from '../model/error-codes';
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

/** Gives an order; answers its value. @throws BricksError of the code that the registry answers */
export async function carryOut(host: ControlHost, order: Order): Promise<unknown> {
  const answer = await host.registry.execute(order);
  if (answer.ok) return answer.value;
  throw new BricksError(answer.code as ErrorCode, answer.message);
}
