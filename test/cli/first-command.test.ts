/** What a user types first, after `npm pack` and `npm install -g` of the tarball, without a network. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { writeFlows } from '../support/loopback-engine';

const root = resolve(__dirname, '../..');
let folder: string;
let program: string;

function npm(directory: string, ...words: string[]): void {
  execFileSync('npm', [...words, '--ignore-scripts', '--offline', '--no-audit', '--no-fund', '--silent'], { cwd: directory, stdio: ['ignore', 'ignore', 'inherit'] });
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bricks-first-'));
  npm(root, 'pack', '--pack-destination', folder);
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  const tarball = `packet-bricks-${version}.tgz`;
  execFileSync('tar', ['-xzf', tarball], { cwd: folder });
  // What it depends on comes from here instead of from the network.
  const description = join(folder, 'package', 'package.json');
  const read = JSON.parse(readFileSync(description, 'utf8')) as Record<string, unknown>;
  writeFileSync(description, JSON.stringify({ ...read, dependencies: {}, optionalDependencies: {} }));
  npm(join(folder, 'package'), 'pack', '--pack-destination', folder);
  npm(folder, 'install', '-g', '--prefix', join(folder, 'prefix'), join(folder, tarball));
  const installed = join(folder, 'prefix', 'lib', 'node_modules', 'packet-bricks');
  for (const name of ['node_modules', 'build']) if (!existsSync(join(installed, name))) symlinkSync(join(root, name), join(installed, name));
  program = join(folder, 'prefix', 'bin', 'bricks');
  mkdirSync(join(folder, 'work'));
  writeFlows(join(folder, 'work', 'trace.pcap'), 50, 10);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(['scripts/load-balance.lua', 'load-balance.lua', 'load-balance'])('bricks -f %s runs in any directory', (name) => {
  const { status, stdout, stderr } = spawnSync(program, ['-f', name, '--', 'trace.pcap', '4'], { cwd: join(folder, 'work'), encoding: 'utf8' });
  expect(stderr).toMatch(/^bricks: e0: 50 packets received, 50 dropped: 50 because no program reads this pipe/);
  expect(stdout).toMatch(/Packets are at 'trace}0' to 'trace}3'/);
  expect(status).toBe(0);
});
