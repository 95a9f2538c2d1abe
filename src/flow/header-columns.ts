/** The header columns of a batch: what a PacketView tells of each packet, where bricks take it as columns. */
import type { HeaderColumnName, NumberColumns, PacketBatch, PacketColumns } from '../model/packet-batch';
import type { LoopFactory } from '../v8/specialise';
import { LINK_TYPE_ETHERNET } from './link-types';
import { PacketHeaders, outermostVlan, payloadBehind } from './packet-headers';
import { Protocol } from './headers';

/** Fills the header columns of rows `first` to `first + count - 1`. */
export type HeaderFiller = (batch: PacketBatch, first: number, count: number) => void;

export interface HeaderFillerOptions {
  /** Compiles the loop for these very columns (src/v8/specialise.ts). */
  readonly specialise?: <Constants extends readonly unknown[], Loop>(factory: LoopFactory<Constants, Loop>, ...constants: Constants) => Loop;
  /** Whether the column `headerBytes` is filled before. */
  readonly headerBytes?: boolean;
}

/** What fills those of the header columns that somebody reads. */
export function headerFiller(columns: PacketColumns, reads: ReadonlySet<HeaderColumnName>, options: HeaderFillerOptions = {}): HeaderFiller {
  const { specialise = (factory, ...constants) => factory(...constants), headerBytes = false } = options;
  const read = <Name extends HeaderColumnName>(name: Name): PacketColumns[Name] | null => (reads.has(name) ? columns[name] : null);
  const { offset, length } = columns;
  const wanted = [read('vlan'), read('protocol'), read('networkOffset'), read('transportOffset'), read('payloadOffset')] as const;
  const fillFastPath = specialise(fastPathRows, offset, length, headerBytes ? columns.headerBytes : null, ...wanted, 0x86dd6000 | 0);
  const parseRow = rowParser(columns, ...wanted);
  return (batch, first, count) => {
    const end = first + count;
    const { view } = batch.memory;
    const begin = batch.linkType === LINK_TYPE_ETHERNET ? first : end;
    for (let row = first; row < begin; row++) parseRow(batch, row);
    for (let row = fillFastPath(begin, end, view); row < end; row = fillFastPath(row + 1, end, view)) parseRow(batch, row);
  };
}

/**
 * What most packets are: IPv4 without options, or IPv6 without extension headers, with one VLAN tag or none, and no later fragment. Returns the first row up
 * to `end` whose packet is another. It calls nothing, as the loop that fills flow columns. Columns that nobody reads are null.
 */
function fastPathRows(
  offset: Uint32Array, length: Uint32Array, headerBytes: DataView | null, vlan: Int16Array | null, protocol: Int16Array | null,
  networkOffset: Int32Array | null, transportOffset: Int32Array | null, payloadOffset: Int32Array | null, ipv6: number,
) {
  const tagOnly = protocol === null && networkOffset === null && transportOffset === null && payloadOffset === null;
  return function fillFastPathRows(first: number, end: number, memory: DataView): number {
    const view = headerBytes ?? memory;
    for (let row = first | 0; row < end; row = (row + 1) | 0) {
      const captured = length[row] | 0;
      if (captured < 42) return row;
      const at = headerBytes ? row << 6 : offset[row] | 0;
      // The type, and what the header behind it begins with.
      let begin = view.getInt32((at + 12) | 0);
      let network = 14;
      let tag = -1;
      if (begin >>> 16 === 0x8100) {
        tag = begin & 0xfff;
        network = 18;
        begin = view.getInt32((at + 16) | 0);
      }
      if (tagOnly) {
        if (tag < 0 && (begin >>> 16 === 0x88a8 || begin >>> 16 === 0x9100)) return row;
        if (vlan) vlan[row] = tag;
        continue;
      }
      let transport = 0;
      let next = 0;
      if ((begin & -256) === 0x08004500) {
        // Flags and offset, time to live, protocol.
        next = view.getInt32((at + network + 6) | 0);
        if ((next & 0x1fff0000) !== 0) return row;
        next &= 0xff;
        transport = (network + 20) | 0;
      } else if ((begin & -4096) === ipv6 && captured >= 62) {
        next = view.getUint8((at + network + 6) | 0);
        // TCP, UDP and ICMP: behind others there may be more headers.
        if (((0x20040 >>> (next & 31)) & 1 & ((next - 32) >>> 31)) === 0 && next !== 58) return row;
        transport = (network + 40) | 0;
      } else {
        return row;
      }
      if (payloadOffset) {
        if (captured < ((transport + 20) | 0)) return row;
        // Both lengths in one step, since no processor can guess whether TCP or UDP comes.
        const isTcp = ((next ^ 6) - 1) >> 31;
        const isUdp = ((next ^ 17) - 1) >> 31;
        // Of IPv6 it stands behind the header bytes.
        const words = (transport < 54 ? view.getUint8((at + transport + 12) | 0) : memory.getUint8((offset[row] + transport + 12) | 0)) >>> 4;
        const payload = (transport + (((words << 2) & isTcp) | (8 & isUdp))) | 0;
        if (((words - 5) & isTcp) < 0 || payload > captured) return row;
        payloadOffset[row] = payload;
      }
      if (vlan) vlan[row] = tag;
      if (protocol) protocol[row] = next;
      if (networkOffset) networkOffset[row] = network;
      if (transportOffset) transportOffset[row] = transport;
    }
    return end;
  };
}

/** The same for any packet. */
function rowParser(
  { offset, length }: NumberColumns, vlan: Int16Array | null, protocol: Int16Array | null,
  networkOffset: Int32Array | null, transportOffset: Int32Array | null, payloadOffset: Int32Array | null,
): (batch: PacketBatch, row: number) => void {
  const headers = new PacketHeaders();
  return ({ memory: { view }, linkType }, row) => {
    const start = offset[row];
    const captured = length[row];
    if (vlan) vlan[row] = linkType === LINK_TYPE_ETHERNET ? outermostVlan(view, start, captured) : -1;
    headers.read(view, start, captured, linkType);
    if (protocol) protocol[row] = headers.protocol;
    if (networkOffset) networkOffset[row] = headers.network;
    const { transport } = headers;
    if (transportOffset) transportOffset[row] = transport;
    if (!payloadOffset) return;
    const sizeByte = headers.protocol === Protocol.Tcp && transport >= 0 && transport + 12 < captured ? view.getUint8(start + transport + 12) : -1;
    payloadOffset[row] = transport < 0 ? -1 : payloadBehind(headers.protocol, transport, captured, sizeByte);
  };
}
