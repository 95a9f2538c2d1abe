import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { formatFailure } from 'packet-bricks/src/lua/lua-host';
import { LuaFixture } from './fixture';

const BUILT_HOST = join(__dirname, '../../dist/src/lua/lua-host.js');

let lua: LuaFixture;
beforeEach(() => {
  lua = new LuaFixture();
});
afterEach(() => lua.close());

/** Runs JavaScript with LuaHost in a process of its own. */
function inProcess(body: string): { status: number | null; stdout: string; stderr: string } {
  const program = `const { LuaHost } = require(${JSON.stringify(BUILT_HOST)}); (async () => { ${body} })();`;
  return spawnSync(process.execPath, ['-e', program], { encoding: 'utf8', timeout: 30000 });
}

describe('the shell', () => {
  test('evaluates a line at a time and keeps global variables', async () => {
    await lua.evaluate('x = 20');
    expect(await lua.evaluate('print(x + 1, nil, "a")')).toBe('21\tnil\ta\n');
  });

  test('prints the values of an expression that begins with =', async () => {
    expect(await lua.evaluate('= 1 + 1, "x", nil')).toBe('2\tx\tnil\n');
    expect(await lua.evaluate('=print()')).toBe('\n');
  });

  test('asks for more while a statement is incomplete', async () => {
    expect(await lua.host.runLine('for i = 1, 2 do')).toEqual({ incomplete: true });
    expect(await lua.host.runLine('for i = 1, 2 do\nprint(i)')).toEqual({ incomplete: true });
    expect(await lua.evaluate('for i = 1, 2 do\nprint(i)\nend')).toBe('1\n2\n');
    expect(await lua.host.runLine('x = [[')).toEqual({ incomplete: true });
    expect(await lua.host.runLine('= (')).toEqual({ incomplete: true });
  });

  test('goes on after an error', async () => {
    expect(await lua.failureOf('x = = 1')).toBe("shell:1: unexpected symbol near '='");
    expect(await lua.failureOf('nothing.field = 1')).toBe("shell:1: attempt to index global 'nothing' (a nil value)");
    expect(await lua.evaluate('=1')).toBe('1\n');
  });

  test('completes globals, methods of objects and keywords', async () => {
    await lua.evaluate('pe = PktEngine.new("e0")');
    expect(await lua.host.complete('BRICKS.sh')).toEqual(['BRICKS.show_stats', 'BRICKS.shutdown']);
    expect(await lua.host.complete('x = pe:st')).toEqual(['pe:start', 'pe:stats', 'pe:stop']);
    expect(await lua.host.complete('Pkt')).toEqual(['PktEngine']);
    expect(await lua.host.complete('whi')).toEqual(['while']);
    expect(await lua.host.complete('nothing.')).toEqual([]);
    expect(await lua.host.complete('print(')).toContain('BRICKS');
  });

  test('statements given at once are evaluated one after the other', async () => {
    await Promise.all(['x = "a"', 'x = x .. "b"', 'print(x)'].map((line) => lua.host.runLine(line)));
    expect(lua.printed()).toBe('ab\n');
  });
});

