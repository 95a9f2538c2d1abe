/** The Community ID of a flow, version 1: the same for both directions, and in Zeek, Suricata and Wireshark. */
import { createHash } from 'node:crypto';
import { icmpCounterpart, type FlowRecord } from 'bricks-plugin-flow-meter/flows';
import { addressBytes } from './addresses.js';

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

export function communityId(record: FlowRecord, seed: number): string {
  let ends = [addressBytes(record, false), addressBytes(record, true)];
  const { ports, oneWay } = portsOf(record);
  let [source, destination] = ports ?? [0, 0];
  const order = Buffer.compare(ends[0], ends[1]);
  if (!oneWay && (order > 0 || (order === 0 && source > destination))) {
    ends = [ends[1], ends[0]];
    [source, destination] = [destination, source];
  }
  const head = Buffer.alloc(2);
  head.writeUInt16BE(seed);
  const tail = Buffer.alloc(ports ? 6 : 2);
  tail[0] = record.protocol;
  if (ports) {
    tail.writeUInt16BE(source, 2);
    tail.writeUInt16BE(destination, 4);
  }
  return `1:${createHash('sha1').update(head).update(ends[0]).update(ends[1]).update(tail).digest('base64')}`;
}
