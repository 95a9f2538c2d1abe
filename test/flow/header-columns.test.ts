/** The header columns tell of each packet what the packet form tells. */
import fc from 'fast-check';
import { copyHeadersByByte } from '../../src/core/header-bytes';
import { CurrentPackets } from '../../src/context/current-packets';
import { HEADER_COLUMN_NAMES, createPacketBatch, createPacketColumns, packetMemory, type HeaderColumnName } from '../../src/model/packet-batch';
import { headerFiller } from '../../src/flow/header-columns';
import { PacketReader } from '../../src/flow/packet-reader';
import { bytesOf } from '../support/packets';
import { SAMPLES } from 'packet-bricks/src/testing/frames/samples';
import { arp, ethernet, icmp, ipv4, ipv4Fragments, ipv6, tcp, udp, vlan, vxlan, type Layered } from 'packet-bricks/testing';

type Headers = Record<HeaderColumnName, number>;
interface How { readonly linkType?: number; readonly byHeaderBytes?: boolean; readonly wanted?: readonly HeaderColumnName[]; readonly garbage?: number }

/** The columns of packets as they are filled, and what a PacketReader says of each; the last packet ends where its memory does. */
function columnsOf(packets: readonly Uint8Array[], { linkType = 1, byHeaderBytes = false, wanted = HEADER_COLUMN_NAMES, garbage = 0x45 }: How = {}): { readonly filled: Headers[]; readonly read: Headers[] } {
  const columns = createPacketColumns(packets.length + 2);
  const batch = createPacketBatch(packets.length + 2, columns);
  const starts: number[] = [];
  let end = 4;
  for (const { length } of packets) {
    starts.push((end + 3) & ~3);
    end = starts[starts.length - 1] + length;
  }
  batch.memory = packetMemory(new ArrayBuffer(end));
  batch.memory.bytes.fill(garbage);
  batch.linkType = linkType;
  packets.forEach((bytes, index) => {
    batch.memory.bytes.set(bytes, starts[index]);
    batch.offset[index + 1] = starts[index];
    batch.length[index + 1] = bytes.length;
  });
  for (const name of HEADER_COLUMN_NAMES) columns[name].fill(77);
  copyHeadersByByte(columns, batch.memory).copy(packets.length + 1);
  headerFiller(columns, new Set(wanted), { headerBytes: byHeaderBytes })(batch, 1, packets.length);
  const at = (row: number): Headers => Object.fromEntries(HEADER_COLUMN_NAMES.map((name) => [name, columns[name][row]])) as Headers;
  for (const row of [0, packets.length + 1]) expect(Object.values(at(row))).toEqual(HEADER_COLUMN_NAMES.map(() => 77));
  const current = new CurrentPackets(columns);
  current.enter(batch, packets.length + 2);
  const reader = new PacketReader(current, false);
  const read = packets.map((_, index) => {
    reader.moveTo(index + 1);
    return Object.fromEntries(HEADER_COLUMN_NAMES.map((name) => [name, wanted.includes(name) ? reader[name] : 77])) as Headers;
  });
  return { filled: packets.map((_, index) => at(index + 1)), read };
}

const textOf = (headers: Headers): string => HEADER_COLUMN_NAMES.map((name) => headers[name]).join();

function compare(packets: readonly Uint8Array[], how: How = {}): void {
  const { filled, read } = columnsOf(packets, how);
  // Texts are compared in a hundredth of the time; what differs is shown.
  const other = packets.findIndex((_, index) => textOf(filled[index]) !== textOf(read[index]));
  if (other >= 0) expect([Buffer.from(packets[other]).toString('hex'), filled[other]]).toEqual([Buffer.from(packets[other]).toString('hex'), read[other]]);
  const behind = packets.findIndex(({ length }, index) => Math.max(filled[index].networkOffset, filled[index].transportOffset, filled[index].payloadOffset) > length && (how.wanted ?? HEADER_COLUMN_NAMES).length === HEADER_COLUMN_NAMES.length);
  expect(behind).toBe(-1);
}

const ALL_FRAMES = SAMPLES.map(bytesOf);

