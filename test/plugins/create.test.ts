/** A plugin from nothing to its use, without network: made, built, tested, packed, installed beside a packed packet-bricks, and used. */
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PassThrough } from 'node:stream';
import { promisify } from 'node:util';
import { writeCaptureFile } from 'packet-bricks';
import { askSettings, checkSettings, createPlugin, type Form } from '../../plugins/create-bricks-plugin/src/index';

const run = promisify(execFile);
const root = resolve(__dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'bricks-create-'));
const project = join(folder, 'project');
const installed = join(folder, 'packet-bricks');
const environment = { ...process.env, BRICKS_RUN_DIRECTORY: join(folder, 'run'), npm_config_offline: 'true', npm_config_update_notifier: 'false', NODE_OPTIONS: '' };

async function npm(directory: string, ...words: string[]): Promise<string> {
  return (await run('npm', words, { cwd: directory, env: environment, maxBuffer: 1 << 26 })).stdout;
}

/** Packs the package of a directory and unpacks it there, as it is published. */
async function publish(directory: string, to: string): Promise<string> {
  const [{ filename }] = JSON.parse(await npm(directory, 'pack', '--json', '--ignore-scripts', '--pack-destination', folder)) as [{ filename: string }];
  mkdirSync(to, { recursive: true });
  await run('tar', ['xzf', join(folder, filename), '-C', to, '--strip-components=1']);
  return join(folder, filename);
}

/** What `npm install` would bring from the network. */
function linkTools(plugin: string): void {
  mkdirSync(join(plugin, 'node_modules', '@types'), { recursive: true });
  symlinkSync(join(root, 'node_modules', 'typescript'), join(plugin, 'node_modules', 'typescript'));
  symlinkSync(join(root, 'node_modules', '@types', 'node'), join(plugin, 'node_modules', '@types', 'node'));
  mkdirSync(join(plugin, 'node_modules', '.bin'));
  symlinkSync(join(root, 'node_modules', '.bin', 'tsc'), join(plugin, 'node_modules', '.bin', 'tsc'));
  symlinkSync(installed, join(plugin, 'node_modules', 'packet-bricks'));
}

const bricks = (directory: string, ...words: string[]): Promise<{ stdout: string; stderr: string }> => run(process.execPath, [join(installed, 'dist', 'bundle', 'cli', 'bricks.js'), ...words], { cwd: directory, env: environment });

