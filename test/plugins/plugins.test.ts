/** Plugins as users have them: packages beside the set-up, good ones and broken ones of each kind. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { readCaptureFile, writeCaptureFile } from 'packet-bricks';
import type { PluginListing } from 'packet-bricks/src/plugins/plugin-catalogue';
import { Workplace, type Outcome } from '../support/program';
import { COUNTING_BACKEND, brickModule, writePlugin, type PluginFiles } from './packages';

const work = new Workplace();
const packages = work.path('node_modules');
const one = (name: string, module = './index.js'): object => ({ contract: 1, bricks: { [name]: module } });
const plugin = (files: PluginFiles): string => writePlugin(packages, files);

const EVERY = "options: { n: { type: 'integer', default: 2, minimum: 1, description: 'one in so many' } }, shorthand: 'n', choose: (_packets, { n }) => (row) => (row % n === 0 ? 0 : DROP)";
const NOTE = (name: string): string => `require('node:fs').writeFileSync(${JSON.stringify(work.path(`${name}.loaded`))}, '');`;

beforeAll(() => {
  writeCaptureFile(work.path('in.pcap'), Array.from({ length: 30 }, (_, number) => ({ seconds: number, nanoseconds: 0, bytes: Buffer.alloc(60, number) })));
  plugin({ name: 'bricks-plugin-every', version: '1.2.3', description: 'Every so manieth packet', declared: one('Every'), files: { 'index.js': brickModule('Every', EVERY, NOTE('Every')) } });
  plugin({
    name: '@scope/third', type: 'module', declared: one('Third', './dist/index.js'), fields: { types: './dist/index.d.ts' },
    files: { 'dist/index.js': "export * from './third.js';", 'dist/third.js': "import { defineBrick, DROP } from 'packet-bricks';\nexport const Third = defineBrick({ name: 'Third', outputs: 1, choose: () => (row) => (row % 3 === 0 ? 0 : DROP) });" },
  });
  plugin({ name: 'bricks-plugin-counting', type: 'module', declared: { contract: 1, backends: { counting: './index.js' } }, files: { 'index.js': COUNTING_BACKEND } });
  // Two versions of one library.
  for (const version of [1, 2]) {
    const folder = plugin({ name: `uses-library-${version}`, declared: one(`Library${version}`), files: { 'index.js': brickModule(`Library${version}`, `choose: (_packets, _options, { counter }) => { const seen = counter('version'); return () => { seen.add(require('library').version); return 0; }; }, counters: { version: '.' }`) } });
    writePlugin(`${folder}/node_modules`, { name: 'library', declared: null, files: { 'index.js': `exports.version = ${version};` } });
  }
  // What is broken.
  plugin({ name: 'throws', declared: one('Throws'), files: { 'index.js': "'use strict';\n\nthrow new Error('no luck today');\n" } });
  plugin({ name: 'syntax', declared: one('Syntax'), files: { 'index.js': "'use strict';\nconst a = ;\n" } });
  plugin({ name: 'exits', declared: one('Exits'), files: { 'index.js': 'process.exit(0);' } });
  plugin({ name: 'future', declared: { ...one('Future'), contract: 7 }, files: { 'index.js': brickModule('Future', EVERY) } });
  plugin({ name: 'takes-built-in', declared: one('Filter'), files: { 'index.js': brickModule('Filter', EVERY) } });
  plugin({ name: 'zz-takes-third', declared: one('Third'), files: { 'index.js': brickModule('Third', EVERY) } });
  plugin({ name: 'not-built', declared: one('NotBuilt', './dist/index.js') });
  plugin({ name: 'leaves', declared: one('Leaves', '../throws/index.js') });
  plugin({ name: 'other-name', declared: one('Promised'), files: { 'index.js': brickModule('Delivered', EVERY) } });
  plugin({ name: 'no-names', declared: { contract: 1, bricks: './index.js' }, files: { 'index.js': '' } });
  plugin({ name: 'only-keyword', declared: null, fields: { keywords: ['packet-bricks-plugin'] } });
  plugin({ name: 'uses-packet-bricks', declared: null, fields: { dependencies: { 'packet-bricks': '*' } } });
  plugin({ name: 'setup', declared: one('Setup'), files: { 'index.js': brickModule('Setup', "choose: () => { throw new Error('not ready'); }") } });
  plugin({ name: 'each', declared: one('Each'), files: { 'index.js': brickModule('Each', "choose: () => (row) => {\n  if (row === 3) throw new Error('the fourth');\n  return 0;\n}") } });
  plugin({ name: 'dies', declared: one('Dies'), files: { 'index.js': brickModule('Dies', "choose: (_packets, _options, { post }) => { post('die'); return () => 0; }, control: () => ({ onMessage() { setImmediate(() => { throw new Error('gone'); }); } })") } });
  plugin({ name: 'hangs', declared: one('Hangs'), files: { 'index.js': brickModule('Hangs', 'choose: () => () => { for (;;); }') } });
  plugin({ name: 'huge', declared: one('Huge'), files: { 'index.js': brickModule('Huge', EVERY, NOTE('Huge')), 'data.js': `exports.text = '${'x'.repeat(1 << 20)}';` } });
});
afterAll(() => work.dispose());

async function script(text: string, options: readonly string[] = []): Promise<Outcome> {
  writeFileSync(work.path('script.lua'), text);
  return work.run([...options, '-f', 'script.lua']);
}

const split = (kind: string, output: string, options = ''): string => `PktEngine.new("${output}"):link(Brick.new("${kind}"${options}):connect_input("in.pcap"):connect_output("${output}.pcap")):start()\n`;
const packetsOf = (output: string): number[] => Array.from(readCaptureFile(work.path(`${output}.pcap`)), ({ bytes }) => bytes[0]);
const multiples = (n: number): number[] => Array.from({ length: 30 }, (_, number) => number).filter((number) => number % n === 0);

test('a plugin works by its name in Lua, and its code is loaded only when it is asked for', async () => {
  expect(await script(split('Every', 'lua', ', 5') + split('Third', 'esm'))).toMatchObject({ code: 0, stdout: '' });
  expect([packetsOf('lua'), packetsOf('esm')]).toEqual([multiples(5), multiples(3)]);
  expect(existsSync(work.path('Every.loaded'))).toBe(true);
  expect(existsSync(work.path('Huge.loaded'))).toBe(false);
});

test('in TypeScript it is imported, or asked for by its name', async () => {
  writeFileSync(work.path('program.ts'), `
    import { PacketEngine, brickClass } from 'packet-bricks';
    import { Third } from '@scope/third/dist/index.js';
    const Every = await brickClass('Every');
    const engine: PacketEngine = new PacketEngine('ts', { backend: 'loopback' });
    await engine.link(new Third().connectInput('in.pcap').connectOutput('x{0').link(new Every({ n: 2 }).connectInput('x}0').connectOutput('ts.pcap')));
    await engine.start();
    await engine.finished();
    console.log(engine.audit().balanced);
    await engine.delete();
  `);
  expect(await work.run(['-f', 'program.ts'])).toMatchObject({ code: 0, stdout: 'true\n' });
  expect(packetsOf('ts')).toHaveLength(5);
});

test('the shell helps with it as with its own, and suggests it where a name is misspelled', async () => {
  const { stdout, stderr } = await work.run(['--backend', 'loopback'], { input: 'Brick.help()\nBrick.help("Every")\nBrick.new("Evry")\nBrick.new("Every", {m = 1})\n' });
  expect(stdout).toMatch(/^ {2}Every {2,}Every so manieth packet \(bricks-plugin-every\)$/m);
  expect(stdout).toMatch(/^ {4}n {2}an integer of at least 1; default 2; can be given without a table$/m);
  expect(stderr).toContain('There is no brick "Evry". Did you mean "Every"?');
  expect(stderr).toContain('Every has no option "m". Did you mean "n"?');
});

test('a backend of a plugin is chosen by --backend, with its options', async () => {
  const text = `pe = PktEngine.new("e0")\npe:link(Brick.new("Every", 2):connect_input("eth0"):connect_output("eth1")):start()\n`;
  expect(await script(text, ['--backend', 'counting', '-o', 'frames=40'])).toMatchObject({ code: 0, stderr: expect.stringContaining('e0: 40 packets received, 20 dropped') });
  const wrong = await script(text, ['--backend', 'countng']);
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('There is no backend "countng". Did you mean "counting"?') });
});

test('two plugins have each their own version of a library', async () => {
  const { code, stdout } = await script(`
    pe = PktEngine.new("e0")
    pe:link(Brick.new("Library1"):connect_input("in.pcap"):connect_output("x{0"):link(Brick.new("Library2"):connect_input("x}0"):connect_output("/dev/null"))):start()
    while pe:stats().packets < 30 do BRICKS.sleep(0.01) end
    pe:stop()
    for _, brick in ipairs(pe:stats().bricks) do print(brick.counters.version) end
  `);
  expect({ code, stdout }).toEqual({ code: 0, stdout: '30\n60\n' });
});

describe('bricks plugins', () => {
  let listed: Map<string, PluginListing>;
  beforeAll(async () => {
    const { code, stdout } = await work.run(['plugins', '--json']);
    expect(code).toBe(0);
    listed = new Map((JSON.parse(stdout) as PluginListing[]).map((entry) => [entry.name, entry]));
  });

  test('lists what each brings and where it lies', () => {
    expect(listed.get('bricks-plugin-every')).toEqual({ name: 'bricks-plugin-every', version: '1.2.3', summary: 'Every so manieth packet', folder: work.path('node_modules', 'bricks-plugin-every'), bricks: ['Every'], backends: [] });
    expect(listed.get('bricks-plugin-counting')).toMatchObject({ bricks: [], backends: ['counting'] });
    expect(listed.has('uses-packet-bricks')).toBe(false);
  });

  test.each([
    ['throws', 'throws/index.js:3: no luck today.'],
    ['syntax', "syntax/index.js:2: Unexpected token ';'."],
    ['exits', 'its code ended the thread that loaded it'],
    ['future', 'it was written for contract 7, and this version of Packet Bricks has contract 1. Install a newer Packet Bricks'],
    ['takes-built-in', 'it brings the brick Filter, which Packet Bricks has itself'],
    ['zz-takes-third', 'it brings the brick Third, which @scope/third brings already'],
    ['not-built', 'the module of the brick NotBuilt, ./dist/index.js, does not exist: build the package'],
    ['leaves', 'the module of the brick Leaves must be a file of the package'],
    ['other-name', 'its package.json declares Promised, but no brick of this name is exported'],
    ['no-names', '"bricks" in its package.json must name what its modules export: {"NAME": "./dist/index.js"}'],
    ['only-keyword', 'it is not a plugin: its package.json does not declare "packet-bricks"'],
  ])('says what is wrong with one that %s', (name, problem) => {
    expect(listed.get(name)?.problem).toContain(problem);
  });

  test('shows the same to people, with a plugin that was named', async () => {
    const elsewhere = new Workplace();
    const path = writePlugin(elsewhere.folder, { name: 'named', declared: one('Named'), files: { 'index.js': brickModule('Named', EVERY) } });
    const { stdout } = await elsewhere.run(['plugins', '--plugin', path, '--plugin', work.path('run')], { directory: elsewhere.path('run') });
    expect(stdout).toBe(`PLUGIN  VERSION  BRICKS  BACKENDS  FOLDER\nnamed   1.0.0    Named   -         ${path}\n`);
    expect(await elsewhere.run(['plugins', '--plugin', 'absent'])).toMatchObject({ code: 1, stderr: expect.stringContaining('There is no plugin in absent') });
    elsewhere.dispose();
  });
});

describe('a broken plugin gives its message, and everything else runs on', () => {
  test('where it does not load, or was not taken', async () => {
    const kinds = ['Throws', 'Syntax', 'Exits', 'Future', 'NotBuilt', 'Promised'];
    const { code, stdout } = await script(`${kinds.map((kind) => `print(select(2, pcall(Brick.new, "${kind}")))\n`).join('')}${split('Every', 'beside')}`);
    const lines = stdout.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(packetsOf('beside')).toEqual(multiples(2));
    for (const [index, kind] of kinds.entries()) expect(lines[index]).toMatch(new RegExp(`The plugin [\\w-]+, which brings ${kind}, (can't be loaded|was not taken): .*\\[E_PLUGIN\\]`));
    expect(lines[0]).toContain('throws/index.js:3: no luck today');
  });

  test('where it fails in an engine: for each packet, while it is set up, in its control half, or by not returning', async () => {
    const { code, stdout, stderr } = await script(`
      ok, text = pcall(function() ${split('Setup', 'setup').trim()} end)
      print(text)
      hung = PktEngine.new{name = "hung", hangMilliseconds = 200}
      hung:link(Brick.new("Hangs"):connect_input("in.pcap"):connect_output("hung.pcap")):start()
      ${split('Each', 'each')}${split('Every', 'good')}
      dying = Brick.new("Dies"):connect_input("in.pcap"):connect_output("dies.pcap")
      PktEngine.new("dies"):link(dying):start()
      repeat _, text = pcall(dying.call, dying, "nothing") until text:find("gone")
    `);
    expect(code).toBe(1);
    expect(stdout).toContain('not ready');
    expect(stderr).toMatch(/each: .*each\/index\.js:\d+: .*the fourth/);
    expect(stderr).toContain('dies: The control half of Dies failed: gone');
    expect(stderr).toContain('its brick Hangs has not returned for 200 ms');
    expect([packetsOf('good'), packetsOf('dies').length]).toEqual([multiples(2), 30]);
  });

  test('one that was named on the command line says so at once', async () => {
    const { stderr } = await script(split('Every', 'named'), ['--plugin', 'node_modules/future', '--plugin', 'run']);
    expect(stderr).toContain('The plugin future was not taken: it was written for contract 7');
    expect(readFileSync(work.path('named.pcap')).length).toBeGreaterThan(24);
  });
});
