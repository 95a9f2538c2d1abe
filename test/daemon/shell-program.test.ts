/** `bricks-shell`, as a user runs it: in a pipe, for a script, on a terminal. */
import { execFile, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { PROGRAM, Workplace, type Outcome } from '../support/program';
import { TmuxTerminal, hasTmux } from '../support/tmux';
import { until } from '../support/loopback-engine';
import { DaemonPlace } from './programs';
import { TestDaemon } from './support';

let place: Workplace;
let daemon: TestDaemon;
beforeAll(async () => {
  place = new Workplace();
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  place.dispose();
  await daemon.stop();
});

const shell = (input: string, ...args: string[]): Promise<Outcome> => place.run(['-s', '-a', daemon.socket, ...args], { input });

/** What a command of the system's shell prints. The daemon lives in this process, so it must not be waited for by blocking it. */
function inShell(command: string, environment: Readonly<Record<string, string>> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile('sh', ['-c', command], { env: { ...place.environment, ...environment }, timeout: 30_000 }, (error, stdout) => (error ? reject(error) : resolve(stdout)));
  });
}

describe('in a pipe', () => {
  test('evaluates lines, and its exit code tells whether all went well', async () => {
    expect(await shell('BRICKS.show_stats()\n')).toEqual({ code: 0, signal: null, stdout: expect.stringMatching(/^ENGINE +STATE[^]*total/), stderr: '' });
    expect(await shell('pe = PktEngine.new("e0")\n= pe\npe:delete()\nfor i = 1, 2 do\nprint(i)\nend\n')).toMatchObject({ code: 0, stdout: 'PktEngine e0 (stopped)\n1\n2\n', stderr: '' });
    expect(await shell('error("no")\nprint("goes on")\n')).toMatchObject({ code: 1, stdout: 'goes on\n', stderr: 'shell:1: no\n' });
    expect(await shell('x = 1\n\nerror("no")\nif x then\n  error("here")\nend\n= nothing.field\nfunction f()\n  error("within")\nend\nf()\n')).toMatchObject({
      code: 1, stderr: expect.stringMatching(/^shell:3: no\nshell:5: here\nshell:7: attempt to index global 'nothing'.*\nshell:9: within\n[^]*shell:11: in main chunk\n/) as string,
    });
    expect(await shell('os.exit(7)\nprint("not this")\n')).toMatchObject({ code: 7, stdout: '' });
    expect(await shell('for i = 1, 2 do\n')).toMatchObject({ code: 1, stderr: 'The input ends in the middle of a statement that begins in line 1: for i = 1, 2 do\n' });
    expect(await shell('? Merge\n')).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Merge: /) });
  });

  test('is a program of its own, which finds the daemon by its runtime directory and name', async () => {
    const environment = { BRICKS_RUN_DIR: daemon.folder };
    const program = PROGRAM.replace(/bricks(\.js)?$/, 'bricks-shell$1');
    expect(await inShell(`echo '= 1 + 1' | '${process.execPath}' '${program}'`, environment)).toBe('2\n');
    expect(await place.run(['shell'], { input: '= 1 + 1', environment })).toMatchObject({ code: 0, stdout: '2\n' });
    expect(await place.run(['-s', '--run-dir', daemon.folder, '--name', 'bricks'], { input: '= 1 + 1' })).toMatchObject({ code: 0, stdout: '2\n' });
    expect(await place.run(['-s', '--run-dir', daemon.folder, '--name', 'other'], { input: '= 1 + 1' })).toMatchObject({ code: 1, stderr: expect.stringContaining(`${daemon.folder}/other.sock`) });
  });

  test('a reader that has had enough ends it, and what it ran', async () => {
    expect(await inShell(`echo 'while true do print("y") end' | '${process.execPath}' '${PROGRAM}' -s -a '${daemon.socket}' | head -n 2`)).toBe('y\ny\n');
  });
});

