/** bricks reload: the daemon reads its script anew and changes what has changed. */
import { rmSync, writeFileSync } from 'node:fs';
import type { Daemon } from 'packet-bricks';
import { DaemonPlace } from './programs';

let place: DaemonPlace;
let client: Daemon;

const engine = (name: string, brick: string, options = ''): string => `PktEngine.new{ name = "${name}"${options} }:link(${brick}):start()\n`;
const dummy = (from: string, to: string): string => `Brick.new("Dummy"):connect_input("${from}"):connect_output("${to}")`;

const write = (text: string): string => place.script('set-up.lua', text);
const reload = (...args: string[]) => place.run(['reload', ...args]);

/** Engines with their links, and since when they have counted: a mark that a new one has not. */
async function engines(): Promise<Record<string, string>> {
  const all = await client.call('engine.stats');
  return Object.fromEntries(all.map(({ name, running, links }) => [name, `${links.map((link) => link.name).join(' ')}${running ? '' : ' (stopped)'}`]));
}

beforeAll(async () => {
  place = new DaemonPlace();
  write(engine('kept', dummy('a', 'b')) + engine('changed', dummy('c', 'd')) + engine('removed', dummy('e', 'f')));
  expect(await place.daemon(['-f', 'set-up.lua', '--log-file', 'log', '--', 'word'])).toMatchObject({ code: 0 });
  client = await place.connect();
});
afterAll(async () => {
  client.close();
  await place.kill();
  place.dispose();
});

test('engines are kept, changed, added and removed; one that is the same is not touched, nor one of somebody else', async () => {
  await client.call('engine.create', { name: 'foreign' });
  const before = (await client.call('engine.stats', { name: 'kept' }))[0].waits;
  write(engine('kept', dummy('a', 'b')) + engine('changed', dummy('c', 'other')) + engine('added', dummy('e', 'f')));
  expect(await reload('--json')).toMatchObject({ code: 0, stdout: `${JSON.stringify({ added: ['added'], changed: ['changed'], removed: ['removed'], kept: ['kept'] }, undefined, 2)}\n` });
  expect(await engines()).toEqual({ kept: 'a b', changed: 'c other', added: 'e f', foreign: ' (stopped)' });
  expect((await client.call('engine.stats', { name: 'kept' }))[0].waits).toBeGreaterThanOrEqual(before);
  await client.call('engine.delete', { name: 'foreign' });
  expect(await reload()).toMatchObject({ code: 0, stderr: 'bricks: kept: kept, changed, added\n' });
});

test.each<[string, string, RegExp]>([
  ['that is wrong', 'x = = 1', /set-up\.lua:1: unexpected symbol near '='.*\[E_SCRIPT_FAILED\]/],
  ['that links what cannot be', engine('kept', 'Brick.new("Merge"):connect_input("a")'), /Merge/],
  ['that leaves with a failure', 'os.exit(3)', /exited with code 3/],
  ['that loops without waiting for anything', 'while true do BRICKS.sleep(1) error("in vain") end', /in vain/],
])('a script %s changes nothing, and the caller hears of it', async (_, text, said) => {
  const before = await engines();
  write(text);
  expect(await reload()).toMatchObject({ code: 1, stderr: expect.stringMatching(said) as string });
  expect(await engines()).toEqual(before);
});

test('a script whose links cannot be opened changes nothing, though the first engines were changed already', async () => {
  const before = await engines();
  write(engine('kept', dummy('a', 'new')) + engine('second', 'Brick.new("PcapWriter"):connect_input("g"):connect_output("no/such/folder/x.pcap")'));
  expect(await reload()).toMatchObject({ code: 1, stderr: expect.stringMatching(/Nothing was changed: .*no\/such\/folder\/x\.pcap.*\[E_RELOAD\]/) as string });
  expect(await engines()).toEqual(before);
});

test('an engine of somebody else is not taken over', async () => {
  await client.call('engine.create', { name: 'theirs' });
  write(engine('theirs', dummy('a', 'b')));
  expect(await reload()).toMatchObject({ code: 1, stderr: expect.stringMatching(/an engine "theirs", and there is one already that the script has not made.*\[E_ENGINE_EXISTS\]/) as string });
  await client.call('engine.delete', { name: 'theirs' });
});

test('links move from one engine to another, options of an engine change, and what a shell has changed is put right', async () => {
  write(engine('kept', dummy('c', 'b')) + engine('changed', dummy('a', 'other'), ', ringSize = 8192') + engine('added', dummy('e', 'f')));
  await client.call('engine.stop', { name: 'added' });
  expect(await reload()).toMatchObject({ code: 0 });
  expect(await engines()).toEqual({ kept: 'c b', changed: 'a other', added: 'e f' });
});

