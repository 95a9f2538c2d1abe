/** Lua shells over the control connection. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import type { Daemon } from 'packet-bricks';
import { RemoteShell } from 'packet-bricks/src/cli/remote-shell';
import { formatFailure } from 'packet-bricks/src/lua/lua-host';
import { until } from '../support/loopback-engine';
import { TestDaemon, request } from './support';

const line = (id: number, method: string, parameters?: unknown): string => `${JSON.stringify(request(id, method, parameters))}\n`;

let daemon: TestDaemon;
beforeAll(async () => { daemon = await TestDaemon.start(); });
afterAll(() => daemon.stop());
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close()));
  for (const engine of daemon.registry.all) {
    await engine.stop();
    await daemon.registry.execute({ command: 'engine.delete', name: engine.name });
  }
});

const open: Daemon[] = [];

/** A shell, and what it has printed. */
class TestShell {
  output: Buffer[] = [];

  private constructor(readonly client: Daemon, readonly shell: RemoteShell) {}

  static async open(client?: Daemon): Promise<TestShell> {
    const own = client ?? await daemon.connect();
    if (!client) open.push(own);
    const output: Buffer[] = [];
    const made = new TestShell(own, await RemoteShell.open(own, (text) => output.push(Buffer.from(text as string))));
    made.output = output;
    return made;
  }

  printed(): Buffer {
    return Buffer.concat(this.output.splice(0));
  }

  /** Evaluates a statement that must succeed; gives what it prints. */
  async evaluate(text: string, columns?: number): Promise<string> {
    const result = await this.shell.runLine(text, columns);
    if (result.incomplete) throw new Error(`incomplete: ${text}`);
    if (!result.ok) throw new Error(formatFailure(result.failure));
    return this.printed().toString();
  }

  async failureOf(text: string): Promise<string> {
    const result = await this.shell.runLine(text);
    if (result.incomplete || result.ok) throw new Error(`no failure: ${text}`);
    return result.failure.message;
  }
}

const descriptors = (): number => readdirSync('/proc/self/fd').length;
const threads = (): number => readdirSync('/proc/self/task').length;

