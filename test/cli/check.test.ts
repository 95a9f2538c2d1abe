/** `bricks check`: what a script would build, or what is wrong with it, without opening anything. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { PlannedEngines } from 'packet-bricks/src/control/planned-engines';
import { LuaHost } from 'packet-bricks/src/lua/lua-host';
import { Workplace, type Outcome } from '../support/program';

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
});
afterAll(() => place.dispose());

interface Report {
  readonly ok: boolean;
  readonly exitCode: number;
  readonly stillRunning: boolean;
  readonly error?: { readonly code: string; readonly message: string; readonly file?: string; readonly line?: number };
  readonly forgotten: readonly string[];
  readonly skipped: readonly string[];
  readonly engines: readonly { readonly name: string; readonly state: string; readonly bricks: readonly { readonly label: string }[]; readonly links: readonly { readonly name: string; readonly role: string }[] }[];
}

let scripts = 0;
function write(text: string): string {
  const name = `set-up-${++scripts}.lua`;
  writeFileSync(place.path(name), text);
  return name;
}

const check = (text: string, ...args: string[]): Promise<Outcome> => place.run(['check', ...args, write(text)]);

async function reportOf(text: string, ...args: string[]): Promise<Report> {
  const { code, stdout } = await check(text, '--json', ...args);
  const report = JSON.parse(stdout) as Report;
  expect(report.exitCode).toBe(code);
  return report;
}

const BALANCER = 'local lb = Brick.new("LoadBalancer", 4):connect_input("nic0"):connect_outputs("nic0", 4)\n';

test('shows the engines that a script would start, as a tree, and opens none of their links', async () => {
  const { code, stdout, stderr } = await place.run(['check', 'sample-setups', '--', 'duplicate-and-balance', 'nic0']);
  expect(stdout).toBe([
    'engine e0: started, backend pcap, batch 512, bufferSize = 1024', '  nic0', '  └─ Duplicator',
    '     ├─ nic0}0 in memory', '     │  └─ LoadBalancer',
    ...[4, 5, 6].map((n) => `     │     ├─ nic0{${n}, to be read at nic0}${n}`), '     │     └─ nic0{7, to be read at nic0}7',
    '     ├─ nic0{1, to be read at nic0}1', '     ├─ nic0{2, to be read at nic0}2', '     └─ nic0{3, to be read at nic0}3', '',
  ].join('\n'));
  expect(stderr).toMatch(/^Running: a duplicator/);
  expect(code).toBe(0);
  expect(readdirSync(place.path('run'))).toEqual([]);
});

test('links are named as the backend has them, and many outputs are told in one line', async () => {
  const { code, stdout } = await place.run(['check', '--backend', 'netmap', 'load-balance', '--', 'vale0:a', '1000']);
  expect(stdout).toMatch(/backend netmap, batch 1024.*\n {2}vale0:a\n {2}└─ LoadBalancer\n {5}└─ vale0:a\{0 to vale0:a\{999 \(1000 links\)\n$/);
  expect(code).toBe(0);
});

test('secret options show no value, here or in graphs', async () => {
  const file = write('PktEngine.new("e0"):link(Brick.new("Filter", {listen = "127.0.0.1:4700", token = "hidden words"}):connect_input("nic0"):connect_output("nic0{0")):start()');
  for (const command of [['check'], ['graph', '--json']]) {
    const { code, stdout } = await place.run([...command, file]);
    expect([code, stdout.includes('token'), stdout.includes('***'), stdout.includes('hidden')]).toEqual([0, true, true, false]);
  }
});

describe('what is wrong is told as in a real run', () => {
  test.each<[string, string, string, RegExp]>([
    ['a misspelt kind', 'Brick.new("LoadBalencer")', 'E_BRICK', /^set-up-\d+\.lua:1: Brick\.new: There is no brick "LoadBalencer"\. Did you mean "LoadBalancer"\? \[E_BRICK\]$/],
    ['a wrong option', 'Brick.new("LoadBalancer", { tuples = 2 })', 'E_OPTION', /has no option "tuples"\. Did you mean "tuple"/],
    ['a wrong option of an engine', 'PktEngine.new{ name = "e0", cpus = 1 }', 'E_OPTION', /Did you mean "cpu"/],
    ['a wrong option of a backend', `${BALANCER}PktEngine.new{ name = "e0", backendOptions = { snaplen = 1 } }:link(lb)`, 'E_OPTION', /The backend pcap has no option "snaplen"/],
    ['an unknown backend', `${BALANCER}PktEngine.new{ name = "e0", backend = "pcp" }:link(lb)`, 'E_BACKEND', /Did you mean "pcap"/],
    ['a batch out of range', `${BALANCER}PktEngine.new("e0"):link(lb, 5000)`, 'E_OPTION', /batch size must be from 1 to 4096/],
    ['a queue of a file', 'PktEngine.new("e0"):link(Brick.new("Dummy"):connect_input("a.pcap"):connect_output("x{0"), 512, 1)', 'E_OPTION', /asks for queue 1, but a\.pcap has none/],
    ['a brick without an output', 'PktEngine.new("e0"):link(Brick.new("Dummy"):connect_input("nic0"))', 'E_NO_OUTPUT', /Dummy has no output/],
    ['bricks in a circle', 'local a, b = Brick.new("Dummy"), Brick.new("Dummy") a:connect_input("x}0"):connect_output("y{0"):link(b) b:connect_input("y}0"):connect_output("x{0") PktEngine.new("e0"):link(a)', 'E_CYCLE', /form a loop/],
    ['a filter expression', 'PktEngine.new("e0"):link(Brick.new("Filter", "tcp prot 80"):connect_input("nic0"):connect_output("nic0{0"))', 'E_FILTER', /"tcp prot 80" \(option "expression"\) is not valid: syntax error/],
    ['a pipe that two engines write', 'for i = 1, 2 do PktEngine.new("e" .. i):link(Brick.new("Dummy"):connect_input("nic" .. i):connect_output("x{0")) end', 'E_PIPE_BUSY', /x\{0 is busy: written by this process/],
    ['a link to a running engine', `${BALANCER}local pe = PktEngine.new("e0"):link(lb):start() pe:unlink()`, 'E_ENGINE_RUNNING', /is running\. Stop it before you unlink/],
    ['a start without a brick', 'PktEngine.new("e0"):start()', 'E_ENGINE_NOT_LINKED', /has no brick/],
    ['a method of a brick that has none', `${BALANCER}PktEngine.new("e0"):link(lb) lb:call("add")`, 'E_BRICK_CALL', /no control half, so it has no methods/],
    ['an error of Lua', 'local x = nil\nprint(x.y)', 'E_SCRIPT_FAILED', /^set-up-\d+\.lua:2: attempt to index local 'x'/],
    ['a syntax error', 'for i = 1 do', 'E_SCRIPT_FAILED', /^set-up-\d+\.lua:1: /],
  ])('%s', async (_, text, code, message) => {
    const engines = new PlannedEngines({ backend: 'pcap' });
    const host = new LuaHost((command) => engines.execute(command), { output: 2 });
    const result = await host.runScript(place.path(write(text)));
    await host.close();
    const told = result.ok ? '' : result.failure.message.slice(result.failure.message.lastIndexOf('/') + 1);
    expect(told).toMatch(message);
    if (code !== 'E_SCRIPT_FAILED') expect(told).toMatch(new RegExp(`\\[${code}\\]$`));
  });

  test('with its code and place in JSON', async () => {
    expect(await reportOf('\nBrick.new("LoadBalencer")')).toMatchObject({ ok: false, exitCode: 1, error: { code: 'E_BRICK', line: 2, file: expect.stringMatching(/^set-up-\d+\.lua$/) } });
    expect(await reportOf('local x = nil\nprint(x.y)')).toMatchObject({ ok: false, error: { code: 'E_SCRIPT_FAILED', line: 2 } });
  });

  test('also without --json, in the very words of a real run', async () => {
    const text = 'local f = Brick.new("Filter", { drop = "tcp prot 80" }):connect_input("a.pcap"):connect_output("x{0")\nPktEngine.new("e0"):link(f):start()\n';
    writeFileSync(place.path('words.lua'), text);
    writeFileSync(place.path('a.pcap'), Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex'));
    const [checked, real] = await Promise.all([place.run(['check', 'words.lua']), place.run(['--backend', 'loopback', '-f', 'words.lua'])]);
    expect(real.stderr).toMatch(/\[E_FILTER\]\n/);
    expect(checked.stderr.split('\n')[0]).toBe(real.stderr.split('\n')[0]);
    expect([checked.code, real.code]).toEqual([1, 1]);
  });
});

test('what was forgotten is a failure, as in a real run', async () => {
  expect(await reportOf(`${BALANCER}PktEngine.new("e0"):link(lb)`)).toMatchObject({ exitCode: 1, ok: false, forgotten: [expect.stringMatching(/The engine e0 was never started/)] });
  expect(await reportOf(BALANCER)).toMatchObject({ exitCode: 1, forgotten: [expect.stringMatching(/No engine is linked to the brick LoadBalancer from nic0/)] });
  expect(await reportOf('os.exit(7)')).toMatchObject({ exitCode: 7, ok: false });
  writeFileSync(place.path('leaves.lua'), 'os.exit(7)');
  expect(await place.run(['check', 'leaves.lua'])).toMatchObject({ code: 7, stderr: 'bricks: leaves.lua ends itself with exit code 7.\n' });
});

test('commands are not run and files not written, and both are said', async () => {
  const text = `
assert(os.execute("touch ran") == 0)
assert(io.popen("touch ran"):read("*all") == "")
local f = io.open("written", "w") f:write("x") f:close()
assert(io.open("no-such-file") == nil)
os.remove("words.lua") os.rename("a", "b")
`;
  const { code, stderr } = await check(text);
  expect(stderr.match(/not done: .*/g)).toEqual(['not done: os.execute("touch ran")', 'not done: io.popen("touch ran")', 'not done: io.open("written", "w")', 'not done: os.remove("words.lua")', 'not done: os.rename("a", "b")']);
  expect(code).toBe(0);
  expect([existsSync(place.path('ran')), existsSync(place.path('written'))]).toEqual([false, false]);
  const { skipped } = await reportOf('assert(io.popen("echo 4"):read("*n") == 4) os.execute("true")', '--run-commands');
  expect(skipped).toEqual([]);
});

