/**
 * The graph: bricks and the links between them, as a user describes it, checked and compiled
 * before anything is opened.
 *
 * An output `x{k` that another brick of the same engine reads as `x}k` becomes an edge in memory;
 * all other links become ports. Errors name the brick and the link.
 */
import { countText } from './count-text';
import type { ErrorCode } from './error-codes';
import type { BrickDeclaration } from './brick';
import { ENGINE_RECORD, LINK_RECORD, brickRecord } from './counters';
import type { ModuleReference } from './define-brick';
import { BricksError } from './errors';
import { parseLinkName, peerName, type LinkName } from './link-name';
import { checkOptions, checkOutputLists, type OptionValue } from './options';

/** A brick as its user describes it; can be cloned to other threads. */
export interface BrickSpecification {
  /** Unique in its graph. */
  readonly id: number;
  readonly kind: string;
  /** What its user calls it, unique in its engine; it stands in statistics and messages instead of the kind. */
  readonly name?: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** The module that exports it. */
  readonly module: ModuleReference;
}

export interface CompiledBrick {
  readonly specification: BrickSpecification;
  readonly declaration: BrickDeclaration;
  readonly options: Record<string, OptionValue>;
  /** `LoadBalancer`, or `LoadBalancer#2` where an engine has several; or the name that its user gave it. */
  readonly label: string;
  readonly level: number;
  readonly outputs: readonly string[];
  /** How many times a packet may stand in its input: more than 1 behind a Duplicator that is merged again. */
  readonly multiplicity: number;
  /** Whether its packets are copied before it gets them: it changes them, and others hold their bytes too, or they are to grow. */
  readonly copiesFirst: boolean;
  /** First slot of its counters. */
  readonly record: number;
}

export interface CompiledLink {
  readonly link: LinkName;
  /** First slot of its counters. */
  readonly record: number;
}
export interface CompiledSource extends CompiledLink {
  /** Index of the brick that it feeds. */
  readonly brick: number;
  readonly options: Record<string, OptionValue>;
}
export interface CompiledSink extends CompiledLink {
  readonly brick: number;
  readonly output: number;
  readonly options: Record<string, OptionValue>;
}
export interface CompiledEdge extends CompiledLink {
  readonly from: number;
  readonly output: number;
  readonly to: number;
}

export interface CompiledGraph {
  /** In an order in which every brick stands behind those that feed it. */
  readonly bricks: readonly CompiledBrick[];
  readonly sources: readonly CompiledSource[];
  readonly sinks: readonly CompiledSink[];
  readonly edges: readonly CompiledEdge[];
  /** Whether a packet may be on more than one list. */
  readonly copies: boolean;
  /** 64-bit slots that its counters take. */
  readonly counterSlots: number;
}

/** What the graph has against a brick. */
export class GraphError extends BricksError {
  /** `brick` is the one's id. */
  constructor(code: ErrorCode, readonly brick: number, message: string, remedy: string) {
    super(code, message, remedy);
  }
}

/** A name that users may give a brick. */
export const BRICK_NAME = /^[A-Za-z_][\w-]{0,63}$/;

export type DeclarationLookup = (specification: BrickSpecification) => BrickDeclaration;

interface Node {
  readonly specification: BrickSpecification;
  readonly declaration: BrickDeclaration;
  readonly options: Record<string, OptionValue>;
  readonly label: string;
  readonly inputs: readonly LinkName[];
  readonly outputs: readonly LinkName[];
}

