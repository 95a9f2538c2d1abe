import { LuaFixture, RecordingProgram } from './fixture';

let lua: LuaFixture;
beforeEach(() => {
  lua = new LuaFixture();
});
afterEach(() => lua.close());

describe('the manual, typed line by line', () => {
  test('sets up an engine, runs it, shows its statistics and ends', async () => {
    const lines = [
      'pe = PktEngine.new("e0", 1024, 8)',
      'lb = Brick.new("LoadBalancer", 2)',
      'lb:connect_input("eth3")',
      'lb:connect_output("eth3{0", "eth3{1", "eth3{2", "eth3{3")',
      'pe:link(lb)',
      'pe:start()',
    ];
    for (const line of lines) await lua.evaluate(line);
    expect(await lua.evaluate('BRICKS.print_status()')).toBe('BRICKS is online.\n');
    expect(await lua.evaluate('pe:show_stats()')).toMatch(/999988/);
    expect(await lua.evaluate('BRICKS.show_stats()')).toMatch(/^e0 +running +1000000 +64000000 +12$/m);
    await lua.evaluate('pe:stop()');
    await lua.evaluate('pe:delete()');
    expect(await lua.evaluate('BRICKS.print_status()')).toBe('BRICKS is offline.\n');
    expect(await lua.host.runLine('BRICKS.shutdown()')).toMatchObject({ ok: true, exitCode: 0 });
    expect(lua.printed()).toBe('Goodbye!\n');
    expect(lua.program.commands.filter(({ command }) => !/stats|show|status/.test(command))).toEqual([
      { command: 'engine.create', name: 'e0', bufferSize: 1024, cpu: 8 },
      { command: 'brick.check', kind: 'LoadBalancer', options: 2 },
      {
        command: 'engine.link', name: 'e0',
        bricks: [{ id: 1, kind: 'LoadBalancer', options: { tuple: 2 }, inputs: ['eth3'], outputs: ['eth3{0', 'eth3{1', 'eth3{2', 'eth3{3'] }],
      },
      { command: 'engine.start', name: 'e0' },
      { command: 'engine.stop', name: 'e0' },
      { command: 'engine.delete', name: 'e0' },
      { command: 'shutdown' },
    ]);
  });

  test('a daemon says no goodbye', async () => {
    const daemon = new LuaFixture(undefined, { daemon: true });
    expect(await daemon.host.runLine('BRICKS.shutdown()')).toMatchObject({ ok: true });
    expect(daemon.printed()).toBe('');
    await daemon.close();
  });

  test('help lists the commands', async () => {
    expect(await lua.evaluate('BRICKS.help()')).toMatch(/print_status[^]*show_stats[^]*shutdown[^]*PktEngine/);
    expect(await lua.evaluate('PktEngine.help()')).toMatch(/new[^]*link[^]*start[^]*stop[^]*delete[^]*show_stats[^]*whenFull  "auto" or "drop"; default "auto"\n +what to do\n/);
    expect(await lua.evaluate('Brick.help()')).toMatch(/connect_input[^]*connect_output[^]*link[^]*Duplicator +What Duplicator does/);
    expect(await lua.evaluate('Brick.help("Merge")')).toBe('Merge: What Merge does.\n  Options:\n    tuple  an integer from 0 to 3600000 ms; default 2\n           which fields\n  Example:\n    b = Brick.new("Merge")\n    b:link(c)\n');
  });

  test('BRICKS tells version, description and copyright', async () => {
    expect(await lua.evaluate('print(BRICKS._VERSION) print(BRICKS._DESCRIPTION) print(BRICKS._COPYRIGHT)')).toMatch(/^Packet Bricks \d+\.\d+.*\n.+\n.*BSD-2-Clause\.\n$/);
  });
});