test('waits take no time: a script that waits for ever is checked up to there, one that loops for ever fails', async () => {
  const waits = await reportOf(`${BALANCER}local pe = PktEngine.new("e0"):link(lb):start()
local started = os.time() local finish = os.clock() + 100
while os.clock() < finish do end
assert(os.time() - started >= 99)
pe:stop():delete()
PktEngine.new("e1"):link(lb):start()
while true do BRICKS.sleep(100) end`);
  expect(waits).toMatchObject({ ok: true, exitCode: 0, stillRunning: true });
  expect(waits.engines.map(({ name, state }) => `${name} ${state}`)).toEqual(['e0 started', 'e1 started']);
  const loops = await reportOf(`${BALANCER}while true do end`, '--limit', '0.3');
  expect(loops).toMatchObject({ ok: false, stillRunning: false, error: { code: 'E_INTERRUPTED', message: expect.stringMatching(/^set-up-\d+\.lua:2: The script was still at work after 0\.3 s/) } });
});

test('an engine whose files have been played has ended when its script looks; one that replays for ever runs', async () => {
  const { ok, engines } = await reportOf(`
local function play(name, options)
  return PktEngine.new(name):link(Brick.new("PcapReader", options):connect_input("a.pcap"):connect_output(name .. "{0")):start()
end
local once, ever = play("once", {}), play("ever", { loop = 0 })
while once:stats().running do BRICKS.sleep(0.1) end
once:delete()
assert(ever:stats().running and ever:audit().balanced)
`);
  expect(ok).toBe(true);
  expect(engines.map(({ links }) => links.map(({ name, role }) => `${role} ${name}`))).toEqual([['source a.pcap', 'sink once{0'], ['source a.pcap', 'sink ever{0']]);
});

