/** The options of the pcap backend. */
import { listOptions, type GivenOptions, type OptionDeclarations, type OptionsOf, type OptionValues } from '../../src/model/options';

export const PCAP_OPTIONS = {
  /** Take frames that are not addressed to this machine too. Default: true. */
  promiscuous: { type: 'boolean', default: true, description: 'also capture frames that are not addressed to this machine' },
  /** Longest part of a frame that is captured. Range: 64 to 262,144 bytes. Default: 262,144. */
  snapLength: { type: 'integer', default: 262_144, minimum: 64, maximum: 262_144, unit: 'bytes', description: 'maximum number of bytes captured per frame' },
  /** Room in the kernel for frames that the engine has not taken yet, for each captured interface, however long it is held up. Range: 1,048,576 to 1,073,741,824 bytes. Default: 33,554,432. */
  bufferBytes: { type: 'integer', default: 33_554_432, minimum: 1_048_576, maximum: 1_073_741_824, unit: 'bytes', description: "kernel buffer per captured interface for frames that the engine has not read yet, however long the engine is held up" },
  /** Longest time that the kernel gathers frames before it hands them up; 0 hands up each at once, which costs throughput. Range: 0 to 1,000 ms. Default: 4. */
  latency: { type: 'integer', default: 4, minimum: 0, maximum: 1000, unit: 'ms', description: 'how long the kernel may collect frames before delivering them; 0 delivers each at once, which costs throughput' },
  /** Frames that come in, that go out, or both; only those that come in where the engine sends on the same interface. Default: "both". */
  direction: { type: 'string', default: 'both', oneOf: ['both', 'in', 'out'], description: 'capture incoming frames, outgoing frames, or both; if the engine sends on the same interface, only incoming ones' },
  /** Who takes the time: host, adapter, adapter_unsynced, ... (pcap-tstamp(7)); the system chooses if nothing is said. */
  timestampSource: { type: 'string', description: 'where time stamps come from: host, adapter, adapter_unsynced, ... (pcap-tstamp(7)); by default the system chooses' },
  /** Precision of time stamps; microseconds are taken where nanoseconds are not to be had. Default: "nanosecond". */
  timestampPrecision: { type: 'string', default: 'nanosecond', oneOf: ['nanosecond', 'microsecond'], description: 'precision of time stamps; microseconds are used if nanoseconds are not available' },
  /** Expression in libpcap's filter language: the kernel hands up only what it matches. */
  filter: { type: 'string', description: "expression in libpcap's filter language: the kernel delivers only frames that match" },
  /** Capture by a receive ring of our own where there can be one (Linux, Ethernet): nothing is copied; false leaves all to libpcap. Default: true. */
  receiveRing: { type: 'boolean', default: true, description: 'capture from our own receive ring where possible (Linux, Ethernet), without copying; false always uses libpcap' },
  /** How the engines of this program that capture the same interface share its packets (Linux): balance, as the outputs of a LoadBalancer; flow, by the kernel's hash of a flow; cpu, by the CPU that received; queue, by the hardware queue; none: each gets all. Without it balance where link names a queue, else none. */
  fanout: { type: 'string', oneOf: ['none', 'balance', 'flow', 'cpu', 'queue'], description: 'how the engines of this program that capture the same interface share its packets (Linux): balance, like the outputs of a LoadBalancer; flow, by the kernel\'s flow hash; cpu, by the receiving CPU; queue, by the hardware queue; none, each gets all packets. The default is balance if link names a queue, otherwise none' },
  /** When an engine ends that shares an interface, the others get its share; otherwise nobody captures that any more. Default: false. */
  fanoutTakeOver: { type: 'boolean', default: false, description: 'when an engine that shares an interface ends, the others take over its share; otherwise that share is no longer captured' },
  /** Room for frames that wait to be sent, for each interface. Range: 65,536 to 1,073,741,824 bytes. Default: 8,388,608. */
  sendBufferBytes: { type: 'integer', default: 8_388_608, minimum: 65_536, maximum: 1_073_741_824, unit: 'bytes', description: 'room for frames waiting to be sent, per interface' },
  /** Send past the queueing discipline, straight to the interface's driver (Linux): faster, and a full ring drops at once. Default: false. */
  bypassQueue: { type: 'boolean', default: false, description: "bypass the queueing discipline and send straight to the driver (Linux): faster, but a full ring drops at once" },
} as const satisfies OptionDeclarations;

/** Options of the pcap backend. */
export interface PcapOptions extends GivenOptions<typeof PCAP_OPTIONS> {}

/** The options in use: the backend's, with those of one link laid over them; empty for texts that nobody gave. */
export type PcapSettings = { readonly [Name in keyof OptionsOf<typeof PCAP_OPTIONS>]: NonNullable<OptionsOf<typeof PCAP_OPTIONS>[Name]> | (undefined extends OptionsOf<typeof PCAP_OPTIONS>[Name] ? '' : never) };

/** Values have been checked against PCAP_OPTIONS already; those of a link win over those of the backend. */
export function pcapSettings(backend: OptionValues, link: OptionValues = {}): PcapSettings {
  const settings: Record<string, unknown> = { timestampSource: '', filter: '', fanout: '' };
  for (const { name, default: standard } of listOptions(PCAP_OPTIONS)) {
    const value = link[name] ?? backend[name] ?? standard;
    if (value !== undefined) settings[name] = value;
  }
  return settings as unknown as PcapSettings;
}
