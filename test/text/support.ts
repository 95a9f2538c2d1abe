/** Random engines as scripts build them, for the language of setups. */
import fc from 'fast-check';
import { compileGraph, type BrickSpecification, type CompiledGraph } from 'packet-bricks/src/model/graph';
import { containerBricks, type PrintedBrick, type PrintedEngine } from 'packet-bricks/src/text';
import { knownBrick } from 'packet-bricks/src/plugins/container';

interface Draft {
  readonly kind: string;
  readonly name: string | undefined;
  readonly options: Record<string, unknown>;
  readonly outputs: number;
  /** How its output links are named. */
  readonly style: string;
  /** Which open ends it reads; what is beyond them is a source of its own. */
  readonly inputs: readonly number[];
  readonly order: number;
}

const STYLES = ['own', 'own', 'next', 'eth3', 'x', 'odd name', 'vale0:a', 'netmap:eth9', 'filter', 'é{', 'file', 'sink'];
const SOURCES = ['eth3', 'eth1', 'netmap:eth2', 'vale1:b', 'trace.pcap', './dir/', 'far}0', 'far}1', 'near{4', '/tmp/a b.pcap', 'engine', 'lb', 'LoadBalancer', 'file:odd', 'file:a"b\\c', 'Eth0', 'x=1', '#1', 'bytes-\udce9.pcap', 'a{0..2}.pcap', '-'];
const NAMES = ['lb', 'filter', 'merge', 'f-1', 'x_2', 'eth3', 'dummy2', 'load'];

const OPTIONS: Readonly<Record<string, fc.Arbitrary<Record<string, unknown>>>> = {
  LoadBalancer: fc.record({ tuple: fc.constantFrom(2, 4), inner: fc.boolean(), fragmentWait: fc.integer({ min: 0, max: 10_000 }) }, { requiredKeys: [] }),
  Filter: fc.record({ expression: fc.constantFrom('tcp port 80', 'udp', 'a "quoted" \\ text\n\tand more', '4', 'true', 'é\udcff\ud800'), drop: fc.string() }, { requiredKeys: [] }),
  PcapReader: fc.record({ pace: fc.constantFrom('fast', 'timestamps') }, { requiredKeys: [] }),
  PcapWriter: fc.record({ format: fc.constantFrom('pcap', 'pcapng') }, { requiredKeys: [] }),
};
const KINDS = ['LoadBalancer', 'Duplicator', 'Merge', 'Dummy', 'Filter', 'PcapReader', 'PcapWriter'];

const draft: fc.Arbitrary<Draft> = fc.constantFrom(...KINDS).chain((kind) => fc.record({
  kind: fc.constant(kind),
  name: fc.option(fc.constantFrom(...NAMES), { nil: undefined, freq: 2 }),
  options: OPTIONS[kind] ?? fc.constant({}),
  outputs: fc.integer({ min: 1, max: 5 }),
  style: fc.constantFrom(...STYLES),
  inputs: fc.array(fc.nat(12), { minLength: 1, maxLength: kind === 'Merge' ? 4 : 1 }),
  order: fc.nat(100),
}));

/** Bricks with links as names decide them; in the order of a script, which need not be that of the packets. */
export const graphs: fc.Arbitrary<PrintedBrick[]> = fc.record({ drafts: fc.array(draft, { minLength: 1, maxLength: 7 }), shuffled: fc.boolean() }).map(({ drafts, shuffled }) => {
  const bricks = buildGraph(drafts);
  return shuffled ? bricks.map((brick, index) => ({ brick, order: drafts[index].order })).sort((a, b) => a.order - b.order).map(({ brick }) => brick) : bricks;
}).filter((bricks) => {
  try {
    compiled(bricks);
    return true;
  } catch {
    return false;
  }
});

function buildGraph(drafts: readonly Draft[]): PrintedBrick[] {
  const sources = [...SOURCES];
  const names = new Set<string>();
  const open: string[] = [];
  let files = 0;
  return drafts.map(({ kind, name: wanted, options, outputs, style, inputs }, index) => {
    const name = wanted === undefined || names.has(wanted) ? undefined : wanted;
    if (name !== undefined) names.add(name);
    const { declaration } = knownBrick(kind)!;
    const take = (at: number): string => {
      if (kind !== 'PcapReader' && at < open.length) return open.splice(at, 1)[0];
      return sources.splice(at % sources.length, 1)[0] ?? `more${index}`;
    };
    const count = Math.min(outputs, declaration.outputs.maximum);
    const links = Array.from({ length: count }, (_, output) => {
      if (kind === 'PcapWriter') return `${style}-${files++}${output % 2 === 0 ? '.pcap' : ''}`;
      if (style === 'file') return `./out-${index}-${output}.pcap`;
      if (style === 'sink') return `if${index}x${output}`;
      const device = style === 'own' ? name ?? `${kind[0].toLowerCase()}${kind.slice(1)}` : style === 'next' ? `${kind[0].toLowerCase()}${kind.slice(1)}2` : `${style}${index}`;
      return `${device}{${style === 'own' || style === 'next' ? output : output * (index % 2 + 1)}`;
    });
    const made = { kind, ...(name === undefined ? {} : { name }), options, inputs: inputs.map(take), outputs: links };
    if (kind !== 'PcapWriter') open.push(...links.filter((link) => link.includes('{') && !link.startsWith('./')).map((link) => `${link.slice(0, link.lastIndexOf('{'))}}${link.slice(link.lastIndexOf('{') + 1)}`));
    return made;
  });
}

/** The compiled graph, without what numbers bricks. */
export function compiled(bricks: readonly PrintedBrick[]): CompiledGraph {
  const specifications = bricks.map((brick, id): BrickSpecification => ({ ...brick, id, module: { url: '', name: '' } }));
  const graph = compileGraph(specifications, ({ kind }) => knownBrick(kind)!.declaration);
  // Options are checked, with their defaults, in `options`.
  return { ...graph, bricks: graph.bricks.map((brick) => ({ ...brick, specification: { ...brick.specification, options: {} } })) };
}

export const engines: fc.Arbitrary<PrintedEngine[]> = fc.uniqueArray(fc.record({
  name: fc.constantFrom('e0', 'e1', 'odd "name"', 'engine', 'é', '1'),
  options: fc.record({ cpu: fc.integer({ min: -1, max: 7 }), whenFull: fc.constantFrom('drop', 'wait'), backend: fc.constant('pcap'), backendOptions: fc.dictionary(fc.constantFrom('snapLength', 'filter', 'a-b', 'é'), fc.oneof(fc.integer(), fc.string(), fc.boolean()), { minKeys: 1 }) }, { requiredKeys: [] }),
  batch: fc.option(fc.integer({ min: 1, max: 4096 }), { nil: undefined }),
  bricks: graphs,
}), { selector: ({ name }) => name, minLength: 1, maxLength: 3 }).map((all) => all.map(({ batch, ...engine }) => ({ ...engine, ...(batch === undefined ? {} : { batch }) })));

export { containerBricks };