describe('calling habits', () => {
  test('calls can be chained', async () => {
    await lua.evaluate('PktEngine.new("e0"):link(Brick.new("Dummy"):connect_input("a"):connect_output("b"):connect_output("c")):start():stop():unlink():delete()');
    expect(lua.program.of('engine.link')[0].bricks[0].outputs).toEqual(['b', 'c']);
    expect(lua.program.engines.size).toBe(0);
  });

  test('dot and colon both work, on objects and on the global tables', async () => {
    await lua.evaluate('pe = PktEngine:new("e0") lb = Brick:new("Dummy") lb.connect_input("eth3") pe.link(lb)');
    const dotted = await lua.evaluate('pe.show_stats()');
    expect(dotted).toBe(await lua.evaluate('pe:show_stats()'));
    expect(await lua.evaluate('BRICKS.help()')).toBe(await lua.evaluate('BRICKS:help()'));
    expect(await lua.evaluate('=PktEngine:retrieve("e0") == pe')).toBe('true\n');
  });

  test('numbers may be given as strings, as they are read from files', async () => {
    await lua.evaluate('PktEngine.new("e0", "2048", "1"):link(Brick.new("LoadBalancer", "4"):connect_outputs("eth3", "3\\n"), "128", "0")');
    expect(lua.program.of('engine.create')[0]).toMatchObject({ bufferSize: 2048, cpu: 1 });
    expect(lua.program.of('brick.check')[0].options).toBe(4);
    expect(lua.program.of('engine.link')[0]).toMatchObject({ batch: 128, queue: 0, bricks: [{ outputs: ['eth3{0', 'eth3{1', 'eth3{2'] }] });
  });

  test('-1 means any CPU and all queues', async () => {
    await lua.evaluate('PktEngine.new("e0", 512, -1):link(Brick.new("Dummy"), 512, -1)');
    expect(lua.program.of('engine.create')[0]).not.toHaveProperty('cpu');
    expect(lua.program.of('engine.link')[0]).not.toHaveProperty('queue');
  });

  test('options can be given by table', async () => {
    await lua.evaluate('PktEngine.new{ name = "e0", cpu = 1, buffer_size = 64, warm = false }');
    await lua.evaluate('Brick.new("LoadBalancer", { tuple = 4, inner = true })');
    expect(lua.program.of('engine.create')[0]).toEqual({ command: 'engine.create', name: 'e0', cpu: 1, bufferSize: 64, options: { warm: false } });
    expect(lua.program.of('brick.check')[0].options).toEqual({ tuple: 4, inner: true });
    await lua.evaluate('Brick.new("LoadBalancer", { balance = "consistent", weights = {2, 1, 1} })');
    expect(lua.program.of('brick.check')[1].options).toEqual({ balance: 'consistent', weights: [2, 1, 1] });
  });

  test('outputs are added by names or a table of names, with what they get of lists over outputs', async () => {
    await lua.evaluate('pe = PktEngine.new("e0") lb = Brick.new("LoadBalancer", { weights = {2} }):connect_input("eth3"):connect_outputs("eth3", 1) pe:link(lb)');
    await lua.evaluate('pe:add_output(lb, "eth3{1") pe:add_output(lb, {"eth3{2", "eth3{3"}, { weights = {4, 5} }) pe:add_output(lb, "eth3{4", { weights = 2 }) pe:remove_output(lb, "eth3{4")');
    const edits = lua.program.of('engine.edit').map(({ edit }) => edit);
    expect(edits).toEqual([
      { edit: 'addOutputs', brick: 1, links: ['eth3{1'] },
      { edit: 'addOutputs', brick: 1, links: ['eth3{2', 'eth3{3'], options: { weights: [4, 5] } },
      { edit: 'addOutputs', brick: 1, links: ['eth3{4'], options: { weights: 2 } },
      { edit: 'removeOutputs', brick: 1, links: ['eth3{4'] },
    ]);
    expect(await lua.failureOf('pe:add_output(lb, {weights = 2})')).toMatch(/link name/);
  });

  test('a thousand outputs are no matter', async () => {
    await lua.evaluate('PktEngine.new("e0"):link(Brick.new("LoadBalancer"):connect_input("eth3"):connect_outputs("eth3", 1000))');
    expect(lua.program.of('engine.link')[0].bricks[0].outputs[999]).toBe('eth3{999');
  });

  test('more outputs than there can be are refused at once', async () => {
    for (const count of ['65537', '"1e9"']) {
      expect(await lua.failureOf(`Brick.new("LoadBalancer"):connect_outputs("x", ${count})`)).toMatch(/connect_outputs: argument 2 \(count\) must be an integer from 1 to 65536/);
    }
    await lua.evaluate('Brick.new("LoadBalancer"):connect_outputs("x", 65536)');
  });

  test('nobody sleeps for less than no time', async () => {
    expect(await lua.failureOf('BRICKS.sleep(-1)')).toMatch(/BRICKS\.sleep: argument 1 \(seconds\) must be a number of at least 0, but it is the number -1/);
    await lua.evaluate('BRICKS.sleep(0)');
  });
});

