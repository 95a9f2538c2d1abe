import { execFileSync, spawnSync } from 'node:child_process';
import { rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { networkInterfaces } from 'node:os';
import { readCapture } from '../support/captures';
import { writeFlows } from '../support/loopback-engine';
import { Workplace } from '../support/program';

let place: Workplace;
let capture: string;
beforeAll(() => {
  place = new Workplace();
  capture = writeFlows(place.path('trace.pcap'), 500, 40);
});
afterAll(() => place.dispose());

describe('usage errors end with 2, on standard error, with what was perhaps meant', () => {
  test.each<[string, string[], RegExp]>([
    ['a misspelt command', ['devcies'], /"devcies" is not a command\. Did you mean: bricks devices\?/],
    ['a script without -f', ['set-up.lua'], /Did you mean: bricks -f set-up\.lua\?/],
    ['an unlike word', ['zzzzzzzzzzzz'], /"zzzzzzzzzzzz" is not a command\. Commands: .*devices.*See bricks --help/],
    ['a misspelt option', ['--bakend', 'pcap'], /--bakend.*--backend/s],
    ['an unknown option behind a known one', ['--backend', 'pcap', '--nonsense'], /Unknown option --nonsense\. See bricks --help/],
    ['a misspelt option behind a known one', ['--backend=pcap', '--batsch', '3'], /Unknown option --batsch\. Did you mean --batch\?/],
    ['a value for an option that takes none', ['devices', '--json=3'], /The option --json takes no value, but --json=3 gives it one\. See bricks devices --help/],
    ['an unknown letter', ['--backend', 'pcap', '-x'], /Unknown option -x\. See/],
    ['an option without its value', ['--backend'], /--backend needs a value\. See bricks --help/],
    ['an option without its value behind another', ['--backend', 'pcap', '-f'], /-f needs a value/],
    ['an unknown backend', ['--backend', 'lopback'], /There is no backend "lopback"\. Did you mean "loopback"\? \[E_BACKEND\]/],
    ['a batch that is no number', ['-b', 'many'], /See bricks --help/],
    ['a batch out of range', ['-b', '5000'], /4096/],
    ['arguments for no script', ['--', 'eth3'], /no script \(-f\)/],
    ['options of the program before attach', ['--backend', 'pcap', 'attach', 'x}0'], /do not apply to attach: pipes are read the same way/],
    ['options of the program before devices', ['--backend', 'netmap', 'devices'], /do not apply to devices: it always lists all backends/],
    ['options of the program behind devices', ['devices', '--backend', 'pcap'], /The command devices has no option --backend/],
    ['the same with an equals sign', ['devices', '--backend=pcap'], /The command devices has no option --backend/],
    ["the original's -a without its -s", ['-f', 'x.lua', '-a', ':1111'], /-a says where a daemon listens, for a shell on it: bricks -s -a ADDRESS/],
    ["the original's -d with its -s", ['-d', '-s'], /-d starts a daemon and -s opens a shell on one that runs: give one of them/],
    ['attach without a pipe', ['attach', '--count'], /^bricks: attach needs the name of a pipe, such as 'eth3}0'\. Usage: bricks attach .*See bricks attach --help\.\n$/],
    ['attach with two pipes', ['attach', 'x}0', 'x}1'], /^bricks: Unexpected argument "x}1" for attach\. Usage: bricks attach /],
    ['a word behind devices', ['devices', 'eth3'], /^bricks: Unexpected argument "eth3" for devices\. Usage: bricks devices \[--json\]\. See bricks devices --help\.\n$/],
    ['netmap-run without a program', ['netmap-run'], /netmap-run needs a program and its arguments\. See bricks netmap-run --help/],
    ['an option of attach where its program belongs', ['attach', 'x}0', '--exec', '--no-wait'], /--no-wait is not one: options of attach go before --exec/],
  ])('%s', async (_, args, message) => {
    const { code, stdout, stderr } = await place.run(args);
    expect(stderr).toMatch(message);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });
});

describe('a script that', () => {
  test('is not there is told in a line', async () => {
    const { code, stderr } = await place.run(['--backend', 'loopback', '-f', 'none.lua']);
    expect(stderr).toMatch(/^bricks: The script none\.lua can't be read: there is no such file\. Check its name\. Packet Bricks ships with: .*load-balance\.lua.* \[E_SCRIPT\]\n$/);
    expect(code).toBe(1);
  });

  test.each<[string, string, string, RegExp]>([
    ['has a syntax error shows file and line', 'syntax.lua', 'local x = 1\nlocal = 2\n', /syntax\.lua:2:/],
    ['fails shows file, line and traceback', 'fails.lua', 'function f()\n  error("no way")\nend\nf()\n', /fails\.lua:2: no way[\s\S]*traceback[\s\S]*fails\.lua:4/],
    ['asks for an unknown brick shows the line and a suggestion', 'brick.lua', 'print("hello")\nBrick.new("LoadBalencer")\n', /^bricks: \S*brick\.lua:2: .*Did you mean "LoadBalancer"\?.*\n$/],
    ['fails without a place of its own shows the line below', 'bare.lua', 'x = 1\nerror("no way", 0)\n', /^bricks: no way \[E_SCRIPT_FAILED\]\nstack traceback:\n\t\S*bare\.lua:2: in main chunk\n$/],
    ['links what does not fit shows the line, the brick and the link', 'link.lua', 'pe = PktEngine.new("e0")\nlb = Brick.new("LoadBalancer")\nlb:connect_output("x{0")\npe:link(lb)\n', /link\.lua:4: .*LoadBalancer has no input/],
    ['has a syntax error in JavaScript shows file and line', 'syntax.js', 'let a;\nconst = 1;\n', /^bricks: syntax\.js:2: Unexpected token/],
    ['has a syntax error in a module shows file and line', 'syntax.mjs', 'let a;\nconst = 1;\n', /^bricks: syntax\.mjs:2: Unexpected token/],
    ['has a syntax error in TypeScript shows file and line', 'syntax.ts', 'let a: number;\nlet b: number = ;\n', /^bricks: syntax\.ts:2: Unexpected token/],
    ['throws in TypeScript shows file, line and calls', 'throws.ts', 'const text: string = "no such luck";\nfunction f(): void {\n  throw new Error(text);\n}\nf();\n', /^bricks: throws\.ts:3: no such luck \[E_SCRIPT_FAILED\]\nstack traceback:\n\tthrows\.ts:3: in f\n\tthrows\.ts:5\n/],
    ['gives a brick a wrong option in TypeScript shows the line and the code', 'option.ts', 'import { LoadBalancer } from "packet-bricks";\nnew LoadBalancer({ tuple: 9 } as never);\n', /^bricks: option\.ts:2: .*tuple.* \[E_OPTION\]$/m],
  ])('%s, and ends with 1', async (_, name, text, message) => {
    const { code, stderr } = await place.run(['--backend', 'loopback', '-f', place.script(name, text)]);
    expect(stderr).toMatch(message);
    expect(code).toBe(1);
  });

  test.each(['scripts/load-balance.lua', 'load-balance.lua', 'load-balance'])('comes with Packet Bricks is found from any directory (%s)', async (name) => {
    const { code, stderr } = await place.run(['--backend', 'loopback', '-f', name, '--', capture, '2']);
    expect(stderr).toMatch(/e0: 500 packets received/);
    expect(code).toBe(0);
  });

  test("is the user's own comes before one of the same name that comes with Packet Bricks", async () => {
    expect(await place.run(['-f', place.script('load-balance.lua', 'print("own")')])).toMatchObject({ code: 0, stdout: 'own\n' });
    rmSync(place.path('load-balance.lua'));
    expect((await place.run(['-f', 'load-balence.lua'])).stderr).toMatch(/Did you mean load-balance\.lua, which ships with Packet Bricks\?/);
    expect((await place.run(['-f', './load-balance.lua'])).code).toBe(1);
  });

  test('is run by ./bricks of a clone, by any way to it', async () => {
    const root = join(__dirname, '../..');
    const run = (path: string): string => execFileSync(path, ['--version'], { cwd: place.folder, encoding: 'utf8' });
    symlinkSync(join(root, 'bricks'), place.path('linked'));
    const version = (jest.requireActual<{ version: string }>('../../package.json')).version;
    expect([run(join(root, 'bricks')), run('./linked')]).toEqual([`${version}\n`, `${version}\n`]);
    expect(statSync(join(root, 'bricks')).mode & 0o111).toBe(0o111);
  });

  test('is a capture file is told so', async () => {
    const { code, stderr } = await place.run(['--backend', 'loopback', '-f', capture]);
    expect(stderr).toMatch(/trace\.pcap is a capture file, not a script\..*load-balance\.lua -- /);
    expect(code).toBe(1);
  });

  test('reads a file while the backend has a filter is told that the filter is for interfaces', async () => {
    const text = BALANCE(capture, 'unfiltered');
    expect((await place.run(['--backend', 'pcap', '-o', 'filter=udp', '-f', place.script('unfiltered.lua', text)])).stderr).toMatch(/-o filter applies only to interfaces, so .*trace\.pcap is not filtered/);
    expect((await place.run(['--backend', 'pcap', '-f', place.script('unfiltered.lua', text)])).stderr).not.toMatch(/filter/);
  });

  test('names its own exit code ends with it', async () => {
    expect((await place.run(['--backend', 'loopback', '-f', place.script('seven.lua', 'os.exit(7)')])).code).toBe(7);
    expect((await place.run(['--backend', 'loopback', '-f', place.script('zero.lua', 'os.exit(0)')])).code).toBe(0);
  });

  test('gets its arguments', async () => {
    const { stdout } = await place.run(['--backend', 'loopback', '-f', place.script('arguments.lua', 'print(arg[0], #arg, arg[1], arg[2])'), '--', 'eth3', '--odd']);
    expect(stdout).toBe('arguments.lua\t2\teth3\t--odd\n');
  });

  test('does nothing ends with 0', async () => {
    expect(await place.run(['--backend', 'loopback', '-f', place.script('nothing.lua', '')])).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });
});

test.each([['--version'], ['-v']])('%s is one line', async (option) => {
  const { version } = jest.requireActual<{ version: string }>('../../package.json');
  expect(await place.run([option])).toMatchObject({ code: 0, stdout: `${version}\n`, stderr: '' });
});

test.each([['-h'], ['--help'], ['help']])('%s names the commands on standard output', async (option) => {
  const { code, stdout, stderr } = await place.run([option]);
  expect(stdout).toMatch(/--backend/);
  expect(stdout).toMatch(/devices/);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});

test.each([['attach'], ['devices'], ['netmap-run'], ['build'], []])('the help of %s has no paragraph that breaks off', async (...words: string[]) => {
  const { stdout } = await place.run([...words, '--help']);
  const paragraphs = stdout.split('\n\n').filter((text) => !/^(Usage|Options|Examples):/.test(text));
  for (const paragraph of paragraphs) expect(paragraph.trimEnd()).toMatch(/[.?]$/);
});

test('where no more files can be opened the message says what to do', async () => {
  const outputs = Array.from({ length: 30 }, (_, index) => `"${place.path(`limit-${index}.pcap`)}"`).join(', ');
  const name = place.script('limit.lua', `PktEngine.new("e0"):link(Brick.new("LoadBalancer"):connect_input("${capture}"):connect_output(${outputs}))`);
  for (const limit of [24, 40]) {
    const { code, stderr } = await place.run(['-f', name], { wrap: ['sh', '-c', `ulimit -n ${limit}; exec "$@"`, 'sh'] });
    expect(stderr).toMatch(/^bricks: .*ulimit -n.*\n$/);
    expect(code).toBe(1);
  }
});

const canChangeUser = spawnSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '-e', '0']).status === 0;