describe('a script', () => {
  test('runs on the daemon, and its exit code is that of the shell', async () => {
    writeFileSync(place.path('add.lua'), 'local name = ...\nPktEngine.new(name):delete()\nprint("done", arg[0])\nos.exit(tonumber(arg[2]))\n');
    expect(await shell('', '-f', 'add.lua', '--', 'e7', '5')).toEqual({ code: 5, signal: null, stdout: 'done\tadd.lua\n', stderr: '' });
    writeFileSync(place.path('fails.lua'), '\nBrick.new("LoadBalencer")\n');
    expect(await shell('', '-f', 'fails.lua')).toMatchObject({ code: 1, stderr: 'bricks: fails.lua:2: Brick.new: There is no brick "LoadBalencer". Did you mean "LoadBalancer"? [E_BRICK]\n' });
  });

  test('"bricks-shell fails at run time when the script path is wrong": one that is wrong is told before anything runs', async () => {
    writeFileSync(place.path('module.ts'), 'export {};');
    expect(await shell('', '-f', 'none.lua')).toMatchObject({ code: 1, stderr: expect.stringMatching(/The script none\.lua can't be read: there is no such file.*\[E_SCRIPT\]/) });
    expect(await shell('', '-f', 'module.ts')).toMatchObject({ code: 1, stderr: expect.stringMatching(/is a module\. A shell takes Lua.*\[E_SCRIPT\]/) });
    expect(await shell('', '--', 'eth3')).toMatchObject({ code: 2, stderr: expect.stringMatching(/no script \(-f\)/) });
  });
});

test('the daemon itself: shells share its engines, come and go, and BRICKS.shutdown() ends it', async () => {
  const home = new DaemonPlace();
  try {
    expect(await home.daemon(['-f', 'load-balance', '--', 'nic0', '2'])).toMatchObject({ code: 0 });
    expect(await home.other('bricks-shell', [], { input: '= PktEngine.retrieve("e0")\nBRICKS.print_status()\nos.execute("echo out")\n' })).toMatchObject({ code: 0, stdout: 'PktEngine e0 (running)\nBRICKS is online.\nout\n', stderr: '' });
    expect(await home.run(['-s'], { input: 'PktEngine.new("e1"):link(Brick.new("Dummy"):connect_input("more"):connect_output("there")):start()\nos.exit(3)\n' })).toMatchObject({ code: 3 });
    expect(await home.run(['-s'], { input: '= #BRICKS.stats(), PktEngine.retrieve("e1"):audit().balanced\n' })).toMatchObject({ code: 0, stdout: '2\ttrue\n' });
    expect(await home.run(['-s'], { input: 'BRICKS.shutdown()\n' })).toMatchObject({ code: 0, stdout: '' });
    await until(() => !existsSync(home.file('bricks.sock')) && !existsSync(home.file('bricks.pid')));
    expect(await home.run(['-s'], { input: '= 1\n' })).toMatchObject({ code: 1, stderr: expect.stringContaining('[E_CONTROL_CONNECT]') });
  } finally {
    await home.kill();
    home.dispose();
  }
});

describe('without a daemon it says', () => {
  test('which socket it has looked at, and how to start one', async () => {
    expect(await place.run(['shell', '--run-dir', place.folder])).toMatchObject({ code: 1, stderr: expect.stringMatching(new RegExp(`No daemon listens on unix:${place.folder}/bricks\\.sock\\. Start one: bricks -d\\..*\\[E_CONTROL_CONNECT\\]`)) });
  });

  (process.getuid?.() === 0 ? test : test.skip)('that another user may not rule it (skipped unless run by root)', () => {
    chmodSync(daemon.folder, 0o711);
    const { status, stderr } = spawnSync('setpriv', ['--reuid', '65534', '--regid', '65534', '--clear-groups', process.execPath, PROGRAM, '-s', '-a', daemon.socket], { encoding: 'utf8', input: '= 1', env: place.environment });
    expect(stderr).toMatch(/You may not use the daemon at unix:.*\[E_PERMISSION\]/);
    expect(status).toBe(1);
  });

  test('that an address is none', async () => {
    expect(await place.run(['-s', '-a', 'nowhere'])).toMatchObject({ code: 1, stderr: expect.stringMatching(/^bricks: "nowhere" is not an address\. Write unix:.*\[E_CONTROL_ADDRESS\]\n$/) });
  });

  test('that what listens there is no daemon, or has gone', async () => {
    mkdirSync(place.path('odd'));
    const server: Server = createServer((socket) => socket.end('SSH-2.0-x\r\n'));
    await new Promise<void>((resolve) => server.listen(place.path('odd', 'x.sock'), resolve));
    expect(await place.run(['-s', '-a', place.path('odd', 'x.sock')])).toMatchObject({ code: 1, stderr: expect.stringMatching(/\[E_CONTROL_(MESSAGE|CLOSED)\]/) });
    server.close();
  });
});

(hasTmux() ? describe : describe.skip)('on a terminal (skipped where tmux is missing)', () => {
  let terminal: TmuxTerminal;
  afterEach(() => terminal.close());

  function open(): TmuxTerminal {
    const { BRICKS_RUN_DIRECTORY, BRICKS_HISTORY } = place.environment as Record<string, string>;
    return (terminal = new TmuxTerminal(`"${process.execPath}" "${PROGRAM}" -s -a "${daemon.socket}"`, { BRICKS_RUN_DIRECTORY, BRICKS_HISTORY }, place.folder));
  }

  test('Tab completes, the history is that of all shells, Ctrl-C ends what runs, Ctrl-D leaves, and the daemon goes on', async () => {
    open();
    await terminal.shows(/This is a Lua shell on the daemon test \(process \d+\)\. .*\nbricks>$/);
    terminal.type('lb = Brick.new("LoadB');
    terminal.press('Tab');
    await terminal.shows(/lb = Brick\.new\("LoadBalancer"$/);
    terminal.enter(', 4)');
    await terminal.shows(/4\)\nbricks>$/);
    terminal.type('lb:connect_o');
    terminal.press('Tab');
    await terminal.shows(/lb:connect_output$/);
    terminal.press('Tab');
    await terminal.shows(/lb:connect_output\s+lb:connect_outputs/);
    terminal.press('C-c');
    await terminal.shows(/\^C\nbricks>$/);
    terminal.enter('for i = 1, 2 do');
    await terminal.shows(/ >>$/);
    terminal.enter('print("number", i) end');
    await terminal.shows(/number\s+2\nbricks>$/);
    terminal.enter('= { answer = 41 + 1 }');
    await terminal.shows(/\{ answer = 42 \}\nbricks>$/);
    terminal.enter('print("before") while true do end');
    await terminal.shows(/\nbefore$/);
    terminal.press('C-c');
    await terminal.shows(/shell:1: interrupted\nbricks>$/);
    terminal.press('C-c');
    await terminal.shows(/Ctrl-D leaves the shell; the daemon goes on\.\nbricks>$/);
    terminal.enter('while true do print("flood") end');
    await terminal.shows(/flood\nflood/);
    terminal.press('C-c');
    await terminal.shows(/interrupted\nbricks>$/);
    terminal.press('C-d');
    await terminal.shows(/ended with 0$/);
    terminal.close();
    open();
    await terminal.shows(/bricks>$/);
    terminal.press('Up', 'Up');
    await terminal.shows(/bricks> print\("before"\) while true do end$/);
    terminal.press('C-c');
    terminal.press('C-r');
    terminal.type('answer');
    await terminal.shows(/\(history\) answer: = \{ answer = 41 \+ 1 \}/);
    terminal.press('Enter');
    await terminal.shows(/\{ answer = 42 \}\nbricks>$/);
    terminal.enter('exit');
    await terminal.shows(/ended with 0$/);
  });

  test('a daemon that goes away ends the shell, with a message and an exit code', async () => {
    const own = await TestDaemon.start();
    terminal = new TmuxTerminal(`"${process.execPath}" "${PROGRAM}" -s -a "${own.socket}"`, { BRICKS_HISTORY: place.path('history') }, place.folder);
    await terminal.shows(/bricks>$/);
    await own.server.close();
    await own.stop();
    await terminal.shows(/The daemon at unix:\S+ has closed the connection\.[^]*\[E_CONTROL_CLOSED\]\nended with 1$/);
  });
});
