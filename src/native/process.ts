/** What a daemon asks of the system and Node does not offer. */
import { getSystemErrorName } from 'node:util';
import type { CoreAddon, SystemUser } from './core-addon';
import { loadAddon } from './load-addon';

export type { SystemUser };

function addon(): CoreAddon {
  return loadAddon<CoreAddon>('bricks_core');
}

/** Locks a file for the life of this process; its children don't inherit the lock. Returns 0, or the process that has locked it (-1 where that is not known). */
export function lockFile(descriptor: number): number {
  return addon().lockFile(descriptor);
}

/** The process that has locked the file, 0 for none. */
export function lockHolder(descriptor: number): number {
  return addon().lockHolder(descriptor);
}

/** Makes `to` another number for `from`. */
export function duplicateDescriptor(from: number, to: number): void {
  addon().duplicateDescriptor(from, to);
}

/** The ends of a pipe of the system. */
export function channelCreate(): [readable: number, writable: number] {
  return addon().channelCreate();
}

/** Sends a datagram to a Unix socket. Returns what is wrong, if something is. */
export function sendDatagram(path: string, text: string): string | undefined {
  const failure = addon().sendDatagram(path, text);
  return failure === 0 ? undefined : getSystemErrorName(-failure);
}

/** A user by name or number. */
export function findUser(name: string): SystemUser | undefined {
  return addon().findUser(name);
}

/** The number of a group by its name, -1 where there is none. */
export function groupNumber(name: string): number {
  return addon().groupNumber(name);
}

/** Programs that this thread starts, and threads that it makes from now on, don't get the capabilities that this process was given by a service manager. */
export function keepFromPrograms(): void {
  addon().keepFromPrograms();
}

/** Becomes another user for good, and keeps some capabilities (a mask) for this thread and those that it makes from now on. */
export function becomeUser({ uid, gid, groups }: SystemUser, capabilities: number): void {
  addon().becomeUser(uid, gid, groups, capabilities);
}
