import type { BrickClass } from '../model/define-brick';
import type { GivenOptions, OptionDeclarations } from '../model/options';
import { HELD, SLOW_PATH, type BrickContext, type Packets } from '../model/brick';
import { mayEncapsulate } from '../flow/tunnels';
import { CONSTANT_PORTS, HASHES_OF_HIGH_BYTE, HASHES_OF_LOW_BYTE, flowWord as flowWordOf } from '../flow/hash';
import { defineBrick } from '../plugins/define-brick';
import { ownModule } from '../plugins/load-module';
import { explainFlow } from './explain-flow';
import { BALANCES, isPlainHash } from './output-table';
import { chooseByTable, chooseSlowlyByTable, releaseByTable } from './split-by-table';
import { KEPT, UnusualFlows, WITHOUT_FLOW, type FlowDefinition } from './unusual-flows';

export const FLOW_COUNTERS = {
  fragments: 'fragments of IP datagrams',
  fragmentsWithoutFirst: 'fragments whose first fragment did not arrive in time; these go by their addresses',
  fragmentsHeld: 'fragments that arrived before the first one and were held until it came',
  withoutFlow: 'packets without addresses, or of a link type that has none; these go to output 0',
  unknownProtocol: 'frames of a protocol that LoadBalancer does not know; these go by their MAC addresses',
} as const;

/** A flow's output: the XOR of two look-ups in 2 KiB, which stay in the first-level cache, modulo the number of outputs. */
function outputByWord(outputs: number): (word: number) => number {
  const [high, low] = [HASHES_OF_HIGH_BYTE, HASHES_OF_LOW_BYTE];
  return (word) => ((high[(word >>> 8) & 0xff] ^ low[word & 0xff]) >>> 0) % outputs;
}

/**
 * Splits packets, flow by flow: 5 processor cycles a packet where the flow columns hold its flow, docs/decisions/0003-flow-columns-and-the-hash.md.
 * PcapReader splits so too.
 */
export function chooseByFlow(packets: Packets, { tuple, inner }: FlowDefinition, { outputs, level }: BrickContext): (row: number) => number {
  const { flowWord } = packets;
  const slow = SLOW_PATH; // of this scope, V8 takes it for a constant
  const [high, low] = [HASHES_OF_HIGH_BYTE, HASHES_OF_LOW_BYTE];
  // The column holds the very word of a first level by addresses and ports.
  if (!inner && tuple === 4 && level === 1) {
    return (row) => {
      const word = flowWord[row];
      return word === 0 ? slow : ((high[(word >>> 8) & 0xff] ^ low[word & 0xff]) >>> 0) % outputs;
    };
  }
  const { flowAddresses } = packets;
  // By addresses alone the part of the ports is the same for all.
  if (!inner && tuple === 2) {
    const fixedWord = flowWordOf(0, CONSTANT_PORTS, level);
    return (row) => {
      const word = flowAddresses[row] ^ fixedWord;
      return flowWord[row] === 0 ? slow : ((high[(word >>> 8) & 0xff] ^ low[word & 0xff]) >>> 0) % outputs;
    };
  }
  const { flowPorts } = packets;
  if (!inner) {
    return (row) => {
      const ports = flowPorts[row];
      const word = flowAddresses[row] ^ ((ports >>> 16) + level) ^ ((ports & 0xffff) + level);
      return flowWord[row] === 0 ? slow : ((high[(word >>> 8) & 0xff] ^ low[word & 0xff]) >>> 0) % outputs;
    };
  }
  const encapsulates = mayEncapsulate;
  const fixedWord = tuple === 2 ? flowWordOf(0, CONSTANT_PORTS, level) : 0;
  const portMask = tuple === 2 ? 0 : 0xffff;
  return (row) => {
    const ports = flowPorts[row];
    if (flowWord[row] === 0 || encapsulates(ports)) return slow;
    // The mask before the sum: 32 unsigned bits and a number would be added as floating point.
    const word = flowAddresses[row] ^ fixedWord ^ ((((ports >>> 16) + level) ^ ((ports & 0xffff) + level)) & portMask);
    return ((high[word >>> 8] ^ low[word & 0xff]) >>> 0) % outputs;
  };
}

/** The output of a packet whose flow the columns do not hold, or not the one that is asked for. */
export function chooseSlowlyByFlow({ outputs }: BrickContext): (row: number, flows: UnusualFlows) => number {
  const outputOf = outputByWord(outputs);
  return (row, flows) => {
    const word = flows.wordOf(row);
    return word === KEPT ? HELD : word === WITHOUT_FLOW ? 0 : outputOf(word);
  };
}

/** When held fragments go, and where. */
export function releaseByFlow({ outputs }: BrickContext): (place: number, all: boolean, flows: UnusualFlows) => number {
  const outputOf = outputByWord(outputs);
  return (place, all, flows) => {
    const word = flows.releasedWord(place, all);
    return word === KEPT ? HELD : outputOf(word);
  };
}

