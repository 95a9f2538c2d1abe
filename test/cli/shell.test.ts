/** The original's usage, as its manual has it, typed line by line. */
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { readCapture } from '../support/captures';
import { flowPacket, writeFlows } from '../support/loopback-engine';
import { PROGRAM, Running, SCRIPTS, Workplace } from '../support/program';
import { writeCapture } from '../support/write-capture';

let place: Workplace;
let capture: string;
beforeAll(() => {
  place = new Workplace();
  capture = writeFlows(place.path('trace.pcap'), 800, 60);
});
afterAll(() => place.dispose());

/** What the manual types, with an input that packets come from. */
const MANUAL = (input: string, output: string): string[] => [
  'BRICKS.print_status()',
  'pe = PktEngine.new("e0", 1024, -1)',
  'lb = Brick.new("LoadBalancer", 2)',
  `lb:connect_input("${input}")`,
  `lb:connect_output("${output}{0", "${output}{1", "${output}{2", "${output}{3")`,
  'pe:link(lb, 512, -1)',
  'pe:start()',
  'BRICKS.print_status()',
  'pe:show_stats()',
  'BRICKS.show_stats()',
  'pe:stop()',
  'pe:delete()',
  '=PktEngine.retrieve("e0") == nil',
  'BRICKS.shutdown()',
];

describe.each(['loopback', 'pcap'])('on %s', (backend) => {
  test('the usage of the manual works', async () => {
    // A file that plays without end, so that the engine runs until it is told to stop.
    const lines = MANUAL('in', `m-${backend}`).map((line) => (line.includes('connect_input') ? `lb:connect_input("x}0") r = Brick.new("PcapReader", {loop = 0}) r:connect_input("${capture}") r:connect_output("x{0") r:link(lb)` : line.replace('pe:link(lb,', 'pe:link(r,')));
    const { code, stdout, stderr } = await place.run(['--backend', backend], { input: `${lines.join('\n')}\n` });
    expect(stderr).not.toMatch(/traceback|E_/);
    expect(stdout).toMatch(/^BRICKS is offline\.\nBRICKS is online\.\n/);
    expect(stdout.match(/e0/g)!.length).toBeGreaterThanOrEqual(2);
    expect(stdout).toMatch(/true\nGoodbye!\n$/);
    expect(code).toBe(0);
  });

  test('statistics show what was received, and where it went', async () => {
    const name = `s-${backend}`;
    const { code, stdout } = await place.run(['--backend', backend], { input: `
pe = PktEngine.new("e0")
pe:link(Brick.new("LoadBalancer", 4):connect_input("${capture}"):connect_outputs("${name}", "4"))
pe.start(pe)
while pe:stats().running do BRICKS.sleep(0.01) end
pe:show_stats()
BRICKS.show_stats()
s = pe:stats() sum = 0
for _, link in ipairs(s.links) do if link.role == "sink" then sum = sum + link.packets + link.dropped end end
=s.packets, sum, s.running
` });
    expect(stdout).toMatch(/800\t800\tfalse\n$/);
    expect(stdout).toMatch(/e0.*800/);
    expect(code).toBe(0);
  });

  test('an error shows its line, and the calls that led to it if there were any, and the shell goes on', async () => {
    const { code, stdout, stderr } = await place.run(['--backend', backend], { input: 'pe = PktEngine.new("e0")\npe:start()\nlb = Brick.new("LoadBalencer")\nfunction f()\n  Brick.new(1)\nend\nf()\nfor i = 1, 2 do\n  print(i)\nend\n= 1 + 1, "x"\npe:delete()\n' });
    expect(stderr).toMatch(/The engine e0 has no brick/);
    expect(stderr).toMatch(/Did you mean "LoadBalancer"\?/);
    expect(stderr.match(/stack traceback:\n.*in function 'f'\n.*in main chunk/g)).toHaveLength(1);
    expect(stderr.match(/stack traceback/g)).toHaveLength(1);
    expect(stdout).toBe('1\n2\n2\tx\n');
    expect(code).toBe(1);
  });

  test('commands out of turn are refused in words that help', async () => {
    const { stdout, stderr } = await place.run(['--backend', backend], { input: `
pe = PktEngine.new("e0")
r = Brick.new("PcapReader", {loop = 0}):connect_input("${capture}"):connect_output("o-${backend}{0")
pe:link(r):start()
pe:delete()
pe:unlink()
PktEngine.new("e0")
pe:stop():unlink()
pe:start()
pe:link(r):start():stop():delete()
print("end")
` });
    expect(stderr).toMatch(/engine e0 is running\. Stop it before you delete it/);
    expect(stderr).toMatch(/engine e0 is running\. Stop it before you unlink/);
    expect(stderr).toMatch(/Engine "e0" already exists/);
    expect(stderr).toMatch(/engine e0 has no brick/);
    expect(stdout).toBe('end\n');
  });
});

