import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import type { GraphDescription } from 'packet-bricks/src/control/graph-description';
import { compileGraph } from 'packet-bricks/src/model/graph';
import { knownBrick } from 'packet-bricks/src/plugins/container';
import { toDot, toMermaid } from 'packet-bricks/src/picture/graph-text';
import { NODE_HEIGHT, geometryOf } from 'packet-bricks/src/picture/geometry';
import { pictureOf, type Picture } from 'packet-bricks/src/picture/picture';
import { shortNumber } from 'packet-bricks/src/control/number-text';
import { edgeRates, rateText } from 'packet-bricks/src/picture/rates';
import { toSvg } from 'packet-bricks/src/picture/svg';
import { drawInTerminal } from 'packet-bricks/src/picture/terminal';
import { readSetup, type PrintedBrick } from 'packet-bricks/src/text';
import { containerBricks, graphs } from '../text/support';

function graphOf(bricks: readonly PrintedBrick[], name = 'e0'): GraphDescription {
  const graph = compileGraph(bricks.map((brick, id) => ({ ...brick, id, module: { url: '', name: '' } })), ({ kind }) => knownBrick(kind)!.declaration);
  return { name, running: false, options: {}, bricks: graph.bricks.map(({ specification, label, options }) => ({ ...specification, label, options })) };
}

const picturesOf = (text: string): Picture[] => readSetup(text).map(({ name, bricks }) => pictureOf(graphOf(bricks, name), containerBricks));
const numbersOf = ({ edges }: Picture): string[] => edges.map(({ outputs }) => (outputs === '' ? '' : `[${outputs}]`));
const drawn = (text: string, columns = 200): string => picturesOf(text).map((picture) => drawInTerminal(picture, columns, numbersOf(picture))).join('\n\n');

test('a graph is drawn with its bricks in boxes, branches numbered', () => {
  expect(`\n${drawn('eth3 -> lb: LoadBalancer(2); lb[0] -> Filter("tcp") -> a.pcap; lb[1..3] -> eth3{1..3')}\n`).toBe(`
                                          ┌───────────────┐
        ┌─────────────────────┐ ┌─[0]────▶│ Filter("tcp") ├──▶ a.pcap
eth3 ──▶│ lb: LoadBalancer(2) ├─┤         └───────────────┘
        └─────────────────────┘ └─[1..3]─▶ eth3{1..3
`);
});

test('lines that cross have nothing to do with each other, and lines that meet do', () => {
  expect(`\n${drawn('a, b -> Merge -> d: Duplicator -> Filter("tcp"), Filter("udp") -> m: Merge -> x{0; d[2] -> m; d[3] -> all.pcap')}\n`).toBe(`
                                           ┌───────────────┐
                                    ┌─[0]─▶│ Filter("tcp") ├────┐
                                    │      └───────────────┘    │
                                    │      ┌─────────────────┐  │  ┌──────────┐
      ┌───────┐   ┌───────────────┐ ├─[1]─▶│ Filter#2("udp") ├─┬┴─▶│ m: Merge ├──▶ x{0
a ─┬─▶│ Merge ├──▶│ d: Duplicator ├─┤      └─────────────────┘ │   └──────────┘
b ─┘  └───────┘   └───────────────┘ ├───────[2]────────────────┘
                                    └─[3]─▶ all.pcap
`);
});

