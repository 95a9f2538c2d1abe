import fc from 'fast-check';
import { OuterHeaders, ipAddressWords, packetMemory } from 'packet-bricks';
import { ethernet, ipv4, ipv6, udp, type Layered } from 'packet-bricks/testing';

const hardware = { source: '02:00:00:00:00:0a', destination: '02:00:00:00:00:0b' };
const bytesOfText = (text: string): Uint8Array => Uint8Array.from(text.split(':'), (part) => parseInt(part, 16));
const words = (text: string): readonly number[] => ipAddressWords(text) ?? [];
const ENDS = { ipv4: { source: '10.0.0.1', destination: '10.0.0.2' }, ipv6: { source: 'fd00::1', destination: 'fd00::2' } } as const;

const asked = fc.record({
  version: fc.constantFrom<'ipv4' | 'ipv6'>('ipv4', 'ipv6'), overUdp: fc.boolean(), udpChecksum: fc.boolean(), dontFragment: fc.boolean(), ttl: fc.integer({ min: 1, max: 255 }), priority: fc.integer({ min: 0, max: 63 }),
  own: fc.uint8Array({ minLength: 4, maxLength: 20 }), content: fc.uint8Array({ maxLength: 1500 }), hash: fc.integer({ min: -0x80000000, max: 0x7fffffff }), place: fc.integer({ min: 0, max: 10 }),
});

test('headers are those of the test kit, to the last byte, packet after packet', () => {
  const memory = packetMemory(new ArrayBuffer(4096));
  fc.assert(fc.property(asked, ({ version, overUdp, own, content, hash, place, priority, ...options }) => {
    const { source, destination } = ENDS[version];
    // The test kit has no traffic class of IPv6.
    const dscp = version === 'ipv4' ? priority : 0;
    const headers = new OuterHeaders(words(source), words(destination), { ...options, dscp, ownBytes: own.length, protocol: 47, port: overUdp ? 4789 : undefined });
    headers.setHardware(bytesOfText(hardware.source), bytesOfText(hardware.destination));
    const start = 2 * place;
    const length = headers.bytes.length + content.length;
    for (const identification of [0, 1]) {
      // What its user writes before each packet is in the packet.
      own[0] = identification;
      headers.bytes.set(own, headers.ownAt);
      memory.bytes.fill(0xee);
      memory.bytes.set(content, start + headers.bytes.length);
      headers.write(memory, start, length, hash);
      const carried = Buffer.concat([own, content]);
      const checksum = version === 'ipv6' || options.udpChecksum ? 'right' : 'none';
      const payload: Layered | Buffer = overUdp ? udp({ sourcePort: 0xc000 | (hash & 0x3fff), destinationPort: 4789, checksum }, carried) : carried;
      const network = version === 'ipv4'
        ? ipv4({ ...ENDS.ipv4, timeToLive: options.ttl, typeOfService: dscp << 2, dontFragment: options.dontFragment, identification: options.dontFragment ? 0 : identification, ...(overUdp ? {} : { protocol: 47 }) }, payload)
        : ipv6({ ...ENDS.ipv6, hopLimit: options.ttl, ...(overUdp ? {} : { nextHeader: 47 }) }, payload);
      expect(Buffer.from(memory.bytes.subarray(start, start + length)).toString('hex')).toBe(ethernet(hardware, network).bytes.toString('hex'));
      expect([...memory.bytes.subarray(0, start), ...memory.bytes.subarray(start + length)].every((byte) => byte === 0xee)).toBe(true);
    }
    expect(headers.ipBytes).toBe((version === 'ipv4' ? 20 : 40) + (overUdp ? 8 : 0) + own.length);
  }), { numRuns: 60 });
});
