import fc from 'fast-check';
import { nameOfBytes, readable } from 'packet-bricks/src/model/file-name';
import { systemName } from 'packet-bricks/src/files/system-name';

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }).map((text) => Uint8Array.from(Buffer.from(text))),
  fc.array(fc.constantFrom('é', '🌍', '\xed\xa0\x80', '\xf0\x9f\x8c', '\xc0\xaf', '\xf4\x90\x80\x80', '\xff', 'a', '\ufeff'), { maxLength: 8 })
    .map((parts) => Uint8Array.from(Buffer.concat(parts.map((part) => Buffer.from(part, /^[\x80-\xff]+$/.test(part) && part !== 'é' ? 'latin1' : 'utf8'))))),
);

test('every name comes back as the bytes it was, and names that are UTF-8 are that text', () => {
  fc.assert(fc.property(bytes, (given) => {
    const name = nameOfBytes(given);
    expect(Buffer.from(systemName(name))).toEqual(Buffer.from(given));
    const text = Buffer.from(given).toString('utf8');
    if (Buffer.from(text).equals(Buffer.from(given))) expect(name).toBe(text);
  }), { numRuns: 2000 });
});

test('messages show such bytes as \\xe9, and leave characters of two halves alone', () => {
  expect(readable(nameOfBytes(Buffer.from('m\xe9tro', 'latin1')))).toBe('m\\xe9tro');
  expect(readable('🌍 m\u00e9tro')).toBe('🌍 m\u00e9tro');
});
