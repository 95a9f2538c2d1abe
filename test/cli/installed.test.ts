/** The package as it is published: nothing but the files of the tarball and the native parts. */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { writeCaptureFile } from 'packet-bricks';

const root = resolve(__dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'bricks-installed-'));
const installed = join(folder, 'node_modules', 'packet-bricks');
const program = join(installed, 'dist', 'bundle', 'cli', 'bricks.js');
const capture = join(folder, 'in.pcap');

function run(words: readonly string[]): { code: number | null; stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { cwd: folder, encoding: 'utf8', timeout: 60_000, env: { ...process.env, BRICKS_RUN_DIRECTORY: join(folder, 'run') } });
  return { code: status, stdout, stderr };
}

function caches(): string[] {
  return ['cli', 'control', 'lua', 'files', 'library'].flatMap((part) => {
    const path = join(installed, 'dist', 'bundle', part);
    return readdirSync(path).filter((name) => name.endsWith('.cache')).map((name) => join(path, name));
  });
}

beforeAll(() => {
  const packed = JSON.parse(execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })) as [{ files: { path: string }[] }];
  for (const { path } of packed[0].files) {
    mkdirSync(dirname(join(installed, path)), { recursive: true });
    cpSync(join(root, path), join(installed, path));
  }
  symlinkSync(join(root, 'build'), join(installed, 'build'));
  mkdirSync(join(folder, 'run'), { mode: 0o700 });
  writeCaptureFile(capture, Array.from({ length: 40 }, (_, index) => ({ seconds: index, nanoseconds: 0, bytes: randomBytes(60) })));
  writeFileSync(join(folder, 'split.lua'), `
    pe = PktEngine.new("e0")
    pe:link(Brick.new("LoadBalancer", 2):connect_input("in.pcap"):connect_output("a.pcap", "b.pcap")):start()
  `);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the published package', () => {
  test('tells its version', () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
    expect(run([program, '--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('runs Lua with no other package installed, with and without what V8 compiled before', () => {
    expect(caches()).toEqual([]);
    const words = [program, '--backend', 'loopback', '-f', 'split.lua'];
    const told = { code: 0, stdout: '', stderr: 'bricks: e0: 40 packets received, 0 dropped\n' };
    expect(run(words)).toEqual(told);
    expect(run([join(installed, 'tools', 'code-cache.cjs')])).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(caches()).toHaveLength(6);
    expect(run(words)).toEqual(told);
    for (const cache of caches()) writeFileSync(cache, readFileSync(cache).subarray(0, 100));
    expect(run(words)).toEqual(told);
  });

  test('runs TypeScript whose brick, in the engine, imports the same package', () => {
    writeFileSync(join(folder, 'own.mjs'), `
      import { BricksError, defineBrick, registerBrick } from 'packet-bricks';
      export const Own = defineBrick({ name: 'Own', choose: () => { throw new BricksError('E_OWN', 'no'); } });
      registerBrick(Own);
    `);
    writeFileSync(join(folder, 'own.ts'), `
      import { engines, PacketEngine } from 'packet-bricks';
      import { Own } from './own.mjs';
      const engine: PacketEngine = new PacketEngine('own', { backend: 'loopback' });
      try {
        await engine.link(new Own().connectInput('in.pcap').connectOutput('/dev/null'));
      } catch (error) {
        console.log((error as { code: string }).code, engines().length);
      }
    `);
    expect(run([program, '-f', 'own.ts'])).toMatchObject({ code: 0, stdout: 'E_OWN 0\n' });
  });

  test('can be imported and required, as one', () => {
    writeFileSync(join(folder, 'program.mjs'), `
      import { createRequire } from 'node:module';
      import { PacketEngine, LoadBalancer } from 'packet-bricks';
      const required = createRequire(import.meta.url)('packet-bricks');
      const engine = new PacketEngine('e0', { backend: 'loopback' });
      await engine.link(new LoadBalancer().connectInput('in.pcap').connectOutput('a.pcap', 'b.pcap'));
      await engine.start();
      await engine.finished();
      console.log(required.PacketEngine === PacketEngine, engine.stats().packets, required.engines().length);
      await engine.delete();
    `);
    expect(run(['program.mjs'])).toEqual({ code: 0, stdout: 'true 40 1\n', stderr: '' });
  });

  test('brings what tests of bricks need, for modules of both kinds', () => {
    writeFileSync(join(folder, 'test.mjs'), `
      import { createRequire } from 'node:module';
      import { LoadBalancer } from 'packet-bricks';
      import { expectToConserve, expectToKeepFlowsTogether, runBrick, tcpConversation } from 'packet-bricks/testing';
      const run = await runBrick(new LoadBalancer(), tcpConversation(), { outputs: 2 });
      expectToConserve(run);
      expectToKeepFlowsTogether(run);
      console.log(run.outputs.flat().length, createRequire(import.meta.url)('packet-bricks/testing').runBrick === runBrick);
    `);
    expect(run(['test.mjs'])).toEqual({ code: 0, stdout: '6 true\n', stderr: '' });
  });

  test('names the licenses of what it holds of others', () => {
    const text = readFileSync(join(installed, 'dist', 'bundle', 'LICENSES.txt'), 'utf8');
    for (const name of ['clipanion', 'reflect-metadata', 'sucrase', 'tsyringe', 'typanion']) expect(text).toMatch(new RegExp(`^${name} \\d`, 'm'));
  });
});