describe('a shell', () => {
  test('prints what its lines print, before they are answered, and asks for more where a statement goes on', async () => {
    const shell = await TestShell.open();
    expect(await shell.evaluate('=1 + 1, "x"')).toBe('2\tx\n');
    expect(await shell.shell.runLine('for i = 1, 2 do')).toEqual({ incomplete: true });
    expect(await shell.evaluate('for i = 1, 2 do\nprint(i) end')).toBe('1\n2\n');
    expect(await shell.failureOf('error("no")')).toBe('shell:1: no');
    expect(await shell.failureOf('prnt("x")')).toMatch(/attempt to call global 'prnt' \(a nil value\)\. Did you mean "print"\?/);
    expect((await shell.evaluate('for i = 1, 100000 do print(i) end')).split('\n')).toHaveLength(100_001);
    expect(await shell.evaluate('{ 1, 2 }', 80)).toBe('{ 1, 2 }\n');
    expect(await shell.shell.help('LoadBalancer')).toEqual({ ok: true });
    expect(shell.printed().toString()).toMatch(/^LoadBalancer: /);
  });

  test('gets every byte, also such as are not UTF-8, or come in halves of a character', async () => {
    const shell = await TestShell.open();
    expect(await shell.evaluate('print("gr\\195\\188\\195\\159e")')).toBe('grüße\n');
    await shell.evaluate('for byte = 0, 255 do io.write(string.char(byte)) end');
    await shell.evaluate('for _ = 1, 20001 do io.write("\\226\\130\\172") end').then((text) => expect(text).toBe('€'.repeat(20_001)));
    await shell.shell.runLine('for byte = 0, 255 do io.write(string.char(byte)) end io.write("\\226\\130")');
    expect(shell.printed()).toEqual(Buffer.from([...Array(256).keys(), 226, 130]));
  });

  test('gets what its commands print on both their streams, and what it writes to standard error; there is nothing to read', async () => {
    const shell = await TestShell.open();
    expect(await shell.evaluate('os.execute("echo out; echo err >&2; cat")')).toBe('out\nerr\n');
    expect(await shell.evaluate('io.stderr:write("oops\\n") =io.read()').catch(() => 'x')).toBe('x');
    expect(await shell.evaluate('io.stderr:write("oops\\n") print(io.read())')).toBe('oops\nnil\n');
    expect(await shell.evaluate('=io.popen("echo 4"):read("*n")')).toBe('4\n');
  });

  test('has a Lua state of its own, and the engines of all', async () => {
    const [one, other] = [await TestShell.open(), await TestShell.open()];
    await one.evaluate('x = 1 pe = PktEngine.new("e0") lb = Brick.new("LoadBalancer"):connect_input("in"):connect_outputs("out", 2) pe:link(lb)');
    expect(await other.evaluate('=x == nil and PktEngine.retrieve("e1") == nil')).toBe('true\n');
    expect(await other.evaluate('= PktEngine.retrieve("e0")')).toBe('PktEngine e0 (stopped)\n');
    // Their first bricks are two bricks.
    await other.evaluate('pe = PktEngine.retrieve("e0") pe:link(Brick.new("Dummy"):connect_input("more"):connect_output("there"))');
    expect(await one.evaluate('for _, link in ipairs(pe:stats().links) do io.write(link.name, " ") end')).toBe('in more out{0 out{1 there ');
    expect(await one.failureOf('PktEngine.new("e1"):link(lb)')).toMatch(/already linked to engine e0/);
    // A brick of another one is found in the engine, and changed there; the one who made it sees it.
    expect(await other.evaluate('for _, brick in ipairs(pe:bricks()) do print(brick) end')).toBe('Brick LoadBalancer from in to out{0, out{1 in e0\nBrick Dummy from more to there in e0\n');
    await other.evaluate('found = pe:bricks()[1] pe:add_output(found, "out{2")');
    expect(await other.evaluate('= found == pe:bricks()[1], found:stats().kind')).toBe('true\tLoadBalancer\n');
    expect(await one.evaluate('= pe:bricks()[1] == lb, lb')).toBe('true\tBrick LoadBalancer from in to out{0, out{1, out{2 in e0\n');
    await other.evaluate('pe:remove_output(found, "out{2")');
    // What another shell has unlinked is free.
    await other.evaluate('pe:unlink()');
    await one.evaluate('PktEngine.retrieve("e1"):link(lb):start():stop()');
    await other.evaluate('PktEngine.retrieve("e1"):delete()');
    expect(await one.failureOf('PktEngine.retrieve("e1"):start()')).toMatch(/attempt to index/);
  });

  test('completes names, kinds of bricks, options, interfaces, pipes and engines of the daemon', async () => {
    const shell = await TestShell.open();
    await shell.evaluate('pe = PktEngine.new("engine-of-all") lb = Brick.new("LoadBalancer"):connect_input("in"):connect_output("wire{0")');
    const hits = async (text: string): Promise<readonly string[]> => (await shell.shell.complete(text, '')).hits;
    expect(await hits('BRICKS.sh')).toEqual(['BRICKS.show_stats', 'BRICKS.shutdown']);
    expect(await hits('pe:st')).toEqual(['pe:start', 'pe:stats', 'pe:stop']);
    expect(await hits('Brick.new("Load')).toEqual(['LoadBalancer"']);
    expect(await hits('Brick.new("PcapReader", { pa')).toEqual(['pace = ']);
    expect(await hits('PktEngine.retrieve("eng')).toEqual(['engine-of-all"']);
    expect(await hits('d:connect_input("wi')).toEqual(['wire}0"']);
  });

  test('runs a script with its arguments, under its name', async () => {
    const shell = await TestShell.open();
    expect(await shell.shell.runScript('#!/usr/bin/env bricks\nprint(arg[0], #arg, ...)\nreturn 1', 'set-up.lua', ['eth3', '4'])).toEqual({ ok: true });
    expect(shell.printed().toString()).toBe('set-up.lua\t2\teth3\t4\n');
    expect(await shell.shell.runScript('\nerror("here")', 'set-up.lua', [])).toMatchObject({ ok: false, failure: { message: 'set-up.lua:2: here', file: 'set-up.lua', line: 2, interrupted: false } });
    expect(await shell.shell.runScript('os.exit(3)', 'set-up.lua', [])).toEqual({ ok: true, exitCode: 3 });
    expect(await shell.evaluate('= "goes on"')).toBe('goes on\n');
  });

  test('is interrupted by its client, whatever it does, and goes on', async () => {
    const shell = await TestShell.open();
    for (const text of ['while true do end', 'BRICKS.sleep(1e6)', 'os.execute("sleep 1000")', 'while true do print(1) end', 'pcall(function() while true do end end)']) {
      const running = shell.shell.runLine(text);
      await until(() => shell.shell.busy);
      shell.shell.interrupt();
      expect(await running).toMatchObject({ ok: false, failure: { interrupted: true } });
      shell.printed();
    }
    expect(await shell.evaluate('= "goes on"')).toBe('goes on\n');
  });

  test('may be shut; what it was is unknown then', async () => {
    const { client } = await TestShell.open();
    const { shell } = await client.call('shell.open');
    await client.call('shell.close', { shell });
    await expect(client.call('shell.line', { shell, text: 'x = 1' })).rejects.toMatchObject({ code: 'E_ARGUMENT', message: expect.stringContaining(`There is no shell ${shell}.`) as string });
    await expect(client.call('shell.script', { shell: 1, text: '', name: 'x', arguments: [1 as never] })).rejects.toMatchObject({ code: 'E_OPTION' });
  });

  test('ends the daemon by BRICKS.shutdown, once it has its answer', async () => {
    const shell = await TestShell.open();
    const before = daemon.shutdowns;
    expect(await shell.shell.runLine('BRICKS.shutdown()')).toEqual({ incomplete: false, ok: true, exitCode: 0 });
    expect(shell.printed().toString()).toBe('');
    await until(() => daemon.shutdowns === before + 1);
  });
});

