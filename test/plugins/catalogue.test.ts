/** Finding plugins: places, lists of what is allowed, and what root loads. */
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { knownBackend, offered } from 'packet-bricks/src/plugins/container';
import { configurePlugins, findBrick } from 'packet-bricks/src/plugins/find';
import { inspectModules } from 'packet-bricks/src/plugins/inspect-plugin';
import { OWN_PACKAGE } from 'packet-bricks/src/plugins/own-package';
import { PluginCatalogue } from 'packet-bricks/src/plugins/plugin-catalogue';
import { untrusted } from 'packet-bricks/src/plugins/trusted-files';
import { brickModule, writePlugin } from './packages';

const NONE = { bricks: new Set<string>(), backends: new Set<string>() };
const PASS = 'choose: () => () => 0';
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bricks-plugins-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(place: string, name: string, brick: string): string {
  return writePlugin(join(folder, place), { name, declared: { contract: 1, bricks: { [brick]: './index.js' } }, files: { 'index.js': brickModule(brick, PASS) } });
}

const namesOf = (catalogue: PluginCatalogue): string[] => catalogue.plugins.filter(({ problem }) => problem === undefined).map(({ name }) => name).filter((name) => name.startsWith('p-'));

test('what is named comes first, then what lies beside the user and above, then beside the script', () => {
  write('work/inner/node_modules', 'p-inner', 'Inner');
  write('work/node_modules', 'p-above', 'Above');
  write('script/node_modules', 'p-script', 'Script');
  write('named', 'p-named', 'Named');
  const catalogue = new PluginCatalogue({ directory: join(folder, 'work', 'inner'), script: join(folder, 'script', 'set-up.lua'), paths: [join(folder, 'named')] }, NONE);
  expect(namesOf(catalogue)).toEqual(['p-named', 'p-inner', 'p-above', 'p-script']);
});

test('of two packages with one name the nearer is meant; links of workspaces are followed', () => {
  const near = write('work/packages', 'p-twice', 'Twice');
  write('node_modules', 'p-twice', 'Twice');
  mkdirSync(join(folder, 'work', 'node_modules'));
  symlinkSync(near, join(folder, 'work', 'node_modules', 'p-twice'));
  const catalogue = new PluginCatalogue({ directory: join(folder, 'work') }, NONE);
  expect(catalogue.plugins.filter(({ name }) => name === 'p-twice').map((plugin) => plugin.folder)).toEqual([near]);
});

test('only what is on the list of allowed plugins is taken', async () => {
  write('node_modules', 'p-allowed', 'Allowed');
  write('node_modules', 'p-other', 'Other');
  const catalogue = new PluginCatalogue({ directory: folder, allowed: ['p-allowed'] }, NONE);
  expect(namesOf(catalogue)).toEqual(['p-allowed']);
  expect((await catalogue.brick('Allowed'))?.declaration.name).toBe('Allowed');
  await expect(catalogue.brick('Other')).rejects.toMatchObject({ code: 'E_PLUGIN', message: expect.stringContaining('it is not on the list of plugins that are allowed here') });
});

test('one that is installed while the program runs is there when it is asked for, and one that was mended too', async () => {
  const catalogue = new PluginCatalogue({ directory: folder }, NONE);
  expect(await catalogue.brick('Late')).toBeUndefined();
  const path = write('node_modules', 'p-late', 'Late');
  writeFileSync(join(path, 'index.js'), 'throw new Error("half done");');
  await expect(catalogue.brick('Late')).rejects.toThrow('half done');
  writeFileSync(join(path, 'index.js'), brickModule('Late', PASS));
  expect((await catalogue.brick('Late'))?.declaration.name).toBe('Late');
});

test('code that never ends is given up', async () => {
  writeFileSync(join(folder, 'endless.cjs'), 'for (;;);');
  expect(await inspectModules([join(folder, 'endless.cjs')], 500)).toMatchObject({ problem: 'its code has not loaded within 0.5 s' });
});

