import { Dummy, Duplicator, Filter, LoadBalancer, Merge, PcapReader, PcapWriter, defineBrick, type BrickDescription } from 'packet-bricks';
import { compileGraph, type BrickSpecification, type CompiledGraph } from 'packet-bricks/src/model/graph';
import { LINK_RECORD, brickRecord } from 'packet-bricks/src/model/counters';
import { knownBrick } from 'packet-bricks/src/plugins/container';
import { findBrick } from 'packet-bricks/src/plugins/find';

const Editor = defineBrick({ name: 'Editor', edits: true, outputs: 1, choose: () => () => 0 });
const Grower = defineBrick({ name: 'Grower', edits: true, headroom: 4, outputs: 1, choose: () => () => 0 });

function compile(...roots: BrickDescription[]): CompiledGraph {
  return compileSpecifications(roots.flatMap((root) => root.collect()));
}
function compileSpecifications(bricks: BrickSpecification[]): CompiledGraph {
  return compileGraph(bricks, ({ kind }) => ({ Editor, Grower }[kind] ?? knownBrick(kind))!.declaration);
}

/** The compiled graph in short: `source > brick`, `brick > link > brick`, `brick > sink`. */
function shape(graph: CompiledGraph): string[] {
  const label = (index: number): string => graph.bricks[index].label;
  return [
    ...graph.sources.map(({ link, brick }) => `${link.text} > ${label(brick)}`),
    ...graph.edges.map(({ link, from, to }) => `${label(from)} > ${link.text} > ${label(to)}`),
    ...graph.sinks.map(({ link, brick }) => `${label(brick)} > ${link.text}`),
  ];
}
const levels = (graph: CompiledGraph): Record<string, number> => Object.fromEntries(graph.bricks.map(({ label, level }) => [label, level]));

