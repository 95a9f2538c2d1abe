/** Who is at the other end of a Unix socket, and what they may do. */
import type { Socket } from 'node:net';
import { BricksError } from '../model/errors';
import { coreAddon } from '../native/core-addon';
import type { Access } from '../protocol/declare';

export interface PeerRules {
  /** The number of a group whose members may be clients. */
  readonly group?: number;
  /** What they may do. */
  readonly groupAccess: Access;
}

/** The number of a group that users name, if it is not one already. @throws BricksError E_OPTION, E_NATIVE_MISSING */
export function controlGroup(name: string | number): number {
  const addon = coreAddon();
  if (!addon) throw new BricksError('E_NATIVE_MISSING', `The group ${name} can't be allowed to use the daemon: the native part bricks_core, which identifies clients, was not built.`, 'Build it: bricks build');
  if (typeof name === 'number') return name;
  const number = /^\d{1,9}$/.test(name) ? Number(name) : addon.groupNumber(name);
  if (number < 0) throw new BricksError('E_OPTION', `There is no group ${JSON.stringify(name)}.`, 'List the groups with: getent group');
  return number;
}

/** What the process at the other end may do; nothing if it may not be a client. */
export function accessOfPeer(socket: Socket, { group, groupAccess }: PeerRules): Access | undefined {
  const peer = coreAddon()?.peerCredentials(descriptorOf(socket));
  // Where the system does not tell, its check of the socket's mode has to do: without a group, that lets in the same ones.
  if (!peer) return group === undefined ? 'control' : undefined;
  if (peer.uid === 0 || peer.uid === process.geteuid?.()) return 'control';
  return group !== undefined && peer.groups.includes(group) ? groupAccess : undefined;
}

function descriptorOf(socket: Socket): number {
  return (socket as unknown as { readonly _handle?: { readonly fd?: number } | null })._handle?.fd ?? -1;
}
