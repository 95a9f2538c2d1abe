/** Tapped packets as lines of text, as pcapng, and in their ring. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { readCaptureFile } from 'packet-bricks/src/files/capture-file';
import { createPacketBatch, packetMemory } from 'packet-bricks/src/model/packet-batch';
import { packetLine, timeText } from 'packet-bricks/src/watch/packet-line';
import { TapCapture } from 'packet-bricks/src/watch/tap-capture';
import { TapRingReader, TapRingWriter, createTapRing } from 'packet-bricks/src/watch/tap-ring';
import { bytesOf, ethernet, ipv4, ipv6, tcp, udp } from '../support/packets';

const around = { seconds: 1_700_000_000, nanoseconds: 5, linkType: 1 };
const line = (bytes: Uint8Array): string => packetLine({ ...around, bytes, wireLength: bytes.length });
const arp = (operation: number): Buffer => Buffer.concat([Buffer.from('ffffffffffff0200000000010806', 'hex'), Buffer.from([0, 1, 8, 0, 6, 4, 0, operation, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1, 0, 0, 0, 0, 0, 0, 10, 0, 0, 2])]);

test('a packet is a line', () => {
  const payload = Buffer.alloc(10);
  const udp4 = bytesOf(ethernet({}, ipv4({ source: '10.0.0.1', destination: '192.0.2.1' }, udp({ sourcePort: 53, destinationPort: 1024 }, payload))));
  expect(line(udp4)).toBe('IP 10.0.0.1.53 > 192.0.2.1.1024: UDP, length 10');
  const tcp6 = bytesOf(ethernet({}, ipv6({ source: '2001:db8::1', destination: 'fe80::2' }, tcp({ sourcePort: 1, destinationPort: 80 }, payload))));
  expect(line(tcp6)).toMatch(/^IP6 2001:db8::1\.1 > fe80::2\.80: TCP \[.+\], length 10$/);
  const fragment = Buffer.from(udp4);
  fragment.writeUInt16BE(185, 20);
  expect(line(fragment)).toBe(`IP 10.0.0.1 > 192.0.2.1: fragment of id ${fragment.readUInt16BE(18)} at 1480, UDP`);
  expect(line(arp(1))).toBe('ARP who-has 10.0.0.2 tell 10.0.0.1');
  expect(line(arp(2))).toBe('ARP 10.0.0.1 is-at 02:00:00:00:00:01');
  expect(line(Buffer.from(`ffffffffffff02000000000188b5${'00'.repeat(46)}`, 'hex'))).toBe('02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, ethertype 0x88b5, length 60');
  expect(packetLine({ ...around, linkType: 147, bytes: payload, wireLength: 10 })).toBe('link type 147, length 10');
  expect(timeText(1_700_000_000, 5)).toMatch(/^\d\d:\d\d:\d\d\.000000005$/);
});

test('of whatever bytes a line is made, which has no line breaks', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), fc.constantFrom(1, 101, 113, 12, 0, 147), (bytes, linkType) => {
    expect(packetLine({ ...around, linkType, bytes, wireLength: bytes.length })).toMatch(/^[\x20-\x7e]+$/);
  }), { numRuns: 500 });
});

test('a stream of them is pcapng, with an interface for each link and link type, and a comment for each packet', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bricks-tap-'));
  try {
    const capture = new TapCapture();
    const packets = [1, 2, 3, 4].map((number) => ({
      link: number === 3 ? 'eth1' : 'lb}0', linkType: number === 4 ? 101 : 1, seconds: number, nanoseconds: 999_999_999, wireLength: 100 + number, data: Buffer.alloc(number * 3, number), comment: `engine e0, lb}0 (x[${number}])`,
    }));
    const bytes = Buffer.concat([capture.begin(), ...packets.map((packet) => capture.packet(packet))]);
    const file = join(folder, 'tap.pcapng');
    writeFileSync(file, bytes);
    expect(Array.from(readCaptureFile(file), (packet) => [packet.linkType, packet.seconds, packet.nanoseconds, packet.wireLength, Buffer.from(packet.bytes).toString('hex')]))
      .toEqual(packets.map((packet) => [packet.linkType, packet.seconds, packet.nanoseconds, packet.wireLength, packet.data.toString('hex')]));
    for (const { comment } of packets) expect(bytes.includes(comment)).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the ring gives back what was put in, in order, round its end, and counts the rest as lost', () => {
  fc.assert(fc.property(fc.array(fc.record({ length: fc.integer({ min: 0, max: 700 }), read: fc.integer({ min: 0, max: 4 }), taken: fc.boolean() }), { maxLength: 120 }), (steps) => {
    const buffer = createTapRing(4096);
    const writer = new TapRingWriter(buffer);
    const reader = new TapRingReader(buffer);
    const batch = createPacketBatch(1);
    batch.memory = packetMemory(new ArrayBuffer(1024));
    writer.addPlace(1, { role: 'inner', link: 'x}0' });
    writer.commit();
    const expected: string[] = [];
    const got: string[] = [];
    let lost = 0;
    steps.forEach(({ length, read, taken }, index) => {
      batch.length[0] = length;
      batch.wireLength[0] = length + 1;
      batch.seconds[0] = index;
      batch.memory.bytes.fill(index);
      const record = writer.add(batch, batch, 0, length, 1, -1);
      if (record < 0) lost++;
      else if (taken) writer.take(record);
      else expected.push(`${index} ${length}`);
      writer.commit();
      for (const packet of reader.read(read)) {
        expect(packet.place).toEqual({ role: 'inner', link: 'x}0' });
        expect(packet.data.every((byte) => byte === (packet.seconds & 255))).toBe(true);
        got.push(`${packet.seconds} ${packet.data.length}`);
      }
    });
    for (const packet of reader.read(Infinity)) got.push(`${packet.seconds} ${packet.data.length}`);
    expect(got).toEqual(expected);
    expect(reader.lost).toBe(lost);
  }), { numRuns: 200 });
});
