/**
 * A walk through the headers of one packet. Each function of layers.ts, ip.ts and tunnels.ts takes
 * one that stands at the start of a header, moves it behind that header, and says what comes next.
 * They look at bytes, as inner headers may begin anywhere, and never at one from `end` on.
 */

/** What the walk stands at: an IP header, or nothing that leads to one. */
export type Layer = 0 | 4 | 6;
export const LAYER_UNKNOWN = 0;
export const LAYER_IPV4 = 4;
export const LAYER_IPV6 = 6;

/** The same on the way there. */
export type Header = Layer | 1 | 2 | 3 | 5 | 7 | 8 | 9;
/** What the Ethernet type in `walk.type` announces. */
export const HEADER_TYPE = 1;
export const HEADER_ETHERNET = 2;
/** An Ethernet header, in all likelihood. */
export const HEADER_ETHERNET_GUESSED = 3;
export const HEADER_PPP = 5;
export const HEADER_MPLS = 7;
/** A network service header. */
export const HEADER_NSH = 8;
/** IPv4 or IPv6, as the first four bits say. */
export const HEADER_BY_VERSION = 9;

export class Walk {
  /** The memory that the packet lies in, and where the walk stands and the packet ends in it. */
  bytes: Uint8Array = new Uint8Array(0);
  position = 0;
  end = 0;
  /** Where the last Ethernet header starts that was not merely guessed; -1 if there was none. */
  hardware = -1;
  /** The Ethernet type that HEADER_TYPE is about. */
  type = 0;
  /** Whether the walk ended at a protocol that nothing here reads. */
  unknown = false;

  // Of the last IP header:
  /** Where it starts. */
  network = 0;
  /** The protocol of what is behind it and its extension headers; -1 if that was not captured. */
  protocol = -1;
  /** The XOR of the 16-bit words of both its addresses. */
  addresses = 0;
  /** One of the FRAGMENT_ constants. */
  fragment = 0;
  /** The identification of the datagram that it is a fragment of. */
  identification = 0;
}

/** The 16 bits at `position`, most significant byte first; both bytes must be captured. */
export function read16(bytes: Uint8Array, position: number): number {
  return (bytes[position] << 8) | bytes[position + 1];
}

/** The 32 bits at `position`, as a signed number: an unsigned one may be too large to be handed on without a place on the heap. */
export function read32(bytes: Uint8Array, position: number): number {
  return (bytes[position] << 24) | (bytes[position + 1] << 16) | (bytes[position + 2] << 8) | bytes[position + 3];
}
