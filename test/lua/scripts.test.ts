import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BrickSpecification } from 'packet-bricks/src/control/registry-commands';
import { LuaFixture } from './fixture';

const SCRIPTS = join(__dirname, '../../scripts');
const INTERFACE = 'nic0'; // one that no machine has: whatever the backend makes of it

let lua: LuaFixture;
beforeEach(() => {
  lua = new LuaFixture();
});
afterEach(() => lua.close());

async function run(script: string, ...args: string[]): Promise<void> {
  expect(await lua.host.runScript(join(SCRIPTS, script), args)).toEqual({ ok: true });
}

function bricksOf(engine: string): BrickSpecification[] {
  return lua.program.engines.get(engine)!.bricks;
}

/** The set-up in short: kind, inputs and outputs of each brick. */
function shape(engine = 'e0'): string[] {
  return bricksOf(engine).map(({ kind, inputs, outputs }) => `${inputs.join(' ')} > ${kind} > ${outputs.join(' ')}`);
}

describe('load-balance.lua', () => {
  test('splits an interface over as many pipes as asked for', async () => {
    await run('load-balance.lua', INTERFACE, '3');
    expect(shape()).toEqual(['nic0 > LoadBalancer > nic0{0 nic0{1 nic0{2']);
    expect(lua.program.engines.get('e0')!.running).toBe(true);
    expect(lua.printed()).toContain("Read one: bricks attach 'nic0}0'");
  });

  test('names the pipes of a capture file after it', async () => {
    const file = lua.write('my trace.2.pcap', '');
    await run('load-balance.lua', file, '2');
    expect(shape()).toEqual([`${file} > LoadBalancer > my-trace-2{0 my-trace-2{1`]);
  });

  test('splits by addresses if told so', async () => {
    await run('load-balance.lua', INTERFACE, '2', '2');
    expect(lua.program.of('brick.check')[0].options).toBe(2);
  });

  test.each([
    ['nothing', []],
    ['a file that does not exist', ['./none.pcap']],
    ['an impossible number of outputs', [INTERFACE, 'many']],
    ['an unknown split', [INTERFACE, '2', '3']],
  ])('ends with exit code 2 when given %s', async (_, args) => {
    expect(await lua.host.runScript(join(SCRIPTS, 'load-balance.lua'), args)).toEqual({ ok: true, exitCode: 2 });
    expect(lua.program.engines.size).toBe(0);
  });

  test('takes its input from a global or from the environment too', async () => {
    await lua.evaluate('INPUT = "nic1" OUTPUTS = 2');
    await run('load-balance.lua');
    expect(shape()).toEqual(['nic1 > LoadBalancer > nic1{0 nic1{1']);
  });
});

describe('what a script says of its outputs', () => {
  test.each<[string, string[], string[]]>([
    ['balance-and-send', ['eth9'], ["Packets are at 'nic0}0' to 'nic0}3'.", 'Packets are also sent to eth9.']],
    ['duplicate-and-balance', [], ["Packets are at 'nic0}1' to 'nic0}7'."]],
    ['balance-and-merge', [], ["Packets are at 'nic0}2'."]],
    ['merge', ['nic1'], ["Packets are at 'nic1}0' to 'nic1}3'."]],
    ['balance-and-filter', ['udp'], ["Packets are at 'nic0}1' to 'nic0}4'."]],
    ['balance-merge-write', [], ['Packets are written to nic0-merged.pcap.']],
    ['balance-and-write', [], ["Packets are at 'nic0}2' to 'nic0}3'.", 'Packets are written to nic0-branch-0.pcap and nic0-branch-1.pcap.']],
  ])('%s: the pipes that no brick of it reads, and the files', async (name, more, lines) => {
    await run('sample-setups.lua', name, INTERFACE, ...more);
    const printed = lua.printed();
    for (const line of lines) expect(printed).toContain(line);
    expect(printed.match(/Packets are /g)).toHaveLength(lines.length);
    // Each of these pipes is an output, and no brick's input.
    const inputs = bricksOf('e0').flatMap((brick) => brick.inputs);
    const outputs = bricksOf('e0').flatMap((brick) => brick.outputs).filter((output) => output.includes('{')).map((output) => output.replace('{', '}'));
    const leaves = outputs.filter((output) => !inputs.includes(output)).sort();
    if (leaves.length > 0) expect(printed).toContain(`'${leaves[0]}'${leaves.length > 1 ? ` to '${leaves[leaves.length - 1]}'` : ''}`);
    else expect(printed).not.toContain('Packets are at');
  });

  test('for a capture file, that readers come first', async () => {
    await run('load-balance.lua', lua.write('trace.pcap', ''), '2');
    expect(lua.printed()).toMatch(/Start the readers first/);
  });

  test('for an interface, nothing of that', async () => {
    await run('load-balance.lua', INTERFACE, '2');
    expect(lua.printed()).not.toMatch(/Start the readers first/);
  });

  test('for a directory that is written like an interface, how it is meant', async () => {
    const before = process.cwd();
    mkdirSync(join(lua.folder, 'garb'));
    try {
      process.chdir(lua.folder);
      await run('load-balance.lua', 'garb', '1');
    } finally {
      process.chdir(before);
    }
    expect(lua.printed()).toMatch(/garb is taken for an interface\. .* is written \.\/garb/);
  });
});

test('duplicate.lua gives each pipe everything', async () => {
  await run('duplicate.lua', INTERFACE, '2');
  expect(shape()).toEqual(['nic0 > Duplicator > nic0{0 nic0{1']);
});