test('what is too wide is shortened, and then left to be written', () => {
  const text = 'eth3 -> Filter("tcp port 80 or tcp port 443 or tcp port 8080 or tcp port 8443") -> Dummy -> web-{0..0}.pcap';
  expect(drawn(text, 100).split('\n')[1]).toMatch(/^eth3 ──▶│ Filter\("tcp port 80 or tcp port 443.*… ├──▶│ Dummy ├──▶ web-0.pcap$/);
  expect(drawInTerminal(picturesOf(text)[0], 20, ['', '', '', ''])).toBeUndefined();
});

/** Whether tags are closed in the order in which they were opened, and what stands between them has no markup. */
function isWellFormed(xml: string): boolean {
  const open: string[] = [];
  const rest = xml.replace(/^<\?xml[^>]*\?>/, '').replace(/<(\/?)([a-z]+)((?: [a-zA-Z:-]+="[^"<&]*(?:&#\d+;[^"<&]*)*")*)(\/?)>/g, (_, closes: string, name: string, __, empty: string) => {
    if (closes !== '' && open.pop() !== name) open.push('wrong');
    if (closes === '' && empty === '') open.push(name);
    return '';
  });
  return open.length === 0 && !/[<>]|&(?!#\d+;)/.test(rest);
}

test('any graph is drawn in every form, with all its links and bricks', () => {
  fc.assert(fc.property(graphs, (bricks) => {
    const picture = pictureOf(graphOf(bricks), containerBricks);
    const labels = numbersOf(picture);
    const drawing = drawInTerminal(picture, Infinity, labels) as string;
    for (const { text } of picture.nodes) expect(drawing).toContain(text);
    // As many arrows as places where something arrives.
    expect([...drawing].filter((character) => character === '▶').length).toBeGreaterThanOrEqual(new Set(picture.edges.map(({ to }) => to)).size);
    const svg = toSvg([picture], [labels]);
    expect(isWellFormed(svg)).toBe(true);
    expect(svg.match(/<rect/g)).toHaveLength(picture.nodes.length);
    expect(toMermaid([picture], [labels]).match(/-->/g)).toHaveLength(picture.edges.length);
    expect(toDot([picture], [labels]).match(/ -> \w+n\d+/g)).toHaveLength(picture.edges.length);
  }), { numRuns: 150 });
});

interface Box { readonly left: number; readonly right: number; readonly top: number; readonly bottom: number }

const overlap = (one: Box, other: Box): boolean => one.left < other.right && other.left < one.right && one.top < other.bottom && other.top < one.bottom;

/** The points of a path, a pixel or less apart. */
function pointsOf(path: string): { x: number; y: number }[] {
  let at = { x: 0, y: 0 };
  const steps = 200;
  return path.split(/ (?=[HC])/).flatMap((part) => {
    const numbers = part.slice(1).split(' ').map(Number);
    const from = at;
    at = part.startsWith('H') ? { x: numbers[0], y: from.y } : { x: numbers.at(-2) as number, y: numbers.at(-1) as number };
    if (part.startsWith('M')) return [at];
    expect(at.x).toBeGreaterThanOrEqual(from.x);
    const [x1, y1, x2, y2] = part.startsWith('H') ? [from.x, from.y, at.x, at.y] : numbers;
    return Array.from({ length: steps + 1 }, (_, step) => {
      const [t, u] = [step / steps, 1 - step / steps];
      const on = (a: number, b: number, c: number, d: number): number => u * u * u * a + 3 * u * u * t * b + 3 * u * t * t * c + t * t * t * d;
      return { x: on(from.x, x1, x2, at.x), y: on(from.y, y1, y2, at.y) };
    });
  });
}

/** Which labels, 11 pixels high, have an edge, a box or another label in their place. */
function hiddenLabels(picture: Picture, labels: readonly string[]): string[] {
  const { boxes, lines, width } = geometryOf(picture, labels.map(({ length }) => length));
  const taken = lines.map(({ x, y, anchor }, edge): Box => {
    const wide = labels[edge].length * 6.7;
    return { left: anchor === 'end' ? x - wide : x, right: anchor === 'end' ? x : x + wide, top: y - 9, bottom: y + 2 };
  });
  const points = lines.map(({ path }) => pointsOf(path));
  const nodes = boxes.map(({ x, y, width: wide }): Box => ({ left: x, right: x + wide, top: y, bottom: y + NODE_HEIGHT }));
  return labels.filter((_, edge) => {
    const label = taken[edge];
    const inLabel = ({ x, y }: { x: number; y: number }): boolean => x > label.left && x < label.right && y > label.top && y < label.bottom;
    return label.left < 0 || label.right > width || points.some((line) => line.some(inLabel)) || nodes.some((node) => overlap(node, label)) || taken.some((other, index) => index !== edge && overlap(label, other));
  });
}

const LONG = '4.73 k/s, 4.68 k/s dropped';

test('no edge, box or label lies behind a label of an SVG, however long it is', () => {
  const [balance] = picturesOf('eth0 -> lb: LoadBalancer -> Filter("tcp") -> tcp{0; lb[1] -> Duplicator -> copy{0..1; lb[2..3] -> ids{0..1');
  expect(hiddenLabels(balance, balance.edges.map(({ outputs }) => `[${outputs}] ${LONG}`))).toEqual([]);
  fc.assert(fc.property(graphs, fc.integer({ min: 1, max: 40 }), (bricks, length) => {
    const picture = pictureOf(graphOf(bricks), containerBricks);
    expect(hiddenLabels(picture, picture.edges.map((_, edge) => `${edge}`.padEnd(length, 'x')))).toEqual([]);
  }), { numRuns: 150 });
});

test('an edge that neither begins nor ends alone has its label, too', () => {
  expect(`\n${drawn('a -> d: Duplicator -> m: Merge -> x; d[1] -> y; b -> f: Filter("tcp"); f -> m')}\n`).toBe(`
     ┌───────────────┐
a ──▶│ d: Duplicator ├────┬───────[0]──┐   ┌──────────┐
     └───────────────┘    └─[1]─▶ y    └┬─▶│ m: Merge ├──▶ x
     ┌──────────────────┐ ┌─────────────┘  └──────────┘
b ──▶│ f: Filter("tcp") ├─┘
     └──────────────────┘
`);
});

const hasDot = spawnSync('dot', ['-V']).status === 0;
(hasDot ? test : test.skip)('Graphviz reads what is written for it', () => {
  const pictures = fc.sample(graphs, { numRuns: 30, seed: 7 }).map((bricks, index) => pictureOf(graphOf(bricks, `e"${index}\\`), containerBricks));
  const plain = execFileSync('dot', ['-Tplain'], { input: toDot(pictures, pictures.map(numbersOf)), encoding: 'utf8' });
  expect(plain.match(/^node /gm)).toHaveLength(pictures.reduce((sum, { nodes }) => sum + nodes.length, 0));
});

test('pipes from one engine to another are shown where engines stand side by side', () => {
  const pictures = picturesOf('a -> Dummy -> p{0; engine e1: p}0 -> b.pcap');
  const labels = pictures.map(numbersOf);
  expect(toDot(pictures, labels)).toContain('e0n2 -> e1n1 [style=dashed];');
  expect(toMermaid(pictures, labels)).toContain('e0n2 -.-> e1n1');
});

test('rates are what was gained between two looks, for all links of an edge', () => {
  const [picture] = picturesOf('a -> LoadBalancer -> x{0..1');
  const look = (packets: number, dropped: number) => ({ links: [{ name: 'a', packets: 2 * packets, bytes: 0, dropped: 0 }, ...[0, 1].map((pipe) => ({ name: `x{${pipe}`, packets, bytes: 10 * packets, dropped }))] }) as never;
  const rates = edgeRates(picture, look(100, 0), look(1_000_100, 50), 2);
  expect(rates).toEqual([{ packets: 1_000_000, bytes: 0, dropped: 0 }, { packets: 1_000_000, bytes: 10_000_000, dropped: 50 }]);
  expect(rates.map(rateText)).toEqual(['1.00 M/s', '1.00 M/s, 50/s dropped']);
  expect([0, 7, 7.25, 999, 999.7, 12_345, 1e6, 29.9e9].map(shortNumber)).toEqual(['0', '7', '7.25', '999', '1.00 k', '12.3 k', '1.00 M', '29.9 G']);
});
