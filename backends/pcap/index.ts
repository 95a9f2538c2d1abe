/**
 * The pcap backend: live interfaces, captured with libpcap, and sending out of any interface.
 * Capture files and pipes are the engine's own.
 */
import { HOW_TO_GET_PRIVILEGE, hasCapability } from '../../src/native/capabilities';
import type { Backend, BackendStatus, DeviceInformation, LinkPlan, OpenContext, PortOpener, SinkRequest, SourcePort, SourceRequest, Transmitter } from '../../src/model/backend';
import { messageOf } from '../../src/model/errors';
import type { LinkName } from '../../src/model/link-name';
import type { OptionValues } from '../../src/model/options';
import { listDevices } from './devices';
import { FallbackSource, startFeeders, type FallbackCapture, type NodePcapFeeder } from './fallback';
import { pcapAddon, tryPcapAddon } from './native';
import { tryNodePcap } from '../../src/native/node-pcap';
import { PCAP_OPTIONS } from './options';
import { PcapSource } from './source';
import { InterfaceTransmitter } from './transmitter';

export { decodePacket } from './decode';
export { PCAP_OPTIONS } from './options';
export { PcapSource } from './source';
export { InterfaceTransmitter } from './transmitter';


/** What `prepare` hands to the engine's thread: nothing but where node-pcap stands in for our binding. */
export interface PreparedCaptures {
  readonly captures: readonly FallbackCapture[];
}

export class PcapBackend implements Backend {
  readonly name = 'pcap';
  readonly summary = 'live interfaces, captured with libpcap';
  readonly preference = 50;
  readonly options = PCAP_OPTIONS;
  readonly interleavedLists = true;
  private readonly feeders = new WeakMap<object, readonly NodePcapFeeder[]>();

  /** Usable without the privilege to capture as well: files and pipes need none, and an interface says so itself. */
  status(): BackendStatus {
    const addon = tryPcapAddon();
    if (!addon && !tryNodePcap()) return { usable: false, reason: missingText() };
    const library = addon ? addon.libraryVersion() : `node-pcap in place of the native part bricks_pcap, which was not built: slower, and it cannot send`;
    return { usable: true, reason: (hasCapability('CAP_NET_RAW') ?? true) ? library : `${library}; but you are not allowed to capture or send on interfaces. ${HOW_TO_GET_PRIVILEGE}` };
  }

  /** Not where another process captures for us. */
  get takesOver(): boolean {
    return tryPcapAddon() !== undefined;
  }

  devices(): Promise<readonly DeviceInformation[]> {
    return Promise.resolve(listDevices((hasCapability('CAP_NET_RAW') ?? true)));
  }

  handles(link: LinkName): boolean {
    return link.kind === 'interface';
  }

  prepare(plan: LinkPlan & { readonly backendOptions?: OptionValues }): PreparedCaptures | undefined {
    if (tryPcapAddon()) return undefined;
    const feeders = startFeeders(plan, plan.backendOptions ?? {}, (link) => this.handles(link));
    const prepared = { captures: feeders.map((feeder) => feeder.capture) };
    this.feeders.set(prepared, feeders);
    return prepared;
  }

  discard(prepared: unknown): void {
    if (typeof prepared !== 'object' || prepared === null) return;
    for (const feeder of this.feeders.get(prepared) ?? []) feeder.close();
    this.feeders.delete(prepared);
  }

  ports(options: OptionValues): PortOpener {
    return new PcapPorts(options);
  }
}

/** The one of this thread. */
export const pcapBackend = new PcapBackend();

class PcapPorts implements PortOpener {
  constructor(private readonly options: OptionValues) {}

  openSource(request: SourceRequest, context: OpenContext): SourcePort {
    const prepared = context.prepared as PreparedCaptures | undefined;
    const capture = prepared?.captures.find((candidate) => candidate.link === request.link.text);
    if (capture) return new FallbackSource(request, context, this.options, capture);
    return new PcapSource(request, context, this.options);
  }

  openSinks(requests: readonly SinkRequest[], context: OpenContext): Transmitter {
    return new InterfaceTransmitter(requests, context, this.options);
  }
}

function missingText(): string {
  try {
    pcapAddon();
    return '';
  } catch (error) {
    return messageOf(error);
  }
}
