/** Receiving and sending over rings in plain memory, under the address and undefined behaviour sanitizers. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');
const NATIVE = join(ROOT, 'backends/netmap/native');

test('the native code moves, copies, splits and drops packets without a fault, and loses no buffer', () => {
  const directory = mkdtempSync(join(tmpdir(), 'bricks-netmap-'));
  try {
    const program = join(directory, 'rings_test');
    const sources = ['rings_test.cpp', 'port.cpp', 'receiver.cpp', 'region.cpp', 'reserve.cpp', 'sender.cpp'].map((file) => join(NATIVE, file));
    execFileSync('c++', ['-std=c++17', '-O1', '-g', '-D_GNU_SOURCE', '-fsanitize=address,undefined', '-fno-sanitize-recover=all', '-I', join(ROOT, 'src/native'), '-o', program, ...sources]);
    expect(execFileSync(program).toString()).toBe('rings: good\n');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}, 120_000);
