/** Link types as capture files and libpcap number them. */

export const LINK_TYPE_NULL = 0;
export const LINK_TYPE_ETHERNET = 1;
export const LINK_TYPE_PPP = 9;
/** Raw IP has had its own number on some systems. */
export const LINK_TYPE_RAW_12 = 12;
export const LINK_TYPE_RAW_14 = 14;
export const LINK_TYPE_PPP_HDLC = 50;
export const LINK_TYPE_RAW = 101;
export const LINK_TYPE_LOOP = 108;
export const LINK_TYPE_LINUX_SLL = 113;
export const LINK_TYPE_IPV4 = 228;
export const LINK_TYPE_IPV6 = 229;
export const LINK_TYPE_LINUX_SLL2 = 276;
