/** Random set-ups of bricks, and what they do with packets by a model that shares no code with the engine. */
import fc from 'fast-check';
import { Dummy, Duplicator, Filter, LoadBalancer, Merge, type BrickDescription } from 'packet-bricks';
import { hashOf } from '../flow/support';
import type { FlowPacket } from './loopback-engine';

export type Step =
  | { readonly kind: 'LoadBalancer'; readonly outputs: number; readonly tuple: 2 | 4 }
  | { readonly kind: 'Duplicator'; readonly outputs: number }
  | { readonly kind: 'Filter'; readonly rule: keyof typeof RULES }
  | { readonly kind: 'Dummy' }
  | { readonly kind: 'Merge'; readonly inputs: number };

/** A step, and which of the open ends it takes (modulo how many there are). */
export type SetUp = readonly { readonly step: Step; readonly at: number }[];

const RULES = {
  udp: { options: { expression: 'udp' }, passes: (flow: number) => flow % 3 === 0 },
  'no IPv6': { options: { drop: 'ip6' }, passes: (flow: number) => flow % 4 !== 1 },
} as const;

export const setUps: fc.Arbitrary<SetUp> = fc.array(fc.record({
  step: fc.oneof<fc.Arbitrary<Step>[]>(
    fc.record({ kind: fc.constant('LoadBalancer' as const), outputs: fc.integer({ min: 1, max: 5 }), tuple: fc.constantFrom<2 | 4>(2, 4) }),
    fc.record({ kind: fc.constant('Duplicator' as const), outputs: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ kind: fc.constant('Filter' as const), rule: fc.constantFrom<keyof typeof RULES>('udp', 'no IPv6') }),
    fc.constant({ kind: 'Dummy' as const }),
    fc.record({ kind: fc.constant('Merge' as const), inputs: fc.integer({ min: 1, max: 3 }) }),
  ),
  at: fc.nat(50),
}), { minLength: 1, maxLength: 7 });

/** What is on a link: packets in the order of their arrival at the engine. A copy is the packet once more. */
type Traffic = readonly FlowPacket[];

export interface ModelledBrick { readonly kind: string; readonly packetsIn: number; readonly packetsOut: number; readonly copies: number; readonly dropped: number }

export interface Built {
  readonly roots: BrickDescription[];
  /** Everything that a brick sends or gets, by the names of links as statistics have them. */
  readonly links: ReadonlyMap<string, Traffic>;
  /** The interfaces at the ends. */
  readonly leaves: readonly string[];
  readonly bricks: ReadonlyMap<number, ModelledBrick>;
}

interface OpenEnd { readonly traffic: Traffic; readonly level: number; name: (rename: string) => void }

/** Builds the set-up behind the interface `in`, and plays the packets through the model. */
export function build(setUp: SetUp, packets: Traffic): Built {
  const links = new Map<string, Traffic>([['in', packets]]);
  const bricks = new Map<number, ModelledBrick>();
  const roots: BrickDescription[] = [];
  let pipes = 0;
  // Open ends are outputs without a name yet: a brick's outputs get theirs, in order, when all is known.
  const ends: (OpenEnd & { brick: BrickDescription | undefined; position: number })[] = [];
  const names: { brick: BrickDescription; names: string[] }[] = [];

  const add = (step: Step, inputs: typeof ends): void => {
    const description = describeStep(step);
    const level = 1 + Math.max(...inputs.map((end) => end.level));
    for (const end of inputs) {
      if (end.brick === undefined) {
        description.connectInput('in');
        continue;
      }
      const pipe = pipes++;
      end.name(`p{${pipe}`);
      links.set(`p}${pipe}`, end.traffic);
      description.connectInput(`p}${pipe}`);
    }
    const input = mergeTraffic(inputs.map((end) => end.traffic));
    const outputs = playStep(step, input, level);
    const own = { brick: description, names: outputs.map(() => '') };
    names.push(own);
    outputs.forEach((traffic, position) => ends.push({ traffic, level, brick: description, position, name: (name) => { own.names[position] = name; } }));
    const packetsOut = outputs.reduce((sum, traffic) => sum + traffic.length, 0);
    const dropped = step.kind === 'Filter' ? input.length - packetsOut : 0;
    bricks.set(description.id, { kind: step.kind, packetsIn: input.length, packetsOut, copies: packetsOut + dropped - input.length, dropped });
    roots.push(description);
  };

  const [first, ...rest] = setUp;
  add(first.step, [{ traffic: packets, level: 0, brick: undefined, position: 0, name: () => undefined }]);
  for (const { step, at } of rest) {
    const wanted = step.kind === 'Merge' ? Math.min(step.inputs, ends.length) : 1;
    add(step, Array.from({ length: wanted }, () => ends.splice(at % ends.length, 1)[0]));
  }
  const leaves = ends.map((end, index) => {
    end.name(`out${index}`);
    links.set(`out${index}`, end.traffic);
    return `out${index}`;
  });
  for (const { brick, names: outputs } of names) brick.connectOutput(...outputs);
  const [root, ...others] = roots;
  root.link(...others);
  return { roots: [root], links, leaves, bricks };
}

function describeStep(step: Step): BrickDescription {
  switch (step.kind) {
    case 'LoadBalancer': return new LoadBalancer({ tuple: step.tuple });
    case 'Duplicator': return new Duplicator();
    case 'Filter': return new Filter(RULES[step.rule].options);
    case 'Dummy': return new Dummy();
    case 'Merge': return new Merge();
  }
}

function playStep(step: Step, input: Traffic, level: number): Traffic[] {
  switch (step.kind) {
    case 'LoadBalancer': {
      const outputs: FlowPacket[][] = Array.from({ length: step.outputs }, () => []);
      for (const packet of input) outputs[hashOf(packet.bytes, { tuple: step.tuple }, level) % step.outputs].push(packet);
      return outputs;
    }
    case 'Duplicator': return Array.from({ length: step.outputs }, () => input);
    case 'Filter': return [input.filter((packet) => RULES[step.rule].passes(packet.flow))];
    default: return [input];
  }
}

/** In order of arrival; copies of one packet stand together. */
function mergeTraffic(all: readonly Traffic[]): Traffic {
  return all.flat().sort((a, b) => a.number - b.number);
}
