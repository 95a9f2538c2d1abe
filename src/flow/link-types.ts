/** Link types as capture files and libpcap number them. */

export const LINK_TYPE_NULL = 0;
export const LINK_TYPE_ETHERNET = 1;
export const LINK_TYPE_PPP = 9;
/** Raw IP has had a number of its own on some systems. */
export const LINK_TYPE_RAW_12 = 12;
export const LINK_TYPE_RAW_14 = 14;
export const LINK_TYPE_PPP_HDLC = 50;
export const LINK_TYPE_RAW = 101;
export const LINK_TYPE_LOOP = 108;
export const LINK_TYPE_LINUX_SLL = 113;
export const LINK_TYPE_IPV4 = 228;
export const LINK_TYPE_IPV6 = 229;
export const LINK_TYPE_LINUX_SLL2 = 276;

/** Name and meaning of the common ones. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [LINK_TYPE_NULL, 'NULL (BSD loopback)'],
  [LINK_TYPE_ETHERNET, 'EN10MB (Ethernet)'],
  [6, 'IEEE802_5 (Token Ring)'],
  [8, 'SLIP'],
  [LINK_TYPE_PPP, 'PPP'],
  [10, 'FDDI'],
  [LINK_TYPE_RAW_12, 'RAW (raw IP)'],
  [LINK_TYPE_RAW_14, 'RAW (raw IP)'],
  [LINK_TYPE_PPP_HDLC, 'PPP_SERIAL (PPP in HDLC framing)'],
  [51, 'PPP_ETHER (PPPoE)'],
  [LINK_TYPE_RAW, 'RAW (raw IP)'],
  [104, 'C_HDLC (Cisco HDLC)'],
  [105, 'IEEE802_11 (802.11)'],
  [107, 'FRELAY (Frame Relay)'],
  [LINK_TYPE_LOOP, 'LOOP (OpenBSD loopback)'],
  [LINK_TYPE_LINUX_SLL, 'LINUX_SLL (Linux cooked, version 1)'],
  [117, 'PFLOG (OpenBSD pf log)'],
  [119, 'PRISM_HEADER (802.11 with Prism header)'],
  [127, 'IEEE802_11_RADIO (802.11 with radiotap header)'],
  [147, 'USER0'],
  [163, 'IEEE802_11_RADIO_AVS (802.11 with AVS header)'],
  [187, 'BLUETOOTH_HCI_H4'],
  [189, 'USB_LINUX'],
  [192, 'PPI'],
  [195, 'IEEE802_15_4_WITHFCS (802.15.4)'],
  [220, 'USB_LINUX_MMAPPED'],
  [227, 'CAN_SOCKETCAN'],
  [LINK_TYPE_IPV4, 'IPV4 (raw IPv4)'],
  [LINK_TYPE_IPV6, 'IPV6 (raw IPv6)'],
  [239, 'NFLOG'],
  [240, 'NETANALYZER'],
  [253, 'NETLINK'],
  [LINK_TYPE_LINUX_SLL2, 'LINUX_SLL2 (Linux cooked, version 2)'],
]);

/** Name of a link type for people: `EN10MB (Ethernet)`; `link type 999` where it has none here. */
export function linkTypeName(linkType: number): string {
  return NAMES.get(linkType) ?? `link type ${linkType}`;
}

/** Whether packets of this link type can have a flow; those of others all have kind FLOW_NONE. */
export function hasFlows(linkType: number): boolean {
  switch (linkType) {
    case LINK_TYPE_NULL:
    case LINK_TYPE_ETHERNET:
    case LINK_TYPE_PPP:
    case LINK_TYPE_RAW_12:
    case LINK_TYPE_RAW_14:
    case LINK_TYPE_PPP_HDLC:
    case LINK_TYPE_RAW:
    case LINK_TYPE_LOOP:
    case LINK_TYPE_LINUX_SLL:
    case LINK_TYPE_IPV4:
    case LINK_TYPE_IPV6:
    case LINK_TYPE_LINUX_SLL2:
      return true;
    default:
      return false;
  }
}