describe('in small steps', () => {
  let own: DaemonPlace;
  beforeEach(() => { own = new DaemonPlace(); });
  afterEach(() => own.dispose());

  test('a script that makes its engine in small steps finds it as it is, with its bricks, and goes on to change it', async () => {
    // Each reading tells that it has come to its loop: the file must not change before.
    const write = (reading: number, expression: string): string => own.script('steps.lua', `
      filter = Brick.new("Filter", "ip")
      lb = Brick.new("LoadBalancer"):connect_input("steps"):connect_output("s0")
      pe = PktEngine.new("steps"):link(lb):start()
      pe:add_output(lb, "s1")
      pe:insert(filter, lb)
      pe:set(pe:bricks()[1], "${expression}")
      print("reading ${'abc'[reading]}", lb:stats().kind, #pe:bricks(), pe:bricks()[1] == filter)
      while true do
        BRICKS.sleep(0.01)
        local file = io.open("go")
        if file then
          file:close() os.remove("go")
          pe:add_output(lb, "s2") pe:set(filter, "udp") print("went on", lb)
        end
      end\n`);
    write(0, 'tcp');
    expect(await own.daemon(['-f', 'steps.lua', '--settle', '0.1', '--log-file', 'log'])).toMatchObject({ code: 0, stdout: 'reading a\tLoadBalancer\t2\ttrue\n' });
    const steps = await own.connect();
    const bricks = async () => (await steps.call('engine.graph', { name: 'steps' }))[0].bricks.map(({ kind, options, outputs }) => [kind, options['expression'], outputs.join()]);
    for (const [reading, expression, what] of [[1, 'tcp', 'kept'], [2, 'tcp port 80', 'changed']] as const) {
      write(reading, expression);
      expect(await own.run(['reload'])).toMatchObject({ code: 0, stderr: `bricks: ${what}: steps\n` });
      await own.logged('log', new RegExp(`reading ${'abc'[reading]}\tLoadBalancer\t2\ttrue`));
      expect(await bricks()).toEqual([['Filter', expression, 'inserted-1{0'], ['LoadBalancer', undefined, 's0,s1']]);
    }
    own.script('go', '');
    await own.logged('log', /went on\tBrick LoadBalancer from inserted-1\}0 to s0, s1, s2 in steps/);
    expect(await bricks()).toEqual([['Filter', 'udp', 'inserted-1{0'], ['LoadBalancer', undefined, 's0,s1,s2']]);
    expect(own.log('log').filter(({ level }) => level === 'error')).toEqual([]);
    steps.close();
    expect(await own.kill()).toMatchObject({ code: 0 });
  });
});

test('a script that goes on takes the place of the old one', async () => {
  const same = engine('kept', dummy('c', 'b'));
  write(`${same}while true do print("round " .. arg[1]) BRICKS.sleep(0.05) end`);
  expect(await reload()).toMatchObject({ code: 0, stderr: 'bricks: removed: added, changed; kept: kept\n' });
  await place.logged('log', /^round word$/);
  write(`${same}while true do print("other " .. tostring(PktEngine.retrieve("kept"):stats().running)) BRICKS.sleep(0.05) end`);
  expect(await reload()).toMatchObject({ code: 0, stderr: 'bricks: kept: kept\n' });
  await place.logged('log', /^other true$/);
});

test('what runs is the text that was rehearsed, byte by byte, though the file has changed since', async () => {
  const kept = engine('kept', dummy('c', 'b'));
  place.script('later.lua', `print("later text") ${kept}`);
  // The rehearsal runs the command, so the file is another one before the script itself runs.
  writeFileSync(place.path('set-up.lua'), `assert(#"\u00e9" == 1) os.execute("cp later.lua set-up.lua") print("rehearsed text") ${kept}`, 'latin1');
  expect(await reload()).toMatchObject({ code: 0, stderr: 'bricks: kept: kept\n' });
  expect(await place.logged('log', /^(rehearsed|later) text/)).toMatchObject({ msg: 'rehearsed text' });
});

test('a setup as text is read again too, and bricks of a shell are others than its own', async () => {
  const setup = (last: string, more = ''): string => place.script('set-up.bricks', `one -> Dummy -> two\n\nengine e1:\n  three -> first: Dummy -> ${last}\n${more}`);
  const file = setup('four');
  expect(await place.daemon(['--name', 'text', '-f', file, '--', 'word'])).toMatchObject({ code: 2, stderr: expect.stringContaining('Arguments are for scripts, and set-up.bricks is a setup.') as string });
  expect(await place.daemon(['--name', 'text', '-f', file])).toMatchObject({ code: 0 });
  const again = (): Promise<unknown> => reload('--name', 'text');
  const added = `PktEngine.retrieve("e0"):link(${dummy('five', 'six')})`;
  expect(await place.run(['-s', '--name', 'text'], { input: added })).toMatchObject({ code: 0 });
  const other = await place.connect('text');
  expect(await other.call('engine.graph')).toMatchObject([{ bricks: [{ inputs: ['one'] }, { inputs: ['five'] }] }, { bricks: [{ name: 'first', outputs: ['four'] }] }]);
  expect(await again()).toMatchObject({ code: 0, stderr: 'bricks: changed: e0; kept: e1\n' });
  expect(await again()).toMatchObject({ code: 0, stderr: 'bricks: kept: e0, e1\n' });
  setup('other', '\nengine e2:\n  five -> Dummy -> six\n');
  expect(await again()).toMatchObject({ code: 0, stderr: 'bricks: added: e2; changed: e1; kept: e0\n' });
  setup('other -> Nothing');
  expect(await again()).toMatchObject({ code: 1, stderr: expect.stringMatching(/set-up\.bricks:4:28: /) as string });
  expect(await other.call('engine.graph')).toMatchObject([{ name: 'e0', running: true, bricks: [{ id: 1 }] }, { name: 'e1', bricks: [{ id: 2, outputs: ['other'] }] }, { name: 'e2', running: true }]);
  other.close();
  await place.kill('--name', 'text');
});

test('without its script it goes on', async () => {
  rmSync(place.path('set-up.lua'));
  expect(await reload()).toMatchObject({ code: 1, stderr: expect.stringMatching(/The script set-up\.lua can't be read.*\[E_SCRIPT\]/) as string });
  expect(Object.keys(await engines())).toEqual(['kept']);
});
