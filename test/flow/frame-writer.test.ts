import fc from 'fast-check';
import { FrameWriter, checksumOf, formatIpAddress, fragmentField, packetMemory, sumOfFilling, sumOfPacket, wordSum } from 'packet-bricks';
import { ethernet, ipv4, ipv6, tcp, udp, vlan, type Layered } from 'packet-bricks/testing';

const FILLING = 0x78;
const word = fc.integer({ min: -0x80000000, max: 0x7fffffff });
const port = fc.integer({ min: 0, max: 0xffff });
const frame = fc.record({
  source: fc.oneof(fc.tuple(word), fc.tuple(word, word, word, word)), client: port, server: port, data: fc.integer({ min: 0, max: 1500 }), tag: fc.integer({ min: 0, max: 4094 }), isTcp: fc.boolean(),
  sequence: fc.integer({ min: 0, max: 0xffffffff }), flags: fc.integer({ min: 0, max: 255 }), identification: port, trafficClass: fc.integer({ min: 0, max: 255 }), hopLimit: fc.integer({ min: 1, max: 255 }),
});

test('frames are those of the test kit, to the last byte', () => {
  const memory = packetMemory(new ArrayBuffer(2048));
  const writer = new FrameWriter();
  fc.assert(fc.property(frame, ({ source, client, server, data, tag, isTcp, sequence, flags, identification, trafficClass, hopLimit }) => {
    const destination = source.map((one) => one ^ 0x5a5a5a5a);
    memory.bytes.fill(0xee);
    Object.assign(writer, { trafficClass: source.length === 1 ? trafficClass : 0, hopLimit });
    writer.begin(memory, 64);
    writer.ethernet(0x0200, 1, 0x0200, 2);
    if (tag > 0) writer.tag(tag);
    writer.ip(source, destination, isTcp ? 6 : 17, (isTcp ? 20 : 8) + data, identification);
    if (isTcp) writer.tcp(client, server, sequence, 0xffffffff - sequence, flags, data, sumOfFilling(data, FILLING));
    else writer.udp(client, server, data, sumOfFilling(data, FILLING));
    writer.fill(data, FILLING);
    const length = writer.end();
    const content = Buffer.alloc(data, FILLING);
    const ports = { sourcePort: client, destinationPort: server };
    const transport = isTcp ? tcp({ ...ports, sequence, acknowledgment: 0xffffffff - sequence, flags }, content) : udp(ports, content);
    const ends = { source: formatIpAddress(source.map((one) => one >>> 0)), destination: formatIpAddress(destination.map((one) => one >>> 0)) };
    const network: Layered = source.length === 1 ? ipv4({ ...ends, identification, timeToLive: hopLimit, typeOfService: trafficClass }, transport) : ipv6({ ...ends, hopLimit }, transport);
    const { bytes } = ethernet({ source: '02:00:00:00:00:01', destination: '02:00:00:00:00:02' }, tag > 0 ? vlan({ id: tag }, network) : network);
    expect(Buffer.from(memory.bytes.subarray(64, 64 + length)).toString('hex')).toBe(Buffer.concat([bytes, Buffer.alloc(Math.max(0, 60 - bytes.length))]).toString('hex'));
  }));
});

test('fragments say where they belong', () => {
  const memory = packetMemory(new ArrayBuffer(256));
  const writer = new FrameWriter();
  writer.begin(memory, 0);
  writer.ethernet(0x0200, 1, 0x0200, 2);
  writer.ip([1], [2], 17, 16, 7, fragmentField(1480, true));
  expect(memory.view.getUint16(20)).toBe(0x2000 | (1480 >>> 3));
  expect(checksumOf(wordSum(memory.view, 14, 34))).toBe(0);
  expect(fragmentField(8, false)).toBe(1);
});

test('a sum is the same however it is taken', () => {
  const memory = packetMemory(new ArrayBuffer(4096));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 3000 }), fc.integer({ min: 0, max: 20 }), (content, place) => {
    const begin = 2 * place;
    memory.bytes.fill(0xee);
    memory.bytes.set(content, begin);
    const end = begin + content.length;
    const sum = sumOfPacket(memory, begin, end);
    if (content.length % 2 === 1) memory.bytes[end] = 0;
    expect(sum % 0xffff).toBe(wordSum(memory.view, begin, end) % 0xffff);
  }));
  const filled = Buffer.alloc(7, 0x78);
  expect(sumOfFilling(7, 0x78)).toBe(wordSum(new DataView(Uint8Array.from([...filled, 0]).buffer), 0, 8));
});