beforeAll(async () => {
  mkdirSync(join(folder, 'run'), { mode: 0o700 });
  await publish(root, installed);
  symlinkSync(join(root, 'build'), join(installed, 'build'));
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('bricks create-plugin', () => {
  let tarball: string;

  test('makes a package that builds, passes its tests, and can be packed', async () => {
    const { stdout } = await bricks(folder, 'create-plugin', 'my-brick');
    const plugin = join(folder, 'my-brick');
    expect(stdout).toBe(`Made my-brick with the brick MyBrick in ${plugin}.\nNext: cd my-brick && npm install --save-dev ${installed} && npm test\n`);
    linkTools(plugin);
    expect(await npm(plugin, 'test')).toMatch(/pass 2/);
    tarball = await publish(plugin, join(folder, 'unpacked'));
    for (const file of ['LICENSE', 'README.md', 'package.json', 'dist/src/index.js', 'dist/src/index.d.ts']) expect(existsSync(join(folder, 'unpacked', file))).toBe(true);
    expect(existsSync(join(folder, 'unpacked', 'dist', 'test'))).toBe(false);
    const { stderr } = await bricks(folder, 'create-plugin', 'my-brick').catch((error: { stderr: string; code: number }) => error);
    expect(stderr).toContain('my-brick is not empty');
    // `npx packet-bricks create-plugin` is the same program.
    const { bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as { bin: Record<string, string> };
    expect(bin['packet-bricks']).toBe(bin['bricks']);
  }, 120_000);

  test('and is used from Lua and TypeScript in a project where both are installed', async () => {
    mkdirSync(project);
    writeFileSync(join(project, 'package.json'), '{"private": true}');
    await npm(project, 'install', '--ignore-scripts', '--legacy-peer-deps', tarball);
    symlinkSync(installed, join(project, 'node_modules', 'packet-bricks'));
    writeCaptureFile(join(project, 'in.pcap'), [60, 600, 61, 601].map((length, seconds) => ({ seconds, nanoseconds: 0, bytes: Buffer.alloc(length) })));
    writeFileSync(join(project, 'set-up.lua'), `
      b = Brick.new("MyBrick", {limit = 200}):connect_input("in.pcap"):connect_output("long.pcap", "/dev/null")
      pe = PktEngine.new("e0"):link(b):start()
      while pe:stats().packets < 4 do BRICKS.sleep(0.01) end
      print(b:stats().counters.long)
    `);
    writeFileSync(join(project, 'set-up.ts'), `
      import { PacketEngine } from 'packet-bricks';
      import { MyBrick } from 'my-brick';
      const engine: PacketEngine = new PacketEngine('e0', { backend: 'loopback' });
      await engine.link(new MyBrick({ limit: 200 }).connectInput('in.pcap').connectOutput('long2.pcap', 'short2.pcap'));
      await engine.start();
      await engine.finished();
      console.log(engine.stats().bricks[0].counters, engine.audit().balanced);
      await engine.delete();
    `);
    expect((await bricks(project, '-f', 'set-up.lua')).stdout).toBe('2\n');
    expect((await bricks(project, '-f', 'set-up.ts')).stdout).toBe('{ long: 2 } true\n');
    expect((await bricks(project, 'plugins')).stdout).toMatch(/^my-brick +0\.1\.0 +MyBrick +- +/m);
  }, 60_000);

  test("and through a daemon's shell, in an engine that runs", async () => {
    const where = ['--run-dir', join(folder, 'run', 'daemon')];
    const server = spawn(process.execPath, [join(installed, 'dist', 'bundle', 'cli', 'bricks-server.js'), '--foreground', '--backend', 'loopback', '--allow-plugin', 'my-brick', ...where], { cwd: project, env: environment, stdio: ['ignore', 'ignore', 'pipe'] });
    try {
      await new Promise<void>((ready, failed) => {
        let said = '';
        server.stderr.setEncoding('utf8').on('data', (text: string) => {
          said += text;
          if (/runs as process/.test(said)) ready();
        });
        server.once('exit', () => failed(new Error(said)));
      });
      const lines = [
        'b = Brick.new("MyBrick", {limit = 200}):connect_input("in.pcap"):connect_output("shell.pcap", "/dev/null")', 'pe = PktEngine.new("e0"):link(b):start()',
        'while pe:stats().packets < 4 do BRICKS.sleep(0.01) end', '= b:stats().counters.long', 'Brick.help("MyBrick")',
      ];
      const shell = run(process.execPath, [join(installed, 'dist', 'bundle', 'cli', 'bricks-shell.js'), ...where], { cwd: project, env: environment });
      shell.child.stdin?.end(`${lines.join('\n')}\n`);
      expect((await shell).stdout).toMatch(/^2\nMyBrick: Sends long packets to output 0/m);
    } finally {
      server.kill('SIGTERM');
      await new Promise((ended) => server.once('exit', ended));
    }
  }, 60_000);

  test.each<Form>(['packet', 'edit'])('makes a brick of the form %s, too', async (form) => {
    const plugin = createPlugin(checkSettings({ name: `@me/bricks-plugin-${form}-form`, form, author: 'A. N. Author', license: 'BSD-2-Clause' }), folder);
    linkTools(plugin);
    expect(await npm(plugin, 'test')).toMatch(/pass 2/);
    expect(readFileSync(join(plugin, 'LICENSE'), 'utf8')).toContain('A. N. Author');
  }, 120_000);

  test.each([
    [{ name: 'My Brick' }, '"My Brick" can\'t be the name of a package'],
    [{ name: 'filter' }, 'Packet Bricks itself has a brick Filter. Name yours otherwise: --brick MyFilter.'],
    [{ name: 'x', brick: 'x' }, '"x" can\'t be the name of a brick'],
    [{ name: 'x', form: 'chose' }, 'There is no form "chose". There are: choose, packet, edit.'],
  ])('says what is wrong with %j', (given, text) => {
    expect(() => checkSettings(given)).toThrow(text);
  });

  test('asks on a terminal, and takes the default for an empty answer', async () => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    const asked = askSettings({ name: 'bricks-plugin-two-words', license: 'MIT' }, { input, output });
    let said = '';
    const answers = ['packet', '', 'Does it.', ''];
    output.on('data', (text: Buffer) => {
      said += String(text);
      if (said.endsWith(': ')) {
        said = '';
        input.write(`${answers.shift()}\n`);
      }
    });
    expect(checkSettings(await asked)).toEqual({ name: 'bricks-plugin-two-words', brick: 'TwoWords', form: 'packet', description: 'Does it.', author: '', license: 'MIT' });
  });
});
