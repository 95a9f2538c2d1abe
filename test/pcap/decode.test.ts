import * as fc from 'fast-check';
import { decodePacket } from 'packet-bricks/backends/pcap';
import { captureNames, describeWithCaptures, readCapture } from '../support/captures';
import { join } from 'node:path';

const UDP = Buffer.from('ffffffffffff0200000000010800' + '4500002000010000401100000a0000010a000002' + '14e914e8000c0000' + 'deadbeef', 'hex');

describe('packets as text', () => {
  test('a packet is a line with its addresses and ports', () => {
    const text = decodePacket(UDP, 1);
    expect(text).toMatch(/10\.0\.0\.1/);
    expect(text).toMatch(/10\.0\.0\.2/);
    expect(text).not.toMatch(/\n/);
  });

  test('a link type that nobody decodes is told with its first bytes', () => {
    expect(decodePacket(Uint8Array.of(1, 2, 3), 147)).toBe('link type 147, 3 bytes: 0102 03');
  });

  test('garbage and cut packets give a line, never an error, and write nothing to the console', () => {
    const log = jest.spyOn(console, 'log').mockImplementation(() => undefined);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), fc.constantFrom(0, 1, 101, 113, 127, 228), fc.nat(60), (bytes, linkType, cut) => {
      expect(decodePacket(bytes, linkType)).toMatch(/^[^\n]+$/);
      expect(decodePacket(UDP.subarray(0, cut), linkType)).toMatch(/^[^\n]+$/);
    }));
    expect(log).not.toHaveBeenCalled();
    log.mockRestore();
  });

  describeWithCaptures('of every capture', (folder) => {
    test.each(captureNames(folder))('%s', (name) => {
      for (const { bytes, linkType } of readCapture(join(folder, name)).slice(0, 500)) expect(decodePacket(bytes, linkType)).toMatch(/^[^\n]+$/);
    });
  });
});
