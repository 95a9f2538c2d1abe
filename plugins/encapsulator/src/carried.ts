/** What a tunnel carries of a frame: all of it, or, in GTP-U, its IP packet. */
const ETHERNET_BYTES = 14;
const TAG_BYTES = 4;
/** More tags than these have no place in the room that the headers take. */
const TAGS_MAXIMUM = 4;
const IPV4 = 0x0800;
const IPV6 = 0x86dd;

function isTag(type: number): boolean {
  return type === 0x8100 || type === 0x88a8 || type === 0x9100;
}

/** Where the IP packet starts in the frame of `length` bytes at `start`, counted from there; -1 if it holds none. */
export function ipOffset(view: DataView, start: number, length: number): number {
  let at = ETHERNET_BYTES;
  for (let tags = 0; at <= length; tags++) {
    const type = view.getUint16(start + at - 2);
    if (type === IPV4 || type === IPV6) return at < length ? at : -1;
    if (!isTag(type) || tags === TAGS_MAXIMUM) return -1;
    at += TAG_BYTES;
  }
  return -1;
}
