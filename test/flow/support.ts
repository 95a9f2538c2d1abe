/** Shorthand for the tests of src/flow. */
import { packetMemory } from '../../src/model/packet-batch';
import { parseFlow, type FlowTuple } from '../../src/flow/parse';
import { FlowFields } from '../../src/flow/flow-fields';
import { CONSTANT_PORTS, flowHash, flowWord } from '../../src/flow/hash';
import { bytesOf, type Payload } from '../support/packets';

export interface FlowOptions {
  linkType?: number;
  tuple?: FlowTuple;
  inner?: boolean;
  /** Where the packet lies in memory. */
  offset?: number;
  /** Byte that all memory around the packet is full of. */
  garbage?: number;
}

/** The flow of a packet, in a new object, the packet lying in memory between other bytes. */
export function flowOf(packet: Payload, options: FlowOptions = {}): FlowFields {
  const bytes = bytesOf(packet);
  const offset = options.offset ?? 8;
  const memory = packetMemory(new ArrayBuffer(offset + bytes.length + 64 + 3 & ~3));
  memory.bytes.fill(options.garbage ?? 0);
  memory.bytes.set(bytes, offset);
  const flow = new FlowFields();
  parseFlow(memory, offset, bytes.length, options.linkType ?? 1, options.tuple ?? 4, options.inner ?? false, flow);
  return flow;
}

/** The hash that a load balancer at this nesting level makes of a packet. */
export function hashOf(packet: Payload, options: FlowOptions = {}, level = 1): number {
  const flow = flowOf(packet, options);
  return flowHash(flowWord(flow.addresses, options.tuple === 2 ? CONSTANT_PORTS : flow.ports, level));
}
