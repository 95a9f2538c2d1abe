/** A packet as the packet form of a brick sees it. */

/**
 * One packet, with its headers read when they are asked for. There is one object for all packets: what it tells holds until the
 * function that got it returns. Nothing is allocated, and no byte behind the captured ones is read: what is not there is -1.
 */
export interface PacketView {
  /** Its row in the batch. */
  readonly row: number;
  /** Captured bytes. */
  readonly length: number;
  /** Bytes that it had on the wire. */
  readonly wireLength: number;
  /** Time of arrival: seconds since 1970, and nanoseconds below 1,000,000,000. */
  readonly seconds: number;
  /** Time of arrival: the nanoseconds within the second, below 1,000,000,000. */
  readonly nanoseconds: number;
  /** As pcap numbers them: 1 is Ethernet. */
  readonly linkType: number;

  /** The number in 1, 2 or 4 bytes at `at` (0 is the packet's first byte), in network order; -1 if they were not all captured. */
  uint8(at: number): number;
  /** The number in 2 bytes at `at`, in network order; -1 if they were not all captured. */
  uint16(at: number): number;
  /** The number in 4 bytes at `at`, in network order; -1 if they were not all captured. */
  uint32(at: number): number;

  /** The type behind the last VLAN tag: 0x0800 for IPv4; -1 for frames without one. */
  readonly etherType: number;
  /** The VLAN of the outermost tag; -1 without a tag. */
  readonly vlan: number;

  /** 4 or 6; 0 for packets that are not IP. */
  readonly ipVersion: number;
  /** Where the IP header starts; -1 without one. */
  readonly networkOffset: number;
  /** The protocol behind the IP header and its extension headers: 6 is TCP; -1 if that is not known. */
  readonly protocol: number;
  /** IPv4 addresses as numbers of 32 bits; -1 for others. */
  readonly sourceIpv4: number;
  /** The IPv4 destination address as a number of 32 bits; -1 for others. */
  readonly destinationIpv4: number;
  /** Where the addresses start, of IPv4 and IPv6; -1 without. */
  readonly sourceOffset: number;
  /** Where the destination address starts, of IPv4 and IPv6; -1 without. */
  readonly destinationOffset: number;
  /** True for a fragment of an IP datagram that is not its first. Then there is no transport header. */
  readonly isLaterFragment: boolean;

  /** True for TCP, also where its header was not captured. */
  readonly isTcp: boolean;
  /** True for UDP, also where its header was not captured. */
  readonly isUdp: boolean;
  /** ICMP over IPv4, or ICMPv6 over IPv6. */
  readonly isIcmp: boolean;
  /** Where the TCP, UDP or other header behind IP starts; -1 if it was not captured. */
  readonly transportOffset: number;
  /** Of TCP and UDP; -1 for others. */
  readonly sourcePort: number;
  /** Destination port of TCP and UDP; -1 for others. */
  readonly destinationPort: number;
  /** The byte of flags: 1 FIN, 2 SYN, 4 RST, 8 PSH, 16 ACK; -1 for others than TCP. */
  readonly tcpFlags: number;
  /** Where the payload of TCP or UDP starts, or what is behind another transport header's first byte; -1 if unknown. */
  readonly payloadOffset: number;
  /** Bytes of payload that were captured, padding left out; 0 if there are none. */
  readonly payloadLength: number;

  /**
   * A number of 32 bits by both ends of the connection (addresses and ports) and the protocol, the same for both directions; 0 for packets that are
   * not IP. Other salts give other numbers.
   */
  connectionHash(salt: number): number;
}

/** A view that can be moved from packet to packet. */
export interface MovableView extends PacketView {
  /** To a row of the batch that is on its way. */
  moveTo(row: number): void;
}
