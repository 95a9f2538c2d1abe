/** The options of the pcap backend. */
import type { OptionDeclaration, OptionValues } from '../../src/core/options';

export const PCAP_OPTIONS: readonly OptionDeclaration[] = [
  { name: 'promiscuous', type: 'boolean', default: true, description: 'take frames that are not addressed to this machine too' },
  { name: 'snapLength', type: 'integer', default: 262_144, minimum: 64, maximum: 262_144, unit: 'bytes', description: 'longest part of a frame that is captured' },
  { name: 'bufferBytes', type: 'integer', default: 33_554_432, minimum: 1_048_576, maximum: 1_073_741_824, unit: 'bytes', description: "room in the kernel for frames that the engine has not taken yet, for each captured interface, however long it is held up" },
  { name: 'latency', type: 'integer', default: 4, minimum: 0, maximum: 1000, unit: 'ms', description: 'longest time that the kernel gathers frames before it hands them up; 0 hands up each at once, which costs throughput' },
  { name: 'direction', type: 'string', default: 'both', oneOf: ['both', 'in', 'out'], description: 'frames that come in, that go out, or both; only those that come in where the engine sends on the same interface' },
  { name: 'timestampSource', type: 'string', description: 'who takes the time: host, adapter, adapter_unsynced, ... (pcap-tstamp(7)); the system chooses if nothing is said' },
  { name: 'timestampPrecision', type: 'string', default: 'nanosecond', oneOf: ['nanosecond', 'microsecond'], description: 'precision of time stamps; microseconds are taken where nanoseconds are not to be had' },
  { name: 'filter', type: 'string', description: "expression in libpcap's filter language: the kernel hands up only what it matches" },
  { name: 'receiveRing', type: 'boolean', default: true, description: 'capture by a receive ring of our own where there can be one (Linux, Ethernet): nothing is copied; false leaves all to libpcap' },
  { name: 'fanout', type: 'string', oneOf: ['none', 'balance', 'flow', 'cpu', 'queue'], description: 'how the engines of this program that capture the same interface share its packets (Linux): balance, as the outputs of a LoadBalancer; flow, by the kernel\'s hash of a flow; cpu, by the CPU that received; queue, by the hardware queue; none: each gets all. Without it balance where link names a queue, else none' },
  { name: 'fanoutTakeOver', type: 'boolean', default: false, description: 'when an engine ends that shares an interface, the others get its share; otherwise nobody captures that any more' },
  { name: 'sendBufferBytes', type: 'integer', default: 8_388_608, minimum: 65_536, maximum: 1_073_741_824, unit: 'bytes', description: 'room for frames that wait to be sent, for each interface' },
  { name: 'bypassQueue', type: 'boolean', default: false, description: "send past the queueing discipline, straight to the interface's driver (Linux): faster, and a full ring drops at once" },
];

/** The options in use: the backend's, with those of one link laid over them. */
export interface PcapSettings {
  readonly promiscuous: boolean;
  readonly snapLength: number;
  readonly bufferBytes: number;
  readonly latency: number;
  readonly direction: 'both' | 'in' | 'out';
  readonly timestampSource: string;
  readonly timestampPrecision: 'nanosecond' | 'microsecond';
  readonly filter: string;
  readonly receiveRing: boolean;
  readonly fanout: '' | 'none' | 'balance' | 'flow' | 'cpu' | 'queue';
  readonly fanoutTakeOver: boolean;
  readonly sendBufferBytes: number;
  readonly bypassQueue: boolean;
}

/** Values have been checked against PCAP_OPTIONS already; those of a link win over those of the backend. */
export function pcapSettings(backend: OptionValues, link: OptionValues = {}): PcapSettings {
  const settings: Record<string, unknown> = { timestampSource: '', filter: '', fanout: '' };
  for (const { name, default: standard } of PCAP_OPTIONS) {
    const value = link[name] ?? backend[name] ?? standard;
    if (value !== undefined) settings[name] = value;
  }
  return settings as unknown as PcapSettings;
}
