import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ERROR_CODES } from 'packet-bricks';
import { isOutOfMemory, messageOf, nearest } from 'packet-bricks/src/model/errors';
import { systemReason } from 'packet-bricks/src/model/system-error';

test.each<[string, readonly string[], string | undefined]>([
  ['eth4', ['lo', 'eth0', 'any'], 'eth0'],
  ['et0', ['lo', 'eth0'], 'eth0'],
  ['ehtX', ['lo', 'ethX'], 'ethX'],
  ['l0', ['lo'], 'lo'],
  ['p1', ['lo'], undefined],
  ['eth3', ['lo'], undefined],
  ['ens33', ['lo', 'eth0', 'any'], undefined],
  ['wlan', ['lo', 'any'], undefined],
  ['tuples', ['tuple', 'level'], 'tuple'],
  ['', ['lo'], undefined],
])('"%s" is a slip of %j: %s', (word, known, expected) => {
  expect(nearest(word, known)).toBe(expected);
});

test('whatever finds no descriptor left says how to raise the limit, once', () => {
  expect(messageOf(new Error('Worker initialization failure: EMFILE'))).toBe('Worker initialization failure: EMFILE (raise the limit of open files: ulimit -n 65536)');
  expect(messageOf(new Error('spawn x EMFILE'))).toMatch(/ulimit -n 65536/);
  expect(messageOf(messageOf(new Error('too many open files')))).toBe('too many open files (raise the limit of open files: ulimit -n 65536)');
  expect(messageOf(new Error('no space'))).toBe('no space');
});

test('whatever finds no memory says that, and not how V8 calls it', () => {
  expect(messageOf(new RangeError('Array buffer allocation failed'))).toBe('the system gives no more memory');
  for (const text of ['Array buffer allocation failed', 'spawn ENOMEM', 'mmap: Cannot allocate memory']) expect(isOutOfMemory(new Error(text))).toBe(true);
  expect(isOutOfMemory(new Error('no space left on device'))).toBe(false);
});

const thrownBy = (call: () => unknown): unknown => {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
};

test.each<[string, () => unknown, string]>([
  ['a file that is not there', () => readFileSync('/nonexistent'), 'there is no such file or directory'],
  ['a directory', () => readFileSync('/'), 'it is a directory'],
  ['a file in place of a directory', () => readdirSync('/dev/null'), 'part of its path is not a directory'],
  ['a full device', () => writeFileSync('/dev/full', 'x'), 'the disk is full'],
])('%s is said in words, without the code of the system', (_, call, words) => {
  expect(systemReason(thrownBy(call))).toBe(words);
});

test('so are addresses, codes without words of ours, and other errors', async () => {
  const first = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => first.once('listening', resolve));
  const second = createServer().listen(first.address() as { port: number });
  expect(systemReason(await new Promise((resolve) => second.once('error', resolve)))).toBe('the address is in use');
  await new Promise((resolve) => first.close(resolve));
  expect(systemReason(Object.assign(new Error("EXDEV: cross-device link not permitted, rename 'a' -> 'b'"), { code: 'EXDEV' }))).toBe('cross-device link not permitted');
  expect(systemReason(Object.assign(new Error('bad certificate'), { code: 'ERR_OSSL' }))).toBe('bad certificate');
  expect(systemReason('text')).toBe('text');
});

// eslint-disable-next-line @typescript-eslint/no-require-imports -- a program of its own, not part of the package
const { collectErrors } = require('../../tools/reference/sources.cjs') as { collectErrors(root: string): Map<string, unknown> };

test('every code of the list is one that errors have, and every error has one of them', () => {
  expect([...collectErrors(join(__dirname, '..', '..')).keys()].sort()).toEqual(Object.keys(ERROR_CODES).sort());
});

test.each(Object.entries(ERROR_CODES))('%s says in a sentence what it means', (_, meaning) => {
  expect(meaning).toMatch(/^([A-Z/]|netmap ).*\.$/);
});