describe('devices', () => {
  (canChangeUser ? test : test.skip)('promise nothing to a user who may not capture (needs root)', async () => {
    const { stdout } = await place.run(['devices', '--json'], { wrap: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] });
    const reports = JSON.parse(stdout) as { backend: string; devices: { capture: boolean; send: boolean; notes: string[] }[] }[];
    const { devices } = reports.find(({ backend }) => backend === 'pcap')!;
    expect(devices.length).toBeGreaterThan(0);
    for (const device of devices) expect(device).toMatchObject({ capture: false, send: false, notes: expect.arrayContaining(['you are not allowed to capture']) as string[] });
  });

  test('lists what each backend can do with each interface', async () => {
    const { code, stdout } = await place.run(['devices']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^INTERFACE .*PCAP.*LOOPBACK/);
    expect(stdout).toMatch(/^loopback: works everywhere/m);
    for (const name of Object.keys(networkInterfaces())) expect(stdout).toMatch(new RegExp(`^${name} `, 'm'));
  });

  test('are JSON for programs', async () => {
    const { code, stdout, stderr } = await place.run(['devices', '--json']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const reports = JSON.parse(stdout) as { backend: string; usable: boolean; reason: string; devices: { name: string }[] }[];
    expect(reports.map(({ backend }) => backend)).toEqual(expect.arrayContaining(['pcap', 'loopback']));
    const pcap = reports.find(({ backend }) => backend === 'pcap')!;
    for (const name of Object.keys(networkInterfaces())) expect(pcap.devices.map((device) => device.name)).toContain(name);
  });
});

