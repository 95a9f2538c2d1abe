/** The Community ID of a flow, version 1: the same for both directions, and in Zeek, Suricata and Wireshark. */
import { hash } from 'node:crypto';
import { icmpCounterpart } from './flow-key';
import type { FlowRecord } from './flow-record';

const WITH_PORTS = new Set([6, 17, 132]);

/** Of ICMP its type and what answers it, or else its code; those that nothing answers go one way. */
function portsOf(record: FlowRecord): { readonly ports?: readonly [number, number]; readonly oneWay: boolean } {
  const { protocol, ipVersion, sourcePort, destinationPort } = record;
  if (protocol === (ipVersion === 4 ? 1 : 58)) {
    const counterpart = icmpCounterpart(ipVersion, sourcePort);
    return { ports: [sourcePort, counterpart < 0 ? destinationPort : counterpart], oneWay: counterpart < 0 };
  }
  // Later fragments have none.
  return WITH_PORTS.has(protocol) && (sourcePort | destinationPort) !== 0 ? { ports: [sourcePort, destinationPort], oneWay: false } : { oneWay: false };
}

/** `1:` and a hash of addresses, protocol and ports. */
export function communityId(record: FlowRecord, seed: number): string {
  let ends = [record.addressBytes(false), record.addressBytes(true)];
  const { ports, oneWay } = portsOf(record);
  let [source, destination] = ports ?? [0, 0];
  const order = Buffer.compare(ends[0], ends[1]);
  if (!oneWay && (order > 0 || (order === 0 && source > destination))) {
    ends = [ends[1], ends[0]];
    [source, destination] = [destination, source];
  }
  const length = ends[0].length;
  const bytes = Buffer.alloc(2 + 2 * length + (ports ? 6 : 2));
  bytes.writeUInt16BE(seed);
  ends[0].copy(bytes, 2);
  ends[1].copy(bytes, 2 + length);
  const behind = 2 + 2 * length;
  bytes[behind] = record.protocol;
  if (ports) {
    bytes.writeUInt16BE(source, behind + 2);
    bytes.writeUInt16BE(destination, behind + 4);
  }
  return `1:${hash('sha1', bytes, 'base64')}`;
}