describe('modules', () => {
  const rest = "await new Promise((resolve) => setTimeout(resolve, 5));";
  const checkModule = (name: string, text: string, ...args: string[]): Promise<Outcome> => {
    writeFileSync(place.path(name), text);
    return place.run(['check', name, ...args]);
  };

  test('TypeScript is run with its engines only planned, and what it prints or begins besides is of no account', async () => {
    const { code, stdout, stderr } = await checkModule('set-up.ts', `import { createServer } from 'node:http';
import { Duplicator, LoadBalancer, PacketEngine } from 'packet-bricks';
const device: string = process.argv[2];
const duplicator = new Duplicator().connectInput(device).connectOutputs(device, 2);
duplicator.link(new LoadBalancer().connectInput(device + '}0').connectOutputs('ids', 2));
const engine = new PacketEngine('e0');
await engine.link(duplicator);
await engine.start();
createServer().listen(0);
setInterval(() => console.log(engine.stats().packets), 10);
console.log('running', engine.running, engine.audit().balanced);
`, '--', 'nic0');
    expect(stdout).toBe([
      'engine e0: started, backend pcap, batch 512', '  nic0', '  └─ Duplicator', '     ├─ nic0}0 in memory', '     │  └─ LoadBalancer',
      '     │     ├─ ids{0, to be read at ids}0', '     │     └─ ids{1, to be read at ids}1', '     └─ nic0{1, to be read at nic0}1', '',
    ].join('\n'));
    expect(stderr).toMatch(/^running true true$/m);
    expect(code).toBe(0);
    expect(readdirSync(place.path('run'))).toEqual([]);
  });

  test('engines end and stop as in a real run; an exit code is taken', async () => {
    const { code, stdout, stderr } = await checkModule('ends.mjs', `import { Dummy, PacketEngine } from 'packet-bricks';
const once = new PacketEngine('once');
once.on('ended', () => console.log('ended'));
await once.link(new Dummy().connectInput('a.pcap').connectOutput('x{0'));
await once.start();
await once.finished();
await once.delete();
const ever = new PacketEngine('ever');
await ever.link(new Dummy().connectInput('nic').connectOutput('x{0'));
await ever.start();
setTimeout(() => void ever.stop(), 5);
await ever.finished();
process.exit(7);
`, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, exitCode: 7, stillRunning: false, engines: [{ name: 'once', deleted: true, state: 'started' }, { name: 'ever', deleted: false, state: 'started' }] });
    expect([code, stderr]).toEqual([7, 'ended\n']);
  });

  test.each<[string, string, string, string, number, RegExp]>([
    ['in a graph', 'wrong.mts', `import { Filter, PacketEngine } from 'packet-bricks';\nconst e: PacketEngine = new PacketEngine('e');\n${rest}\nawait e.link(new Filter('tcp prot 80').connectInput('a').connectOutput('b'));`, 'E_FILTER', 4, /"tcp prot 80"/],
    ['behind its loading', 'later.cjs', `const { Dummy, PacketEngine } = require('packet-bricks');\n(async () => { for (const n of [1, 2]) {\n  const e = new PacketEngine('e' + n);\n  await e.link(new Dummy().connectInput('nic' + n).connectOutput('x{0')); } })();`, 'E_PIPE_BUSY', 4, /x\{0 is busy: written by this process/],
    ['of its own', 'own.js', "\nthrow new Error('in vain');", 'E_SCRIPT_FAILED', 2, /in vain/],
  ])('a mistake %s is told with its code and place', async (_, name, text, error, line, message) => {
    const { code, stdout } = await checkModule(name, text, '--json');
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, exitCode: 1, error: { code: error, file: name, line, message: expect.stringMatching(message) as string } });
    expect(code).toBe(1);
  });

  test('what was forgotten is a failure, and one that waits for ever is checked until then', async () => {
    const { code, stderr } = await checkModule('forgets.mjs', "import { Dummy, PacketEngine } from 'packet-bricks';\nawait new PacketEngine('e').link(new Dummy().connectInput('a').connectOutput('b'));\nawait new Promise(() => undefined);");
    expect(stderr).toMatch(/^bricks: The engine e was never started.*\nbricks: forgets\.mjs waits for something: it was checked until then\.\n$/);
    expect(code).toBe(1);
  });
});