test('startup-one-thread.lua runs one engine over four pipes', async () => {
  await run('startup-one-thread.lua', INTERFACE);
  expect(shape()).toEqual(['nic0 > LoadBalancer > nic0{0 nic0{1 nic0{2 nic0{3']);
  expect(lua.program.of('engine.create')).toEqual([{ command: 'engine.create', name: 'e0', bufferSize: 1024 }]);
});

describe('startup-multi-threads.lua', () => {
  test('runs four engines, one hardware queue and CPU each', async () => {
    await run('startup-multi-threads.lua', INTERFACE);
    expect([...lua.program.engines.keys()]).toEqual(['e0', 'e1', 'e2', 'e3']);
    expect(lua.program.of('engine.link').map(({ queue }) => queue)).toEqual([0, 1, 2, 3]);
    expect(lua.program.of('engine.create').every(({ cpu }) => typeof cpu === 'number')).toBe(true);
    expect(shape('e3')).toEqual(['nic0 > LoadBalancer > nic0{12 nic0{13 nic0{14 nic0{15']);
    expect([...lua.program.engines.values()].every(({ running }) => running)).toBe(true);
  });

  test('runs an engine for each capture file', async () => {
    await run('startup-multi-threads.lua', lua.write('a.pcap', ''), lua.write('b.pcap', ''));
    expect([...lua.program.engines.keys()]).toEqual(['e0', 'e1']);
    expect(bricksOf('e1')[0].inputs).toEqual([join(lua.folder, 'b.pcap')]);
    expect(lua.program.of('engine.link').every(({ queue }) => queue === undefined)).toBe(true);
  });

  (existsSync('/sys/class/net/lo/queues/rx-0') ? test : test.skip)('runs no more engines than the interface has queues', async () => {
    await run('startup-multi-threads.lua', 'lo');
    expect(lua.program.engines.size).toBe(1);
    expect(lua.program.of('engine.link')[0]).not.toHaveProperty('queue');
  });

  test('with pcap runs four engines on any interface, which share it', async () => {
    lua.program.backend = 'pcap';
    await run('startup-multi-threads.lua', 'lo');
    expect(lua.program.of('engine.link').map(({ queue }) => queue)).toEqual([0, 1, 2, 3]);
  });
});

describe('sample-setups.lua', () => {
  test.each([
    ['balance-and-send', ['nic0 > LoadBalancer > nic0{0 nic0{1 nic0{2 nic0{3 nic1']],
    ['duplicate-and-balance', ['nic0 > Duplicator > nic0{0 nic0{1 nic0{2 nic0{3', 'nic0}0 > LoadBalancer > nic0{4 nic0{5 nic0{6 nic0{7']],
    ['duplicate', ['nic0 > Duplicator > nic0{0 nic0{1 nic0{2 nic0{3']],
    ['balance-and-merge', ['nic0 > LoadBalancer > nic0{0 nic0{1', 'nic0}0 nic0}1 > Merge > nic0{2']],
    ['merge', ['nic0 nic1 > Merge > nic0{0', 'nic0}0 > LoadBalancer > nic1{0 nic1{1 nic1{2 nic1{3']],
    ['balance-and-filter', ['nic0 > LoadBalancer > nic0{0 nic0{1 nic0{2 nic0{3', 'nic0}0 > Filter > nic0{4']],
    ['balance-merge-write', ['nic0 > LoadBalancer > nic0{0 nic0{1', 'nic0}0 nic0}1 > Merge > nic0{2', 'nic0}2 > PcapWriter > nic1']],
    ['balance-and-write', ['nic0 > LoadBalancer > nic0{0 nic0{1 nic0{2 nic0{3', 'nic0}0 > PcapWriter > nic1-branch-0.pcap', 'nic0}1 > PcapWriter > nic1-branch-1.pcap']],
    ['dummy', ['nic0 > Dummy > nic0{0']],
  ])('%s', async (name, bricks) => {
    await run('sample-setups.lua', name, INTERFACE, 'nic1');
    expect(shape()).toEqual(bricks);
  });

  test('read-files', async () => {
    const file = lua.write('a.pcap', '');
    await run('sample-setups.lua', 'read-files', file);
    expect(shape()).toEqual([`${file} > PcapReader > a{0`]);
  });

  test('a wrong name ends with exit code 2', async () => {
    expect(await lua.host.runScript(join(SCRIPTS, 'sample-setups.lua'), ['none', INTERFACE])).toEqual({ ok: true, exitCode: 2 });
    expect(lua.program.engines.size).toBe(0);
  });

  test('can be used from the shell', async () => {
    await lua.evaluate(`samples = dofile(${JSON.stringify(join(SCRIPTS, 'sample-setups.lua'))})`);
    expect(await lua.evaluate('=#samples.names')).toBe('10\n');
    await lua.evaluate('pe = samples.run(3, "nic0")');
    expect(shape()).toEqual(['nic0 > Duplicator > nic0{0 nic0{1 nic0{2 nic0{3']);
    expect(await lua.failureOf('samples.run("none", "nic0")')).toMatch(/There is no set-up none\.\nusage: /);
  });
});

describe('the helper library', () => {
  test('makes names for pipes from those of files', async () => {
    await lua.evaluate('setup = require("lib.setup")');
    expect(await lua.evaluate('for _, n in ipairs{ "eth3", "vale0:a", "/a/b c.pcap", "dir/", "../x.y.pcapng", "file:odd" } do print(setup.stem(n)) end'))
      .toBe('eth3\nvale0:a\nb-c\ndir\nx-y\nodd\n');
  });

  test('knows interfaces, CPUs and what commands say', async () => {
    await lua.evaluate('setup = require("lib.setup")');
    expect(await lua.evaluate('=setup.is_interface("nic0"), setup.cpu_count() >= 1, setup.capture("echo hello"), setup.succeeds("false")')).toBe('false\ttrue\thello\tfalse\n');
  });
});
