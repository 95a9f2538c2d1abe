/** A flow record where it lies, in the ring or in the table: one object turns to one after the other. */
import {
  BACKWARD_BYTES, BACKWARD_END, BACKWARD_PACKETS, BACKWARD_START, DESTINATION, FLAGS, FORWARD_BYTES, FORWARD_END, FORWARD_PACKETS, FORWARD_START, ICMP, KIND, PORTS, SOURCE, STATE, type FlowMemory,
} from './flow-memory.js';

/** Packets of a flow go from who began it to the other end, or backward. */
export type Backward = boolean;

export class FlowRecord {
  at = 0;

  constructor(private readonly memory: FlowMemory) {}

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

  tcpFlags(backward: Backward): number {
    return (this.word(FLAGS) >>> (backward ? 8 : 0)) & 0xff;
  }

  classOfService(backward: Backward): number {
    return (this.word(FLAGS) >>> (backward ? 24 : 16)) & 0xff;
  }

  packets(backward: Backward): number {
    return this.word(backward ? BACKWARD_PACKETS : FORWARD_PACKETS) >>> 0;
  }

  bytes(backward: Backward): number {
    return this.double(backward ? BACKWARD_BYTES : FORWARD_BYTES);
  }

  /** Microseconds since 1970, of a direction that has packets. */
  start(backward: Backward): number {
    return this.double(backward ? BACKWARD_START : FORWARD_START);
  }

  end(backward: Backward): number {
    return this.double(backward ? BACKWARD_END : FORWARD_END);
  }
}
