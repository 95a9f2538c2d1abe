/** The flow of any packet in 16 bits, for bricks that share packets out by flow: what LoadBalancer's choice is made from. */
import type { BrickContext, Packets } from '../model/brick';
import { CONSTANT_PORTS, flowWord as flowWordOf } from '../flow/hash';
import type { FlowTuple } from '../flow/parse';
import { mayEncapsulate } from '../flow/tunnels';
import { UnusualFlows } from './unusual-flows';

/** How `flowWords` tells flows apart. */
export interface FlowWordOptions {
  /** What makes a flow: 2 for both addresses, 4 for addresses and ports. Default: 4. */
  readonly tuple?: FlowTuple;
  /** Whether the innermost flow of tunnels counts. Default: false. */
  readonly inner?: boolean;
  /** How long the flow of a fragmented datagram is remembered, in milliseconds. Default: 30,000. */
  readonly fragmentLifetime?: number;
}

/** Counters that a brick with a FlowMemory declares. */
export const FLOW_WORD_COUNTERS = {
  fragments: 'fragments of IP datagrams',
  fragmentsWithoutFirst: 'fragments that arrived before the first one; these go by their addresses',
  withoutFlow: 'packets without addresses',
  unknownProtocol: 'frames of an unknown protocol; these go by their MAC addresses',
} as const;

/** What has to be remembered for it: the flows of datagrams whose fragments come. Part of a brick's `state`. */
export class FlowMemory {
  /** Flows of packets that no column holds. */
  readonly unusual: UnusualFlows;

  constructor({ tuple = 4, inner = false, fragmentLifetime = 30_000 }: FlowWordOptions, context: BrickContext) {
    this.unusual = new UnusualFlows({ tuple, inner, fragmentLifetime, fragmentWait: 0 }, context);
  }
}

/**
 * For `choose`: a function from a row to the flow word of its packet, the same in both directions, or -1 for a packet without addresses. It is called
 * for each packet once, in order of arrival, before the packet is changed. Fragments have the word of their first one if that came before, or comes in
 * the same batch.
 */
export function flowWords({ flowWord, flowAddresses, flowPorts }: Packets, { tuple = 4, inner = false }: FlowWordOptions, { level }: BrickContext): (row: number, memory: FlowMemory) => number {
  const encapsulates = mayEncapsulate;
  // The column holds the very word of a first level by addresses and ports.
  const plain = !inner && tuple === 4 && level === 1;
  const fixedWord = tuple === 2 ? flowWordOf(0, CONSTANT_PORTS, level) : 0;
  const portMask = tuple === 2 ? 0 : 0xffff;
  return (row, { unusual }) => {
    const word = flowWord[row];
    const ports = flowPorts[row];
    if (word === 0 || (inner && encapsulates(ports))) return unusual.wordOf(row);
    if (plain) return word & 0xffff;
    return (flowAddresses[row] ^ fixedWord ^ ((((ports >>> 16) + level) ^ ((ports & 0xffff) + level)) & portMask)) & 0xffff;
  };
}
