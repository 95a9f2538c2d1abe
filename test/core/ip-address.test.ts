import { isIP } from 'node:net';
import fc from 'fast-check';
import { formatIpAddress, hardwareAddressBytes, hostAndPort, ipAddressWords } from 'packet-bricks';

test('what is an address of this machine is one here, and comes back as text that means the same', () => {
  fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
    const words = ipAddressWords(text) ?? [];
    expect(words).toHaveLength(isIP(text) === 4 ? 1 : 4);
    const again = formatIpAddress(words);
    expect(ipAddressWords(again)).toEqual(words);
    if (isIP(text) === 6) expect(new URL(`http://[${again}]`).hostname).toBe(new URL(`http://[${text}]`).hostname);
  }));
});

test('what is none is refused, and so are hosts without ports', () => {
  for (const text of ['', '1.2.3', '1.2.3.4.5', '01.2.3.4', '256.0.0.1', '1::2::3', 'fe80::1%lo', 'host', '1:2:3:4:5:6:7:8:9']) expect(ipAddressWords(text)).toBeUndefined();
  expect(hardwareAddressBytes('02:00:00:00:00:FF')).toEqual(Uint8Array.of(2, 0, 0, 0, 0, 255));
  for (const text of ['', '02:00:00:00:00', '02:00:00:00:00:00:00', 'xx:00:00:00:00:00']) expect(hardwareAddressBytes(text)).toBeUndefined();
  expect(hostAndPort('host:80')).toEqual({ host: 'host', port: 80 });
  expect(hostAndPort('[fe80::1%lo]:80')).toEqual({ host: 'fe80::1%lo', port: 80 });
  for (const text of ['host', ':80', 'host:0', 'host:65536', '[192.0.2.1]:80', '::1:80', 'a b:80', 'user@host:80']) expect(hostAndPort(text)).toBeUndefined();
});
