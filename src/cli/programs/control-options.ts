/** Who may control a daemon, and from where: as options of the programs that start one. */
import { UsageError } from 'clipanion';
import type { ListenOptions } from '../../daemon/control-server';
import type { TcpOptions } from '../../daemon/tcp-listener';
import { tcpAddress } from '../../protocol/address';
import type { Access } from '../../protocol/declare';

/** The options as they were given. */
export interface ControlGiven extends Omit<TcpOptions, 'host' | 'port' | 'access'> {
  readonly listen?: string | undefined;
  readonly groupAccess: Access;
}

/** @throws UsageError */
export function controlOptions({ listen, groupAccess, ...protection }: ControlGiven): Pick<ListenOptions, 'groupAccess' | 'tcp'> {
  if (listen === undefined) {
    if (Object.values(protection).some((file) => file !== undefined)) throw new UsageError('Tokens and TLS are for TCP: --listen says where.');
    return { groupAccess };
  }
  const address = tcpAddress(listen, 0);
  if (!address) throw new UsageError(`--listen takes an address of TCP, HOST:PORT or :PORT, not ${listen}; PORT is at most 65535, or 0 for any that is free. There is a Unix socket anyway.`);
  return { groupAccess, tcp: { ...address, ...protection } };
}
