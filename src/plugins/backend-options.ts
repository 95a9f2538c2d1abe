/** The options of backends, by the backend's name. */
import type { NetmapOptions } from '../../backends/netmap/options';
import type { PcapOptions } from '../../backends/pcap/options';
import type { NoOptions } from '../model/options';

/**
 * What `backendOptions` of an engine may hold, by the name of its backend. A backend from outside that is registered by a name adds itself:
 *
 *     declare module 'packet-bricks' {
 *       interface BackendOptions { mine: GivenOptions<typeof MY_OPTIONS> }
 *     }
 */
export interface BackendOptions {
  /** netmap: interfaces, switches and pipes of the system. */
  readonly netmap: NetmapOptions;
  /** Live interfaces by libpcap. */
  readonly pcap: PcapOptions;
  /** Interfaces in memory, for development and tests. */
  readonly loopback: NoOptions;
}
