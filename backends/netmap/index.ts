/** The netmap backend: the primary one. Ports are native (native/), names and errors are here. */
import { lstatSync } from 'node:fs';
import type { Backend, BackendStatus, DeviceInformation, LinkPlan, PortOpener } from '../../src/model/backend';
import { BricksError, messageOf } from '../../src/model/errors';
import type { LinkName } from '../../src/model/link-name';
import type { OptionValues } from '../../src/model/options';
import { listInterfaces } from './devices';
import { deviceError } from './errors';
import { netmapAddon, type NetmapAddon } from './native';
import { NETMAP_OPTIONS, netmapSettings } from './options';
import { NetmapPorts } from './ports';
import type { PreparedLinks } from './source';

export { NETMAP_OPTIONS } from './options';
export { netmapRunEnvironment, netmapUserSpaceLibrary } from './user-space';

const NETMAP_DEVICE = '/dev/netmap';
const RING_BATCH_ROWS = 1024;

export class NetmapBackend implements Backend {
  readonly name = 'netmap';
  readonly summary = 'netmap: zero-copy packets from interfaces, switches and pipes';
  readonly preference = 100;
  readonly options = NETMAP_OPTIONS;
  readonly interleavedLists = true;
  readonly takesOver = true;

  status(): BackendStatus {
    let addon: NetmapAddon;
    try {
      addon = netmapAddon();
    } catch (error) {
      return { usable: false, reason: messageOf(error) };
    }
    const error = deviceError(addon.probe());
    return error ? { usable: false, reason: error.message } : { usable: true, reason: '/dev/netmap is there' };
  }

  /** Where there is a device of the kernel; one in user space belongs to who uses it. */
  keepAccess(): void {
    if (!lstatSync(NETMAP_DEVICE, { throwIfNoEntry: false })?.isCharacterDevice()) return;
    const addon = netmapAddon();
    const error = addon.keepDevice();
    if (error !== 0) throw new BricksError('E_NETMAP_DEVICE', `The helper process that opens ${NETMAP_DEVICE} can't be started: ${addon.errorText(error)}.`);
  }

  devices(): Promise<readonly DeviceInformation[]> {
    return Promise.resolve(listInterfaces(netmapAddon()));
  }

  /** A batch holds all that a ring of the usual 1,024 slots does, so that there is one system call for all of it; smaller rings gain nothing by it. */
  batchRows(options: OptionValues): number {
    const { slots } = netmapSettings(options);
    return slots === 0 || slots >= RING_BATCH_ROWS ? RING_BATCH_ROWS : 0;
  }

  /** Pipes are the kernel's. */
  handles(link: LinkName): boolean {
    return link.kind !== 'file';
  }

  prepare(plan: LinkPlan): PreparedLinks {
    return { sources: plan.sources.length, replaces: plan.before !== undefined };
  }

  ports(options: OptionValues): PortOpener {
    return new NetmapPorts(netmapSettings(options));
  }
}

/** The one of this thread. */
export const netmapBackend = new NetmapBackend();