describe('a client that goes away in the middle', () => {
  test('ends what its shells run, and leaves nothing behind', async () => {
    const warm = await TestShell.open();
    await warm.client.close();
    await until(() => daemon.server.clients === 0);
    const before = { descriptors: descriptors(), threads: threads() };
    for (const text of ['while true do end', 'os.execute("echo $$; exec sleep 1000") print("more")', 'while true do print("x") end']) {
      const shell = await TestShell.open();
      void shell.shell.runLine(text).catch(() => undefined);
      if (/print|echo/.test(text)) await until(() => shell.output.length > 0);
      const child = /echo/.test(text) ? shell.printed().toString().trim() : undefined;
      await shell.client.close();
      if (child !== undefined) await until(() => !existsSync(`/proc/${child}/exe`));
    }
    await until(() => threads() <= before.threads && descriptors() <= before.descriptors);
  });

  test('or that reads nothing of a flood harms nobody: its shell waits, and its daemon does not grow', async () => {
    const raw = await daemon.connectRaw();
    raw.socket.write(line(1, 'shell.open') + line(2, 'subscribe', { topic: 'shell.output', parameters: { shell: 1 } }));
    await until(() => raw.text.includes('"id":2'));
    raw.socket.pause();
    raw.socket.write(line(3, 'shell.line', { shell: 1, text: 'while true do print(string.rep("x", 1000)) end' }));
    const shell = await TestShell.open();
    const used = process.memoryUsage().external + process.memoryUsage().arrayBuffers;
    for (let turn = 0; turn < 200; turn++) expect(await shell.evaluate(`=${turn}`)).toBe(`${turn}\n`);
    expect(process.memoryUsage().external + process.memoryUsage().arrayBuffers - used).toBeLessThan(4 << 20);
    raw.socket.destroy();
    await until(() => daemon.server.clients === 1);
    expect(await shell.evaluate('= "goes on"')).toBe('goes on\n');
  });
});

