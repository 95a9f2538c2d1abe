import { execFileSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LuaHost } from 'packet-bricks/src/lua/lua-host';
import { LuaFixture, RecordingProgram } from './fixture';

let lua: LuaFixture;
beforeEach(async () => {
  lua = new LuaFixture();
  await lua.evaluate('function forever() while true do end end');
});
afterEach(() => lua.close());

const after = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

test.each([
  ['an endless loop', 'while true do end'],
  ['a loop that catches errors', 'while true do pcall(forever) end'],
  ['a loop in a coroutine', 'coroutine.wrap(forever)()'],
  ['a sleep in a loop on os.clock', 'while true do os.clock() end'],
  ['a sleep in a loop on os.time', 'while true do os.time() end'],
  ['a sleep', 'BRICKS.sleep(60)'],
  ['a command', 'os.execute("sleep 60")'],
  ['a command that ignores interrupts', `os.execute("trap '' INT TERM; sleep 60; sleep 60")`],
  ['reading from a command', 'io.popen("sleep 60; true"):read("*all")'],
  ['waiting for the end of a command', 'io.popen("sleep 60; true", "w"):close()'],
  ['a command that is not answered', 'PktEngine.new("e0")'],
  ['a loop of commands', 'while true do PktEngine.retrieve("e0") end'],
])('%s can be interrupted, and the shell goes on', async (_, line) => {
  lua.program.silent.add('engine.create');
  const running = lua.host.runLine(line);
  await after(150);
  expect(lua.host.busy).toBe(true);
  const start = Date.now();
  lua.host.interrupt();
  expect(await running).toMatchObject({ incomplete: false, ok: false, failure: { interrupted: true, message: expect.stringMatching(/interrupted$/) } });
  expect(Date.now() - start).toBeLessThan(5000); // it takes some 20 ms; machines may be busy
  lua.printed();
  expect(await lua.evaluate('=PktEngine.retrieve("e0") == nil')).toBe('true\n');
});

test('an interrupt names the line where it struck', async () => {
  const running = lua.run('local x = 1\nwhile true do\n  x = x + 1\nend\n');
  await after(150);
  lua.host.interrupt();
  expect(await running).toMatchObject({ ok: false, failure: { interrupted: true, traceback: expect.stringMatching(/script\.lua:[234]: in main chunk$/) } });
});

test('an interrupt that comes before its script has begun is not lost', async () => {
  const running = lua.host.runLine('while true do end');
  await Promise.resolve();
  await Promise.resolve();
  expect(lua.host.busy).toBe(true);
  lua.host.interrupt();
  expect(await running).toMatchObject({ ok: false, failure: { interrupted: true } });
});

test('an interrupt that comes while Lua is still starting is not lost', async () => {
  const fresh = new LuaFixture();
  const running = fresh.host.runLine('while true do end');
  await Promise.resolve();
  fresh.host.interrupt();
  expect(await running).toMatchObject({ ok: false, failure: { interrupted: true } });
  await fresh.close();
});

test('the program may close the host before it answers the command to shut down', async () => {
  const program = new RecordingProgram();
  const closing = new LuaFixture(Object.assign(Object.create(program) as RecordingProgram, {
    execute: async () => {
      await closing.host.close();
      return { ok: true };
    },
  }));
  expect(await closing.host.runLine('BRICKS.shutdown()')).toMatchObject({ ok: false, failure: { interrupted: true } });
  expect(closing.printed()).toBe('Goodbye!\n');
  await closing.close();
});

test('an interrupt while nothing runs does nothing', async () => {
  lua.host.interrupt();
  expect(await lua.evaluate('=1')).toBe('1\n');
});

test('a script that loops does not hold up the main thread', async () => {
  const running = lua.host.runLine('while true do end');
  const start = Date.now();
  for (let turn = 0; turn < 10; turn++) await after(10);
  expect(Date.now() - start).toBeLessThan(2000);
  lua.host.interrupt();
  await running;
});

test('the answer to an interrupted command is not taken for that of the next', async () => {
  let given: (answer: () => void) => void;
  const command = new Promise<() => void>((resolve) => { given = resolve; });
  type Execute = typeof lua.program.execute;
  const slow = new LuaFixture(Object.assign(Object.create(lua.program) as typeof lua.program, {
    execute: (command: Parameters<Execute>[0]) => new Promise((resolve) => {
      if (command.command === 'engine.create') given(() => resolve({ ok: true, value: 'late' }));
      else resolve({ ok: true, value: true });
    }),
  }));
  const running = slow.host.runLine('PktEngine.new("e0")');
  const answer = await command;
  slow.host.interrupt();
  await running;
  answer();
  expect(await slow.evaluate('=PktEngine.retrieve("x") ~= nil')).toBe('true\n');
  await slow.close();
});

test.each([
  ['print', 'while true do print("hello") end'],
  ['io.write', 'while true do io.write("hello ") end'],
])('a loop of %s can be interrupted though nobody reads what it says', async (_, line) => {
  const folder = mkdtempSync(join(tmpdir(), 'bricks-interrupt-'));
  execFileSync('mkfifo', [join(folder, 'unread')]);
  const output = openSync(join(folder, 'unread'), constants.O_RDWR | constants.O_NONBLOCK);
  const host = new LuaHost(lua.program.execute, { output });
  const running = host.runLine(line);
  await after(500);
  host.interrupt();
  expect(await running).toMatchObject({ ok: false, failure: { interrupted: true } });
  await host.close();
  closeSync(output);
  rmSync(folder, { recursive: true });
});

test('scripts can not take the hook that interrupts them', async () => {
  expect(await lua.failureOf('debug.sethook()')).toMatch(/debug\.sethook is reserved/);
});