const BALANCE = (input: string, name: string): string => `
  pe = PktEngine.new("e0")
  lb = Brick.new("LoadBalancer"):connect_input("${input}"):connect_output("${name}-0.pcap", "${name}-1.pcap")
  pe:link(lb):start()
`;

describe('the program ends', () => {
  test('when all sources have, and says what became of the packets', async () => {
    const { code, stderr } = await place.run(['--backend', 'loopback', '-f', place.script('balance.lua', BALANCE(capture, 'balance'))]);
    expect(stderr).toMatch(/^bricks: e0: 500 packets received, 0 dropped$/m);
    expect(code).toBe(0);
  });

  test.each<NodeJS.Signals>(['SIGINT', 'SIGTERM', 'SIGHUP'])('in order on %s, with everything received accounted for', async (signal) => {
    const text = `
      pe = PktEngine.new("e0")
      pe:link(Brick.new("PcapReader", {loop = 0}):connect_input("${capture}"):connect_output("endless.pcap")):start()
      print("running")
    `;
    const running = place.start(['--backend', 'loopback', '-f', place.script('endless.lua', text)], { input: '' });
    await running.says(/running/);
    running.signal(signal);
    const { code, stderr } = await running.ended;
    expect(stderr).toMatch(/^bricks: e0: \d+ packets received, 0 dropped$/m);
    expect(code).toBe(0);
    const received = Number(/(\d+) packets received/.exec(stderr)![1]);
    const { stdout } = await place.run(['--backend', 'loopback', '-f', place.script('count.lua', `
      pe = PktEngine.new("e0")
      pe:link(Brick.new("Dummy"):connect_input("endless.pcap"):connect_output("/dev/null")):start()
      while pe:stats().running do end
      print(pe:stats().packets)
    `)]);
    expect(Number(stdout)).toBe(received);
  });

  test('on a signal while a Lua script loops', async () => {
    const running = place.start(['--backend', 'loopback', '-f', place.script('loops.lua', 'print("looping") while true do end')], { input: '' });
    await running.says(/looping/);
    running.signal('SIGINT');
    expect((await running.ended).signal).toBeNull();
  });

  test('when Lua on standard input does, and 1 if a line of it failed', async () => {
    expect(await place.run(['--backend', 'loopback'], { input: 'print(1 + 1)\n' })).toMatchObject({ code: 0, stdout: '2\n' });
    const failed = await place.run(['--backend', 'loopback'], { input: 'error("no")\nprint("goes on")\n' });
    expect(failed).toMatchObject({ code: 1, stdout: 'goes on\n' });
    expect(failed.stderr).toMatch(/no/);
    expect(await place.run(['--backend', 'loopback'], { input: 'if true then\n' })).toMatchObject({ code: 1, stderr: expect.stringContaining('ends in the middle of a statement') });
  });

  test('"a loop in the script takes a whole core and starves the engine": a script that loops cannot starve an engine', async () => {
    const { stdout, code } = await place.run(['--backend', 'loopback', '-f', place.script('busy.lua', `${BALANCE(capture, 'busy')} while pe:stats().packets < 500 do end print("all", pe:stats().drops) os.exit(3)`)]);
    expect(stdout).toBe('all\t0\n');
    expect(code).toBe(3);
  });
});

