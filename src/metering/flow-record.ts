/** A flow record where it lies, in the ring or in the table: one object turns to one after the other. */
import { formatIpAddress } from '../model/ip-address';
import { DESTINATION, FLOW_TABLE_WORDS, KIND, PORTS, SOURCE } from './flow-table';

/** Words of an entry, and of a record: what the table needs, and from there on: */
export const RECORD_WORDS = 32;
/** TCP flags that were seen forward, and << 8 backward; << 16 and << 24 the class of service. */
export const FLAGS = FLOW_TABLE_WORDS;
/** Which ends have closed the connection; in a record, why it was exported. */
export const STATE = FLOW_TABLE_WORDS + 1;
/** ICMP type << 8 | code, forward, and << 16 backward. */
export const ICMP = FLOW_TABLE_WORDS + 2;
/** As doubles: microseconds since 1970, and bytes. */
export const FORWARD_START = 9;
export const FORWARD_END = 10;
export const BACKWARD_START = 11;
export const BACKWARD_END = 12;
export const FORWARD_BYTES = 13;
export const BACKWARD_BYTES = 14;
export const FORWARD_PACKETS = 30;
export const BACKWARD_PACKETS = 31;

/** Why a record was exported, as IPFIX numbers it: the flow was silent for too long. */
export const IDLE = 1;
/** The flow lasts, and its counts start again. */
export const ACTIVE = 2;
/** A TCP connection that was closed or reset. */
export const ENDED = 3;
/** The engine has ended. */
export const FORCED = 4;
/** The flow had to make room for another one. */
export const RESOURCES = 5;

/** Packets of a flow go from who began it to the other end, or backward. */
export type Backward = boolean;

/** What was counted of a flow. */
export class FlowRecord {
  /** Where the record is that it has turned to. */
  at = 0;

  constructor(private readonly memory: { readonly words: Int32Array; readonly doubles: Float64Array }) {}

  private word(word: number): number {
    return this.memory.words[this.at + word];
  }

  private double(number: number): number {
    return this.memory.doubles[(this.at >> 1) + number];
  }

  /** 4 or 6. */
  get ipVersion(): number {
    return (this.word(KIND) >> 8) & 0xff;
  }

  /** Of IP: 6 for TCP, 17 for UDP. */
  get protocol(): number {
    return this.word(KIND) & 0xff;
  }

  /** 0 without a tag. */
  get vlan(): number {
    return this.word(KIND) >>> 16;
  }

  /** Why it was exported, as IPFIX numbers it (flowEndReason). */
  get reason(): number {
    return this.word(STATE);
  }

  /** Word `index` of an address: one of IPv4, four of IPv6. */
  addressWord(ofDestination: boolean, index: number): number {
    return this.word((ofDestination ? DESTINATION : SOURCE) + index);
  }

  private addressWords(ofDestination: boolean): number[] {
    return Array.from({ length: this.ipVersion === 4 ? 1 : 4 }, (_, index) => this.addressWord(ofDestination, index) >>> 0);
  }

  /** Of who began the flow; as text. */
  get sourceAddress(): string {
    return formatIpAddress(this.addressWords(false));
  }

  /** Of the other end. */
  get destinationAddress(): string {
    return formatIpAddress(this.addressWords(true));
  }

  /** 4 or 16 bytes, as packets have them. */
  addressBytes(ofDestination: boolean): Buffer {
    const words = this.addressWords(ofDestination);
    const bytes = Buffer.alloc(4 * words.length);
    words.forEach((word, index) => bytes.writeUInt32BE(word, 4 * index));
    return bytes;
  }

  /** Of ICMP its type, where both directions are one flow. */
  get sourcePort(): number {
    return this.word(PORTS) >>> 16;
  }

  /** Of ICMP the type of the answer, or its code. */
  get destinationPort(): number {
    return this.word(PORTS) & 0xffff;
  }

  /** Type << 8 | code, of ICMP. */
  icmp(backward: Backward): number {
    return (this.word(ICMP) >>> (backward ? 16 : 0)) & 0xffff;
  }

  /** All that were seen. */
  tcpFlags(backward: Backward): number {
    return (this.word(FLAGS) >>> (backward ? 8 : 0)) & 0xff;
  }

  /** That of the first packet. */
  classOfService(backward: Backward): number {
    return (this.word(FLAGS) >>> (backward ? 24 : 16)) & 0xff;
  }

  /** How many there were in a direction. */
  packets(backward: Backward): number {
    return this.word(backward ? BACKWARD_PACKETS : FORWARD_PACKETS) >>> 0;
  }

  /** Of IP packets, headers included. */
  bytes(backward: Backward): number {
    return this.double(backward ? BACKWARD_BYTES : FORWARD_BYTES);
  }

  /** Microseconds since 1970, of a direction that has packets. */
  start(backward: Backward): number {
    return this.double(backward ? BACKWARD_START : FORWARD_START);
  }

  /** Of the last packet. */
  end(backward: Backward): number {
    return this.double(backward ? BACKWARD_END : FORWARD_END);
  }
}
