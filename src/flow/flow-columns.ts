/** The flow columns of a batch, where no native code fills them: what src/flow/native/flow_columns.h computes, exactly. */
import { FLOW_NOT_COMPUTED, FLOW_WITH_PORTS, type NumberColumns, type PacketBatch, type PacketColumns } from '../model/packet-batch';
import type { LoopFactory } from '../v8/specialise';
import { FLOW_NONE, FRAGMENT_NONE, FlowFields } from './flow-fields';
import { flowWord as wordOf } from './hash';
import { mayHoldPacket } from './headers';
import { LINK_TYPE_ETHERNET } from './link-types';
import { parseFlow } from './parse';

/** Fills the flow columns of rows `first` to `first + count - 1`. */
export type FlowFiller = (batch: PacketBatch, first: number, count: number) => void;

export interface FlowFillerOptions {
  /** Compiles the loop for these very columns (src/v8/specialise.ts). */
  readonly specialise?: <Constants extends readonly unknown[], Loop>(factory: LoopFactory<Constants, Loop>, ...constants: Constants) => Loop;
  /** Whether the column `headerBytes` is filled before. */
  readonly headerBytes?: boolean;
  /** Whether anybody reads addresses and ports; if not, only the words are filled. */
  readonly fields?: boolean;
}

/**
 * What fills the flow columns of batches that have these columns: FLOW_NOT_COMPUTED for packets that a brick has to parse itself, since
 * its flow depends on the brick's options (fragments, what may hold a packet by its protocol) or is to be counted.
 */
export function flowFiller(columns: NumberColumns & Partial<Pick<PacketColumns, 'headerBytes'>>, options: FlowFillerOptions = {}): FlowFiller {
  const { offset, length, flowWord, flowAddresses, flowPorts } = columns;
  const { specialise = (factory, ...constants) => factory(...constants), headerBytes = false, fields = true } = options;
  const fillFastPath = specialise(fastPathRows, offset, length, flowWord, flowAddresses, flowPorts, (headerBytes && columns.headerBytes) || null, fields, FLOW_WITH_PORTS << 16, 0x86dd6000 | 0);
  return (batch, first, count) => {
    const end = first + count;
    if (batch.linkType !== LINK_TYPE_ETHERNET) {
      flowWord.fill(FLOW_NOT_COMPUTED, first, end);
      return;
    }
    const { view } = batch.memory;
    for (let row = fillFastPath(first, end, view); row < end; row = fillFastPath(row + 1, end, view)) parseRow(batch, row);
  };
}

/**
 * What most packets are: IP without options or extension headers, whole, TCP or UDP, with one VLAN tag or none. Returns the first row up
 * to `end` whose packet is another. It calls nothing: what V8 does not inline costs 4 ns a call.
 */
function fastPathRows(
  offset: Uint32Array, length: Uint32Array, flowWord: Int32Array, flowAddresses: Uint16Array, flowPorts: Uint32Array, headerBytes: DataView | null,
  fields: boolean, kind: number, ipv6: number,
) {
  return function fillFastPathRows(first: number, end: number, memory: DataView): number {
    const view = headerBytes ?? memory;
    for (let row = first | 0; row < end; row = (row + 1) | 0) {
      let at = headerBytes ? row << 6 : offset[row] | 0;
      let left = length[row] | 0;
      if (left < 42) return row;
      // The type, and what the header behind it begins with.
      let begin = view.getInt32((at + 12) | 0);
      if (begin >>> 16 === 0x8100) {
        at = (at + 4) | 0;
        left = (left - 4) | 0;
        begin = view.getInt32((at + 12) | 0);
      }
      let folded = 0;
      let ports = 0;
      let protocol = 0;
      if ((begin & -256) === 0x08004500) {
        // Flags and offset, time to live, protocol.
        protocol = view.getInt32((at + 20) | 0);
        if ((protocol & 0x3fff0000) !== 0) return row;
        folded = view.getInt32((at + 26) | 0) ^ view.getInt32((at + 30) | 0);
        ports = view.getInt32((at + 34) | 0);
      } else if ((begin & -4096) === ipv6 && left >= 58) {
        protocol = view.getUint8((at + 20) | 0);
        folded = view.getInt32((at + 22) | 0) ^ view.getInt32((at + 26) | 0) ^ view.getInt32((at + 30) | 0) ^ view.getInt32((at + 34) | 0)
          ^ view.getInt32((at + 38) | 0) ^ view.getInt32((at + 42) | 0) ^ view.getInt32((at + 46) | 0) ^ view.getInt32((at + 50) | 0);
        ports = view.getInt32((at + 54) | 0);
      } else {
        return row;
      }
      // TCP or UDP in one step, since no processor can guess which of the two comes.
      if (((0x20040 >>> (protocol & 31)) & 1 & (((protocol & 0xff) - 32) >>> 31)) === 0) return row;
      const addresses = (folded ^ (folded >>> 16)) & 0xffff;
      flowWord[row] = kind | ((addresses ^ ((ports >>> 16) + 1) ^ ((ports & 0xffff) + 1)) & 0xffff);
      if (fields) {
        flowAddresses[row] = addresses;
        flowPorts[row] = ports;
      }
    }
    return end;
  };
}

const flow = new FlowFields();

function parseRow(batch: PacketBatch, row: number): void {
  parseFlow(batch.memory, batch.offset[row], batch.length[row], batch.linkType, 2, false, flow);
  if (flow.kind === FLOW_NONE || flow.fragment !== FRAGMENT_NONE || flow.unknownProtocol || mayHoldPacket(flow.protocol)) {
    batch.flowWord[row] = FLOW_NOT_COMPUTED;
    return;
  }
  batch.flowWord[row] = (flow.kind << 16) | wordOf(flow.addresses, flow.signedPorts, 1);
  batch.flowAddresses[row] = flow.addresses;
  batch.flowPorts[row] = flow.signedPorts;
}