test('a name alone takes no line with it, tables are printed, and ? is help', async () => {
  const { code, stdout, stderr } = await place.run(['--backend', 'loopback'], { input: 'pe = PktEngine.new("e0")\npe\nprint("next")\n= pe:stats()\n?\n? Merge\nhelp pe\n' });
  expect(stdout).toMatch(/^PktEngine e0 \(stopped\)\nnext\n\{\n[^]* {2}bricks = \{\},\n[^]* {2}name = "e0",\n[^]*\}\nLua 5\.1\.[^]*\nMerge: [^]*\npe:start\(\)/);
  expect(stderr).toMatch(/was never started|has no brick/);
  expect(code).toBe(1);
});

describe('on a terminal', () => {
  /** The program on a pseudo-terminal of its own. */
  function onTerminal(...args: string[]): Running {
    return onTerminalOf('dumb', ...args);
  }

  function onTerminalOf(kind: string, ...args: string[]): Running {
    const command = [process.execPath, PROGRAM, ...args].map((word) => `'${word}'`).join(' ');
    return new Running(spawn('script', ['-qfec', command, '/dev/null'], { cwd: place.folder, env: { ...place.environment, TERM: kind, COLUMNS: '500' } }));
  }
  const terminalTest = hasScript() ? test : test.skip;

  terminalTest('the usage of the manual works, with prompts, and the shell is left by BRICKS.shutdown (skipped where script(1) is missing)', async () => {
    const running = onTerminal('--backend', 'loopback');
    await running.says(/bricks> /);
    const prompts = (): number => running.stdout.split('bricks> ').length;
    for (const line of MANUAL(capture, 't')) {
      const before = prompts();
      running.type(line);
      if (line !== 'BRICKS.shutdown()') while (prompts() <= before) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    const { code, stdout } = await running.ended;
    expect(stdout).toMatch(/BRICKS is offline\./);
    expect(stdout).toMatch(/true\s+bricks> /);
    expect(stdout).toMatch(/Goodbye!/);
    expect(stdout).not.toMatch(/traceback/);
    expect(code).toBe(0);
  });

  terminalTest('an incomplete statement gets another prompt, Ctrl-C ends what runs, Ctrl-D leaves', async () => {
    const running = onTerminal('--backend', 'loopback');
    await running.says(/bricks> /);
    running.type('for i = 1, 2 do');
    await running.says(/>> /);
    running.type('print("number " .. i) end');
    await running.says(/number 2\s+bricks> /);
    running.type('print("before") while true do end');
    await running.says(/before\s*\n[\s\S]*before\s*\n|\nbefore\r?\n/);
    running.child.stdin.write('\u0003');
    await running.says(/interrupted/);
    running.type('print("goes " .. "on")');
    await running.says(/goes on/);
    running.child.stdin.write('\u0004');
    expect((await running.ended).code).toBe(0);
  });

  terminalTest('Ctrl-C takes back what is typed or recalled, and what comes next is not mixed with it', async () => {
    const running = onTerminal('--backend', 'loopback');
    await running.says(/bricks> /);
    running.type('first = 11');
    await running.says(/11\s+bricks> /);
    running.child.stdin.write('some garbage\u001b[D\u001b[D');
    running.child.stdin.write('\u0003');
    await running.says(/\^C/);
    running.type('print("is", first + 1)');
    await running.says(/is\s12\s/);
    running.child.stdin.write('\u001b[A\u001b[A\u0003');
    running.type('print("is", first + 2)');
    await running.says(/is\s13\s/);
    running.type('= "still " .. "here"');
    await running.says(/still here/);
    running.type('exit');
    const { code, stdout } = await running.ended;
    expect(stdout).not.toMatch(/error|unexpected|traceback/);
    expect(code).toBe(0);
  });

  terminalTest('Tab within quotes offers bricks and capture files, Ctrl-R finds what was typed before, and a name alone is printed', async () => {
    const running = onTerminalOf('xterm', '--backend', 'loopback');
    const keys = (text: string): boolean => running.child.stdin.write(text);
    await running.says(/bricks> /);
    /** What is typed while a line is at work gets neither words nor a search: the next prompt is waited for. */
    const prompted = async (pattern: RegExp): Promise<void> => {
      await running.says(new RegExp(`${pattern.source}[^]*bricks> `));
      running.stdout = '';
    };
    keys('lb = Brick.new("LoadB\t');
    await running.says(/LoadBalancer"/);
    keys(', 4)\n');
    await prompted(/4\)\s/);
    keys('lb:connect_input("trac\t');
    await running.says(/connect_input\("trace\.pcap"/);
    running.type(')');
    await prompted(/\n/);
    running.type('lb');
    await prompted(/Brick LoadBalancer from trace\.pcap/);
    running.type('x = 41');
    await prompted(/41\s/);
    running.type('print("answer", x + 1)');
    await prompted(/answer\s42/);
    running.type('print("other")');
    await prompted(/\nother/);
    // What is typed is put aside, found by a part, looked for further back, run; and comes back where the search is abandoned.
    keys('garbage\u0012x');
    await running.says(/\(history\) x: print\("answer", x \+ 1\)/);
    keys('\u0012');
    await running.says(/\(history\) x: x = 41/);
    keys('\u0013\r');
    await prompted(/answer\s42/);
    keys('print("kept")\u0012zzz');
    await running.says(/\(no other line\) zzz/);
    keys('\u0007\n');
    await prompted(/\nkept/);
    keys('\u0012other\u001b[C print("and", "more")\n');
    await prompted(/\nother\r?\nand\tmore/);
    running.type('? LoadBalancer');
    await running.says(/fragmentWait {6}an integer from 0 to 10000 ms; default 100/);
    running.type('exit');
    const { code, stderr } = await running.ended;
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });

  terminalTest('a terminal that goes ends the engines in order', async () => {
    writeFileSync(place.path('goes.lua'), `
      pe = PktEngine.new("e0")
      pe:link(Brick.new("PcapReader", {loop = 0}):connect_input("${capture}"):connect_output("/dev/null")):start()
    `);
    const command = `echo $$ > pid; exec '${process.execPath}' '${PROGRAM}' --backend loopback -f goes.lua 2> messages`;
    const running = new Running(spawn('script', ['-qfec', command, '/dev/null'], { cwd: place.folder, env: { ...place.environment, TERM: 'dumb' } }));
    await running.says(/bricks> /);
    running.signal('SIGKILL');
    const isThere = (): boolean => existsSync(`/proc/${readFileSync(place.path('pid'), 'utf8').trim()}/exe`);
    while (isThere()) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(readFileSync(place.path('messages'), 'utf8')).toMatch(/^bricks: e0: \d+ packets received, 0 dropped\n$/);
  });

  terminalTest('a history that can not be read is none', async () => {
    const without = new Running(spawn('script', ['-qfec', `BRICKS_HISTORY=/ '${process.execPath}' '${PROGRAM}' --backend loopback`, '/dev/null'], { cwd: place.folder, env: { ...place.environment, TERM: 'dumb' } }));
    await without.says(/bricks> /);
    without.type('= "it " .. "goes"');
    await without.says(/it goes/);
    without.type('exit');
    expect((await without.ended).code).toBe(0);
  });

  terminalTest('a shell follows a script', async () => {
    writeFileSync(place.path('greet.lua'), 'greeting = "hello from the script"');
    const running = onTerminal('--backend', 'loopback', '-f', 'greet.lua');
    await running.says(/bricks> /);
    running.type('=greeting');
    await running.says(/hello from the script/);
    running.type('exit');
    expect((await running.ended).code).toBe(0);
  });
});

function hasScript(): boolean {
  try {
    return execFileSync('script', ['--version'], { encoding: 'utf8' }).includes('util-linux');
  } catch {
    return false;
  }
}

describe('the scripts that come with it', () => {
  const file = (name: string): string => `${SCRIPTS}/${name}`;

  test.each([
    ['load-balance.lua', ['4']],
    ['duplicate.lua', ['3']],
    ['startup-one-thread.lua', []],
    ['startup-multi-threads.lua', []],
  ])('%s plays a capture file', async (name, more) => {
    for (const backend of ['pcap', 'loopback']) {
      const { code, stderr } = await place.run(['--backend', backend, '-f', file(name), '--', capture, ...more]);
      expect(stderr).toMatch(/^bricks: e0: 800 packets received, \d+ dropped/m);
      expect(code).toBe(0);
    }
  });

  const samples: [string, string[]][] = [
    ['balance-and-send', []], ['duplicate-and-balance', []], ['duplicate', []], ['balance-and-merge', []], ['merge', ['second.pcap']], ['balance-and-filter', ['udp']],
    ['balance-merge-write', ['written.pcap']], ['balance-and-write', ['parts.pcap']], ['read-files', []], ['dummy', []],
  ];
  test.each(samples)('sample-setups.lua, %s, plays a capture file', async (name, more) => {
    writeCapture(place.path('second.pcap'), Array.from({ length: 200 }, (_, number) => ({ bytes: flowPacket(number % 10, number).bytes })));
    const expected = name === 'merge' ? 1000 : 800;
    for (const backend of ['pcap', 'loopback']) {
      const { code, stderr } = await place.run(['--backend', backend, '-f', file('sample-setups.lua'), '--', name, capture, ...more]);
      expect(stderr).toMatch(new RegExp(`^bricks: e0: ${expected} packets received`, 'm'));
      expect(code).toBe(0);
    }
    if (name === 'balance-merge-write') expect(readCapture(place.path('written.pcap'))).toEqual(readCapture(capture));
    if (name === 'balance-and-write') expect(readCapture(place.path('parts-branch-0.pcap')).length + readCapture(place.path('parts-branch-1.pcap')).length).toBeGreaterThan(0);
  });

  test.each(samples.filter(([name]) => name !== 'read-files'))('sample-setups.lua, %s, runs on an interface in memory until it is told to end', async (name, more) => {
    const running = place.start(['--backend', 'loopback', '-f', file('sample-setups.lua'), '--', name, 'eth3', ...(name === 'merge' ? ['eth2'] : name === 'balance-and-send' ? ['eth4'] : more)], { input: '' });
    await running.says(/Running: /);
    running.signal('SIGTERM');
    const { code, stderr } = await running.ended;
    expect(stderr).toMatch(/^bricks: e0: 0 packets received, 0 dropped$/m);
    expect(code).toBe(0);
  });

  test('a set-up that is not there is a usage error with the list of those that are', async () => {
    const { code, stderr } = await place.run(['--backend', 'loopback', '-f', file('sample-setups.lua'), '--', 'balance', capture]);
    expect(stderr).toMatch(/There is no set-up balance\.\nusage: .*\n[\s\S]*balance-and-send/);
    expect(code).toBe(2);
  });
});