describe('a full disk', () => {
  const onto = (redirection: string): { wrap: readonly string[] } => ({ wrap: ['sh', '-c', `exec "$@" ${redirection}`, 'sh'] });

  test('under the messages ends no engine', async () => {
    const text = `
      pe = PktEngine.new("e0")
      pe:link(Brick.new("Duplicator"):connect_input("${capture}"):connect_output("/dev/full", "kept.pcap")):start()
      while pe:stats().links[1].packets < 500 do BRICKS.sleep(0.01) end
    `;
    const { code } = await place.run(['--backend', 'loopback', '-f', place.script('log.lua', text)], onto('2>/dev/full'));
    expect(code).toBe(4); // of the output /dev/full, not of the messages
    expect(readCapture(place.path('kept.pcap'))).toHaveLength(500);
  });

  test.each<[string, string[]]>([
    ['help', ['--help']],
    ['devices', ['devices']],
    ['a script', ['--backend', 'loopback', '-f', 'says.js']],
  ])('under standard output is told in one line, with 1 at the end (%s)', async (_, args) => {
    place.script('says.js', 'console.log("one"); setTimeout(() => console.log("two"), 1); setTimeout(() => {}, 50);');
    const { code, stderr } = await place.run(args, onto('>/dev/full'));
    expect(stderr).toMatch(/^bricks: Cannot write to standard output: the disk is full\. .* \[E_OUTPUT\]\n$/);
    expect(code).toBe(1);
  });
});

