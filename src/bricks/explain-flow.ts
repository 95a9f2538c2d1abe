/** Why LoadBalancer sent a packet where it did, for those who trace packets. */
import { ALL, DROP, HELD, type BrickContext, type Packets } from '../model/brick';
import type { PacketView } from '../model/packet-view';
import { FlowFields, FLOW_NONE, FRAGMENT_FIRST, FRAGMENT_LATER } from '../flow/flow-fields';
import { CONSTANT_PORTS, flowHash, flowWord } from '../flow/hash';
import { parseFlow } from '../flow/parse';
import { isPlainHash, outputsByWord, type Split } from './output-table';
import type { FlowDefinition, UnusualFlows } from './unusual-flows';

/** Reads the packet once more, and changes nothing that the brick remembers. */
export function explainFlow(packets: Packets, options: FlowDefinition & Split & { readonly fragmentWait: number }, context: BrickContext<UnusualFlows>): (row: number, output: number, flows: UnusualFlows, packet: PacketView) => string {
  const { memory, offset, length, batch } = packets;
  const { tuple, inner } = options;
  const { level, outputs } = context;
  const flow = new FlowFields();
  const plain = isPlainHash(options);
  const usual = plain ? undefined : outputsByWord(options, context);
  return (row, output, flows, packet) => {
    parseFlow(memory, offset[row], length[row], batch.linkType, tuple, inner, flow);
    if (flow.kind === FLOW_NONE) return 'it has no addresses';
    const own = flowWord(flow.addresses, tuple === 2 ? CONSTANT_PORTS | 0 : flow.signedPorts, level);
    const fragment = flow.fragment === FRAGMENT_FIRST || flow.fragment === FRAGMENT_LATER;
    const datagram = fragment ? `${flow.fragment === FRAGMENT_FIRST ? 'first fragment' : 'fragment'}${datagramText(packet)}` : '';
    if (output === HELD) return `${datagram} came before the first one: waits for it, ${options.fragmentWait} ms at most`;
    const known = fragment && flow.fragmentNeedsFirst ? flows.datagramWord(flow) : -1;
    const word = known >= 0 ? known : own;
    const what = flow.unknownProtocol ? 'MAC addresses' : inner ? 'innermost flow' : tuple === 2 ? 'addresses' : 'flow';
    const way = fragment ? `${datagram}, ${known >= 0 ? `goes with its datagram: ` : ''}` : '';
    const expected = usual ? usual[word] : flowHash(word) % outputs;
    const rule = plain ? `modulo ${outputs} is ${expected}` : `gets output ${expected} by ${options.balance === 'consistent' ? 'the names of the outputs' : 'the weights'}`;
    const moved = output !== expected && output !== DROP && output !== ALL ? `; no reader is attached there, or its fragments went elsewhere: output ${output} instead` : '';
    return `${way}hash 0x${flowHash(word).toString(16).padStart(8, '0')} of its ${what} ${rule}${moved}`;
  };
}

/** ` of datagram 17`, of IPv4: IPv6 has its number in an extension header. */
function datagramText(packet: PacketView): string {
  return packet.ipVersion === 4 ? ` of datagram ${packet.uint16(packet.networkOffset + 4)} at ${(packet.uint16(packet.networkOffset + 6) & 0x1fff) * 8}` : '';
}
