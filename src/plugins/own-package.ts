/**
 * What Packet Bricks itself brings, declared as a plugin declares it in its package.json: names, each with the module that exports it, which is loaded when
 * it is first asked for. Its code is known, so that it is loaded at once and not looked at in a separate thread first. The one place that knows the
 * built-in bricks and backends.
 */
import { packageRoot } from '../native/load-addon';
import { ownModule } from './load-module';
import type { PluginPackage } from './plugin-package';

type Exports = Readonly<Record<string, unknown>>;

/** The modules that this package declares, by their addresses. */
/* eslint-disable @typescript-eslint/no-require-imports -- loaded when it is asked for, and at once */
const MODULES: Readonly<Record<string, () => Exports>> = {
  [ownModule('load-balancer')]: () => require('../bricks/load-balancer') as Exports,
  [ownModule('duplicator')]: () => require('../bricks/duplicator') as Exports,
  [ownModule('merge')]: () => require('../bricks/merge') as Exports,
  [ownModule('dummy')]: () => require('../bricks/dummy') as Exports,
  [ownModule('filter')]: () => require('../bricks/filter') as Exports,
  [ownModule('pcap-reader')]: () => require('../bricks/pcap-reader') as Exports,
  [ownModule('pcap-writer')]: () => require('../bricks/pcap-writer') as Exports,
  netmap: () => require('../../backends/netmap') as Exports,
  pcap: () => require('../../backends/pcap') as Exports,
  loopback: () => require('../../backends/loopback') as Exports,
};
/* eslint-enable @typescript-eslint/no-require-imports */

export const OWN_PACKAGE: PluginPackage = {
  name: 'packet-bricks', version: '', summary: '', folder: packageRoot(),
  bricks: new Map(Object.entries({
    LoadBalancer: ownModule('load-balancer'), Duplicator: ownModule('duplicator'), Merge: ownModule('merge'), Dummy: ownModule('dummy'), Filter: ownModule('filter'),
    PcapReader: ownModule('pcap-reader'), PcapWriter: ownModule('pcap-writer'),
  })),
  backends: new Map(Object.entries({ netmap: 'netmap', pcap: 'pcap', loopback: 'loopback' })),
};

/** What a module that this package declares exports. */
export function loadOwnModule(address: string): Exports {
  return MODULES[address]();
}
