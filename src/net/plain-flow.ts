/**
 * The flow of plain packets, fast: Ethernet, up to two VLAN tags, IPv4 or IPv6 without extension
 * header, no fragment, nothing in IP that might hold another IP packet. It covers what
 * src/native/flow_columns.h covers, exactly; flow.ts does all the rest.
 */
import {
  FLOW_NOT_COMPUTED, FLOW_WITHOUT_PORTS, FLOW_WITH_PORTS, type PacketBatch, type PacketMemory,
} from '../core/packet-batch';
import { FlowFields } from './flow-fields';
import { LINK_TYPE_ETHERNET } from './link-types';
import { CONSTANT_PORTS, flowWord as wordOf } from './toeplitz';

/** On another machine the views would read the bytes the other way round: there flow.ts does all. */
export const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

// V8 takes a module's own constants for constants, but loads imported ones again for each packet (3 ns).
const NOT_COMPUTED = FLOW_NOT_COMPUTED;
const WITHOUT_PORTS = FLOW_WITHOUT_PORTS;
const WITH_PORTS = FLOW_WITH_PORTS;
const NO_PORTS = CONSTANT_PORTS | 0;

// Type fields as a little-endian machine reads them.
const TYPE_IPV4 = 0x0008;
const TYPE_IPV6 = 0xdd86;

function isVlanTag(type: number): boolean {
  return type === 0x0081 || type === 0xa888 || type === 0x0091;
}

function swap(halfword: number): number {
  return ((halfword << 8) | (halfword >>> 8)) & 0xffff;
}

/** TCP or UDP, in one step: which of the two a packet is no processor can guess, and a wrong guess costs 5 ns. */
function hasPorts(protocol: number): boolean {
  return ((0x20040 >>> (protocol & 31)) & 1 & ((protocol - 32) >>> 31)) !== 0;
}

/** IPv6 next headers that flow.ts has to look behind: extension headers. */
function isExtensionHeader(protocol: number): boolean {
  return protocol === 0 || protocol === 43 || protocol === 44 || protocol === 51 || protocol === 60
    || protocol === 135 || protocol === 139 || protocol === 140;
}

/**
 * `plainFlow` for most packets of most networks: untagged IPv4 without options, TCP or UDP. False,
 * and nothing done, for others. So small that V8 inlines it, which saves 6 ns a packet of 15.
 */
export function commonFlow(memory: PacketMemory, offset: number, length: number, flow: FlowFields): boolean {
  const halfwords = memory.halfwords;
  const start = offset >>> 1;
  if (!LITTLE_ENDIAN || length < 38 || (offset & 1) !== 0 || halfwords[start + 6] !== TYPE_IPV4
    || (halfwords[start + 7] & 0xff) !== 0x45 || (halfwords[start + 10] & 0xff3f) !== 0) return false;
  if (!hasPorts(halfwords[start + 11] >>> 8)) return false;
  const folded = halfwords[start + 13] ^ halfwords[start + 14] ^ halfwords[start + 15] ^ halfwords[start + 16];
  flow.kind = WITH_PORTS;
  flow.addresses = swap(folded);
  flow.signedPorts = (swap(halfwords[start + 17]) << 16) | swap(halfwords[start + 18]);
  return true;
}

/**
 * Fills `kind`, `addresses` and `ports` of `flow` for a plain Ethernet packet, the `length` bytes at
 * `offset` of `memory`, and returns the kind: FLOW_WITH_PORTS or FLOW_WITHOUT_PORTS. For any other
 * packet it returns FLOW_NOT_COMPUTED and leaves `flow` as it is.
 */
export function plainFlow(memory: PacketMemory, offset: number, length: number, flow: FlowFields): number {
  if (!LITTLE_ENDIAN || length < 34 || (offset & 1) !== 0) return NOT_COMPUTED;
  const halfwords = memory.halfwords;
  const start = offset >>> 1;
  let type = halfwords[start + 6];
  let network = start + 7;
  let headers = 14;
  if (type !== TYPE_IPV4 && isVlanTag(type)) {
    type = halfwords[start + 8];
    network = start + 9;
    headers = 18;
    if (isVlanTag(type)) {
      type = halfwords[start + 10];
      network = start + 11;
      headers = 22;
    }
  }
  let protocol: number;
  let transport: number;
  let folded: number;
  if (type === TYPE_IPV4) {
    if (length < headers + 20) return NOT_COMPUTED;
    const first = halfwords[network] & 0xff;
    if (first >>> 4 !== 4 || (first & 15) < 5) return NOT_COMPUTED;
    // More fragments, or an offset.
    if ((halfwords[network + 3] & 0xff3f) !== 0) return NOT_COMPUTED;
    protocol = halfwords[network + 4] >>> 8;
    transport = (first & 15) << 1;
    folded = halfwords[network + 6] ^ halfwords[network + 7] ^ halfwords[network + 8] ^ halfwords[network + 9];
  } else if (type === TYPE_IPV6) {
    if (length < headers + 40 || (halfwords[network] & 0xf0) !== 0x60) return NOT_COMPUTED;
    protocol = halfwords[network + 3] & 0xff;
    if (isExtensionHeader(protocol)) return NOT_COMPUTED;
    transport = 20;
    folded = 0;
    for (let word = network + 4; word < network + 20; word += 4) {
      folded ^= halfwords[word] ^ halfwords[word + 1] ^ halfwords[word + 2] ^ halfwords[word + 3];
    }
  } else {
    return NOT_COMPUTED;
  }
  if (hasPorts(protocol)) {
    if (length < headers + (transport << 1) + 4) return NOT_COMPUTED;
    flow.kind = WITH_PORTS;
    flow.addresses = swap(folded);
    flow.signedPorts = (swap(halfwords[network + transport]) << 16) | swap(halfwords[network + transport + 1]);
    return WITH_PORTS;
  }
  // IP in IP, GRE and PIM: flow.ts may have to look inside.
  if (protocol === 4 || protocol === 41 || protocol === 47 || protocol === 103) return NOT_COMPUTED;
  flow.kind = WITHOUT_PORTS;
  flow.addresses = swap(folded);
  flow.signedPorts = NO_PORTS;
  return WITHOUT_PORTS;
}

const columnFlow = new FlowFields();

/**
 * Fills the flow columns of rows `first` to `first + count - 1` as native receive loops do: plain
 * packets get their flow, all others FLOW_NOT_COMPUTED.
 */
export function fillFlowColumns(batch: PacketBatch, first: number, count: number): void {
  const { memory, offset, length, flowWord, flowAddresses, flowPorts } = batch;
  const end = first + count;
  if (batch.linkType !== LINK_TYPE_ETHERNET) {
    flowWord.fill(NOT_COMPUTED, first, end);
    return;
  }
  for (let row = first; row < end; row++) {
    const kind = commonFlow(memory, offset[row], length[row], columnFlow)
      ? WITH_PORTS : plainFlow(memory, offset[row], length[row], columnFlow);
    if (kind === NOT_COMPUTED) {
      flowWord[row] = NOT_COMPUTED;
      continue;
    }
    flowWord[row] = (kind << 16) | wordOf(columnFlow.addresses, columnFlow.signedPorts, 1);
    flowAddresses[row] = columnFlow.addresses;
    flowPorts[row] = columnFlow.signedPorts;
  }
}
