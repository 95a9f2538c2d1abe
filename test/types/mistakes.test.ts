import { complaintsOf, programOf } from './compiler';

const HEAD = "import { ALL, BricksError, Dummy, Duplicator, Filter, LoadBalancer, Merge, PacketEngine, PcapReader, PcapWriter, defineBrick, registerBrick } from 'packet-bricks';\nimport type { BackendName, BrickDescription, GivenOptions, LinkOptions, LoadBalancerOptions, PacketEngineOptions } from 'packet-bricks';\n";

/** What is right, and has to stay so. */
const RIGHT: Readonly<Record<string, string>> = {
  'options of bricks': `
    new LoadBalancer({ tuple: 4, inner: true }).connectInput('eth3').connectOutputs('eth3', 4);
    new LoadBalancer(2);
    new LoadBalancer({ balance: 'consistent', weights: [2, 1, 1] });
    new Filter('udp port 53').connectOutput('eth3{0');
    new PcapReader({ pace: 'timestamps', speed: 2 }).connectInput('a.pcap', 'b.pcap');
    new PcapWriter({ format: 'pcapng' }).connectOutput('a.pcapng', 'b.pcapng');
    new Dummy();
    new Dummy({});`,
  'options that are undefined': `
    const tuple: 2 | 4 | undefined = Math.random() > 0.5 ? 4 : undefined;
    new LoadBalancer({ tuple });
    new LoadBalancer(tuple);
    new PacketEngine('e0', { cpu: undefined, backend: undefined, backendOptions: undefined }).link(new Dummy(), { batch: undefined });`,
  'options of engines, links and backends': `
    new PacketEngine('e0', { cpu: 1, whenFull: 'wait', backend: 'pcap', backendOptions: { snapLength: 64, direction: 'in' } });
    new PacketEngine('e0', { backend: 'netmap', backendOptions: { groups: 'chain' } });
    new PacketEngine('e0', { backend: { url: 'file:///my.mjs', name: 'mine' }, backendOptions: { anything: 3 } });
    new PacketEngine('e0', { backendOptions: { snapLength: 64 } }).link(new Merge(), { batch: 256, queue: 0 });
    const named: string = process.argv[2] ?? 'pcap';
    new PacketEngine('e0', { backend: named as BackendName });
    const options: PacketEngineOptions = { backend: 'loopback' };
    new PacketEngine('e0', { ...options, cpu: 2 });`,
  'options that are made step by step': `
    const options: LoadBalancerOptions = { tuple: 2 };
    const link: LinkOptions = { batch: 64 };
    new PacketEngine('e0').link(new LoadBalancer({ ...options, inner: true }), link);`,
  'names of links from a list': `
    const names: string[] = ['eth3'];
    const bricks: BrickDescription[] = [new LoadBalancer(), new Filter('ip'), new Merge(), new Duplicator()];
    for (const brick of bricks) brick.connectInput(...names).connectOutput(...names, 'eth4').link(new Dummy());
    new Filter('ip').connectOutput(...names);`,
  'bricks of each form': `
    const BySize = defineBrick({
      name: 'BySize', outputs: 2, shorthand: 'limit',
      options: { limit: { type: 'integer', required: true, description: 'where long begins' }, mode: { type: 'string', oneOf: ['a', 'b'], description: 'a word' } },
      choose: ({ wireLength }, { limit, mode }) => (row) => (mode === undefined || mode === 'a' || wireLength[row]! >= limit ? 0 : 1),
    });
    new BySize({ limit: 200 }).connectOutput('a', 'b');
    new BySize({ limit: 200, mode: 'b' });
    new BySize(200);
    registerBrick(BySize);
    defineBrick({ name: 'Easy', onPacket: () => (packet) => (packet.length > 64 ? ALL : [0, 1]), copies: true });
    defineBrick({ name: 'Whole', state: () => ({ count: 0 }), process: () => (input, next, state) => { state.count += input.count; next[0] = 1; } });
    defineBrick({ name: 'Every', broadcast: true, inputs: { minimum: 1, maximum: Infinity } });`,
  'codes of errors': `
    const error = new BricksError('X_MINE', 'what', 'what to do');
    if (error.code === 'E_OPTION') throw error;`,
  'a backend from outside that has a name': `
    export const MINE = { depth: { type: 'integer', default: 3, description: 'how deep' } } as const;
    declare module 'packet-bricks' { interface BackendOptions { mine: GivenOptions<typeof MINE> } }
    new PacketEngine('e0', { backend: 'mine', backendOptions: { depth: 4 } });`,
};