describe('errors name the brick and the link', () => {
  test('an unknown brick', async () => {
    await expect(findBrick('LoadBalencer')).rejects.toMatchObject({ code: 'E_BRICK', message: expect.stringMatching(/no brick "LoadBalencer"\. Did you mean "LoadBalancer"\?/) });
  });

  test.each<[string, string, () => unknown, RegExp]>([
    ['no brick', 'E_NO_BRICK', () => compileSpecifications([]), /no brick/],
    ['no input', 'E_NO_INPUT', () => compile(new LoadBalancer().connectOutput('eth3{0')), /LoadBalancer has no input\. Name one with connect_input\./],
    ['too many inputs', 'E_NO_INPUT', () => compile(new LoadBalancer().connectInput('eth3', 'eth4').connectOutput('eth3{0')), /LoadBalancer has 2 inputs; it takes at most 1\. Put a Merge in front of it\./],
    ['no output', 'E_NO_OUTPUT', () => compile(new Duplicator().connectInput('eth3')), /Duplicator has no output\. Name one with connect_output\./],
    ['too many outputs', 'E_NO_OUTPUT', () => compile(new Dummy().connectInput('eth3').connectOutputs('eth3', 2)), /Dummy has 2 outputs; it takes at most 1/],
    ['an output of two bricks', 'E_LINK_TWICE', () => compile(
      new Dummy().connectInput('eth3').connectOutput('out'), new Merge().connectInput('eth4').connectOutput('out'),
    ), /link out is an output of both Dummy and Merge/],
    ['an output named twice', 'E_LINK_TWICE', () => compile(new LoadBalancer().connectInput('eth3').connectOutput('netmap:out', 'out')), /LoadBalancer has the output out twice/],
    ['reading the end that is written', 'E_LINK_TWICE', () => compile(
      new Dummy().connectInput('eth3').connectOutput('eth3{0'), new Merge().connectInput('eth3{0').connectOutput('out'),
    ), /Merge reads eth3\{0, the same end that Dummy writes to\. What goes in at eth3\{0 comes out at eth3\}0/],
    ['an input of two bricks', 'E_TWO_READERS', () => compile(
      new Dummy().connectInput('eth3').connectOutput('a'), new Dummy().connectInput('eth3').connectOutput('b'),
    ), /link eth3 is an input of both Dummy and Dummy#2\. .*Duplicator/],
    ['an inner link with two readers', 'E_TWO_READERS', () => compile(
      new Dummy().connectInput('eth3').connectOutput('x{0'), new Merge().connectInput('x}0').connectOutput('a'), new LoadBalancer().connectInput('x}0').connectOutput('b'),
    ), /link x\}0 is an input of both Merge and LoadBalancer/],
    ['a circle', 'E_CYCLE', () => compile(
      new Merge().connectInput('eth3', 'x}1').connectOutput('x{0'), new Duplicator().connectInput('x}0').connectOutput('x{1', 'out'),
    ), /loop: Merge -> Duplicator -> Merge\./],
    ['a brick that feeds itself', 'E_CYCLE', () => compile(new Merge().connectInput('eth3', 'x}0').connectOutput('x{0')), /loop: Merge -> Merge\./],
    ['a bad option', 'E_OPTION', () => compileSpecifications([{ id: 1, module: LoadBalancer.module, kind: 'LoadBalancer', options: { tuple: 5 }, inputs: ['eth3'], outputs: ['a'] }]), /LoadBalancer: the option "tuple" is 5/],
    ['a bad link name', 'E_LINK_NAME', () => compileSpecifications([{ id: 1, module: Dummy.module, kind: 'Dummy', options: {}, inputs: ['eth3{'], outputs: ['a'] }]), /eth3\{/],
  ])('%s', (_, code, make, message) => {
    expect(make).toThrow(expect.objectContaining({ code, message: expect.stringMatching(message) }));
  });

});

test('packets are copied before a brick that changes them where others hold their bytes too, or where they are to grow', () => {
  const copied = (...roots: BrickDescription[]): string[] => compile(...roots).bricks.filter(({ copiesFirst }) => copiesFirst).map(({ label }) => label);
  expect(copied(
    new LoadBalancer().connectInput('eth3').connectOutput('x{0', 'x{1'), new Editor().connectInput('x}0').connectOutput('x{2'), new Duplicator().connectInput('x}2').connectOutput('a', 'b'),
  )).toEqual([]);
  expect(copied(
    new Duplicator().connectInput('eth3').connectOutput('x{0', 'out'), new Dummy().connectInput('x}0').connectOutput('x{1'), new Editor().connectInput('x}1').connectOutput('y'),
  )).toEqual(['Editor']);
  expect(copied(new Grower().connectInput('eth3').connectOutput('y'))).toEqual(['Grower']);
});

describe('links', () => {
  test('a pipe that another brick of the engine reads stays in memory; the rest are ports', () => {
    const graph = compile(new Duplicator().connectInput('eth3').connectOutputs('eth3', 3).link(new LoadBalancer().connectInput('eth3}1').connectOutput('a', 'b')));
    expect(shape(graph)).toEqual(['eth3 > Duplicator', 'Duplicator > eth3}1 > LoadBalancer', 'Duplicator > eth3{0', 'Duplicator > eth3{2', 'LoadBalancer > a', 'LoadBalancer > b']);
  });

  test('an edge may be written from the slave end too', () => {
    expect(shape(compile(new Dummy().connectInput('eth3').connectOutput('x}0'), new Merge().connectInput('x{0').connectOutput('out'))))
      .toEqual(['eth3 > Dummy', 'Dummy > x{0 > Merge', 'Merge > out']);
  });

  test('an interface that is written and read is two ports, not an edge', () => {
    expect(shape(compile(new Dummy().connectInput('eth3').connectOutput('eth4'), new Merge().connectInput('eth4').connectOutput('eth3'))))
      .toEqual(['eth3 > Dummy', 'eth4 > Merge', 'Dummy > eth4', 'Merge > eth3']);
  });

  test('an interface behind the files of a PcapReader is not opened', () => {
    expect(shape(compile(new PcapReader().connectInput('traces', 'eth3').connectOutput('x{0')))).toEqual(['traces > PcapReader', 'PcapReader > x{0']);
  });

  test('every link and brick has room of its own for its counters', () => {
    const graph = compile(new Duplicator().connectInput('eth3').connectOutputs('eth3', 20).link(new LoadBalancer().connectInput('eth3}1').connectOutputs('b', 20)));
    const ranges = [...graph.bricks.map(({ record, declaration }) => [record, brickRecord(declaration.counters.length)]), ...[...graph.sources, ...graph.edges, ...graph.sinks].map(({ record }) => [record, LINK_RECORD])].sort((a, b) => a[0] - b[0]);
    ranges.forEach(([record, size], index) => expect(record + size).toBeLessThanOrEqual(ranges[index + 1]?.[0] ?? graph.counterSlots));
  });
});

describe('levels', () => {
  test('count the bricks before, by the longest way', () => {
    const graph = compile(
      new LoadBalancer().connectInput('x}1').connectOutput('a', 'b'),
      new Merge().connectInput('x}0', 'x}2').connectOutput('x{1'),
      new Dummy().connectInput('x}3').connectOutput('x{2'),
      new Duplicator().connectInput('eth3').connectOutput('x{0', 'x{3'),
    );
    expect(levels(graph)).toEqual({ Duplicator: 1, Dummy: 2, Merge: 3, LoadBalancer: 4 });
    expect(graph.bricks.map(({ label }) => label)).toEqual(['Duplicator', 'Dummy', 'Merge', 'LoadBalancer']);
  });

  test('a brick with a source of its own and a brick before it counts the brick', () => {
    expect(levels(compile(new Dummy().connectInput('eth3').connectOutput('x{0'), new Merge().connectInput('eth4', 'x}0').connectOutput('out')))).toEqual({ Dummy: 1, Merge: 2 });
  });
});

test('a packet may stand twice behind a Duplicator that is merged again, and no oftener elsewhere', () => {
  const graph = compile(
    new Duplicator().connectInput('eth3').connectOutput('x{0', 'x{1'), new Merge().connectInput('x}0', 'x}1').connectOutput('x{2'), new Dummy().connectInput('x}2').connectOutput('a'),
  );
  expect(graph.bricks.map(({ label, multiplicity }) => [label, multiplicity])).toEqual([['Duplicator', 1], ['Merge', 2], ['Dummy', 2]]);
  expect(graph.copies).toBe(true);
  expect(compile(new LoadBalancer().connectInput('eth3').connectOutput('a', 'b')).copies).toBe(false);
});

/** The ten sample set-ups, as scripts/sample-setups.lua has them. */
describe('the sample set-ups', () => {
  const balancer = (): BrickDescription => new LoadBalancer(2).connectInput('eth3');
  test.each<[string, () => BrickDescription, Record<string, number>, [sources: number, inner: number, sinks: number]]>([
    ['a load balancer to four pipes and an interface', () => balancer().connectOutputs('eth3', 4).connectOutput('eth4'), { LoadBalancer: 1 }, [1, 0, 5]],
    ['a duplicator whose branch 0 is split again', () => new Duplicator().connectInput('eth3').connectOutputs('eth3', 4)
      .link(new LoadBalancer().connectInput('eth3}0').connectOutput('eth3{4', 'eth3{5', 'eth3{6', 'eth3{7')), { Duplicator: 1, LoadBalancer: 2 }, [1, 1, 7]],
    ['a duplicator to four', () => new Duplicator().connectInput('eth3').connectOutputs('eth3', 4), { Duplicator: 1 }, [1, 0, 4]],
    ['a load balancer merged again', () => balancer().connectOutputs('eth3', 2).link(new Merge().connectInput('eth3}0', 'eth3}1').connectOutput('eth3{2')), { LoadBalancer: 1, Merge: 2 }, [1, 2, 1]],
    ['two interfaces merged and split', () => new Merge().connectInput('eth3', 'eth2').connectOutput('eth3{0')
      .link(new LoadBalancer(2).connectInput('eth3}0').connectOutputs('eth2', 4)), { Merge: 1, LoadBalancer: 2 }, [2, 1, 4]],
    ['a load balancer with a filter', () => balancer().connectOutputs('eth3', 4).link(new Filter().connectInput('eth3}0').connectOutput('eth3{4')), { LoadBalancer: 1, Filter: 2 }, [1, 1, 4]],
    ['load balancer, merge and writer in a row', () => balancer().connectOutputs('eth3', 2)
      .link(new Merge().connectInput('eth3}0', 'eth3}1').connectOutput('eth3{2').link(new PcapWriter().connectInput('eth3}2').connectOutput('m.pcap'))), { LoadBalancer: 1, Merge: 2, PcapWriter: 3 }, [1, 3, 1]],
    ['a load balancer with two writers', () => balancer().connectOutputs('eth3', 4)
      .link(new PcapWriter().connectInput('eth3}0').connectOutput('0.pcap'), new PcapWriter().connectInput('eth3}1').connectOutput('1.pcap')), { LoadBalancer: 1, PcapWriter: 2, 'PcapWriter#2': 2 }, [1, 2, 4]],
    ['capture files into a pipe', () => new PcapReader().connectInput('./traces/', 'eth3').connectOutput('eth3{0'), { PcapReader: 1 }, [1, 0, 1]],
    ['a dummy', () => new Dummy().connectInput('eth3').connectOutput('eth3{0'), { Dummy: 1 }, [1, 0, 1]],
  ])('%s', (_, build, expectedLevels, [sources, inner, sinks]) => {
    const graph = compile(build());
    expect(levels(graph)).toEqual(expectedLevels);
    expect([graph.sources.length, graph.edges.length, graph.sinks.length]).toEqual([sources, inner, sinks]);
  });
});
