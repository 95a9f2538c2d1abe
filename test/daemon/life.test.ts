/** A daemon lives until it is told to stop, whatever its script does; and a start that fails says so where it was asked for. */
import { existsSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { readCaptureFile, writeCaptureFile } from 'packet-bricks';
import { DaemonPlace, ENGINE, isAlive } from './programs';

let place: DaemonPlace;
beforeAll(() => { place = new DaemonPlace(); });
// A daemon that a failed test leaves would make the others fail, too.
afterEach(async () => {
  for (const file of place.files.filter((name) => name.endsWith('.pid'))) await place.kill('--name', file.slice(0, -'.pid'.length), '--timeout', '5', '--force');
});
afterAll(() => place.dispose());

const SETTLE = ['--settle', '0.3'];

describe('bricks -d', () => {
  test('"the daemon exits when the script ends": detaches, stays when its script has ended, writes its status, and leaves nothing behind', async () => {
    place.script('ends.lua', `print("from the script")\n${ENGINE}`);
    expect(await place.daemon(['-f', 'ends.lua'])).toMatchObject({ code: 0, stdout: 'from the script\n', stderr: expect.stringMatching(/^bricks: the daemon "bricks" runs as process \d+\n$/) as string });
    const pid = place.pid();
    // pid (name) state parent group session terminal
    const [, , group, session, terminal] = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ').map(Number);
    expect({ group, session, terminal }).toEqual({ group: pid, session: pid, terminal: 0 });
    expect(place.files).toEqual(['bricks.pid', 'bricks.sock', 'bricks.status']);
    expect(JSON.parse(readFileSync(place.file('bricks.status'), 'utf8'))).toMatchObject({ name: 'bricks', pid, script: 'ends.lua', engines: [{ name: 'e0', running: true }] });
    const client = await place.connect();
    expect(await client.call('engine.list')).toEqual([{ name: 'e0', running: true, linked: true }]);
    expect(await client.call('daemon.information')).toMatchObject({ name: 'bricks', pid, backend: 'loopback' });
    client.close();

    expect(await place.daemon([])).toMatchObject({ code: 1, stderr: expect.stringContaining(`The daemon "bricks" is running already, as process ${pid}. Stop it with bricks-kill-server`) as string });
    expect(await place.kill()).toMatchObject({ code: 0, stdout: expect.stringMatching(/^The daemon "bricks" \(process \d+\) has stopped, after [\d.]+ s\.\n$/) as string, stderr: '' });
    expect(isAlive(pid)).toBe(false);
    expect(place.files).toEqual([]);
    expect(await place.kill()).toMatchObject({ code: 1, stderr: expect.stringContaining('[E_DAEMON_ABSENT]') as string });
  });

  test.each<[string, string, number]>([
    ['ends, though a program that it has started holds its streams', 'os.execute("sleep 2 >&2 &")', 0],
    ['fails', 'error("failed")', 1],
    ['leaves with a failure', 'os.exit(3)', 3],
    ['ends the daemon', 'BRICKS.shutdown()', 0],
  ])('all that its script prints during the start is printed here, where the script then %s', async (_, last, code) => {
    place.script('prints.lua', `${ENGINE}for line = 1, 50000 do print("line " .. line) end\n${last}`);
    expect(await place.daemon(['-f', 'prints.lua'])).toMatchObject({ code, stdout: Array.from({ length: 50_000 }, (__, index) => `line ${index + 1}\n`).join('') });
  });

  test.each<[string, string, RegExp]>([
    ['loops', `${ENGINE}while true do end`, /runs as process/],
    ['fails later', `${ENGINE}BRICKS.sleep(0.5)\nprint("so far")\nerror("late")`, /late\.lua:4: late/],
    ['leaves', `${ENGINE}os.exit(0)`, /the script exited with code 0/],
    ['leaves later with a failure', `${ENGINE}BRICKS.sleep(0.5)\nos.exit(3)`, /the script exited with code 3/],
  ])('stays when its script %s', async (_, text, told) => {
    place.script('late.lua', text);
    expect(await place.daemon([...SETTLE, '-f', 'late.lua', '--log-file', 'late.log'])).toMatchObject({ code: 0 });
    if (told.source.includes('exit code 0')) expect(isAlive(place.pid())).toBe(true);
    else await place.logged('late.log', told);
    const client = await place.connect();
    expect(await client.call('engine.list')).toEqual([{ name: 'e0', running: true, linked: true }]);
    client.close();
    expect(await place.kill()).toMatchObject({ code: 0 });
    rmSync(place.path('late.log'));
  });

  test('stays when a module fails later, or calls process.exit, and logs what it prints; its engines are there for clients', async () => {
    place.script('late.mjs', `
      import { Dummy, PacketEngine } from 'packet-bricks';
      const engine = await new PacketEngine('own').link(new Dummy().connectInput('in}0').connectOutput('out{0'));
      await engine.start();
      const other = new PacketEngine('other');
      await other.delete();
      setTimeout(() => { console.log('one line'); throw new Error('late'); }, 400);
      setTimeout(() => process.exit(4), 500);
    `);
    expect(await place.daemon(['-f', 'late.mjs', '--log-file', 'module.log'])).toMatchObject({ code: 0 });
    expect(await place.logged('module.log', /exited with code 4/)).toMatchObject({ level: 'warn' });
    expect(place.log('module.log')).toEqual(expect.arrayContaining([
      expect.objectContaining({ level: 'info', source: 'script', msg: 'one line' }),
      expect.objectContaining({ level: 'error', msg: expect.stringMatching(/late\.mjs:7: late/) as string }),
    ]));
    const client = await place.connect();
    expect(await client.call('engine.list')).toEqual([{ name: 'own', running: true, linked: true }]);
    await client.call('engine.stop', { name: 'own' });
    client.close();
    expect(await place.kill()).toMatchObject({ code: 0 });
  });

  test('ends by BRICKS.shutdown()', async () => {
    place.script('shutdown.lua', `${ENGINE}BRICKS.shutdown()`);
    expect(await place.daemon(['-f', 'shutdown.lua'])).toMatchObject({ code: 0 });
    expect(place.files).toEqual([]);
  });
});

describe('a start fails in the terminal where it was asked for', () => {
  test.each<[string, string, number, RegExp]>([
    ['of a syntax error', 'x = = 1', 1, /bad\.lua:1: unexpected symbol near '='/],
    ['of a script that fails', `${ENGINE}error("no")`, 1, /bad\.lua:2: no/],
    ['of a script that leaves', `io.stderr:write("usage: so\\n") os.exit(7)`, 7, /usage: so\nbricks: The script exited with code 7/],
    ['of an engine that cannot be linked', 'PktEngine.new("e0"):link(Brick.new("Dummy"):connect_input("no/such.pcap"):connect_output("out{0"))', 1, /no\/such\.pcap/],
  ])('%s', async (_, text, code, said) => {
    place.script('bad.lua', text);
    const outcome = await place.daemon(['-f', 'bad.lua']);
    expect(outcome).toMatchObject({ code, stderr: expect.stringMatching(said) as string });
    expect(outcome.stderr).not.toMatch(/runs as process/);
    expect(place.files).toEqual([]);
  });

  test.each<[string, string[], number, RegExp]>([
    ['of a script that is not there', ['-f', 'nowhere.lua'], 1, /The script nowhere\.lua can't be read.*\[E_SCRIPT\]/],
    ['of a module that fails', ['-f', 'bad.mjs'], 1, /bad\.mjs:1: no module \[E_SCRIPT_FAILED\]/],
    ['of a backend that is not there', ['--backend', 'nonsense'], 2, /\[E_BACKEND\]/],
    ['of a log that cannot be written', ['--log-file', 'no/such/folder.log'], 1, /The log no\/such\/folder\.log cannot be written: there is no such file or directory\. .*\[E_LOG\]/],
    ['of a runtime directory in one that is not there', ['--run-dir', 'no/such/folder'], 1, /The runtime directory no\/such\/folder cannot be made: there is no such file or directory\. .*\[E_RUN_DIRECTORY\]/],
    ['of an address for metrics that is none', ['--metrics', '9477x'], 2, /^bricks: --metrics 9477x: metrics are served on HOST:PORT, \[IPv6\]:PORT or PORT of 127\.0\.0\.1\..*\n$/],
    ['of a user that is not there', ['--user', 'nobody-of-this-name'], 1, /There is no user nobody-of-this-name\. Make one: useradd .* nobody-of-this-name \[E_USER\]/],
    ['of a name that is none', ['--name', '../x'], 1, /\[E_CONTROL_ADDRESS\]/],
    ['of -s beside -d', ['-s'], 2, /-d starts a daemon and -s opens a shell on one that runs/],
    ['of an option that is not there', ['--forground'], 2, /Unknown option --forground\. Did you mean --foreground\?/],
  ])('%s', async (_, args, code, said) => {
    place.script('bad.mjs', 'throw new Error("no module");');
    expect(await place.daemon(args)).toMatchObject({ code, stderr: expect.stringMatching(said) as string });
    expect(place.files).toEqual([]);
  });
});

describe('a signal', () => {
  test('SIGTERM drains, closes files whole, prints totals and ends with exit code 0', async () => {
    writeCaptureFile(place.path('in.pcap'), Array.from({ length: 50 }, (_, index) => ({ seconds: index, nanoseconds: 0, bytes: Buffer.alloc(60, index) })));
    place.script('record.lua', 'PktEngine.new("e0"):link(Brick.new("PcapWriter"):connect_input("in.pcap"):connect_output("out.pcap")):start()');
    const running = place.server(['-f', 'record.lua', '--name', 'recorder']);
    await running.says(/all sources have ended/);
    await running.says(/the daemon \\"recorder\\" runs as process/);
    running.signal('SIGTERM');
    const { code, stderr, stdout } = await running.ended;
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    const lines = stderr.trim().split('\n').map((line) => JSON.parse(line) as { msg: string });
    expect(lines.map(({ msg }) => msg).slice(-3)).toEqual(['SIGTERM: stopping', 'e0: 50 packets received, 0 dropped', 'total: 50 packets received, 0 dropped by 1 engine']);
    expect([...readCaptureFile(place.path('out.pcap'))]).toHaveLength(50);
    expect(place.files).toEqual([]);
  });

  test('SIGHUP goes on in a new log of the same name; SIGUSR1 tells what was counted', async () => {
    place.script('ends.lua', ENGINE);
    const running = place.server(['-f', 'ends.lua', '--log-file', 'turned.log', '--log-format', 'json', '--name', 'turner']);
    await place.logged('turned.log', /runs as process/);
    renameSync(place.path('turned.log'), place.path('turned.log.1'));
    running.signal('SIGHUP');
    await place.logged('turned.log', /log reopened/);
    running.signal('SIGUSR1');
    await place.logged('turned.log', /e0: 0 packets received so far/);
    expect(place.log('turned.log.1').some(({ msg }) => msg === 'log reopened')).toBe(false);
    running.signal('SIGINT');
    expect(await running.ended).toMatchObject({ code: 0 });
  });
});

test('bricks-load-balance and bricks-duplicate are daemons that split an input and give it to all', async () => {
  expect(await place.other('bricks-load-balance', ['eth3', '3', '--backend', 'loopback', '--name', 'split'])).toMatchObject({ code: 0, stderr: expect.stringMatching(/the daemon "split" runs/) as string });
  expect(await place.other('bricks-duplicate', ['eth4', '2', '--backend', 'loopback', '--name', 'copy'])).toMatchObject({ code: 0 });
  const graphs = await Promise.all(['split', 'copy'].map(async (name) => {
    const client = await place.connect(name);
    const [{ bricks, links, running }] = await client.call('engine.stats');
    client.close();
    return { running, kind: bricks[0].kind, links: links.map((link) => link.name) };
  }));
  expect(graphs).toEqual([
    { running: true, kind: 'LoadBalancer', links: ['eth3', 'eth3{0', 'eth3{1', 'eth3{2'] },
    { running: true, kind: 'Duplicator', links: ['eth4', 'eth4{0', 'eth4{1'] },
  ]);
  expect(place.files).toEqual(['copy.pid', 'copy.sock', 'copy.status', 'split.pid', 'split.sock', 'split.status']);
  expect((await place.kill('--name', 'split')).code).toBe(0);
  expect((await place.kill('--name', 'copy')).code).toBe(0);
  expect(place.files).toEqual([]);
  const help = 'See bricks-load-balance --help.\n';
  const usage = `Usage: bricks-load-balance [OPTIONS] INTERFACE PIPES. ${help}`;
  const needs = `bricks: bricks-load-balance needs an interface (or a capture file) and the number of pipes, such as eth3 4. ${usage}`;
  expect(await place.other('bricks-load-balance', ['eth3'])).toMatchObject({ code: 2, stderr: needs });
  expect(await place.other('bricks-load-balance', ['eth3', '2', '3'])).toMatchObject({ code: 2, stderr: `bricks: Unexpected argument "3" for bricks-load-balance. ${usage}` });
  expect(await place.other('bricks-load-balance', ['eth3', 'three', '--backend', 'loopback'])).toMatchObject({ code: 2, stderr: `bricks: PIPES must be a whole number from 1 on, got "three". ${help}` });
  expect(await place.other('bricks-load-balance', ['eth3', '0', '--backend', 'loopback'])).toMatchObject({ code: 2, stderr: `bricks: PIPES must be a whole number from 1 on, got "0". ${help}` });
});

test('what a killed predecessor left is no obstacle', async () => {
  place.script('ends.lua', ENGINE);
  const first = place.server(['-f', 'ends.lua']);
  await first.says(/runs as process/);
  first.signal('SIGKILL');
  await first.ended;
  expect(place.files).toEqual(['bricks.pid', 'bricks.sock', 'bricks.status']);
  // A number that another process has by now.
  writeFileSync(place.file('bricks.pid'), `${process.pid}\n`);
  expect(await place.kill()).toMatchObject({ code: 1, stderr: expect.stringContaining('[E_DAEMON_ABSENT]') as string });
  expect(await place.daemon(['-f', 'ends.lua'])).toMatchObject({ code: 0 });
  expect((await place.kill()).code).toBe(0);
  expect(readdirSync(place.run_)).toEqual([]);
  expect(existsSync(place.path('out.pcap'))).toBe(true);
});

test('what the programs around a daemon cannot print fails them', async () => {
  const lost = await place.other('bricks-kill-server', ['--help'], { wrap: ['sh', '-c', 'exec "$@" >/dev/full', 'sh'] });
  expect(lost).toMatchObject({ code: 1, stderr: expect.stringMatching(/^bricks: Cannot write to standard output: .*\[E_OUTPUT\]\n$/) as string });
});
