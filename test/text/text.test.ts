import { printSetup, readSetup } from 'packet-bricks/src/text';
import { containerBricks } from './support';

/** Bricks in short: `name Kind inputs > outputs`. */
function shape(text: string): string[][] {
  return readSetup(text).map(({ bricks }) => bricks.map(({ name, kind, inputs, outputs }) => `${name === undefined ? '' : `${name} `}${kind} ${inputs.join(' ')} > ${outputs.join(' ')}`));
}

describe('what the language says', () => {
  test.each([
    ['eth3 -> LoadBalancer(4) -> eth3{0..3', ['LoadBalancer eth3 > eth3{0 eth3{1 eth3{2 eth3{3']],
    ['eth1, eth2 -> Merge -> x{0', ['Merge eth1 eth2 > x{0']],
    ['eth3->Filter("tcp")->a.pcap', ['Filter eth3 > a.pcap']],
    // A brick between bricks, and outputs in brackets.
    ['lb: LoadBalancer(tuple = 2)\neth3 -> lb\nlb[0] -> Filter("udp") -> a.pcap\nlb[1..2] -> x{1..2', ['lb LoadBalancer eth3 > lb{0 x{1 x{2', 'Filter lb}0 > a.pcap']],
    ['eth3 -> lb: LoadBalancer -> x{0; lb -> x{1..2; lb[3] -> y', ['lb LoadBalancer eth3 > x{0 x{1 x{2 y']],
    ['eth3 -> Duplicator -> Filter("tcp"), Filter("udp") -> Merge -> x{0', ['Duplicator eth3 > duplicator{0 duplicator{1', 'Filter duplicator}0 > filter{0', 'Filter duplicator}1 > filter2{0', 'Merge filter}0 filter2}0 > x{0']],
    ['eth3 -> d: Duplicator -> Filter("tcp"), Filter("udp") -> t.pcap, u.pcap', ['d Duplicator eth3 > d{0 d{1', 'Filter d}0 > t.pcap', 'Filter d}1 > u.pcap']],
    ['d: Duplicator; eth3 -> d; d[0..1] -> Merge -> x{0', ['d Duplicator eth3 > d{0 d{1', 'Merge d}0 d}1 > x{0']],
    // A pipe between bricks is read at its other end.
    ['eth3 -> Duplicator -> x{0..1 -> Merge -> y', ['Duplicator eth3 > x{0 x{1', 'Merge x}0 x}1 > y']],
    ['eth3 -> Duplicator -> x{0..1; x}0 -> Dummy -> y', ['Duplicator eth3 > x{0 x{1', 'Dummy x}0 > y']],
    // Links without a brick between them are merged.
    ['eth3 -> a.pcap', ['Merge eth3 > a.pcap']],
    ['eth3, eth4 -> a.pcap', ['Merge eth3 eth4 > a.pcap']],
    ['eth3, eth4 -> a.pcap, b.pcap', ['Merge eth3 > a.pcap', 'Merge eth4 > b.pcap']],
    // Names.
    ['vale0:a -> Dummy -> netmap:eth3{1', ['Dummy vale0:a > netmap:eth3{1']],
    ['"odd name.pcap" -> Dummy -> \'x{0..1}\'', ['Dummy odd name.pcap > x{0..1}']],
    ['- -> Dummy -> -', ['Dummy - > -']],
    ['t -> PcapReader -> Duplicator -> out-{08..10}.pcap', ['PcapReader t > pcapReader{0', 'Duplicator pcapReader}0 > out-08.pcap out-09.pcap out-10.pcap']],
    ['engine -> Dummy -> "Dummy"', ['Dummy engine > Dummy']],
    // Lines.
    ['# what\n\n  eth3 -> Duplicator ->  # goes on\n\n  x{0,\n  y # twice\n', ['Duplicator eth3 > x{0 y']],
    ['eth3\n  -> Dummy(\n)\n  -> x', ['Dummy eth3 > x']],
  ])('%s', (text, bricks) => {
    expect(shape(text)).toEqual([bricks]);
  });

  test('engines with options, each with its own bricks and names', () => {
    expect(readSetup('eth1 -> f: Filter -> x{0\nengine e1 (cpu = 2, whenFull = drop, batch = 64, queue = 1, pipeGroup = 1000, backend = pcap, backendOptions = (snapLength = 128, filter = "udp")):\n  x}0 -> f: Filter(tcp) -> y')).toMatchObject([
      { name: 'e0', options: {}, bricks: [{ name: 'f', options: {} }] },
      { name: 'e1', options: { cpu: 2, whenFull: 'drop', pipeGroup: '1000', backend: 'pcap', backendOptions: { snapLength: 128, filter: 'udp' } }, batch: 64, queue: 1, bricks: [{ name: 'f', options: { expression: 'tcp' } }] },
    ]);
  });

  test('options by their types, lists and escapes', () => {
    const [{ bricks }] = readSetup('eth3 -> LoadBalancer(2, inner = true, weights = [2, 1]) -> x{0..1; eth4 -> Filter(drop = "a\\"\\\\\\n\\u{e9}\\xff") -> y');
    expect(bricks.map(({ options }) => options)).toMatchObject([{ tuple: 2, inner: true, weights: [2, 1] }, { drop: 'a"\\\né\udcff' }]);
  });

  test('a setup is printed as it is best read', () => {
    const text = 'eth3 -> lb: LoadBalancer(2)\nlb[1..3] -> eth3{1..3\nlb[0] -> Filter("tcp") -> Duplicator -> out-{0..2}.pcap\n';
    expect(printSetup(readSetup(text), containerBricks)).toBe(text);
    expect(printSetup(readSetup('eth3 -> a.pcap; engine e1 (cpu = 1): eth4 -> Filter -> x'), containerBricks)).toBe('eth3 -> Merge -> a.pcap\n\nengine e1 (cpu = 1):\n  eth4 -> Filter -> x\n');
  });
});

