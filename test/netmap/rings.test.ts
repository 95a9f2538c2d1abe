/** Receiving and sending over rings in plain memory, under the sanitizers. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');
const NATIVE = join(ROOT, 'backends/netmap/native');

/** All that knows nothing of Node, and the tests. */
const NOT_OF_THE_TEST = /^(addon|interface_.*|.*_binding)\.cpp$/;

function buildAndRun(sanitizers: string, ...flags: string[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'bricks-netmap-'));
  try {
    const program = join(directory, 'rings_test');
    const sources = readdirSync(NATIVE).filter((file) => file.endsWith('.cpp') && !NOT_OF_THE_TEST.test(file)).map((file) => join(NATIVE, file));
    execFileSync('c++', ['-std=c++17', '-O1', '-g', '-D_GNU_SOURCE', ...flags, `-fsanitize=${sanitizers}`, '-fno-sanitize-recover=all', '-I', join(ROOT, 'src/native'), '-I', join(ROOT, 'src/flow/native'), '-o', program, ...sources, '-pthread']);
    return execFileSync(program).toString();
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test('the native code moves, copies, splits, chains and drops packets without a fault, and loses no buffer', () => {
  expect(buildAndRun('address,undefined')).toBe('rings: good\n');
}, 120_000);

test('engines of one process, in threads, share a memory region without a data race', () => {
  expect(buildAndRun('thread', '-Wno-tsan')).toBe('rings: good\n');
}, 180_000);
