/** Tags and frames around frames, as taps in data centres and mobile networks see them. */
import { etherType, hardwareAddress, layered, layerOf, words, type Layered, type Payload } from './layers';

/** A type field's rest: `header`, then the type of what it announces, then that. */
function tagged(type: number, header: Uint8Array, payload: Payload): Layered {
  const inner = layerOf(payload);
  return layered('data', Buffer.concat([header, words(etherType(inner)), inner.bytes]), type);
}

export function vnTag(options: { source?: number; destination?: number }, payload: Payload): Layered {
  return tagged(0x8926, words(0x8000 | (options.destination ?? 5), options.source ?? 9), payload);
}

/** 802.1BR. */
export function eTag(options: { ingress?: number; channel?: number }, payload: Payload): Layered {
  return tagged(0x893f, words(0x2000 | (options.ingress ?? 3), options.channel ?? 0x123, 0), payload);
}

export function hsr(options: { path?: number; sequence?: number }, payload: Payload): Layered {
  const size = layerOf(payload).bytes.length + 6;
  return tagged(0x892f, words(((options.path ?? 1) << 12) | (size & 0xfff), options.sequence ?? 77), payload);
}

/** A security group tag, and more units of 8 bytes. */
export function ciscoMetadata(options: { group?: number; units?: number }, payload: Payload): Layered {
  const units = options.units ?? 1;
  return tagged(0x8909, Buffer.concat([words(0x0100 | units, 1, options.group ?? 600), Buffer.alloc((units - 1) * 8)]), payload);
}

/** FabricPath around a frame: as an Ethernet frame. */
export function fabricPath(options: { tree?: number }, frame: Payload): Layered {
  const header = [hardwareAddress('02:be:ef:00:00:01'), hardwareAddress('02:be:ef:00:00:02'), words(0x8903, ((options.tree ?? 1) << 6) | 32)];
  return layered('ethernet', Buffer.concat([...header, layerOf(frame).bytes]));
}

/** Provider backbone bridging (802.1ah): the service tag around a frame. */
export function backbone(options: { service?: number }, frame: Payload): Layered {
  const service = options.service ?? 0x123456;
  return layered('data', Buffer.concat([words(service >>> 16, service), layerOf(frame).bytes]), 0x88e7);
}

/** TRILL around a frame, with so many times 4 bytes of options. */
export function trill(options: { optionWords?: number }, frame: Payload): Layered {
  const optionWords = options.optionWords ?? 0;
  return layered('data', Buffer.concat([words((optionWords << 6) | 20, 0x0101, 0x0202), Buffer.alloc(optionWords * 4), layerOf(frame).bytes]), 0x22f3);
}

/** What NSH and VXLAN-GPE call a protocol. */
export function nextProtocolOf(payload: Layered): number {
  switch (payload.starts) {
    case 'ipv4': return 1;
    case 'ipv6': return 2;
    case 'ethernet': return 3;
    case 'mpls': return 5;
    default: return payload.type === 0x894f ? 4 : 0xfe;
  }
}

/** A network service header: metadata of type 1 (16 bytes), or of type 2 with so many bytes. */
export function nsh(options: { path?: number; metadata?: number; next?: number }, payload: Payload): Layered {
  const inner = layerOf(payload);
  const type2 = options.metadata !== undefined;
  const size = 8 + (options.metadata ?? 16);
  const header = words(0x0fc0 | (size >>> 2), ((type2 ? 2 : 1) << 8) | (options.next ?? nextProtocolOf(inner)), options.path ?? 5, 0x01ff);
  return layered('data', Buffer.concat([header, Buffer.alloc(size - 8), inner.bytes]), 0x894f);
}