describe('mistakes are shown at their place', () => {
  test.each([
    ['eth3 -> LoadBalencer(4) -> x{0..3', 'E_BRICK', 'line 1, column 9: There is no brick "LoadBalencer". Did you mean "LoadBalancer"?', '^^^^^^^^^^^^'],
    ['eth3 -> FlowLog("x") -> x', 'E_BRICK', 'If it comes with a plugin, install that: npm search packet-bricks-plugin.', '^^^^^^^'],
    ['eth3 -> Filtr -> x', 'E_BRICK', 'line 1, column 9: There is no brick "Filtr". Did you mean Filter? If it is an interface, put it in quotes.', '^^^^^'],
    ['eth3 -> eth4 -> x', 'E_LINK_KIND', 'line 1, column 9: eth4 stands between bricks, but is an interface: what is written there is not read back.', '^^^^'],
    ['eth3 -> Dummy -> x}0 -> Dummy -> y', 'E_LINK_KIND', 'Write the other one: x{0', '^^^'],
    ['eth3 -> LoadBalancer(3) -> x', 'E_OPTION', 'line 1, column 22: LoadBalancer: the option "tuple" is 3; it must be 2 or 4.', '^'],
    ['eth3 -> LoadBalancer(tupel = 2) -> x', 'E_OPTION', 'line 1, column 22: LoadBalancer has no option "tupel". Did you mean "tuple"?', '^^^^^'],
    ['eth3 -> Filter(tcp port 80) -> x', 'E_SETUP', 'Expected , or ), found port. Put a value with spaces or symbols in quotes: Filter("tcp port 80").', '^^^^'],
    ['eth3 -> Dummy(4) -> x', 'E_OPTION', 'Dummy takes no value without a name. Dummy has no options.', '^'],
    ['eth3 -> LoadBalancer(inner = true, 2) -> x', 'E_SETUP', 'Only the first value may come without a name.', '^'],
    ['eth3 LoadBalancer -> x', 'E_SETUP', 'Expected ->, a comma or the end of the line, found LoadBalancer. Put -> between them', '^^^^^^^^^^^^'],
    ['eth3 => x', 'E_SETUP', 'Unexpected >. Arrows are written ->.', '^'],
    ['eth3 | x', 'E_SETUP', 'Unexpected |. Bricks are chained with ->.', '^'],
    ['eth3 -> ', 'E_SETUP', 'Expected a link or a brick, found the end of the text.', '^'],
    ['-> x', 'E_SETUP', 'Expected a link or a brick, found ->.', '^^'],
    ['eth3 -> Filter("tcp -> x', 'E_SETUP', 'This quote is not closed on its line.', '^'],
    ['eth3 -> LoadBalancer(4 -> x', 'E_SETUP', 'Expected , or ), found ->.', '^^'],
    ['eth3 -> LoadBalancer(4', 'E_SETUP', 'This ( is not closed.', '^'],
    ['eth3 -> LoadBalancer -> eth3{0..3}', 'E_LINK_NAME', 'Pipes are written eth3{0..3, interfaces one by one.', '^^^^^^^^^^'],
    ['eth3 -> LoadBalancer -> eth3{3..0', 'E_LINK_NAME', 'runs backwards', '^^^^^^^^^'],
    ['eth3 -> LoadBalancer -> eth3{0..99999', 'E_LINK_NAME', 'has more than 65536 names', '^'],
    ['eth3 -> x{0, y', 'E_SETUP', 'eth3 has 2 targets. Say what each gets: a LoadBalancer splits packets among them, a Duplicator gives each a copy.', '^^^'],
    ['eth1, eth2 -> Filter -> x', 'E_NO_INPUT', 'line 1, column 7: Filter takes 1 input, and this is one more. Put a Merge in front of it', '^^^^'],
    ['eth1 -> Dummy -> x, y', 'E_NO_OUTPUT', 'line 1, column 21: Dummy takes 1 output, and this is one more. Put a LoadBalancer or a Duplicator behind it', '^'],
    ['eth1 -> LoadBalancer', 'E_NO_OUTPUT', 'LoadBalancer has no output. Write where its packets go: LoadBalancer -> eth3{0', '^'],
    ['LoadBalancer -> x', 'E_NO_INPUT', 'LoadBalancer has no input. Write where its packets come from: eth3 -> LoadBalancer', '^'],
    ['eth1 -> lb: LoadBalancer; lb[1] -> x', 'E_NO_OUTPUT', 'Output 0 of lb goes nowhere, and output 1 is connected. Say where it goes: lb[0] -> ...', '^'],
    ['eth1 -> lb: LoadBalancer -> x; lb[0] -> y', 'E_LINK_TWICE', 'Output 0 of lb goes to x already.', '^^^'],
    ['eth1 -> Dummy -> x; eth2 -> Dummy -> x', 'E_LINK_TWICE', 'line 1, column 38: The link x is an output already.', '^'],
    ['eth1 -> Dummy -> x; eth1 -> Dummy -> y', 'E_TWO_READERS', 'line 1, column 21: The link eth1 is read already.', '^^^^'],
    ['eth1 -> lb: LoadBalancer, lb: Merge -> x', 'E_SETUP', 'There are two bricks with the name lb.', '^^'],
    ['eth1 -> Merge: LoadBalancer -> x', 'E_SETUP', 'Merge is a kind of brick, and can\'t be the name of one.', '^^^^^'],
    ['eth1 -> lb:LoadBalancer -> x', 'E_SETUP', 'Put a space behind the colon to name the brick: lb: LoadBalancer.', '^'],
    ['eth1 -> LB[0] -> x', 'E_SETUP', 'LB is not the name of a brick, so it has no outputs.', '^^'],
    ['eth1 -> m: Merge -> f: Filter -> x{0; x}0 -> m', 'E_CYCLE', 'The bricks form a loop', '^'],
    ['eth1 -> PcapWriter -> a.pcap -> Dummy -> x', 'E_LINK_KIND', 'PcapWriter writes files, so nothing comes after them.', '^'],
    ['eth1', 'E_SETUP', 'eth1 leads nowhere.', '^^^^'],
    ['# nothing', 'E_SETUP', 'The setup is empty.', '^'],
    ['engine e1: eth0 -> y\nengine e1: eth1 -> x', 'E_ENGINE_EXISTS', 'line 2, column 8: There are two engines with the name e1.', '^^'],
    ['engine e1 (cpu = 99999): eth1 -> x', 'E_OPTION', 'line 1, column 18: The engine e1: the option "cpu" is 99999', '^^^^^'],
    ['engine e1 (cpuu = 1): eth1 -> x', 'E_OPTION', 'Did you mean "cpu"?', '^^^^'],
    ['engine e1:\nengine e2: eth1 -> x', 'E_NO_BRICK', 'line 1, column 8: The engine e1 has no brick.', '^^'],
    ['engine e1', 'E_SETUP', 'Expected : after the engine\'s name, found the end of the text. Write it as engine e1 (cpu = 1): eth3 -> ...', '^'],
    ['eth1 -> Dummy -> x\n\t\u00a0eth2 -> y', 'E_SETUP', 'line 2, column 2: Unexpected the character U+00A0.', '^'],
  ])('%s', (text, code, message, carets) => {
    let error: { code: string; message: string } | undefined;
    try {
      readSetup(text);
    } catch (thrown) {
      error = thrown as typeof error;
    }
    expect(error?.code).toBe(code);
    expect(error?.message).toContain(message);
    expect(error?.message).toMatch(/\n {4}[^\n]*\n {4} *\^+$/);
    expect(error?.message.split('\n').at(-1)).toContain(carets);
  });

  test('a brick with several outputs says how many it needs, and how many it got', () => {
    const dummy = containerBricks.find('Dummy');
    const known = { names: ['Pair'], find: (kind: string) => (kind === 'Pair' && dummy ? { ...dummy, name: 'Pair', outputs: { minimum: 2, maximum: 2 } } : undefined) };
    expect(() => readSetup('eth1 -> Pair -> x', undefined, known)).toThrow('Pair needs 2 outputs and got 1. Write where its packets go: Pair -> eth3{0..1');
    expect(() => readSetup('eth1 -> Pair', undefined, known)).toThrow('Pair needs 2 outputs and got none.');
  });

  test('in a file, as other tools show places; the marks stand below the text', () => {
    expect(() => readSetup('\n  eth3 -> é -> Filterr("x") -> y', 'sensor.bricks')).toThrow('sensor.bricks:2:16: There is no brick "Filterr". Did you mean "Filter"?\n      eth3 -> é -> Filterr("x") -> y\n                   ^^^^^^^');
  });
});