/** @throws BricksError E_BRICK, E_OPTION, E_LINK_NAME, E_NO_INPUT, E_NO_OUTPUT, E_LINK_TWICE, E_TWO_READERS, E_CYCLE */
export function compileGraph(specifications: readonly BrickSpecification[], lookup: DeclarationLookup): CompiledGraph {
  const nodes = makeNodes(specifications, lookup);
  const writers = collectWriters(nodes);
  const { feeders, edges, sources } = connectInputs(nodes, writers);
  const order = sortTopologically(nodes, feeders);
  const position = new Map(order.map((node, index) => [node, index]));

  let slot = ENGINE_RECORD;
  const take = (size: number): number => {
    slot += size;
    return slot - size;
  };
  const levels: number[] = [];
  const multiplicities: number[] = [];
  const bricks = order.map((nodeIndex, index): CompiledBrick => {
    const node = nodes[nodeIndex];
    const inner = edges.filter((edge) => edge.to === nodeIndex).map((edge) => position.get(edge.from) as number);
    levels[index] = 1 + Math.max(0, ...inner.map((feeder) => levels[feeder]));
    // A source's packet is in the input once; packets of several edges may be the same ones.
    // Outputs of a brick that gives each packet to one of them have none in common.
    const feeding = inner.filter((feeder, at) => nodes[order[feeder]].declaration.fanout !== 'one' || inner.indexOf(feeder) === at);
    multiplicities[index] = Math.max(1, feeding.reduce((sum, feeder) => sum + multiplicities[feeder], 0));
    return {
      specification: node.specification,
      declaration: node.declaration,
      options: node.options,
      label: node.label,
      level: levels[index],
      outputs: node.outputs.map((link) => link.text),
      multiplicity: multiplicities[index],
      copiesFirst: node.declaration.effect === 'edits' && (node.declaration.headroom > 0 || sharesPackets(nodeIndex, nodes, edges)),
      record: take(brickRecord(node.declaration.counters.length + node.declaration.gauges.length)),
    };
  });
  const taken = new Set(edges.map((edge) => `${edge.from}:${edge.output}`));
  const compiledSources = sources.map((source): CompiledSource => ({
    link: source.link,
    brick: position.get(source.to) as number,
    options: nodes[source.to].declaration.files === 'source' ? nodes[source.to].options : {},
    record: take(LINK_RECORD),
  }));
  const compiledEdges = edges.map((edge): CompiledEdge => ({
    link: edge.link,
    from: position.get(edge.from) as number,
    output: edge.output,
    to: position.get(edge.to) as number,
    record: take(LINK_RECORD),
  }));
  const sinks: CompiledSink[] = [];
  for (const nodeIndex of order) {
    const node = nodes[nodeIndex];
    node.outputs.forEach((link, output) => {
      if (taken.has(`${nodeIndex}:${output}`)) return;
      const options = node.declaration.files === 'sink' ? node.options : {};
      sinks.push({ link, brick: position.get(nodeIndex) as number, output, options, record: take(LINK_RECORD) });
    });
  }
  return {
    bricks,
    sources: compiledSources,
    sinks,
    edges: compiledEdges,
    copies: bricks.some((brick) => brick.declaration.fanout !== 'one' && brick.outputs.length > 1) || multiplicities.some((multiplicity) => multiplicity > 1),
    counterSlots: slot,
  };
}

function makeNodes(specifications: readonly BrickSpecification[], lookup: DeclarationLookup): Node[] {
  if (specifications.length === 0) throw new BricksError('E_NO_BRICK', 'The engine has no brick.', 'Link one: pe:link(Brick.new("LoadBalancer")).');
  const labelOf = labels();
  return specifications.map((specification) => {
    const declaration = lookup(specification);
    const label = labelOf(specification, declaration);
    const node: Node = {
      specification,
      declaration,
      options: checkOptions(declaration.name, declaration.options, specification.options, declaration.shorthand),
      label,
      inputs: parseInputs(specification, declaration),
      outputs: specification.outputs.map((name) => parseLinkName(name, declaration.files === 'sink' ? 'file' : undefined)),
    };
    checkCount(label, 'input', node.inputs.length, declaration.inputs, 'E_NO_INPUT');
    checkCount(label, 'output', node.outputs.length, declaration.outputs, 'E_NO_OUTPUT');
    checkOutputLists(label, declaration.options, node.options, node.outputs.length);
    return node;
  });
}

/** Gives bricks what they are called by. The function throws BricksError E_ARGUMENT. */
function labels(): (specification: BrickSpecification, declaration: BrickDeclaration) => string {
  const kinds = new Map<string, number>();
  const taken = new Set<string>();
  const byKind = (kind: string): string => {
    const ordinal = (kinds.get(kind) ?? 0) + 1;
    kinds.set(kind, ordinal);
    const label = ordinal === 1 ? kind : `${kind}#${ordinal}`;
    return taken.has(label) ? byKind(kind) : label;
  };
  return ({ id, name }, declaration) => {
    if (name === undefined) {
      const label = byKind(declaration.name);
      taken.add(label);
      return label;
    }
    if (typeof name !== 'string' || !BRICK_NAME.test(name)) throw new GraphError('E_ARGUMENT', id, `${JSON.stringify(name)} can't be the name of a brick.`, 'Names consist of letters, digits, - and _, and begin with a letter.');
    if (taken.has(name)) throw new GraphError('E_ARGUMENT', id, `The engine has two bricks with the name ${name}.`, 'Give each its own name.');
    taken.add(name);
    return name;
  };
}

/** A brick that plays capture files takes a file first; an interface behind it (the original's habit) is not opened. */
function parseInputs(specification: BrickSpecification, declaration: BrickDeclaration): LinkName[] {
  if (declaration.files !== 'source') return specification.inputs.map((name) => parseLinkName(name));
  return specification.inputs
    .map((name, index) => parseLinkName(name, index === 0 ? 'file' : undefined))
    .filter((link) => link.kind === 'file');
}