for (const byHeaderBytes of [false, true]) {
  describe(byHeaderBytes ? 'by header bytes' : 'by the packets’ own bytes', () => {
    test('frames of every kind have the columns that the packet form tells', () => {
      compare(ALL_FRAMES, { byHeaderBytes });
    });

    test('so do frames cut anywhere, of any link type', () => {
      for (const linkType of [1, 101]) for (const bytes of ALL_FRAMES) compare(Array.from({ length: Math.min(bytes.length, 150) + 1 }, (_, length) => bytes.slice(linkType === 1 ? 0 : 14, length)), { byHeaderBytes, linkType });
    });

    test('so do changed frames and mere bytes, whatever lies around them', () => {
      const byte = fc.integer({ min: 0, max: 255 });
      const anyPacket = fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.tuple(fc.constantFrom(...ALL_FRAMES), fc.array(fc.tuple(fc.nat(80), byte), { maxLength: 4 }), fc.nat(400)).map(([frame, changes, length]) => {
        const bytes = Uint8Array.from(frame);
        for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
        return bytes.subarray(0, length);
      }));
      fc.assert(fc.property(fc.array(anyPacket, { minLength: 1, maxLength: 40 }), fc.constantFrom(1, 1, 1, 0, 9, 12, 101, 113, 228, 276, 127), (packets, linkType) => {
        compare(packets, { byHeaderBytes, linkType });
        expect(columnsOf(packets, { byHeaderBytes, linkType, garbage: 0xff }).filled).toEqual(columnsOf(packets, { byHeaderBytes, linkType, garbage: 0 }).filled);
      }), { numRuns: 300 });
    });

    test('a column is filled as it is with the others, and what nobody reads is left alone', () => {
      for (const wanted of [...HEADER_COLUMN_NAMES.map((name) => [name]), ['vlan', 'payloadOffset'], ['protocol', 'transportOffset']] as HeaderColumnName[][]) compare(ALL_FRAMES, { byHeaderBytes, wanted });
    });
  });
}

test('what the columns say of whole packets, tags, fragments, tunnels, and packets that are not IP or were cut', () => {
  const ends = { sourcePort: 1000, destinationPort: 80 };
  const headers = (frame: Layered, length = Infinity): number[] => Object.values(columnsOf([bytesOf(frame).slice(0, length)]).filled[0]);
  const long = ipv4Fragments({ source: '10.0.0.1', destination: '10.0.0.2', identification: 7 }, udp(ends, Buffer.alloc(100)), 64);
  // VLAN, protocol, and where IP, transport header and payload start.
  expect(headers(ethernet({}, ipv4({}, tcp(ends, 'x'))))).toEqual([-1, 6, 14, 34, 54]);
  expect(headers(ethernet({}, vlan({ id: 7 }, ipv4({}, udp(ends, 'x')))))).toEqual([7, 17, 18, 38, 46]);
  expect(headers(ethernet({}, vlan({ id: 7 }, vlan({ id: 8 }, ipv6({}, tcp(ends, 'x'))))))).toEqual([7, 6, 22, 62, 82]);
  expect(headers(ethernet({}, ipv4({}, icmp({}, 'x'))))).toEqual([-1, 1, 14, 34, 34]);
  expect(headers(ethernet({}, long[0]))).toEqual([-1, 17, 14, 34, 42]);
  expect(headers(ethernet({}, long[1]))).toEqual([-1, 17, 14, -1, -1]);
  // What a tunnel carries is payload.
  expect(headers(ethernet({}, ipv4({}, vxlan({}, ethernet({}, vlan({ id: 9 }, ipv4({}, tcp(ends, 'x'))))))))).toEqual([-1, 17, 14, 34, 42]);
  expect(headers(ethernet({}, ipv4({}, ipv6({}, tcp(ends, 'x')))))).toEqual([-1, 41, 14, 34, 34]);
  expect(headers(ethernet({}, vlan({ id: 7 }, arp('10.0.0.1', '10.0.0.2'))))).toEqual([7, -1, -1, -1, -1]);
  // Cut in the IP header, behind it, in the TCP header, and behind that.
  const whole = ethernet({}, ipv4({}, tcp(ends, 'x')));
  expect([33, 34, 46, 53, 54].map((length) => headers(whole, length))).toEqual([
    [-1, -1, -1, -1, -1], [-1, 6, 14, -1, -1], [-1, 6, 14, 34, -1], [-1, 6, 14, 34, -1], [-1, 6, 14, 34, 54],
  ]);
});
