/** How a connection went, by the TCP flags of both directions, in the words of Zeek and of Suricata. */
import { ENDED, type FlowRecord } from 'packet-bricks';

const FIN = 1;
const SYN = 2;
const RST = 4;
const ICMP = new Set([1, 58]);

/** Zeek's conn_state. */
export function connState(record: FlowRecord): string {
  const answered = record.packets(true) > 0;
  if (record.protocol !== 6) {
    if (ICMP.has(record.protocol)) return 'OTH';
    return answered ? record.packets(false) > 0 ? 'SF' : 'SHR' : 'S0';
  }
  const [there, back] = [record.tcpFlags(false), record.tcpFlags(true)];
  if ((there & SYN) !== 0 && (back & SYN) !== 0) {
    if ((there & RST) !== 0) return 'RSTO';
    if ((back & RST) !== 0) return 'RSTR';
    if ((there & FIN) !== 0) return (back & FIN) !== 0 ? 'SF' : 'S2';
    return (back & FIN) !== 0 ? 'S3' : 'S1';
  }
  if ((there & SYN) !== 0) {
    if ((back & RST) !== 0) return 'REJ';
    if ((there & RST) !== 0) return 'RSTOS0';
    if (answered) return 'OTH';
    return (there & FIN) !== 0 ? 'SH' : 'S0';
  }
  if ((back & SYN) === 0) return 'OTH';
  if ((back & RST) !== 0) return 'RSTRH';
  return (back & FIN) !== 0 ? 'SHR' : 'OTH';
}

/** Suricata's flow.state. */
export function flowState(record: FlowRecord): string {
  if (record.protocol === 6 && (record.reason === ENDED || ['SF', 'RSTO', 'RSTR', 'REJ', 'RSTOS0', 'RSTRH'].includes(connState(record)))) return 'closed';
  return record.packets(false) > 0 && record.packets(true) > 0 ? 'established' : 'new';
}