test('code that takes too much memory to load is given up, and nothing else is harmed', async () => {
  writeFileSync(join(folder, 'huge.cjs'), 'const all = []; for (;;) all.push(new Array(1000).fill(all.length));');
  expect(await inspectModules([join(folder, 'huge.cjs')], 60_000, 32)).toMatchObject({ problem: 'its code takes more than 32 MB of memory to load' });
});

test('what is built in is declared as plugins are, comes from the same container, and keeps its names', async () => {
  for (const name of OWN_PACKAGE.bricks.keys()) {
    const offer = offered('bricks', name);
    expect([offer?.plugin, (await offer?.load())?.declaration.name]).toEqual([OWN_PACKAGE, name]);
  }
  for (const name of OWN_PACKAGE.backends.keys()) expect((await offered('backends', name)?.load())?.backend).toBe(knownBackend(name));
  write('node_modules', 'p-own', 'Mine');
  write('node_modules', 'p-takes', 'Merge');
  const catalogue = configurePlugins({ directory: folder, trustedOnly: false });
  expect((await findBrick('Mine')).declaration.name).toBe('Mine');
  expect([offered('bricks', 'Mine')?.plugin?.name, offered('bricks', 'Merge')?.plugin]).toEqual(['p-own', OWN_PACKAGE]);
  expect(catalogue.plugins.find(({ name }) => name === 'p-takes')?.problem).toBe('it brings the brick Merge, which Packet Bricks has itself');
  // What was removed is gone after the next look.
  rmSync(join(folder, 'node_modules', 'p-own'), { recursive: true });
  catalogue.refresh();
  expect(offered('bricks', 'Mine')).toBeUndefined();
});

const asRoot = process.geteuid?.() === 0 ? test : test.skip;

describe('root loads only what root alone can write', () => {
  asRoot('a file, a folder, one above, a dependency, or one that is missing where anybody could put it', () => {
    const path = write('node_modules', 'p-root', 'Root');
    expect(untrusted(path)).toBeUndefined();
    const problems: string[] = [];
    const say = (): void => void problems.push(untrusted(path)?.split(', and ')[1].split('. Install')[0].replaceAll(folder, '') ?? 'nothing');
    chmodSync(join(path, 'index.js'), 0o666);
    say();
    chmodSync(join(path, 'index.js'), 0o644);
    chownSync(path, 1000, 1000);
    say();
    chownSync(path, 0, 0);
    chmodSync(folder, 0o770);
    say();
    chmodSync(folder, 0o755);
    writeFileSync(join(path, 'package.json'), JSON.stringify({ name: 'p-root', dependencies: { 'p-needed': '1', 'packet-bricks': '1' } }));
    say();
    const needed = write('node_modules', 'p-needed', 'Needed');
    say();
    chownSync(join(needed, 'index.js'), 1000, 1000);
    say();
    expect(problems).toEqual([
      '/node_modules/p-root/index.js can be written by others than root', '/node_modules/p-root belongs to another user than root', ' can be written by others than root',
      'it needs p-needed, which anybody could put into /tmp', 'nothing', '/node_modules/p-needed/index.js belongs to another user than root',
    ]);
  });

  asRoot('and a daemon only what is on its list', async () => {
    write('node_modules', 'p-daemon', 'Daemonic');
    const daemon = { directory: folder, rootNeedsList: true };
    await expect(new PluginCatalogue(daemon, NONE).brick('Daemonic')).rejects.toThrow('this daemon runs as root, and takes only plugins that it is told to: --allow-plugin p-daemon');
    expect((await new PluginCatalogue({ ...daemon, allowed: ['p-daemon'] }, NONE).brick('Daemonic'))?.declaration.name).toBe('Daemonic');
  });

  asRoot('and says so where it is asked for', async () => {
    chmodSync(join(write('node_modules', 'p-open', 'Open'), 'index.js'), 0o666);
    const catalogue = new PluginCatalogue({ directory: folder }, NONE);
    await expect(catalogue.brick('Open')).rejects.toThrow('this process runs as root, and');
    const careless = new PluginCatalogue({ directory: folder, trustedOnly: false }, NONE);
    expect((await careless.brick('Open'))?.declaration.name).toBe('Open');
  });
});
