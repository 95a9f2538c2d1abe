/** How long the headers of tunnels are, each with what is needed to tell; -1 for what is no such header, or not whole. */

export function isVxlan(port: number): boolean {
  return port === 4789 || port === 8472;
}

/** VXLAN-GPE and Teredo, into which nothing here looks. */
export function isOtherTunnel(source: number, destination: number): boolean {
  return destination === 4790 || destination === 3544 || source === 3544;
}

export function geneveBytes(view: DataView, at: number, end: number): number {
  if (end - at < 8 || view.getUint8(at) >>> 6 !== 0) return -1;
  const size = 8 + ((view.getUint8(at) & 0x3f) << 2);
  return end - at < size ? -1 : size;
}

/** Of a user's packet in version 1. */
export function gtpBytes(view: DataView, at: number, end: number): number {
  if (end - at < 8 || view.getUint8(at) >>> 4 !== 3 || view.getUint8(at + 1) !== 255) return -1;
  const flags = view.getUint8(at) & 7;
  if (flags === 0) return 8;
  if (end - at < 12) return -1;
  let here = at + 12;
  for (let next = (flags & 4) !== 0 ? view.getUint8(at + 11) : 0; next !== 0; next = view.getUint8(here - 1)) {
    const size = here < end ? view.getUint8(here) << 2 : 0;
    if (size === 0 || end - here < size) return -1;
    here += size;
  }
  return here - at;
}

/** Version 0 without source routes. */
export function greBytes(view: DataView, at: number, end: number): number {
  if (end - at < 4) return -1;
  const flags = view.getUint16(at);
  if ((flags & 0x4007) !== 0) return -1;
  const size = 4 + ((flags & 0x8000) !== 0 ? 4 : 0) + ((flags & 0x2000) !== 0 ? 4 : 0) + ((flags & 0x1000) !== 0 ? 4 : 0);
  return end - at < size ? -1 : size;
}

/** Behind a GRE header: type I has no header of its own, and no sequence number. Of type III only what holds a frame. */
export function erspanBytes(view: DataView, gre: number, at: number, end: number): number {
  if (view.getUint16(gre + 2) === 0x88be) return (view.getUint16(gre) & 0x1000) === 0 ? 0 : end - at < 8 ? -1 : 8;
  if (end - at < 12 || ((view.getUint16(at + 10) >>> 10) & 31) !== 0) return -1;
  return 12 + ((view.getUint16(at + 10) & 1) !== 0 ? 8 : 0);
}
