/** Plugins in daemons: through its script, its clients, and those that are installed while it runs. */
import { chmodSync } from 'node:fs';
import { DaemonPlace } from '../daemon/programs';
import { brickModule, writePlugin } from './packages';

const place = new DaemonPlace();
afterAll(() => place.dispose());

const EVERY = "options: { n: { type: 'integer', default: 2, minimum: 1, description: 'one in so many' } }, choose: (_packets, { n }) => (row) => (row % n === 0 ? 0 : DROP)";
const install = (name: string, brick: string): string => writePlugin(place.path('node_modules'), { name, declared: { contract: 1, bricks: { [brick]: './index.js' } }, files: { 'index.js': brickModule(brick, EVERY) } });

test('a daemon takes the plugins that it is allowed to take, and those that are installed later after a reload', async () => {
  install('p-first', 'First');
  install('p-other', 'Other');
  place.script('set-up.lua', 'PktEngine.new("e0"):link(Brick.new("First", {n = 3}):connect_input("eth0"):connect_output("eth1")):start()');
  const running = place.server(['--allow-plugin', 'p-first', '--allow-plugin', 'p-late', '-f', 'set-up.lua']);
  await running.says(/runs as process/);
  const client = await place.connect();
  expect((await client.call('brick.describe', { kind: 'First' })).options).toMatchObject([{ name: 'n', default: 2 }]);
  expect((await client.call('engine.stats', { name: 'e0' }))[0].bricks).toMatchObject([{ kind: 'First' }]);
  await expect(client.call('brick.describe', { kind: 'Other' })).rejects.toMatchObject({ code: 'E_PLUGIN', message: expect.stringContaining('it is not on the list of plugins that are allowed here') });
  await expect(client.call('brick.describe', { kind: 'Late' })).rejects.toMatchObject({ code: 'E_BRICK' });
  install('p-late', 'Late');
  await client.call('daemon.reload', {});
  expect((await client.call('brick.describe', { kind: 'Late' })).name).toBe('Late');
  await client.close();
  expect((await place.kill()).code).toBe(0);
});

const asRoot = process.geteuid?.() === 0 ? test : test.skip;

asRoot('one that runs as root takes none unless it is told to, and then only those that root alone can write', async () => {
  install('p-first', 'First');
  place.script('root.lua', 'print(select(2, pcall(Brick.new, "First")))');
  const running = place.server(['--name', 'root', '-f', 'root.lua']);
  await running.says(/this daemon runs as root, and takes only plugins that it is told to: --allow-plugin p-first/);
  running.signal('SIGTERM');
  await running.ended;
  install('p-open', 'Open');
  chmodSync(place.path('node_modules', 'p-open', 'index.js'), 0o666);
  place.script('open.lua', 'print(select(2, pcall(Brick.new, "Open")))\nPktEngine.new("e0"):link(Brick.new("First"):connect_input("eth0"):connect_output("eth1")):start()');
  const other = place.server(['--name', 'open', '--allow-plugin', 'p-first', '--allow-plugin', 'p-open', '-f', 'open.lua']);
  await other.says(/this process runs as root, and .*p-open\/index\.js can be written by others than root/);
  await other.says(/runs as process/);
  other.signal('SIGTERM');
  expect((await other.ended).code).toBe(0);
});