function checkCount(label: string, noun: 'input' | 'output', count: number, allowed: BrickDeclaration['inputs'], code: ErrorCode): void {
  const call = noun === 'input' ? 'connect_input' : 'connect_output';
  if (count < allowed.minimum) {
    throw new BricksError(code, `${label} has ${count === 0 ? `no ${noun}` : `only ${countText(count, noun)}`}${allowed.minimum > 1 ? `; it needs at least ${allowed.minimum}` : ''}.`, `Name one with ${call}.`);
  }
  if (count > allowed.maximum) {
    throw new BricksError(code, `${label} has ${countText(count, noun)}; it takes at most ${allowed.maximum}.`, noun === 'input' ? 'Put a Merge in front of it.' : 'Put a LoadBalancer or a Duplicator after it.');
  }
}

interface Writer { readonly node: number; readonly output: number }

function collectWriters(nodes: readonly Node[]): Map<string, Writer> {
  const writers = new Map<string, Writer>();
  nodes.forEach((node, index) => {
    node.outputs.forEach((link, output) => {
      const other = writers.get(link.text);
      if (other) throw new GraphError('E_LINK_TWICE', node.specification.id, other.node === index ? `${node.label} has the output ${link.text} twice.` : `The link ${link.text} is an output of both ${nodes[other.node].label} and ${node.label}.`, 'Give each output its own link, or join them with a Merge.');
      writers.set(link.text, { node: index, output });
    });
  });
  return writers;
}

interface Edge { readonly link: LinkName; readonly from: number; readonly output: number; readonly to: number }

function connectInputs(nodes: readonly Node[], writers: Map<string, Writer>): { feeders: Set<number>[]; edges: Edge[]; sources: { link: LinkName; to: number }[] } {
  const readers = new Map<string, number>();
  const feeders = nodes.map(() => new Set<number>());
  const edges: Edge[] = [];
  const sources: { link: LinkName; to: number }[] = [];
  nodes.forEach((node, index) => {
    for (const link of node.inputs) {
      const other = readers.get(link.text);
      if (other !== undefined) throw new GraphError('E_TWO_READERS', node.specification.id, other === index ? `${node.label} has the input ${link.text} twice.` : `The link ${link.text} is an input of both ${nodes[other].label} and ${node.label}.`, 'A link has one reader: put a Duplicator in front of them.');
      readers.set(link.text, index);
      const peer = peerName(link);
      const writer = peer === undefined ? undefined : writers.get(peer);
      if (link.pipe && writers.has(link.text)) {
        const owner = nodes[(writers.get(link.text) as Writer).node].label;
        throw new GraphError('E_LINK_TWICE', node.specification.id, `${node.label} reads ${link.text}, the same end that ${owner} writes to.`, `What goes in at ${link.text} comes out at ${peer}: read that end.`);
      }
      if (writer) {
        edges.push({ link, from: writer.node, output: writer.output, to: index });
        feeders[index].add(writer.node);
      } else {
        sources.push({ link, to: index });
      }
    }
  });
  return { feeders, edges, sources };
}

function sortTopologically(nodes: readonly Node[], feeders: readonly Set<number>[]): number[] {
  const order: number[] = [];
  const state = nodes.map(() => 0);
  const path: number[] = [];
  const visit = (index: number): void => {
    if (state[index] === 2) return;
    path.push(index);
    if (state[index] === 1) {
      const cycle = path.slice(path.indexOf(index)).reverse().map((node) => nodes[node].label);
      throw new GraphError('E_CYCLE', nodes[index].specification.id, `The bricks form a loop: ${cycle.join(' -> ')}.`, 'Remove one of these links.');
    }
    state[index] = 1;
    for (const feeder of feeders[index]) visit(feeder);
    state[index] = 2;
    path.pop();
    order.push(index);
  };
  nodes.forEach((_, index) => visit(index));
  return order;
}

/** Whether a packet that reaches `node` may at the same time be on a list of a branch beside it. */
function sharesPackets(node: number, nodes: readonly Node[], edges: readonly Edge[]): boolean {
  const pending = [node];
  const seen = new Set<number>();
  while (pending.length > 0) {
    const current = pending.pop() as number;
    for (const edge of edges) {
      if (edge.to !== current || seen.has(edge.from)) continue;
      seen.add(edge.from);
      if (nodes[edge.from].declaration.fanout !== 'one' && nodes[edge.from].outputs.length > 1) return true;
      pending.push(edge.from);
    }
  }
  return false;
}
