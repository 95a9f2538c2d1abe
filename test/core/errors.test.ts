import { messageOf, nearest } from 'packet-bricks/src/core/errors';

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
