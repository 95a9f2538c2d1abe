/** Random set-ups of bricks, and what they do with packets by a model that shares no code with the engine. */
import fc from 'fast-check';
import { Dummy, Duplicator, Filter, LoadBalancer, Merge, type BrickClass, type BrickDescription } from 'packet-bricks';
import { hashOf } from '../flow/support';
import type { FlowPacket } from './loopback-engine';
import { playSetUp, type ModelledBrick, type ModelledNode, type ModelPacket, type Traffic } from './set-up-model';

// CommonJS: the thread of a test can load no other, and engines load it from its file.
// eslint-disable-next-line @typescript-eslint/no-require-imports -- as above
const bricks = require('./model-bricks.cjs') as Record<'Cutter' | 'Dealer' | 'Grower' | 'Maker' | 'Pairer' | 'Rewriter' | 'Spreader' | 'Tagger', BrickClass>;

export type Step =
  | { readonly kind: 'LoadBalancer'; readonly outputs: number; readonly tuple: 2 | 4 }
  | { readonly kind: 'Duplicator' | 'Spreader' | 'Dealer' | 'Pairer' | 'Maker'; readonly outputs: number }
  | { readonly kind: 'Filter'; readonly rule: keyof typeof RULES }
  | { readonly kind: 'Dummy' | 'Rewriter' | 'Cutter' | 'Grower' | 'Tagger' }
  | { readonly kind: 'Merge'; readonly inputs: number };

/** A step, and which of the open ends it takes (modulo how many there are). */
export type SetUp = readonly { readonly step: Step; readonly at: number }[];

/** A filter looks for IP right behind the Ethernet header. */
const RULES = {
  udp: { options: { expression: 'udp' }, passes: ({ flow, tagged }: ModelPacket) => !tagged && flow % 3 === 0 },
  'no IPv6': { options: { drop: 'ip6' }, passes: ({ flow, tagged }: ModelPacket) => tagged || flow % 4 !== 1 },
} as const;

export const setUps: fc.Arbitrary<SetUp> = fc.array(fc.record({
  step: fc.oneof<fc.Arbitrary<Step>[]>(
    fc.record({ kind: fc.constant('LoadBalancer' as const), outputs: fc.integer({ min: 1, max: 5 }), tuple: fc.constantFrom<2 | 4>(2, 4) }),
    fc.record({ kind: fc.constantFrom('Duplicator' as const, 'Spreader' as const, 'Dealer' as const, 'Pairer' as const, 'Maker' as const), outputs: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant('Filter' as const), rule: fc.constantFrom<keyof typeof RULES>('udp', 'no IPv6') }),
    fc.record({ kind: fc.constantFrom('Dummy' as const, 'Rewriter' as const, 'Cutter' as const, 'Grower' as const, 'Tagger' as const) }),
    fc.record({ kind: fc.constant('Merge' as const), inputs: fc.integer({ min: 1, max: 3 }) }),
  ),
  at: fc.nat(50),
}), { minLength: 1, maxLength: 8 });

export interface Built {
  readonly roots: BrickDescription[];
  /** Everything that a brick sends or gets, by the names of links as statistics have them, in the order in which it goes there. */
  readonly links: ReadonlyMap<string, Traffic>;
  /** The interfaces at the ends. */
  readonly leaves: readonly string[];
  readonly bricks: ReadonlyMap<number, ModelledBrick>;
}

interface OpenEnd { readonly node: number; readonly output: number; readonly description: BrickDescription | undefined }

/** Builds the set-up behind the interface `in`, and plays the packets through the model, in batches of `batch`. */
export function build(setUp: SetUp, packets: readonly FlowPacket[], batch: number): Built {
  const roots: BrickDescription[] = [];
  const nodes: (ModelledNode & { inputs: { from: number; output: number; link: string }[] })[] = [];
  const names: string[][] = [];
  const ends: OpenEnd[] = [];
  let pipes = 0;

  const add = (step: Step, inputs: readonly OpenEnd[]): void => {
    const description = describeStep(step);
    const node = nodes.length;
    const level = 1 + Math.max(0, ...inputs.map((end) => (end.node < 0 ? 0 : nodes[end.node].level)));
    const from = inputs.filter((end) => end.node >= 0).map((end) => {
      const pipe = pipes++;
      names[end.node][end.output] = `p{${pipe}`;
      description.connectInput(`p}${pipe}`);
      return { from: end.node, output: end.output, link: `p}${pipe}` };
    });
    if (from.length < inputs.length) description.connectInput('in');
    const outputs = outputsOf(step);
    nodes.push({ kind: step.kind, level, inputs: from, outputs, play: playerOf(step, level) });
    names.push(Array.from({ length: outputs }, () => ''));
    for (let output = 0; output < outputs; output++) ends.push({ node, output, description });
    roots.push(description);
  };

  const [first, ...rest] = setUp;
  add(first.step, [{ node: -1, output: 0, description: undefined }]);
  for (const { step, at } of rest) {
    const wanted = step.kind === 'Merge' ? Math.min(step.inputs, ends.length) : 1;
    add(step, Array.from({ length: wanted }, () => ends.splice(at % ends.length, 1)[0]));
  }
  const leaves = ends.map((_, index) => `out${index}`);
  ends.forEach(({ node, output }, index) => { names[node][output] = `out${index}`; });
  roots.forEach((brick, index) => brick.connectOutput(...names[index]));
  const [root, ...others] = roots;
  root.link(...others);
  const played = playSetUp(nodes, packets, batch);
  const links = new Map<string, Traffic>([['in', packets.map((packet) => ({ ...packet, tagged: false }))]]);
  nodes.forEach(({ inputs }) => inputs.forEach(({ from, output, link }) => links.set(link, played.outputs[from][output])));
  ends.forEach(({ node, output }, index) => links.set(`out${index}`, played.outputs[node][output]));
  return { roots: [root], links, leaves, bricks: new Map(roots.map(({ id }, index) => [id, played.bricks[index]])) };
}