describe('engines', () => {
  test('retrieve gives the same engine, and nothing where there is none', async () => {
    await lua.evaluate('pe = PktEngine.new("e0")');
    expect(await lua.evaluate('=PktEngine.retrieve("e0") == pe')).toBe('true\n');
    expect(await lua.evaluate('=PktEngine.retrieve("e1") == nil')).toBe('true\n');
  });

  test('an engine made by one script is found by another', async () => {
    const program = new RecordingProgram();
    const script = new LuaFixture(program);
    const shell = new LuaFixture(program);
    await script.evaluate('PktEngine.new("e0"):start()');
    expect(await shell.evaluate('=PktEngine.retrieve("e0")')).toBe('PktEngine e0 (running)\n');
    await shell.evaluate('PktEngine.retrieve("e0"):stop():delete()');
    expect(program.engines.size).toBe(0);
    await script.close();
    await shell.close();
  });

  test('what the program refuses is an error at the line of the script', async () => {
    await lua.evaluate('pe = PktEngine.new("e0")');
    expect(await lua.failureOf('PktEngine.new("e0")')).toBe('shell:1: PktEngine.new: Engine "e0" already exists. [E_TEST]');
    await lua.evaluate('pe:start()');
    expect(await lua.failureOf('\n\npe:unlink()')).toBe('shell:3: unlink: The engine e0 is running. Stop it first. [E_TEST]');
    expect(await lua.evaluate('=pcall(pe.delete, pe)')).toMatch(/^false\tshell:1: delete: The engine e0 is running/);
  });

  test('a deleted engine says so, also when a new one has its name', async () => {
    await lua.evaluate('old = PktEngine.new("e0") old:delete() new = PktEngine.new("e0")');
    expect(await lua.failureOf('old:start()')).toMatch(/engine e0 was deleted/);
    expect(await lua.evaluate('=old, new')).toBe('PktEngine e0 (deleted)\tPktEngine e0 (stopped)\n');
  });

  test('statistics are values too', async () => {
    await lua.evaluate('pe = PktEngine.new("e0") b = Brick.new("Dummy") pe:link(b)');
    expect(await lua.evaluate('=pe:stats().packets, pe:stats().links[2].drops.noReader')).toBe('1000000\t12\n');
    expect(await lua.evaluate('=b:stats().kind, b:stats().counters.fragments')).toBe('Dummy\t3\n');
    expect(await lua.evaluate('=pe:audit().balanced, #BRICKS.stats()')).toBe('true\t1\n');
    expect(await lua.failureOf('Brick.new("Dummy"):stats()')).toMatch(/not linked to an engine yet/);
  });

  test('"Packet drop count: 25704741, and no way to know why": tables of statistics are aligned, with totals, and say why packets were dropped', async () => {
    await lua.evaluate('pe = PktEngine.new("e0") PktEngine.new("second"):start()');
    expect(await lua.evaluate('pe:show_stats()')).toBe([
      'Engine e0 (stopped)',
      'LINK    ROLE    PACKETS     BYTES  DROPS',
      'eth3    source  1000000  64000000      0',
      'eth3{0  sink     999988  63999232     12',
      'total           1000000  64000000     12',
      'Drops:',
      "  eth3{0: 12 packets had no reader. Start one, for example: bricks attach 'eth3}0'. Or remove the output.",
      '',
    ].join('\n'));
    const all = (await lua.evaluate('BRICKS.show_stats()')).split('\n');
    expect(all.slice(0, 4)).toEqual([
      'ENGINE  STATE    PACKETS      BYTES  DROPS',
      'e0      stopped  1000000   64000000     12',
      'second  running  1000000   64000000     12',
      'total            2000000  128000000     24',
    ]);
  });
});