const LOAD_BALANCER_OPTIONS = {
  /** What makes a flow: 2 for both addresses, 4 for addresses and ports. 4 unless set. */
  tuple: { type: 'integer', oneOf: [2, 4], default: 4, description: 'what makes a flow: 2 for both addresses, 4 for addresses and ports' },
  /** Take the innermost flow of GRE (also in UDP), VXLAN, GENEVE, ERSPAN, GTP-U, Teredo, PIM register, IP in IP, 6in4 and their nestings. false unless set. */
  inner: { type: 'boolean', default: false, description: 'use the innermost flow of GRE (also in UDP), VXLAN, GENEVE, ERSPAN, GTP-U, Teredo, PIM register, IP in IP and 6in4, however nested' },
  /** How long the way of a fragmented datagram is remembered: 1 to 3,600,000 ms, 30,000 unless set. */
  fragmentLifetime: { type: 'integer', default: 30_000, minimum: 1, maximum: 3_600_000, unit: 'ms', description: 'how long to remember which output a fragmented datagram goes to' },
  /** How long a fragment that comes before its first one is held back for it: 0 to 10,000 ms, 100 unless set; 0: it goes by its addresses at once. */
  fragmentWait: { type: 'integer', default: 100, minimum: 0, maximum: 10_000, unit: 'ms', description: 'how long to hold a fragment that arrives before the first one; 0 sends it by its addresses at once' },
  /** How flows are shared out: "hash", the flow hash modulo the number of outputs, or "consistent", by which few flows move when outputs come and go. "hash" unless set. */
  balance: { type: 'string', oneOf: BALANCES, default: 'hash', description: 'how to share out flows: "hash" is the flow hash modulo the number of outputs; with "consistent", when an output is added or removed, only its own flows move' },
  /** How much of the flows each output gets, in the order of the outputs: { 2, 1, 1 } gives the first one half. All the same unless set. Range: 1 to 1,000 each. */
  weights: { type: 'integer', list: 'outputs', forNewOutput: 1, minimum: 1, maximum: 1000, description: 'how much of the flows each output gets, in the order of the outputs: with {2, 1, 1} the first one gets half; by default all get the same' },
  /** Leave out outputs that no reader is attached to, until one is. false unless set. */
  failover: { type: 'boolean', default: false, description: 'leave out pipes that no reader is attached to until one is; meanwhile their flows go to the other outputs, and no other flow moves' },
} as const satisfies OptionDeclarations;

/** Options of LoadBalancer. */
export interface LoadBalancerOptions extends GivenOptions<typeof LOAD_BALANCER_OPTIONS> {}

/** Splits packets over its outputs, flow by flow: all packets of a connection, in both directions, go to the same output. */
export const LoadBalancer: BrickClass<LoadBalancerOptions | LoadBalancerOptions['tuple'], 1> = defineBrick({
  name: 'LoadBalancer',
  summary: 'Splits packets over its outputs, flow by flow.',
  description: [
    'All packets of a connection, in both directions, go to the same output: output = flow hash modulo number of outputs.',
    'The hash is a symmetric Toeplitz hash over addresses and ports (4-tuple) or addresses only (2-tuple).',
    'It sees through VLAN tags and QinQ, VN-Tag, E-Tag, Cisco metadata, HSR, MPLS, PPPoE and NSH, through the outer frames of',
    'FabricPath, TRILL and 802.1ah, and through IPv6 extension headers;',
    'fragments go to the same output as the rest of their datagram and connection.',
    'With `balance = "consistent"`, an output is chosen by the names of the links instead of their number: if one is added or removed,',
    'only the flows that it gets or had move, 1/N of all on average.',
    'With `failover = true`, a pipe that no reader is attached to gets no packets: within 10 ms its flows, and no others, go to the other outputs, until a',
    'reader is attached. A reader that is slow is a reader: what its full pipe does not take is dropped, as always. Packets that came before the loss was',
    'noticed count as `noReader` at the output. If no output has a reader, nothing is moved.',
    'After another load balancer it splits again, because its level in the tree of bricks is part of the hash.',
    '',
    'Frames that are not IP go by their MAC addresses; packets of a link type without addresses go to output 0.',
  ].join('\n'),
  options: LOAD_BALANCER_OPTIONS,
  shorthand: 'tuple',
  counters: { ...FLOW_COUNTERS, failedOver: 'packets that went to another output because no reader was attached to their own' },
  gauges: { outputsLeftOut: 'outputs that get no packets because no reader is attached to them' },
  examples: {
    lua: 'lb = Brick.new("LoadBalancer", 4)\nlb:connect_input("eth3")\nlb:connect_outputs("eth3", 4)',
    typescript: "new LoadBalancer({ tuple: 4 }).connectInput('eth3').connectOutputs('eth3', 4)",
  },
  holds: true,
  state: (options, context) => new UnusualFlows(options, context),
  choose: (packets, options, context) => (isPlainHash(options) ? chooseByFlow(packets, options, context) : chooseByTable(packets, options, context)),
  slowPath: (_packets, options, context) => (isPlainHash(options) ? chooseSlowlyByFlow(context) : chooseSlowlyByTable(options, context)),
  explain: explainFlow,
  release: (_packets, options, context) => (isPlainHash(options) ? releaseByFlow(context) : releaseByTable(options, context)),
}, ownModule('load-balancer'));
