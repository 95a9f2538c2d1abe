import fc from 'fast-check';
import { isBricksError } from 'packet-bricks/src/model/errors';
import { printSetup, readSetup, type PlannedEngine } from 'packet-bricks/src/text';
import { compiled, containerBricks, engines, graphs } from './support';

const print = (all: readonly Omit<PlannedEngine, 'bricks'>[] & Parameters<typeof printSetup>[0]): string => printSetup(all, containerBricks);

test('any graph of a script can be written as text, which builds the same graph and is printed the same again', () => {
  fc.assert(fc.property(graphs, (bricks) => {
    const text = print([{ name: 'e0', options: {}, bricks }]);
    const [engine] = readSetup(text);
    expect(compiled(engine.bricks)).toEqual(compiled(bricks));
    expect(print([engine])).toBe(text);
  }), { numRuns: 600 });
});

test('so can several engines with their options', () => {
  fc.assert(fc.property(engines, (all) => {
    const text = print(all);
    const read = readSetup(text);
    expect(read.map((engine) => ({ ...engine, bricks: [] }))).toEqual(all.map((engine) => ({ ...engine, bricks: [] })));
    expect(print(read)).toBe(text);
  }), { numRuns: 100 });
});

const WORDS = ['eth3', 'eth3{0..3', 'eth3}0', '->', '->', ',', ';', '\n', '(', ')', '[', ']', '=', ':', 'LoadBalancer', 'Merge', 'Filter', 'PcapReader', 'PcapWriter', 'lb', 'lb:', 'engine', 'load', '"tcp"', "'x", '0', '1..3', '{', '}', '{0..9}', 'out-{0..2}.pcap', '..', '#', '\\', '\u00a0', '\ud800', '\udce9', '💥', 'tuple', '2', '-', '-1', '65536', '0..99999999', '\0'];
const VALID = [
  'eth3 -> LoadBalancer(4) -> eth3{0..3', 'lb: LoadBalancer(tuple = 2)\neth1, eth2 -> Merge -> lb\nlb[0] -> Filter("tcp") -> a.pcap; lb[1..3] -> x{1..3',
  'engine e1 (cpu = 2, backendOptions = (snapLength = 128)): eth3 -> Duplicator -> x{0..1 -> Merge -> "odd name{0"  # and so on',
];
const soup = fc.oneof(
  fc.array(fc.constantFrom(...WORDS), { maxLength: 40 }).chain((words) => fc.constantFrom(' ', '').map((space) => words.join(space))),
  fc.record({ text: fc.constantFrom(...VALID), at: fc.nat(200), cut: fc.nat(6), put: fc.oneof(fc.constantFrom(...WORDS), fc.string({ unit: 'binary', maxLength: 3 })) })
    .map(({ text, at, cut, put }) => { const place = at % (text.length + 1); return text.slice(0, place) + put + text.slice(place + cut); }),
  fc.string({ unit: 'binary', maxLength: 60 }),
);

test('nonsense is refused with its place, and what is not refused can be printed', () => {
  fc.assert(fc.property(soup, (text) => {
    let read: PlannedEngine[];
    try {
      read = readSetup(text);
    } catch (error) {
      if (!isBricksError(error)) throw error;
      expect(error.code).toMatch(/^E_(?!INTERNAL)/);
      expect(error.message).toMatch(/^line \d+, column \d+: [^]*\n {4}[^\n]*\n {4} *\^+$/);
      return;
    }
    const printed = print(read);
    expect(print(readSetup(printed))).toBe(printed);
  }), { numRuns: 4000 });
});
