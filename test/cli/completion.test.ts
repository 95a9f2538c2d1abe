/** What Tab offers where the cursor stands. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LoopbackBackend } from 'packet-bricks/backends/loopback';
import { complete } from 'packet-bricks/src/program/completion';
import { setDefaultBackend } from 'packet-bricks/src/plugins/default-backend';
import { configurePlugins } from 'packet-bricks/src/plugins/find';
import { LuaFixture } from '../lua/fixture';

const home = process.cwd();
let folder: string;
let lua: LuaFixture;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bricks-completion-'));
  process.env['BRICKS_RUN_DIRECTORY'] = join(folder, 'run');
  mkdirSync(join(folder, 'traces'));
  for (const name of ['trace.pcap', 'trace.pcap1', 'notes.txt', 'set-up.lua', 'odd"name.pcap', 'traces/a.pcapng']) writeFileSync(join(folder, name), '');
  lua = new LuaFixture();
  process.chdir(folder);
  setDefaultBackend('loopback');
  // Not those of this repository.
  configurePlugins({ directory: folder });
  jest.spyOn(LoopbackBackend.prototype, 'devices').mockImplementation(() => Promise.resolve(['eth3', 'eth4'].map((name) => ({ name, description: '', capture: true, send: true, notes: [] }))));
  await lua.evaluate('pe = PktEngine.new("e0") lb = Brick.new("LoadBalancer"):connect_input("vale0:a"):connect_outputs("eth3", 2) r = Brick.new("PcapReader") w = Brick.new("PcapWriter") m = Brick.new("Merge"):connect_input("other}0")');
});
afterAll(async () => {
  jest.restoreAllMocks();
  process.chdir(home);
  await lua.close();
  rmSync(folder, { recursive: true, force: true });
});

const KINDS = ['Dummy', 'Duplicator', 'Filter', 'LoadBalancer', 'Merge', 'PcapReader', 'PcapWriter'];
const FILES = ['trace.pcap', 'trace.pcap1', 'traces/'];

async function hits(text: string, behind = ''): Promise<string[]> {
  const { hits: found, word } = await complete(lua.host, text, behind);
  expect(text.endsWith(word)).toBe(true);
  expect(found.every((hit) => hit.startsWith(word))).toBe(true);
  return found;
}

test.each([
  ['kinds of bricks', 'lb = Brick.new("', KINDS],
  ['kinds of bricks, with the colon of others', "lb = Brick:new('Pc", ['PcapReader', 'PcapWriter']],
  ['kinds of bricks, without parentheses', 'lb = Brick.new "Lo', ['LoadBalancer"']],
  ['kinds of bricks, in long brackets', 'lb = Brick.new[[Lo', ['LoadBalancer]]']],
  ['kinds of bricks, in an argument of another call', 'pe:link(Brick.new("Fi', ['Filter"']],
  ['kinds of bricks behind help', 'Brick.help("Me', ['Merge"']],
  ['interfaces, pipes and capture files as inputs', 'lb:connect_input("', ['eth3', 'eth3}0', 'eth3}1', 'eth4', ...FILES]],
  ['the second input', 'm:connect_input("eth3", "eth4', ['eth4']],
  ['inputs in a table', 'm:connect_input({"eth3", "eth3}', ['eth3}0', 'eth3}1']],
  ['inputs with a dot', 'm.connect_input("eth3}0', ['eth3}0"']],
  ['files alone as inputs of a reader', 'r:connect_input("', FILES],
  ['files alone as inputs of a reader made in the same line', 'Brick.new("PcapReader"):connect_output("x{0"):connect_input("', FILES],
  ['files of a directory', 'r:connect_input("traces/', ['traces/a.pcapng"']],
  ['interfaces, pipes that bricks read and files as outputs', 'lb:connect_output("', ['eth3', 'eth4', 'other{0', ...FILES]],
  ['the next pipe of an interface', 'lb:connect_output("eth3{', ['eth3{2"']],
  ['files alone as outputs of a writer', 'w:connect_input("eth3}0"):connect_output("', FILES],
  ['interfaces for many outputs', 'lb:connect_outputs("eth', ['eth3', 'eth4']],
  ['engines', 'x = PktEngine.retrieve("', ['e0"']],
  ['scripts', 'dofile("', ['set-up.lua', 'traces/']],
  ['files of any kind', 'f = io.open("no', ['notes.txt"']],
  ['files in any quotes, once something is typed', 'os.execute("not', ['notes.txt"']],
  ['nothing in other quotes', 'print("', []],
  ['nothing for the name of a new engine', 'PktEngine.new("', []],
  ['options of a kind', 'r = Brick.new("PcapReader", {', ['longestWaitSeconds = ', 'loop = ', 'pace = ', 'speed = ']],
  ['options that are not there yet', 'r = Brick.new("PcapReader", {pace = "timestamps", loop = 0, ', ['longestWaitSeconds = ', 'speed = ']],
  ['options by their first letters', 'r = Brick.new("LoadBalancer", {tu', ['tuple = ']],
  ['values of an option', 'r = Brick.new("PcapReader", {pace = "', ['fast', 'timestamps']],
  ['values of an option, with their quotes', 'r = Brick.new("PcapReader", {pace = ', ['"fast"', '"timestamps"']],
  ['true and false', 'r = Brick.new("LoadBalancer", {inner = t', ['true']],
  ['numbers that are the only ones', 'r = Brick.new("LoadBalancer", {tuple = ', ['2', '4']],
  ['a bare value', 'r = Brick.new("LoadBalancer", ', ['2', '4']],
  ['options of an engine', 'PktEngine.new{name = "x", buf', ['bufferSize = ']],
  ['values of an engine', 'PktEngine.new{name = "x", whenFull = "w', ['wait"']],
  ['backends', 'PktEngine.new({name = "x", backend = "', ['loopback', 'netmap', 'pcap']],
  ['options of backends', 'PktEngine.new{name = "x", backendOptions = {snap', ['snapLength = ']],
  ['options of link', 'pe:link(lb, {', ['batch = ', 'queue = ']],
  ['methods of a variable', 'x = pe:st', ['pe:start', 'pe:stats', 'pe:stop']],
  ['methods of what a call returns', 'Brick.new("Merge"):connect_o', ['connect_output', 'connect_outputs']],
  ['methods of an engine that a call returns', 'PktEngine.new("x"):link(lb):sta', ['start', 'stats']],
  ['methods of strings', 'x = ("x"):up', []],
  ['methods of a string', 'x = "x":up', ['upper']],
  ['names of Lua', 'print(Pkt', ['PktEngine']],
  ['names of Lua in a table', 'x = { Pkt', ['PktEngine']],
  ['keywords', 'whi', ['while']],
  ['nothing of what nobody knows', 'f():st', []],
  ['nothing in comments', '-- Bri', []],
  ['names behind comments', 'x = 1 -- Bri\nBric', ['Brick']],
  ['names behind quotes with quotes in them', 'x = "a\\"b" Bric', ['Brick']],
  ['nothing in numbers', 'x = 12', []],
  ['what began lines before', 'lb:connect_input(\n  "eth3}0",\n  "eth4', ['eth4']],
])('%s: %s', async (_what, text, expected) => {
  const found = await hits(text);
  expect(found).toEqual(expected);
});

test('a quote that stands there already is not closed again', async () => {
  expect(await hits('Brick.new("Lo', '")')).toEqual(['LoadBalancer']);
});
