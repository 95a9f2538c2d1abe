/** Flows as lines of JSON, with the field names of Zeek's conn.log or of Suricata's EVE. */
import { ACTIVE, ENDED, FORCED, IDLE, RESOURCES, communityId, type FlowRecord, type Line } from 'packet-bricks';
import { connState, flowState } from './connection-state.js';

export type LineFormat = 'zeek' | 'eve';

const NAMES: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmp', 132: 'sctp' };
const EVE_NAMES: Readonly<Record<number, string>> = { 1: 'ICMP', 2: 'IGMP', 6: 'TCP', 17: 'UDP', 47: 'GRE', 50: 'ESP', 58: 'IPv6-ICMP', 89: 'OSPF', 132: 'SCTP' };
const REASONS: Readonly<Record<number, string>> = { [IDLE]: 'idle', [ACTIVE]: 'active', [ENDED]: 'closed', [FORCED]: 'forced', [RESOURCES]: 'resources' };
const EVE_REASONS: Readonly<Record<number, string>> = { [IDLE]: 'timeout', [ACTIVE]: 'timeout', [ENDED]: 'timeout', [FORCED]: 'shutdown', [RESOURCES]: 'forced' };

const hexadecimal = (flags: number): string => flags.toString(16).padStart(2, '0');

/** Of both directions, in microseconds. */
function times(record: FlowRecord): { readonly start: number; readonly end: number } {
  const ways = [false, true].filter((backward) => record.packets(backward) > 0);
  return { start: Math.floor(Math.min(...ways.map((way) => record.start(way)))), end: Math.floor(Math.max(...ways.map((way) => record.end(way)))) };
}

/** As EVE writes times, in UTC. */
function timestamp(microseconds: number): string {
  const text = new Date(Math.floor(microseconds / 1000)).toISOString();
  return `${text.slice(0, -1)}${String(microseconds % 1000).padStart(3, '0')}+0000`;
}

/** Microseconds as seconds: a number of JSON, without the noise of binary fractions. */
const seconds = (microseconds: number): number => Number((microseconds / 1e6).toFixed(6));

function isIcmp({ protocol }: FlowRecord): boolean {
  return protocol === 1 || protocol === 58;
}

function icmpOf(record: FlowRecord): number {
  return record.icmp(record.packets(false) === 0);
}

function zeek(record: FlowRecord, id: string): object {
  const { start, end } = times(record);
  const { protocol, vlan } = record;
  const icmp = isIcmp(record);
  return {
    ts: seconds(start), community_id: id,
    'id.orig_h': record.sourceAddress, 'id.orig_p': icmp ? icmpOf(record) >> 8 : record.sourcePort, 'id.resp_h': record.destinationAddress, 'id.resp_p': icmp ? icmpOf(record) & 0xff : record.destinationPort,
    proto: NAMES[protocol] ?? 'unknown_transport', ip_proto: protocol, duration: seconds(end - start), conn_state: connState(record),
    orig_pkts: record.packets(false), orig_ip_bytes: record.bytes(false), resp_pkts: record.packets(true), resp_ip_bytes: record.bytes(true),
    ...(vlan > 0 ? { vlan } : {}), ...(protocol === 6 ? { tcp_flags_ts: hexadecimal(record.tcpFlags(false)), tcp_flags_tc: hexadecimal(record.tcpFlags(true)) } : {}), end_reason: REASONS[record.reason],
  };
}

function eve(record: FlowRecord, id: string): object {
  const { start, end } = times(record);
  const { protocol, vlan } = record;
  const flags = record.tcpFlags(false) | record.tcpFlags(true);
  const icmp = isIcmp(record);
  return {
    timestamp: timestamp(end), event_type: 'flow', ...(vlan > 0 ? { vlan: [vlan] } : {}),
    src_ip: record.sourceAddress, ...(icmp ? {} : { src_port: record.sourcePort }), dest_ip: record.destinationAddress, ...(icmp ? { icmp_type: icmpOf(record) >> 8, icmp_code: icmpOf(record) & 0xff } : { dest_port: record.destinationPort }),
    proto: EVE_NAMES[protocol] ?? String(protocol).padStart(3, '0'), community_id: id,
    flow: {
      pkts_toserver: record.packets(false), pkts_toclient: record.packets(true), bytes_toserver: record.bytes(false), bytes_toclient: record.bytes(true),
      start: timestamp(start), end: timestamp(end), age: Math.floor((end - start) / 1e6), state: flowState(record), reason: EVE_REASONS[record.reason],
    },
    ...(protocol === 6 ? { tcp: { tcp_flags: hexadecimal(flags), tcp_flags_ts: hexadecimal(record.tcpFlags(false)), tcp_flags_tc: hexadecimal(record.tcpFlags(true)) } } : {}),
  };
}

const WRITERS: Readonly<Record<LineFormat, (record: FlowRecord, id: string) => object>> = { zeek, eve };

/** The Community ID, which all records of a connection have, is the key. */
export function flowLine(record: FlowRecord, format: LineFormat, seed: number): Line {
  const key = communityId(record, seed);
  return { key, text: JSON.stringify(WRITERS[format](record, key)) };
}