describe('scripts', () => {
  test('get their arguments in arg and ...', async () => {
    expect(await lua.run('print(arg[1], arg[2], #arg, ..., arg[0]:match("script.lua$"))', ['eth3', '4'])).toEqual({ ok: true });
    expect(lua.printed()).toBe('eth3\t4\t2\teth3\tscript.lua\n');
  });

  test('an error has file, line and the functions of the script, and nothing else', async () => {
    const file = lua.write('script.lua', '#!/usr/bin/bricks\nlocal function inner()\n  Brick.new(1)\nend\nfunction outer() inner() return 1 end\nouter()\n');
    const result = await lua.host.runScript(file);
    if (result.ok) throw new Error('it should fail');
    expect(result.failure).toMatchObject({ line: 3, file, interrupted: false });
    expect(formatFailure(result.failure)).toBe([
      `${file}:3: Brick.new: argument 1 (kind) must be the name of a kind of brick, but it is the number 1`,
      'stack traceback:',
      `\t${file}:3: in function 'inner'`,
      `\t${file}:5: in function 'outer'`,
      `\t${file}:6: in main chunk`,
    ].join('\n'));
  });

  test('a syntax error has file and line', async () => {
    const result = await lua.run('x = 1\nif x then\n');
    expect(result).toMatchObject({ ok: false, failure: { line: 3, traceback: '', message: expect.stringMatching(/script\.lua:3: 'end' expected \(to close 'if' at line 2\) near '<eof>'$/) } });
  });

  test('a missing script is named', async () => {
    expect(await lua.host.runScript('/nowhere/x.lua')).toMatchObject({ ok: false, failure: { message: expect.stringMatching(/cannot open \/nowhere\/x\.lua: No such file/) } });
    expect(await lua.host.runScript(lua.folder)).toMatchObject({ ok: false, failure: { message: expect.stringMatching(/cannot read .*: Is a directory/) } });
  });

  test('errors that are no strings, and recursion without end are reported', async () => {
    expect(await lua.failureOf('error({})')).toBe('(the error is a table value)');
    expect(await lua.failureOf('error(setmetatable({}, { __tostring = function() return "mine" end }))')).toBe('mine');
    expect(await lua.failureOf('error()')).toBe('(the error is a nil value)');
    expect(await lua.failureOf('local function f() return 1 + f() end f()')).toMatch(/stack overflow/);
    expect(await lua.evaluate('=1')).toBe('1\n');
  });

  test('a script that takes more and more memory is ended', async () => {
    const small = new LuaFixture(undefined, { memoryLimit: 32 << 20 });
    expect(await small.failureOf('t = ("x"):rep(1000) while true do t = t .. t end')).toBe('not enough memory');
    expect(await small.evaluate('t = nil print(1)')).toBe('1\n');
    await small.close();
  });

  test('find files beside them and our helper library', async () => {
    lua.write('beside.lua', 'return "beside"');
    lua.write('computed.lua', 'print("computed")');
    const result = await lua.run('print(require("beside"), type(require("lib.setup").stem)) dofile(arg[0]:match("(.*)/") .. "/computed.lua")');
    expect(result).toEqual({ ok: true });
    expect(lua.printed()).toBe('beside\tfunction\ncomputed\n');
  });

  test('os.exit ends the script and not the process, also within pcall and coroutines', async () => {
    expect(await lua.run('os.exit(3) print("no")')).toEqual({ ok: true, exitCode: 3 });
    expect(await lua.run('pcall(os.exit) print("no")')).toEqual({ ok: true, exitCode: 0 });
    expect(await lua.run('coroutine.wrap(function() pcall(function() os.exit(4) end) print("no") end)() print("no")')).toEqual({ ok: true, exitCode: 4 });
    expect(lua.printed()).toBe('');
    expect(await lua.evaluate('=1')).toBe('1\n');
  });
});

