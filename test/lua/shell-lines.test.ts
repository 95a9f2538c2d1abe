/** What a line of the shell prints, and what it may be. */
import { LuaFixture } from './fixture';

let lua: LuaFixture;
beforeAll(() => {
  lua = new LuaFixture();
});
afterAll(() => lua.close());

const COLUMNS = 80;

/** Evaluates a statement as typed on a terminal; gives what it prints. */
async function typed(text: string): Promise<string> {
  expect(await lua.host.runLine(text, COLUMNS)).toEqual({ incomplete: false, ok: true });
  return lua.printed();
}

describe('tables are printed as one would type them', () => {
  test.each([
    ['{}', '{}'],
    ['{ 1, 2, "x" }', '{ 1, 2, "x" }'],
    ['{ b = true, a = { 1 } }', '{ a = { 1 }, b = true }'],
    ['{ ["b c"] = 1, ["end"] = 2, [2.5] = 3, [false] = 4, [10] = 5 }', '{ [2.5] = 3, [10] = 5, ["b c"] = 1, ["end"] = 2, [false] = 4 }'],
    ['{ 64e12, 1e15, -0.5, 1/0, -1/0 }', '{ 64000000000000, 1000000000000000, -0.5, math.huge, -math.huge }'],
    ['{ print }, 5, nil, "as it is"', '{ <function> }\t5\tnil\tas it is'],
    ['{ PktEngine.new("shown"), Brick.new("Merge"), BRICKS }', '{ <PktEngine shown (stopped)>, <Brick Merge>, <BRICKS> }'],
    ['PktEngine.retrieve("shown")', 'PktEngine shown (stopped)'],
    ['2^40', '1099511627776'],
  ])('= %s', async (expression, expected) => {
    expect(await lua.evaluate(`= ${expression}`)).toBe(`${expected}\n`);
  });

  test('what is typed again is the same', async () => {
    const value = '{ "a\\n\\"b\\"\\\\\\027[1m\\0001\\200", { x = { y = { z = -1.5 } } }, ["für"] = "größer" }';
    await lua.evaluate(`value = ${value}`);
    const shown = (await lua.evaluate('= value')).trim();
    // Nothing that a terminal would obey.
    expect(shown).not.toMatch(/[\u0000-\u0009\u001b\ufffd]/);
    expect(shown).toContain('größer');
    await lua.evaluate(`again = ${shown}`);
    expect(await lua.evaluate('= value[1] == again[1], again[2].x.y.z, again["für"]')).toBe('true\t-1.5\tgrößer\n');
  });

  test('statistics of an engine are lines of fields', async () => {
    await lua.evaluate('pe = PktEngine.new("told"):link(Brick.new("Merge"):connect_input("a"):connect_output("b"))');
    const shown = await lua.evaluate('= pe:stats()');
    expect(shown).toMatch(/^\{\n(?:.*\n)* {2}bricks = \{\n/);
    expect(shown).toMatch(/^ {2}packets = 1000000,$/m);
    expect(shown).not.toMatch(/0x/);
    expect(shown.split('\n').every((line) => line.length <= COLUMNS)).toBe(true);
    await lua.evaluate(`again = ${shown}`);
    expect(await lua.evaluate('= again.links[2].drops.noReader')).toBe('12\n');
  });

  test('cycles, depth, length and what objects say of themselves end', async () => {
    await lua.evaluate('t = {} t.self = { t } t.twice = { 1 } t.again = t.twice');
    expect(await lua.evaluate('= t')).toBe('{ again = { 1 }, self = { <cycle> }, twice = { 1 } }\n');
    await lua.evaluate('deep = {} local at = deep for i = 1, 30 do at.n = { i } at = at.n end');
    expect(await lua.evaluate('= deep')).toMatch(/\{\.\.\.\}/);
    await lua.evaluate('long = {} for i = 1, 100000 do long[i] = i end');
    const shown = await lua.evaluate('= long');
    expect(shown).toMatch(/-- and 98000 more\n\}\n$/);
    await lua.evaluate('odd = setmetatable({}, { __tostring = function() error("no") end }) own = setmetatable({}, { __tostring = function() return "mine" end })');
    expect(await lua.evaluate('= { odd, own }, own')).toBe('{ {}, <mine> }\tmine\n');
    expect(await lua.evaluate('= { ("x"):rep(1000) }')).toMatch(/^\{\n {2}"x{400}"\.\.<1000 bytes>,\n\}\n$/);
    expect((await lua.evaluate('= _G')).length).toBeGreaterThan(100);
  });
});

describe('a line that is whole takes no other with it', () => {
  test.each([
    ['a name', 'pe', /^PktEngine told \(stopped\)\n$/],
    ['a field', 'math.huge', /^inf\n$/],
    ['values', '1 + 1, "x"', /^2\tx\n$/],
    ['a table', '{ 1, 2 }', /^\{ 1, 2 \}\n$/],
    ['nothing', 'nil', /^nil\n$/],
    ['a name that nothing has', 'nobody_has_this_name', /^nil\n$/],
  ])('%s is printed, on a terminal and without one', async (_what, text, printed) => {
    expect(await typed(text)).toMatch(printed);
    expect(await lua.evaluate(text)).toMatch(printed);
  });

  test.each([
    ['pe:start', /pe:start is a method: call it as pe:start\(\)/],
    ['x = pe:stats', /call it as pe:stats\(\)/],
    ['Brick.new("LoadBal', /unfinished string/],
    ["x = 'abc", /unfinished string/],
  ])('%s is an error', async (text, message) => {
    expect(await lua.failureOf(text)).toMatch(message);
  });

  test.each(['for i = 1, 2 do', 'f(', 'x =', 'x = "a\\', 'x = [[', '{', '(1 +', 'if pe then', 'pe:'])('%s goes on', async (text) => {
    expect(await lua.host.runLine(text, COLUMNS)).toEqual({ incomplete: true });
  });

  test('on a terminal calls that stand alone print what they return, but for objects that return themselves', async () => {
    expect(await typed('math.max(1, 2)')).toBe('2\n');
    expect(await typed('pe:stats().name')).toBe('told\n');
    expect(await typed('pe:start()')).toBe('');
    expect(await typed('pe:stop()')).toBe('');
    expect(await typed('BRICKS.sleep(0)')).toBe('');
    expect(await typed('x = 1')).toBe('');
    expect(await lua.evaluate('math.max(1, 2)')).toBe('');
  });

  test('a misspelt name on a terminal gets the one that was perhaps meant', async () => {
    expect(await typed('PktEngin')).toBe('nil\nThere is no "PktEngin". Did you mean "PktEngine"?\n');
  });
});

describe('names that nothing has', () => {
  test.each([
    ['Brik.new("Merge")', 'Brick'],
    ['PacketEngine.new("x")', 'PktEngine'],
    ['bricks.show_stats()', 'BRICKS'],
    ['pirnt(1)', 'print'],
    ['strng.format("x")', 'string'],
    ['math.flor(1)', 'math.floor'],
    ['x = string.formt("x")', 'string.format'],
    ['("x"):uper()', 'upper'],
    ['x = pee.name', 'pe'],
  ])('%s: did you mean %s?', async (text, guess) => {
    await lua.evaluate('x = nil');
    expect(await lua.failureOf(text)).toMatch(new RegExp(`a nil value\\)\\. Did you mean "${guess.replace('.', '\\.')}"\\?$`));
  });

  test.each(['zzzzzzz.x = 1', 'q()', 'local t = {} t.nope()'])('%s: nothing is near', async (text) => {
    expect(await lua.failureOf(text)).toMatch(/\(a nil value\)$/);
  });

  test('of scripts too, with the line that they stand in', async () => {
    const result = await lua.run('local x = 1\nlocal e = PktEngne.new("e0")\n');
    expect(result).toMatchObject({ ok: false, failure: { line: 2, message: expect.stringMatching(/script\.lua:2: .*Did you mean "PktEngine"\?$/) } });
    expect(await lua.run('\n\nmath.sqr(2)')).toMatchObject({ failure: { message: expect.stringMatching(/:3: .*Did you mean "math\.sqrt"\?$/) } });
  });

  test('scripts may ask for globals that are not there', async () => {
    expect(await lua.run('assert(Brik == nil and math.log2 == nil and not table.unpack)')).toEqual({ ok: true });
  });
});

describe('help on a word', () => {
  test.each([
    ['Merge', /^Merge: What Merge does[^]*an integer from 0 to 3600000 ms; default 2\n/],
    ['pcap', /^pcap: live\n[^]*latency {2}a number of at least 0\.5 ms\n +how long\n/],
    ['PktEngine', /pe:start\(\)[^]*whenFull {2}"auto" or "drop"; default "auto"/],
    ['Brick', /connect_input[^]*Kinds of bricks/],
    ['BRICKS', /print_status/],
    ['pe:link', /pe:link\(brick/],
    ['merge_of_mine', /^Merge: /],
  ])('%s', async (word, printed) => {
    await lua.evaluate('merge_of_mine = Brick.new("Merge")');
    expect(await lua.host.help(word)).toEqual({ ok: true });
    expect(lua.printed()).toMatch(printed);
  });

  test('a word that has none says which have', async () => {
    expect(await lua.host.help('Mrge')).toMatchObject({ failure: { message: 'There is no help for "Mrge". Did you mean "Merge"?' } });
    expect(await lua.host.help('zzzzzz')).toMatchObject({ failure: { message: expect.stringMatching(/There is help for: BRICKS, Brick, .*pcap/) } });
  });
});
