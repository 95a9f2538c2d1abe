import { FLOW_NOT_COMPUTED } from '../model/packet-batch';
import { CONSTANT_PORTS } from './hash';

export { FLOW_NOT_COMPUTED, FLOW_WITHOUT_PORTS, FLOW_WITH_PORTS } from '../model/packet-batch';

/** The packet has no flow: a link type without a flow hash, or a frame too short for one. Never in a flow column. */
export const FLOW_NONE = 1;

export const FRAGMENT_NONE = 0;
/** The fragment with offset 0, whose ports (if captured) are the datagram's. */
export const FRAGMENT_FIRST = 1;
/** A fragment behind the first: without ports. */
export const FRAGMENT_LATER = 2;

/** What `parseFlow` finds in a packet. Made once and filled again for each packet. */
export class FlowFields {
  /** One of FLOW_WITHOUT_PORTS, FLOW_WITH_PORTS and FLOW_NONE. */
  kind: number = FLOW_NOT_COMPUTED;
  /** The IP protocol behind the headers that the flow is of; -1 for none, or where it was not captured. */
  protocol = -1;
  /** 16 bits: the XOR of the 16-bit big-endian words of both addresses (of a frame without IP: of bytes 2 to 5 of both hardware addresses). */
  addresses = 0;
  /** The bits of `ports` as a signed number: an unsigned one may need a place on the heap, 16 bytes a packet. */
  signedPorts: number = CONSTANT_PORTS | 0;
  /** One of the FRAGMENT_ constants. */
  fragment: number = FRAGMENT_NONE;
  /**
   * Of a fragment: whether a later one has to be sent where the first went. Otherwise the fields of
   * each fragment by themselves give the same hash (ICMP over IPv4, or a split by addresses).
   */
  fragmentNeedsFirst = false;
  /**
   * Which datagram a fragment is of, valid unless `fragment` is FRAGMENT_NONE: a hash of 32 bits, to
   * index with, and three words of 32 bits (signed numbers, which need no place on the heap) that are equal for fragments of one datagram. They differ
   * for different datagrams: always over IPv4, and over IPv6, whose addresses they hold mixed, but
   * for a chance of about 2^-64.
   */
  fragmentHash = 0;
  fragmentSource = 0;
  fragmentDestination = 0;
  fragmentIdentity = 0;
  /** Whether the flow is one by hardware addresses because nothing here reads what the frame holds. */
  unknownProtocol = false;

  /** 32 bits: source port << 16 | destination port, or CONSTANT_PORTS. */
  get ports(): number {
    return this.signedPorts >>> 0;
  }
}