describe('the library of Lua 5.1', () => {
  test('os.execute gives 0 on success and the status otherwise', async () => {
    expect(await lua.evaluate('=os.execute("true") == 0, os.execute("exit 3") / 256, os.execute()')).toBe('true\t3\t1\n');
  });

  test('what commands print comes out in order', async () => {
    expect(await lua.evaluate('io.write("a", 1) os.execute("echo b") io.stdout:write("c\\n") print("d")')).toBe('a1b\nc\nd\n');
  });

  test('io.popen reads and writes', async () => {
    expect(await lua.evaluate('=io.popen("echo one; echo two"):read("*all")')).toBe('one\ntwo\n\n');
    expect(await lua.evaluate('local p = io.popen("tr a-z A-Z", "w") p:write("shout\\n") print(p:close())')).toBe('SHOUT\ntrue\n');
    expect(await lua.evaluate('for line in io.popen("seq 3"):lines() do io.write(line, " ") end')).toBe('1 2 3 ');
    expect(await lua.failureOf('io.popen("true", "x")')).toMatch(/bad argument #2 to 'popen'/);
  });

  test('commands die of a closed pipe, as everywhere', async () => {
    expect(await lua.evaluate('=io.popen("yes 2>&1 | head -1"):read("*all")')).toBe('y\n\n');
  });

  test('io.open, io.lines and dofile are real', async () => {
    const file = lua.write('lines', 'one\ntwo\n');
    expect(await lua.evaluate(`for line in io.lines(${JSON.stringify(file)}) do io.write("<", line, ">") end`)).toBe('<one><two>');
    expect(await lua.evaluate(`local f = io.open(${JSON.stringify(file)}, "a") f:write("three") f:close()`)).toBe('');
    expect(await lua.evaluate(`=io.open(${JSON.stringify(file)}):read("*all")`)).toBe('one\ntwo\nthree\n');
    expect(await lua.evaluate('=io.open("/nowhere")')).toBe('nil\t/nowhere: No such file or directory\t2\n');
    expect(await lua.evaluate('=io.stdout:close()')).toBe('nil\tcannot close standard file\n');
  });

  test('sleeping in a loop on os.clock takes real time and hardly any of the processor', async () => {
    const before = process.cpuUsage();
    const start = Date.now();
    await lua.evaluate('local finish = os.clock() + 1 while os.clock() < finish do end');
    const { user, system } = process.cpuUsage(before);
    expect(Date.now() - start).toBeGreaterThanOrEqual(990);
    expect((user + system) / 1e6).toBeLessThan(0.5);
  });

  test('os.clock measures finely where it is not polled', async () => {
    expect(await lua.evaluate('local start = os.clock() for i = 1, 1000 do end print(os.clock() - start < 0.5)')).toBe('true\n');
  });
});

describe('the host', () => {
  test('holds no more memory after many calls than after some', async () => {
    const work = 'for i = 1, 2000 do local b = Brick.new("Dummy", { list = { i } }):connect_output("x") local s = tostring(b) .. tostring(b.stats) pcall(b.link, b, b) end b = nil collectgarbage() collectgarbage()';
    await lua.evaluate(work);
    const before = await lua.host.memory();
    await lua.evaluate(work);
    expect(await lua.host.memory()).toBeLessThan(before + 20000);
  });

  test('values that a command can not carry are refused', async () => {
    expect(await lua.failureOf('Brick.new("Dummy", { f = print })')).toMatch(/a function can't be given here/);
    expect(await lua.failureOf('local t = {} t.t = t Brick.new("Dummy", t)')).toMatch(/nested too deeply, or holds itself/);
  });

  test('a command that throws is an error in the script', () => {
    const { stdout } = inProcess(`
      const host = new LuaHost(() => { throw new Error('broken'); });
      const result = await host.runLine('PktEngine.new("e0")');
      console.log(result.failure.message);
      const strange = new LuaHost(async () => ({ ok: true, value: () => 1 }));
      console.log((await strange.runLine('PktEngine.new("e0")')).failure.message);`);
    expect(stdout).toMatch(/^shell:1: PktEngine\.new: broken \[E_INTERNAL\]\nshell:1: PktEngine\.new: The result of engine\.create can't be sent/);
  });

  test('an idle shell does not keep the process, and prints to standard output', () => {
    const { status, stdout } = inProcess(`const host = new LuaHost(async () => ({ ok: true })); await host.runLine('io.write("now")');`);
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'now' });
  });

  test('the process can end while a script loops, waits or reads', () => {
    for (const line of ['while true do end', 'os.execute("sleep 60")', 'io.popen("sleep 60"):read("*all")', 'PktEngine.new("e0")', 'BRICKS.sleep(60)']) {
      const { status } = inProcess(`const host = new LuaHost(() => new Promise(() => {})); host.runLine(${JSON.stringify(line)}); setTimeout(() => process.exit(7), 300);`);
      expect({ line, status }).toEqual({ line, status: 7 });
    }
  });

  test('close ends a loop, may be called twice, and then nothing runs any more', async () => {
    const other = new LuaFixture();
    const endless = other.host.runLine('while true do end');
    await new Promise((resolve) => setTimeout(resolve, 200));
    await Promise.all([other.host.close(), other.host.close()]);
    expect(await endless).toMatchObject({ ok: false, failure: { interrupted: true } });
    await expect(other.host.runLine('=1')).rejects.toMatchObject({ message: expect.stringMatching(/closed/) });
    await other.close();
  });

  test('what waits for the Lua thread to be ready when it is closed is interrupted', async () => {
    const other = new LuaFixture();
    const endless = other.host.runLine('while true do end');
    await new Promise((resolve) => setImmediate(resolve)); // the thread needs longer
    await other.host.close();
    expect(await endless).toMatchObject({ ok: false, failure: { interrupted: true } });
    await other.close();
  });

  test('close right after the start is fine', async () => {
    await new LuaFixture().close();
  });
});
