import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { temporaryRunDirectory } from './processes';
import { describeNative } from './rings';

let removeDirectory: () => void;
beforeAll(() => (removeDirectory = temporaryRunDirectory()));
afterAll(() => removeDirectory());

describeNative('a pipe that a worker reads', () => {
  test('is free again when the worker is ended in the middle of a wait, and packets that come then harm nobody', () => {
    const program = spawnSync(process.execPath, [join(__dirname, 'programs', 'ended-worker.cjs')], { env: process.env, encoding: 'utf8', timeout: 30_000 });
    expect(program.stdout + program.stderr).toBe('attached after 1\nattached after 2\nattached after 3\nalive\n');
    expect(program.status).toBe(0);
  });

  test('lets its program end when nobody waits any more', () => {
    const program = spawnSync(process.execPath, [join(__dirname, 'programs', 'ended-worker.cjs'), 'once'], { env: process.env, encoding: 'utf8', timeout: 30_000 });
    expect(program.stdout + program.stderr).toBe('read 1\n');
    expect(program.status).toBe(0);
  });
});