/** What, its text, and what the compiler says: line within the text, code and message. */
const WRONG: readonly (readonly [string, string, number, number, RegExp])[] = [
  ['a misspelt option of a brick', 'new LoadBalancer({ tupel: 4 });', 1, 2561, /'tupel' does not exist in type 'LoadBalancerOptions'. Did you mean to write 'tuple'\?/],
  ['a number where an option is a list', 'new LoadBalancer({ weights: 2 });', 1, 2322, /^Type 'number' is not assignable to type 'readonly number\[\]'\.$/],
  ['a value that an option does not have', 'new LoadBalancer({ tuple: 3 });', 1, 2322, /^Type '3' is not assignable to type '2 \| 4 \| undefined'\.$/],
  ['a bare value that the option does not have', 'new LoadBalancer(3);', 1, 2345, /'3' is not assignable to parameter of type 'LoadBalancerOptions \| 2 \| 4 \| undefined'/],
  ['a word that is none of the choices', "new PcapReader({ pace: 'realtime' });", 1, 2322, /'"realtime"' is not assignable to type '("timestamps" \| "fast"|"fast" \| "timestamps") \| undefined'/],
  ['a text for a number', "new PcapWriter({ rotateBytes: '1e9' });", 1, 2322, /^Type 'string' is not assignable to type 'number'\.$/],
  ['a bare value for a brick without a shorthand', "new PcapReader('fast');", 1, 2559, /'"fast"' has no properties in common with type/],
  ['an option of a brick that has none', 'new Dummy({ tuple: 4 });', 1, 2353, /'tuple' does not exist in type 'NoOptions'/],
  ['a misspelt option of an engine', "new PacketEngine('e0', { cpus: 1 });", 1, 2561, /'cpus' does not exist in type 'PacketEngineOptions'. Did you mean to write 'cpu'\?/],
  ['a text for the CPU of an engine', "new PacketEngine('e0', { cpu: '1' });", 1, 2322, /^Type 'string' is not assignable to type 'number'\.$/],
  ['a choice that an engine does not have', "new PacketEngine('e0', { whenFull: 'block' });", 1, 2322, /'"block"' is not assignable to type '.*"wait".* \| undefined'/],
  ['an option that the backend does not have', "new PacketEngine('x', { backend: 'pcap', backendOptions: { snaplen: 3 } });", 1, 2353, /'snaplen' does not exist in type .*snapLength/],
  ["another backend's option", "new PacketEngine('x', { backend: 'pcap', backendOptions: { slots: 3 } });", 1, 2353, /'slots' does not exist in type .*snapLength/],
  ['a choice that a backend does not have', "new PacketEngine('x', { backend: 'pcap',\n  backendOptions: { direction: 'up' } });", 2, 2322, /'"up"' is not assignable to type '.*"both".* \| undefined'/],
  ['an option of the loopback backend', "new PacketEngine('x', { backend: 'loopback', backendOptions: { slots: 3 } });", 1, 2353, /'slots' does not exist in type 'NoOptions'/],
  ['an option that no backend has', "new PacketEngine('x', { backendOptions: { snaplen: 3 } });", 1, 2353, /'snaplen' does not exist in type '.*PcapOptions/],
  ['a misspelt backend', "new PacketEngine('x', { backend: 'pcpa' });", 1, 2322, /'"pcpa"' is not assignable to type '.*"netmap".*ModuleReference/],
  ['a misspelt option of a link', "new PacketEngine('x').link(new Dummy(), { batsh: 64 });", 1, 2561, /'batsh' does not exist in type .*Did you mean to write 'batch'\?/],
  ['more outputs than a brick takes', "new Merge()\n  .connectOutput('a', 'b');", 2, 2554, /^Expected 0-1 arguments, but got 2\.$/],
  ['more outputs than a brick takes, by their number', "new Merge().connectOutputs('eth3', 4);", 1, 2345, /'4' is not assignable to parameter of type '1'/],
  ['more inputs than a brick takes', "new LoadBalancer().connectInput('eth3', 'eth4');", 1, 2554, /^Expected 0-1 arguments, but got 2\.$/],
  ["more outputs than one's own brick takes", "const Two = defineBrick({ name: 'Two', outputs: 2, broadcast: true });\nnew Two().connectOutput('a', 'b', 'c');", 2, 2554, /^Expected 0-2 arguments, but got 3\.$/],
  ['a number of outputs that is none', "defineBrick({ name: 'A', outputs: '2', broadcast: true });", 1, 2322, /'string' is not assignable to type 'number \| LinkCount'/],
  ['choose that returns a text', "defineBrick({ name: 'A',\n  choose: ({ wireLength }) => (row) => (wireLength[row]! > 64 ? 'left' : 'right'),\n});", 2, 2322, /Type 'string' is not assignable to type 'number'/],
  ['choose that forgets to return', "defineBrick({ name: 'A',\n  choose: ({ length }) => (row) => { length[row]; },\n});", 2, 2322, /Type 'void' is not assignable to type 'number'/],
  ['choose that returns an output instead of a function', "defineBrick({ name: 'A',\n  choose: () => 0,\n});", 2, 2322, /Type 'number' is not assignable to type '\(row: number, state: undefined\) => number'/],
  ['onPacket that forgets to return', "defineBrick({ name: 'A',\n  onPacket: () => (packet) => { packet.length; },\n});", 2, 2322, /Type 'void' is not assignable to type 'number \| readonly number\[\]'/],
  ['onPacket that returns a text', "defineBrick({ name: 'A',\n  onPacket: () => () => 'left',\n});", 2, 2322, /Type 'string' is not assignable to type 'number \| readonly number\[\]'/],
  ['two forms at once', "defineBrick({ name: 'A',\n  choose: () => () => 0,\n  onPacket: () => () => 0,\n});", 1, 2345, /Types of property 'onPacket' are incompatible.*'undefined'/s],
  ['a form beside broadcast', "defineBrick({ name: 'A', broadcast: true, choose: () => () => 0 });", 1, 2345, /Types of property 'choose' are incompatible.*'undefined'/s],
  ['no form', "defineBrick({ name: 'A' });", 1, 2345, /is missing in type '\{ name: string; \}' but required in type/],
  ['a misspelt form', "defineBrick({ name: 'A', chose: () => () => 0 });", 1, 2561, /'chose' does not exist in type .*Did you mean to write 'choose'\?/],
  ['a shorthand that is no option', "defineBrick({ name: 'A', broadcast: true,\n  options: { tuple: { type: 'integer', description: 'x' } },\n  shorthand: 'tupel',\n});", 3, 2322, /^Type '"tupel"' is not assignable to type '"tuple"'\.$/],
  ['reading an option that is not declared', "defineBrick({ name: 'A',\n  options: { limit: { type: 'integer', default: 3, description: 'x' } },\n  choose: (_packets, { limt }) => () => limt,\n});", 3, 2339, /Property 'limt' does not exist on type 'OptionsOf<.*limit/],
  ['an option that may be undefined where a number is needed', "defineBrick({ name: 'A',\n  options: { limit: { type: 'integer', description: 'x' } },\n  choose: (_packets, { limit }) => () => limit,\n});", 3, 2322, /Type 'undefined' is not assignable to type 'number'/],
  ['a type of option that there is not', "defineBrick({ name: 'A', broadcast: true,\n  options: { limit: { type: 'int', description: 'x' } },\n});", 2, 2322, /'"int"' is not assignable to type .*"integer"/],
  ['a column that there is not', "defineBrick({ name: 'A',\n  choose: ({ lenght }) => (row) => lenght[row] ?? 0,\n});", 2, 2339, /Property 'lenght' does not exist on type 'Packets'/],
  ['a code that no error has', "new BricksError('E_OPTOIN', 'message');", 1, 2345, /'"E_OPTOIN"' is not assignable to parameter of type 'ErrorCode'/],
  ['a comparison with a code that no error has', "declare const error: BricksError;\nif (error.code === 'E_OPTOIN') throw error;", 2, 2367, /no overlap/],
  ['a required option left out', "const A = defineBrick({ name: 'A', broadcast: true, options: { limit: { type: 'integer', required: true, description: 'x' } } });\nnew A({});", 2, 2345, /Property 'limit' is missing/],
];

const program = programOf(Object.fromEntries([
  ...Object.entries(RIGHT).map(([name, text]) => [name, HEAD + text]),
  ...WRONG.map(([name, text]) => [name, HEAD + text]),
]));

test.each(Object.keys(RIGHT))('the compiler takes %s', (name) => {
  expect(complaintsOf(program, name)).toEqual([]);
});

test.each(WRONG)('the compiler refuses %s', (name, _text, line, code, message) => {
  expect(complaintsOf(program, name)).toEqual([{ line: line + HEAD.split('\n').length - 1, code, message: expect.stringMatching(message) }]);
});
