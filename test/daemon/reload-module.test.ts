/** bricks reload of a daemon whose script is a module: it is run again, with what it imports, and its engines go on where they are the same. */
import type { Daemon } from 'packet-bricks';
import { DaemonPlace } from './programs';

let place: DaemonPlace;
let client: Daemon;

const reload = (...args: string[]) => place.run(['reload', ...args]);
const links = async (): Promise<Record<string, string>> => {
  const all = await client.call('engine.graph');
  return Object.fromEntries(all.map(({ name, running, bricks }) => [name, `${bricks.map(({ kind, inputs, outputs }) => `${inputs.join()} ${kind} ${outputs.join()}`).join(' ')}${running ? '' : ' (stopped)'}`]));
};
const engine = (name: string, brick: string): string => `const ${name} = new PacketEngine('${name}'); await ${name}.link(${brick}); await ${name}.start();\n`;
const dummy = (from: string, to: string): string => `new Dummy().connectInput('${from}').connectOutput('${to}')`;
const write = (text: string): string => place.script('set-up.ts', `import { Dummy, LoadBalancer, PacketEngine, onReload, type EngineStatistics } from 'packet-bricks';\nimport { word } from './word.ts';\nimport { Marked } from './marked.ts';\n${text}`);
const brick = (limit: number): string => place.script('marked.ts', `import { defineBrick, DROP } from 'packet-bricks';
export const Marked = defineBrick({ name: 'Marked', summary: 'Marks.', counters: {}, choose: ({ length }) => (row) => (length[row] > ${limit} ? 0 : DROP) });\n`);
const word = (text: string): string => place.script('word.ts', `export const word: string = '${text}';\n`);

beforeAll(async () => {
  place = new DaemonPlace();
  brick(100);
  word('first');
  write(`${engine('kept', dummy('a', 'b'))}${engine('changed', dummy('c', 'd'))}${engine('removed', dummy('e', 'f'))}${engine('own', "new Marked().connectInput('g').connectOutput('h')")}
    const timer = setInterval(() => console.log('round', word, (kept.stats() as EngineStatistics).running), 20);
    onReload(() => { clearInterval(timer); console.log('left', word); });`);
  expect(await place.daemon(['-f', 'set-up.ts', '--log-file', 'log', '--settle', '0.3'])).toMatchObject({ code: 0 });
  client = await place.connect();
});
afterAll(async () => {
  client.close();
  await place.kill();
  place.dispose();
});

test('engines are kept, changed, added and removed, imports are read anew, and the former reading is told to leave', async () => {
  await place.logged('log', /^round first true$/);
  word('second');
  write(`${engine('kept', dummy('a', 'b'))}${engine('changed', dummy('c', 'other'))}${engine('added', dummy('e', 'f'))}${engine('own', "new Marked().connectInput('g').connectOutput('h')")}
    const timer = setInterval(() => console.log('round', word, kept.running), 20);
    onReload(() => clearInterval(timer));`);
  expect(await reload()).toMatchObject({ code: 0, stderr: 'bricks: added: added; changed: changed; removed: removed; kept: kept, own\n' });
  expect(await links()).toEqual({ kept: 'a Dummy b', changed: 'c Dummy other', added: 'e Dummy f', own: 'g Marked h' });
  await place.logged('log', /^left first$/);
  await place.logged('log', /^round second true$/);
  const said = place.log('log').map(({ msg }) => msg);
  expect(said.slice(said.indexOf('left first')).filter((line) => line.startsWith('round first'))).toEqual([]);
});

test('a brick whose file has changed is another one, and what is the same keeps its counters', async () => {
  const before = (await client.call('engine.stats', { name: 'kept' }))[0].waits;
  brick(200);
  expect(await reload()).toMatchObject({ code: 0, stderr: 'bricks: changed: own; kept: kept, changed, added\n' });
  expect(await reload()).toMatchObject({ code: 0, stderr: 'bricks: kept: kept, changed, added, own\n' });
  expect((await client.call('engine.stats', { name: 'kept' }))[0].waits).toBeGreaterThanOrEqual(before);
});

