/** Checksums for bricks that change packets, beside those of frames whose checksums are right. */
import { changedChecksum, wordSum, writeChecksums } from 'packet-bricks';
import { SAMPLES, bytesOf, ethernet, icmp, icmpv6, ipv4, ipv4Fragments, ipv6, tcp, udp, type Layered } from 'packet-bricks/testing';
import { fuzzFrame, randomBy } from 'packet-bricks/src/testing/fuzz-frames';

const IP = 14;
const payloads = ['', 'a', 'some content', 'x'.repeat(1001)];
const transports = (payload: string, checksum: 'right' | 'wrong'): readonly (readonly [string, Layered, Layered])[] => {
  const given = { checksum };
  return [
    ['TCP', ipv4({}, tcp(given, payload)), ipv6({}, tcp(given, payload))],
    ['UDP', ipv4({}, udp(given, payload)), ipv6({}, udp(given, payload))],
    ['ICMP', ipv4({}, icmp(given, payload)), ipv6({}, icmpv6(given, payload))],
  ];
};
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const frameOf = (packet: Layered): Buffer => Buffer.from(bytesOf(ethernet({}, packet)));
/** Frames may be padded: the packet ends where IP says. */
const rewritten = (bytes: Buffer): [boolean, Buffer] => {
  const written = writeChecksums(viewOf(bytes), IP, bytes.length);
  return [written, bytes];
};

test.each(payloads)('TCP, UDP and ICMP over IPv4 and IPv6, around %j', (payload) => {
  const right = transports(payload, 'right');
  for (const [index, [, four, six]] of transports(payload, 'wrong').entries()) {
    const [, rightFour, rightSix] = right[index];
    expect(rewritten(frameOf(four))).toEqual([true, frameOf(rightFour)]);
    expect(rewritten(frameOf(six))).toEqual([true, frameOf(rightSix)]);
  }
});

test('frames whose checksums are right stay as they are, whatever stands between IP and transport', () => {
  let written = 0;
  for (const frame of SAMPLES.map(bytesOf)) {
    const copy = Buffer.from(frame);
    if (writeChecksums(viewOf(copy), IP, copy.length)) written++;
    expect(copy).toEqual(Buffer.from(frame));
  }
  expect(written).toBeGreaterThan(10);
});

test('the header of IPv4; UDP without a checksum gets none over IPv4', () => {
  const packet = ipv4({}, udp({ checksum: 'none' }, 'abc'));
  const frame = frameOf(packet);
  frame.writeUInt16BE(0x1234, IP + 10);
  expect(rewritten(frame)).toEqual([true, frameOf(packet)]);
});

test('what can\'t be worked out stays as it is: fragments, packets cut short, other protocols', () => {
  const frames = [
    ...ipv4Fragments({}, udp({}, 'x'.repeat(100)), 64).map(frameOf),
    frameOf(ipv4({}, tcp({}, 'x'.repeat(100)))).subarray(0, 100), frameOf(ipv6({}, tcp({}, 'x'.repeat(100)))).subarray(0, 120),
    frameOf(ipv4({ protocol: 89 }, 'abc')), frameOf(ipv6({ protocol: 89 }, 'abc')), Buffer.alloc(60),
  ];
  for (const frame of frames) expect(rewritten(Buffer.from(frame))).toEqual([false, Buffer.from(frame)]);
});

test('a checksum follows a change as one that is written anew, and one that was wrong stays wrong', () => {
  const random = randomBy(7);
  for (let round = 0; round < 500; round++) {
    const frame = frameOf(ipv4({ source: `10.0.${random(256)}.1` }, tcp({ sourcePort: random(65_536) }, 'p'.repeat(random(50)))));
    const view = viewOf(frame);
    const [ip, transport] = [frame.readUInt16BE(IP + 10), frame.readUInt16BE(IP + 36)];
    const before = wordSum(view, IP + 12, IP + 16);
    frame.writeUInt32BE(random(2 ** 31), IP + 12);
    const after = wordSum(view, IP + 12, IP + 16);
    expect(writeChecksums(view, IP, frame.length)).toBe(true);
    expect([changedChecksum(ip, before, after), changedChecksum(transport, before, after)]).toEqual([frame.readUInt16BE(IP + 10), frame.readUInt16BE(IP + 36)]);
    expect(changedChecksum(ip ^ 1, before, after)).not.toBe(frame.readUInt16BE(IP + 10));
  }
});

test('of any bytes, none behind the captured ones is read or written', () => {
  const random = randomBy(11);
  const seeds = SAMPLES.map(bytesOf);
  for (let round = 0; round < 20_000; round++) {
    const frame = fuzzFrame(seeds, random);
    // What lies behind is out of reach: reading there throws.
    const bytes = Uint8Array.from(frame);
    const end = random(bytes.length + 1);
    const copy = bytes.slice();
    writeChecksums(new DataView(bytes.buffer, 0, end), Math.min(end, random(40)), end);
    expect(Buffer.compare(bytes.subarray(end), copy.subarray(end))).toBe(0);
  }
});