describe('a second signal', () => {
  const start = async (): Promise<ReturnType<typeof place.start>> => {
    const text = `
      pe = PktEngine.new("e0")
      pe:link(Brick.new("PcapReader", {loop = 0}):connect_input("${capture}"):connect_output("/dev/null")):start()
      print("running")
    `;
    const running = place.start(['--backend', 'loopback', '-f', place.script('signals.lua', text)], { input: '' });
    await running.says(/running/);
    return running;
  };

  test('right behind the first changes nothing: the report comes all the same', async () => {
    const running = await start();
    running.signal('SIGTERM');
    running.signal('SIGINT');
    running.signal('SIGTERM');
    const { code, stderr } = await running.ended;
    expect(stderr).toMatch(/^bricks: e0: \d+ packets received, 0 dropped$/m);
    expect(code).toBe(0);
  });
});

test('a second signal more than a second behind the first ends a program that can not end in order', async () => {
  writeFileSync(place.path('stuck.mjs'), `
    import { defineBrick } from 'packet-bricks';
    export const Stuck = defineBrick({ name: 'Stuck', process: () => () => { for (;;); } });
  `);
  const running = place.start(['-f', place.script('stuck.ts', `
    import { PacketEngine } from 'packet-bricks';
    import { Stuck } from './stuck.mjs';
    const engine = new PacketEngine('stuck', { backend: 'loopback', hangMilliseconds: 0, warmUpMilliseconds: 0 });
    await engine.link(new Stuck().connectInput(process.argv[2]).connectOutput('/dev/null'));
    await engine.start();
    console.log('running');
  `), '--', capture], { input: '' });
  await running.says(/running/);
  running.signal('SIGTERM');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  running.signal('SIGTERM');
  const { code, stderr } = await running.ended;
  expect(stderr).toMatch(/second signal: exited at once/);
  expect(code).toBe(1);
});

describe('a failing engine is told of, with 1 at the end', () => {
  const OWN = `
    import { defineBrick } from 'packet-bricks';
    const check = (number) => {
      if (number > 2) throw new Error('a packet too many');
    };
    export const Failing = defineBrick({
      name: 'Failing',
      choose: () => (row) => { check(row); return 0; },
    });
  `;
  test('from TypeScript, with the line of the brick that failed', async () => {
    writeFileSync(place.path('failing.mjs'), OWN);
    const { code, stderr } = await place.run(['-f', place.script('failing.ts', `
      import { PacketEngine } from 'packet-bricks';
      import { Failing } from './failing.mjs';
      const engine = new PacketEngine('own', { backend: 'loopback' });
      await engine.link(new Failing().connectInput(process.argv[2]).connectOutput('/dev/null'));
      await engine.start();
    `), '--', capture]);
    expect(stderr).toMatch(/^bricks: failing\.mjs:4: The brick Failing failed: a packet too many \[E_BRICK_FAILED\]\nstack traceback:\n\tfailing\.mjs:4: in check\n\tfailing\.mjs:8$/m);
    expect(stderr).not.toMatch(/BricksWarning/);
    expect(code).toBe(1);
  });
});

test('without --backend the program says with -v which one it took and why, and nothing to a log', async () => {
  const { code, stderr } = await place.run(['-v', '-f', place.script('verbose.lua', '')]);
  expect(stderr).toMatch(/^bricks: backend \w+ \(.+\)$/m);
  expect(code).toBe(0);
  expect(await place.run(['-f', 'verbose.lua'])).toMatchObject({ code: 0, stderr: '' });
});