test('commands that the new reading gives later reach the engine as it is, and those of the former one are refused', async () => {
  write(`const balancer = new LoadBalancer().connectInput('a').connectOutput('b');
    ${engine('kept', 'balancer')}
    const timer = setInterval(() => void kept.stop().catch((error) => console.log('refused', error.code)), 20);
    onReload(() => { setTimeout(() => clearInterval(timer), 100); });
    void kept.finished().then(() => console.log('rests'));`);
  expect(await reload()).toMatchObject({ code: 0, stderr: 'bricks: changed: kept; removed: changed, own, added\n' });
  await place.logged('log', /^rests$/);
  write(`const balancer = new LoadBalancer().connectInput('a').connectOutput('b');
    ${engine('kept', 'balancer')}
    onReload(() => undefined);
    setTimeout(() => void kept.addOutputs(balancer, 'more').then(() => console.log('has', balancer.outputs.join())), 300);`);
  expect(await reload()).toMatchObject({ code: 0, stderr: 'bricks: kept: kept\n' });
  await place.logged('log', /^refused E_NO_ENGINE$/);
  await place.logged('log', /^has b,more$/);
  expect(await links()).toEqual({ kept: expect.stringMatching(/^a LoadBalancer b,more/) as string });
});

test.each<[string, string, RegExp]>([
  ['that is wrong', 'const x = = 1;', /set-up\.ts:4: Unexpected token.*\[E_SCRIPT_FAILED\]/],
  ['that throws', 'throw new Error("in vain");', /set-up\.ts:4: in vain/],
  ['whose import throws', engine('kept', 'new LoadBalancer("x")'), /set-up\.ts:4: .*tuple/],
  ['that leaves with a failure', `${engine('other', dummy('x', 'y'))}process.exit(3);`, /exited with code 3/],
  ['that makes an engine twice', `new PacketEngine('twice'); new PacketEngine('twice');`, /makes two engines "twice"/],
  ['whose links cannot be opened', engine('kept', dummy('a', 'new')) + engine('second', dummy('g', 'no/such/folder/x.pcap')), /Nothing was changed: .*no\/such\/folder\/x\.pcap.*\[E_RELOAD\]/],
])('a module %s changes nothing, and the caller hears of it', async (_, text, said) => {
  const before = await links();
  write(`onReload(() => console.log('undone'));\n${text}`.replace('\n', ''));
  expect(await reload()).toMatchObject({ code: 1, stderr: expect.stringMatching(said) as string });
  expect(await links()).toEqual(before);
});

test('a CommonJS script is read anew with what it requires', async () => {
  place.script('part.cjs', 'module.exports = "x";');
  place.script('main.cjs', `const { Dummy, PacketEngine } = require('packet-bricks'); const to = require('./part.cjs');
    (async () => { const e = new PacketEngine('e'); await e.link(new Dummy().connectInput('in').connectOutput(to)); await e.start(); })();`);
  // By a word of bricks, as in a clone.
  expect(await place.run(['server', '--backend', 'loopback', '--name', 'common', '-f', 'main.cjs', '--settle', '0.3'])).toMatchObject({ code: 0 });
  const other = await place.connect('common');
  while ((await other.call('engine.list')).some(({ running }) => !running));
  expect(await reload('--name', 'common')).toMatchObject({ code: 0, stderr: 'bricks: kept: e\n' });
  place.script('part.cjs', 'module.exports = "y";');
  expect(await reload('--name', 'common')).toMatchObject({ code: 0, stderr: 'bricks: changed: e\n' });
  other.close();
  expect(await place.run(['kill-server', '--name', 'common'])).toMatchObject({ code: 0, stdout: expect.stringContaining('has stopped') as string });
});