test('there are no more shells than the daemon serves, and room again when one is left', async () => {
  const clients = await Promise.all(Array.from({ length: 4 }, () => daemon.connect()));
  open.push(...clients);
  // Those of the tests before may still be ending.
  for (let count = 0; count < 16;) count += await clients[count % 4].call('shell.open').then(() => 1, () => 0);
  await expect(clients[0].call('shell.open')).rejects.toMatchObject({ code: 'E_CONTROL_LIMIT', message: expect.stringContaining('16 shells') as string });
  await clients[1].call('shell.close', { shell: 2 });
  expect(await clients[0].call('shell.open')).toEqual({ shell: 5 });
  // The tests after this one need some.
  for (const client of clients) await Promise.all([1, 2, 3, 4, 5].map((shell) => client.call('shell.close', { shell }).catch(() => undefined)));
});

describe("the original's manual, line by line", () => {
  test('works with the remote shell', async () => {
    const shell = await TestShell.open();
    writeFileSync(`${daemon.folder}/sample.lua`, 'sampled = true');
    const lines: [string, string | RegExp][] = [
      ['BRICKS.help()', /BRICKS\.help\(\)[^]*BRICKS\.print_status\(\)[^]*BRICKS\.show_stats\(\)[^]*BRICKS\.shutdown\(\)[^]*PktEngine\.help\(\)/],
      ['BRICKS.print_status()', 'BRICKS is offline.\n'],
      ['=BRICKS._VERSION', /^Packet Bricks \d/], ['=BRICKS._DESCRIPTION', /packets/], ['=BRICKS._COPYRIGHT', /BSD/],
      ['PktEngine.help()', /PktEngine\.new[^]*pe:link[^]*pe:start\(\)[^]*pe:stop\(\)[^]*pe:delete\(\)[^]*pe:show_stats\(\)/], ['Brick.help()', /connect_input/],
      ['pe = PktEngine.new("e0", 1024, -1)', ''],
      ['lb = Brick.new("LoadBalancer", 2)', ''],
      ['lb:connect_input("eth3")', ''],
      ['lb:connect_output("eth3{0", "eth3{1", "eth3{2", "eth3{3")', ''],
      ['pe:link(lb, 512, -1)', ''],
      ['pe:start()', ''],
      ['BRICKS.print_status()', 'BRICKS is online.\n'],
      ['pe:show_stats()', /Engine e0 \(running\)[^]*eth3\{3/],
      ['pe.show_stats()', /Engine e0 \(running\)/],
      ['BRICKS.show_stats()', /ENGINE +STATE +PACKETS[^]*e0 +running[^]*total/],
      ['pe2 = PktEngine.retrieve("e0")', ''],
      ['=pe2 == pe, PktEngine.retrieve("e1") == nil', 'true\ttrue\n'],
      ['pe:stop()', ''],
      ['pe:unlink()', ''],
      ['dup = Brick.new("Duplicator") dup:connect_input("eth3") dup:connect_outputs("eth3", "4")', ''],
      ['lb2 = Brick.new("LoadBalancer", 4) lb2:connect_input("eth3}0") lb2:connect_output("eth3{4") lb2:connect_output("eth3{5")', ''],
      ['dup:link(lb2)', ''],
      ['pe:link(dup):start()', ''],
      [`dofile("${daemon.folder}/sample.lua") print(sampled)`, 'true\n'],
      ['=io.popen("echo hello"):read("*all")', 'hello\n\n'],
      ['=os.execute("true")', '0\n'],
      ['finish = os.clock() + 0.05 while os.clock() < finish do end', ''],
      ['pe:stop()', ''],
      ['pe:delete()', ''],
      ['=PktEngine.retrieve("e0") == nil', 'true\n'],
      ['BRICKS.print_status()', 'BRICKS is offline.\n'],
    ];
    for (const [typed, expected] of lines) {
      const said = await shell.evaluate(typed);
      if (typeof expected === 'string') expect([typed, said]).toEqual([typed, expected]);
      else expect(said).toMatch(expected);
    }
    // As it comes without a terminal: what methods return is their object, which prints nothing. Delete is refused while it runs.
    expect(await shell.evaluate('PktEngine.new("e0"):link(Brick.new("Dummy"):connect_input("a"):connect_output("b")):start()')).toBe('');
    expect(await shell.failureOf('PktEngine.retrieve("e0"):delete()')).toMatch(/is running\. Stop it before you delete it/);
  });
});
