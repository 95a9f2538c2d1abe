/** The native part of daemons checks what it is given. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { coreAddon, type CoreAddon } from 'packet-bricks/src/native/core-addon';

const addon = coreAddon() as CoreAddon;
const folder = mkdtempSync(join(tmpdir(), 'bricks-process-'));
afterAll(() => rmSync(folder, { recursive: true }));

const NONSENSE: readonly unknown[] = [undefined, null, -1, 1.5, NaN, Infinity, 2 ** 40, '', 'x', 'a\0b', {}, [], [-1], ['x'], new Uint8Array(4), () => undefined, Symbol('s'), 10n];

// becomeUser is given whole arguments never: as root it would do what it says.
test.each(['lockFile', 'lockHolder', 'duplicateDescriptor', 'sendDatagram', 'findUser', 'becomeUser'] as const)('%s: nonsense is an exception or an answer, never more', (name) => {
  const call = addon[name] as (...values: unknown[]) => unknown;
  for (const first of NONSENSE) {
    for (const second of name === 'becomeUser' ? ['x', undefined] : NONSENSE) {
      if (name === 'duplicateDescriptor' && typeof first === 'number' && typeof second === 'number') continue;
      try {
        call(first, second);
      } catch (error) {
        expect(error).toMatchObject({ message: expect.any(String) as string });
      }
    }
  }
});

test('a lock is seen by other processes, which are told who holds it; children do not inherit it', () => {
  const file = join(folder, 'lock');
  const descriptor = openSync(file, 'w+');
  expect(addon.lockFile(descriptor)).toBe(0);
  const other = (expression: string): string => spawnSync(process.execPath, ['-e', `
    const { coreAddon } = require(${JSON.stringify(require.resolve('packet-bricks/src/native/core-addon'))});
    const descriptor = require('fs').openSync(${JSON.stringify(file)}, 'r+');
    console.log(String((${expression})));`], { encoding: 'utf8' }).stdout.trim();
  expect(other('coreAddon().lockFile(descriptor), coreAddon().lockHolder(descriptor)')).toBe(String(process.pid));
  closeSync(descriptor);
  expect(other('coreAddon().lockHolder(descriptor), coreAddon().lockFile(descriptor)')).toBe('0');
});

test('a channel carries bytes, and a descriptor can get another file', () => {
  const [readable, writable] = addon.channelCreate();
  writeSync(writable, 'through');
  const target = openSync(join(folder, 'target'), 'w+');
  addon.duplicateDescriptor(readable, target);
  const bytes = Buffer.alloc(16);
  expect(bytes.toString('utf8', 0, readSync(target, bytes))).toBe('through');
  for (const one of [readable, writable, target]) closeSync(one);
  expect(() => addon.duplicateDescriptor(readable, 100)).toThrow(/cannot be duplicated/);
});

test('users are found by name and by number', () => {
  expect(addon.findUser('root')).toMatchObject({ name: 'root', uid: 0, gid: 0, groups: expect.arrayContaining([0]) as number[] });
  expect(addon.findUser('0')).toEqual(addon.findUser('root'));
  expect(addon.findUser('no such user')).toBeUndefined();
  expect(addon.findUser('4294967295')).toBeUndefined();
});
