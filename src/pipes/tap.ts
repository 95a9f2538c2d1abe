/** Tap interfaces, and why one cannot be made. */
import { constants } from 'node:os';
import { BricksError, messageOf } from '../model/errors';
import { HOW_TO_GET_PRIVILEGE, hasCapability } from '../native/capabilities';
import type { CoreAddon } from '../native/core-addon';

const { errno } = constants;

/** The descriptor of a tap interface that is made, and goes with it. @throws BricksError E_ATTACH_TAP, E_PERMISSION */
export function openTap(addon: CoreAddon, name: string): number {
  try {
    return addon.tapOpen(name);
  } catch (error) {
    throw tapError(name, (error as { errno?: number }).errno ?? 0, messageOf(error));
  }
}

export function tapError(name: string, number: number, text: string): BricksError {
  const cannot = `Cannot create the tap interface ${name}`;
  switch (number) {
    case errno.EPERM:
    case errno.EACCES:
      return new BricksError('E_PERMISSION', `${cannot}: ${hasCapability('CAP_NET_ADMIN') === false ? 'this process lacks CAP_NET_ADMIN' : 'it is not permitted'}.`, HOW_TO_GET_PRIVILEGE);
    case errno.EBUSY:
      return new BricksError('E_ATTACH_TAP', `${cannot}: there is an interface of that name, which is in use.`, 'Use another name.');
    case errno.ENAMETOOLONG:
      return new BricksError('E_ATTACH_TAP', `${cannot}: its name is longer than 15 characters.`, 'Use a shorter one.');
    case errno.ENOENT:
    case errno.ENODEV:
    case errno.ENXIO:
      return new BricksError('E_ATTACH_TAP', `${cannot}: there is no /dev/net/tun.`, 'Load the module: sudo modprobe tun. In a container, pass the device in: --device /dev/net/tun.');
    default:
      return new BricksError('E_ATTACH_TAP', `${cannot}: ${text}.`);
  }
}
