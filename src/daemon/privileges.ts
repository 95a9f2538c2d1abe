/** Root is needed to open devices, and for nothing else: a daemon that is started by root may become another user who keeps just that right. */
import { BricksError, messageOf } from '../model/errors';
import { becomeUser, findUser, groupNumber, keepFromPrograms, type SystemUser } from '../native/process';
import type { DaemonOwner } from './runtime-directory';

const CAP_NET_ADMIN = 12;
const CAP_NET_RAW = 13;
const KEPT = 2 ** CAP_NET_ADMIN + 2 ** CAP_NET_RAW;

export interface Identity extends DaemonOwner {
  /** The user to become; undefined: the one that it is. */
  readonly become: SystemUser | undefined;
}

/** @throws BricksError E_USER */
export function identityOf(user: string | undefined, group: string | undefined): Identity {
  const me = process.getuid?.() ?? 0;
  const found = user === undefined ? undefined : findUser(user);
  if (user !== undefined && found === undefined) throw new BricksError('E_USER', `There is no user ${user}.`, `Make one: useradd --system --no-create-home --shell /usr/sbin/nologin ${user}`);
  if (found !== undefined && me !== 0 && found.uid !== me) throw new BricksError('E_USER', `Only root can become the user ${found.name}.`, 'Start it as root, or leave out --user.');
  const number = group === undefined ? undefined : groupOf(group);
  const become = me === 0 && found !== undefined && found.uid !== 0 ? found : undefined;
  return { uid: become?.uid ?? me, gid: become?.gid ?? process.getgid?.() ?? 0, become, ...(number === undefined ? {} : { group: number }) };
}

function groupOf(group: string): number {
  const number = /^\d+$/.test(group) ? Number(group) : groupNumber(group);
  if (number < 0) throw new BricksError('E_USER', `There is no group ${group}.`, `Make one: groupadd --system ${group}`);
  return number;
}

/**
 * Becomes the user. Before any other thread is made: they inherit what this one keeps, CAP_NET_RAW and CAP_NET_ADMIN.
 * @throws BricksError E_USER
 */
export function dropPrivileges({ become, group }: Identity): void {
  keepFromPrograms();
  if (become === undefined) return;
  const groups = group === undefined || become.groups.includes(group) ? become.groups : [...become.groups, group];
  try {
    becomeUser({ ...become, groups }, KEPT);
  } catch (error) {
    throw new BricksError('E_USER', `Cannot become the user ${become.name}: ${messageOf(error)}.`, 'In a container it needs CAP_SETUID, CAP_SETGID, CAP_NET_RAW and CAP_NET_ADMIN.');
  }
  // What was root's is not this user's.
  Object.assign(process.env, { HOME: become.home, USER: become.name, LOGNAME: become.name });
  delete process.env['XDG_RUNTIME_DIR'];
}