describe('bricks', () => {
  test('linking a brick to an engine takes all bricks below it, each once', async () => {
    await lua.evaluate(`
      lb = Brick.new("LoadBalancer"):connect_input("eth3"):connect_outputs("eth3", 2)
      left = Brick.new("Dummy"):connect_input("eth3}0"):connect_output("eth3{2")
      right = Brick.new("Dummy"):connect_input("eth3}1"):connect_output("eth3{3")
      merge = Brick.new("Merge"):connect_input("eth3}2", "eth3}3"):connect_output("eth3{4")
      lb:link(left, right) left:link(merge) right:link(merge) left:link(merge)
      PktEngine.new("e0"):link(lb)`);
    const [command] = lua.program.of('engine.link');
    expect(command.bricks.map(({ kind }) => kind)).toEqual(['LoadBalancer', 'Dummy', 'Dummy', 'Merge']);
    expect(command.bricks[3]).toEqual({ id: 4, kind: 'Merge', options: { tuple: 2 }, inputs: ['eth3}2', 'eth3}3'], outputs: ['eth3{4'] });
  });

  test('a ring of bricks is handed on, for the graph to refuse', async () => {
    await lua.evaluate('a = Brick.new("Dummy") b = Brick.new("Dummy") a:link(b) b:link(a) PktEngine.new("e0"):link(a)');
    expect(lua.program.of('engine.link')[0].bricks.map(({ id }) => id)).toEqual([1, 2]);
  });

  test('a brick belongs to one engine, until it is unlinked or the engine is gone', async () => {
    await lua.evaluate('b = Brick.new("Dummy") pe = PktEngine.new("e0"):link(b) other = PktEngine.new("e1")');
    expect(await lua.failureOf('other:link(b)')).toMatch(/this Dummy is already linked to engine e0/);
    expect(await lua.failureOf('b:connect_output("x")')).toMatch(/call unlink on the engine first/);
    await lua.evaluate('pe:unlink() b:connect_output("x") other:link(b)');
    lua.program.engines.delete('e1');
    await lua.evaluate('b:connect_output("y")');
    expect(await lua.evaluate('=b')).toBe('Brick Dummy to x, y\n');
  });

  test('a misspelt kind, method or function is answered with the nearest', async () => {
    expect(await lua.failureOf('Brick.new("LoadBalancr")')).toBe('shell:1: Brick.new: There is no brick "LoadBalancr". Did you mean "LoadBalancer"? [E_TEST]');
    expect(await lua.failureOf('Brick.new("Dummy"):conect_input("x")')).toMatch(/Brick has no "conect_input". Did you mean "connect_input"\?/);
    expect(await lua.failureOf('BRICKS.shutdwon()')).toMatch(/Did you mean "shutdown"\?/);
    expect(await lua.evaluate('=PktEngine.something_else')).toBe('nil\n');
  });

  test.each([
    ['PktEngine.new()', 'PktEngine.new: argument 1 (name) must be the name of the engine, a string, but it is nothing (nil)'],
    ['PktEngine.new("e0", "many")', 'PktEngine.new: argument 2 (buffer_size) must be an integer of at least 1, but it is the string "many"'],
    ['PktEngine.new("e0", 1, 1.5)', 'PktEngine.new: argument 3 (cpu) must be an integer of at least -1, but it is the number 1.5'],
    ['PktEngine.new("e0"):link("lb")', 'link: argument 1 (brick) must be a Brick, but it is the string "lb"'],
    ['PktEngine.new("e0"):link(PktEngine)', 'link: argument 1 (brick) must be a Brick, but it is a table'],
    ['Brick.new("Dummy"):link(PktEngine.new("e0"))', 'link: argument 1 (brick) must be a Brick, but it is a PktEngine'],
    ['b = Brick.new("Dummy") b:link(b)', 'link: argument 1 is the brick itself'],
    ['Brick.new("Dummy", print)', 'Brick.new: argument 2 (options) must be a number, a string or a table of options, but it is a function'],
    ['Brick.new("Dummy"):connect_input()', 'connect_input: argument 1 (link) must be a link name such as "eth3" or "eth3{0", but it is nothing (nil)'],
    ['Brick.new("Dummy"):connect_output("a", true)', 'connect_output: argument 2 (link) must be a link name such as "eth3" or "eth3{0", but it is the boolean true'],
    ['Brick.new("Dummy"):connect_outputs("a", 0)', 'connect_outputs: argument 2 (count) must be an integer of at least 1, but it is the number 0'],
  ])('%s says which argument is wrong, what it is and what it must be', async (line, message) => {
    expect(await lua.failureOf(line)).toBe(`shell:1: ${message}`);
  });

  test('a failed call changes nothing', async () => {
    await lua.evaluate('b = Brick.new("Dummy")');
    await lua.failureOf('b:connect_output("a", 3)');
    expect(await lua.evaluate('=b')).toBe('Brick Dummy\n');
  });
});
