import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(__dirname, '../..');
const build = join(root, 'build');
const built = existsSync(join(build, 'netmap-userspace-test'));
const testIfBuilt = built ? test : test.skip;
if (!built) console.warn('netmap in user space is not tested: it was not built (npm run build:native)');

function run(command: string, args: readonly string[], options: { cwd?: string } = {}): string {
  const { status, signal, stdout, stderr, error } = spawnSync(command, args, { encoding: 'utf8', ...options });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${status ?? signal}:\n${stdout}\n${stderr}`);
  return stdout;
}

testIfBuilt('netmap in user space: names, errors, memory, pipes, switches, waiting, interfaces, and the death of any process with every buffer accounted for', () => {
  expect(run(join(build, 'netmap-userspace-test'), [])).toMatch(/ok/);
}, 120_000);

testIfBuilt('programs that know nothing of it find netmap when the library is loaded before them', () => {
  const said = run('sh', [join(root, 'backends/netmap/userspace/test/preload.sh'), build, build]);
  expect(said).toMatch(/ok {7}pipe/);
  expect(said).toMatch(/ok {7}vale/);
}, 120_000);

/** Builds it with sanitizers and runs these of its tests, or all. */
function runSanitized(sanitizers: string, ...names: string[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'bricks-sanitize-'));
  try {
    run('cmake', ['-S', join(root, 'backends/netmap/userspace'), '-B', directory, '-DBRICKS_SANITIZE=ON', `-DBRICKS_SANITIZERS=${sanitizers}`]);
    run('cmake', ['--build', directory, '--target', 'netmap-userspace-test', '--parallel', '2']);
    return run(join(directory, 'netmap-userspace-test'), names);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

testIfBuilt('netmap in user space passes its tests under the address and undefined behaviour sanitizers', () => {
  expect(runSanitized('address,undefined')).toMatch(/ok/);
}, 300_000);

// Those in which threads of one process meet; what processes do to each other no sanitizer sees.
testIfBuilt('threads that open, use and close ports of netmap in user space at the same time have no data race', () => {
  expect(runSanitized('thread', 'threads', 'descriptors', 'waiting-wakes', 'vale-learning', 'pipe-fragments')).toMatch(/ok {7}threads/);
}, 300_000);