const CLASSES = { Dummy, Duplicator, Merge, ...bricks };

function describeStep(step: Step): BrickDescription {
  switch (step.kind) {
    case 'LoadBalancer': return new LoadBalancer({ tuple: step.tuple });
    case 'Filter': return new Filter(RULES[step.rule].options);
    default: return new CLASSES[step.kind]();
  }
}

function outputsOf(step: Step): number {
  return 'outputs' in step ? step.outputs : 1;
}

/** What a brick does to a packet. */
function playerOf(step: Step, level: number): ModelledNode['play'] {
  const count = outputsOf(step);
  const all = Array.from({ length: count }, (_, output) => output);
  const last = ({ bytes }: ModelPacket): number => bytes[bytes.length - 1];
  switch (step.kind) {
    case 'LoadBalancer': return (packet) => ({ outputs: [hashOf(packet.bytes, { tuple: step.tuple }, level) % count] });
    case 'Duplicator': return () => ({ outputs: all });
    case 'Filter': return (packet) => ({ outputs: RULES[step.rule].passes(packet) ? [0] : [] });
    case 'Rewriter': return (packet) => ({ outputs: [0], becomes: rewritten(packet) });
    case 'Cutter': return (packet) => ({ outputs: [0], becomes: cut(packet) });
    case 'Grower': return (packet) => ({ outputs: [0], becomes: grown(packet), grows: true });
    case 'Tagger': return (packet) => ({ outputs: [0], becomes: tagged(packet), grows: true });
    case 'Spreader': return (packet) => ({ outputs: [[], [last(packet) % count], [...new Set([last(packet) % count, (last(packet) + 1) % count])], all][last(packet) % 4] });
    case 'Dealer': return (packet) => ({ outputs: last(packet) % 7 === 0 ? [] : [last(packet) % count] });
    case 'Pairer': return () => ({ outputs: [0], holds: true });
    case 'Maker': return (packet) => ({ outputs: [0], ...(last(packet) % 3 === 0 ? { makes: { packet: made(packet), output: count - 1 } } : {}) });
    default: return () => ({ outputs: [0] });
  }
}

function changed(packet: ModelPacket, change: (bytes: Buffer) => void): ModelPacket {
  const bytes = Buffer.from(packet.bytes);
  change(bytes);
  return { ...packet, bytes };
}

const made = (packet: ModelPacket): ModelPacket => changed(packet, (bytes) => { bytes[0] ^= 0x80; });

const rewritten = (packet: ModelPacket): ModelPacket => changed(packet, (bytes) => {
  bytes[bytes.length - 5] ^= 0x5a;
  bytes[33] ^= 0x11;
});

function cut(packet: ModelPacket): ModelPacket {
  const { bytes } = packet;
  const { length } = bytes;
  return length < 100 ? packet : { ...packet, bytes: Buffer.concat([bytes.subarray(0, length - 9), bytes.subarray(length - 6, length - 2)]) };
}

function grown(packet: ModelPacket): ModelPacket {
  const { bytes } = packet;
  const end = bytes.length;
  return { ...packet, bytes: Buffer.concat([bytes.subarray(0, end - 6), Buffer.from([0, 0, 0, 0, 0, 0xee, 0]), bytes.subarray(end - 6, end - 1), Buffer.alloc(3), bytes.subarray(end - 1)]) };
}

function tagged(packet: ModelPacket): ModelPacket {
  const { bytes } = packet;
  return { ...packet, tagged: true, bytes: Buffer.concat([bytes.subarray(0, 12), Buffer.from([0x81, 0, 0, 7]), bytes.subarray(12)]) };
}
