/**
 * A walk through the headers of one packet. Each function of layers.ts, ip.ts and tunnels.ts takes
 * one that stands at the start of a header, moves it behind that header, and says what comes next.
 * They look at bytes, as inner headers may begin anywhere, and never at one from `end` on.
 */

/** What comes next: nothing that is known, or an IP header. */
export type Layer = 0 | 4 | 6;
export const LAYER_UNKNOWN = 0;
export const LAYER_IPV4 = 4;
export const LAYER_IPV6 = 6;

export class Walk {
  /** The memory that the packet lies in, and where the walk stands and the packet ends in it. */
  bytes: Uint8Array = new Uint8Array(0);
  position = 0;
  end = 0;
  /** Where the last Ethernet header starts that was not merely guessed; -1 if there was none. */
  hardware = -1;

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

/** Which IP version the byte here says. */
export function nextByVersion(walk: Walk): Layer {
  if (walk.position >= walk.end) return LAYER_UNKNOWN;
  const version = walk.bytes[walk.position] >>> 4;
  return version === 4 ? LAYER_IPV4 : version === 6 ? LAYER_IPV6 : LAYER_UNKNOWN;
}
