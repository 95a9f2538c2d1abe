import fc from 'fast-check';
import { parseLinkName } from 'packet-bricks';
import { isBricksError } from 'packet-bricks/src/model/errors';
import { MAXIMUM_LINK_NAME_BYTES, peerName } from 'packet-bricks/src/model/link-name';

test.each([
  ['eth3', { text: 'eth3', kind: 'interface', device: 'eth3' }],
  ['netmap:eth3', { text: 'eth3', kind: 'interface', device: 'eth3' }],
  ['eth3{0', { text: 'eth3{0', kind: 'pipe', device: 'eth3', pipe: { id: '0', end: 'master' } }],
  ['eth3}0', { text: 'eth3}0', kind: 'pipe', device: 'eth3', pipe: { id: '0', end: 'slave' } }],
  ['netmap:eth3}12', { text: 'eth3}12', kind: 'pipe', device: 'eth3', pipe: { id: '12', end: 'slave' } }],
  ['vale0:a', { text: 'vale0:a', kind: 'interface', device: 'vale0:a' }],
  ['vale0:a{3', { text: 'vale0:a{3', kind: 'pipe', device: 'vale0:a', pipe: { id: '3', end: 'master' } }],
  ['eth3-2', { text: 'eth3-2', kind: 'interface', device: 'eth3-2' }],
  ['eth3/x', { text: 'eth3/x', kind: 'interface', device: 'eth3/x' }],
  ['eth0.100', { text: 'eth0.100', kind: 'interface', device: 'eth0.100' }],
  ['trace.pcap', { text: 'trace.pcap', kind: 'file', device: 'trace.pcap' }],
  ['trace.PCAPNG', { text: 'trace.PCAPNG', kind: 'file', device: 'trace.PCAPNG' }],
  ['./dir/', { text: './dir/', kind: 'file', device: './dir/' }],
  ['/var/tmp/odd{0', { text: '/var/tmp/odd{0', kind: 'file', device: '/var/tmp/odd{0' }],
  ['traces/', { text: 'traces/', kind: 'file', device: 'traces/' }],
  ['-', { text: '-', kind: 'file', device: '-' }],
  ['./-', { text: './-', kind: 'file', device: './-' }],
  ['file:odd-name', { text: 'odd-name', kind: 'file', device: 'odd-name' }],
])('%s is understood', (given, expected) => {
  expect(parseLinkName(given)).toEqual(expected);
});

test('what is named as a file is one, whatever it looks like', () => {
  expect(parseLinkName('eth3', 'file')).toEqual({ text: 'eth3', kind: 'file', device: 'eth3' });
});

test.each(['', '{0', 'eth3{', '}', 'netmap:', 'file:', 'eth\n3', './m\ufffdtro.pcap', `e${'x'.repeat(MAXIMUM_LINK_NAME_BYTES)}`])('%j is refused with what to write instead', (given) => {
  expect(() => parseLinkName(given)).toThrow(expect.objectContaining({ name: 'BricksError', code: 'E_LINK_NAME', remedy: expect.stringMatching(/\w/) }));
});

test.each([[5], [undefined], [null]])('a script that gives %p as a name is told that it is no text', (given) => {
  expect(() => parseLinkName(given as never)).toThrow(`Link names must be strings, got ${String(given)}.`);
});

test('a name may be as long as netmap allows, in bytes', () => {
  expect(parseLinkName('x'.repeat(MAXIMUM_LINK_NAME_BYTES)).kind).toBe('interface');
  expect(() => parseLinkName('ü'.repeat(32))).toThrow(/64 bytes/);
});

test('any string is either a link or a BricksError', () => {
  const pieces = fc.constantFrom('eth3', '{', '}', '0', 'netmap:', 'file:', '/', '.', '~', '.pcap', 'vale0:', 'é', '\u0000', ' ');
  const names = fc.oneof(fc.string({ unit: 'binary' }), fc.array(pieces, { maxLength: 6 }).map((parts) => parts.join('')));
  fc.assert(fc.property(names, fc.constantFrom<'file' | undefined>('file', undefined), (given, as) => {
    try {
      const link = parseLinkName(given, as);
      expect(link.device).not.toBe('');
      expect(link.pipe === undefined).toBe(link.kind !== 'pipe');
    } catch (error) {
      expect(isBricksError(error)).toBe(true);
    }
  }), { numRuns: 1000 });
});

test('both ends of a pipe name each other', () => {
  const parts = fc.stringMatching(/^[a-z0-9:]{1,20}$/);
  fc.assert(fc.property(parts, parts, fc.constantFrom('{', '}'), (device, id, brace) => {
    const link = parseLinkName(device + brace + id);
    const other = parseLinkName(peerName(link)!);
    expect(other.text).not.toBe(link.text);
    expect(peerName(other)).toBe(link.text);
  }));
  expect(peerName(parseLinkName('eth3'))).toBeUndefined();
});
