import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const compiler = process.env['CXX'] ?? 'g++';
const hasCompiler = spawnSync(compiler, ['--version']).status === 0;
if (!hasCompiler) console.warn(`${compiler} is not installed: the native ring is not tested under the sanitizers`);

function buildAndRun(sanitizers: string, ...flags: string[]): string {
  const directory = mkdtempSync(join(tmpdir(), 'bricks-ring-'));
  try {
    const program = join(directory, 'packet_ring_test');
    const source = join(__dirname, 'packet_ring_test.cpp');
    execFileSync(compiler, ['-std=c++17', '-O1', '-g', '-Wall', '-Wextra', '-Werror', '-Wshadow', ...flags, `-fsanitize=${sanitizers}`, '-fno-sanitize-recover=all', '-I', join(__dirname, '../../src/native'), source, '-o', program, '-pthread']);
    return execFileSync(program, { encoding: 'utf8' });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

(hasCompiler ? describe : describe.skip)('the native packet ring', () => {
  test('touches nothing outside of its memory, with random traffic and random rubbish', () => {
    expect(buildAndRun('address,undefined')).toBe('ok\n');
  });

  test('has no data race between its writer and its reader', () => {
    // The sanitizer does not know fences; only the question who sleeps needs one, not the packets.
    expect(buildAndRun('thread', '-Wno-tsan')).toBe('ok\n');
  });
});
