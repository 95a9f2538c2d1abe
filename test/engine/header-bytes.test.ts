import fc from 'fast-check';
import { copyHeadersByByte } from 'packet-bricks/src/core/header-bytes';
import { HEADER_BYTES, createPacketColumns, packetMemory, type PacketColumns } from 'packet-bricks/src/model/packet-batch';
import { nativeHeaderCopier } from 'packet-bricks/src/native/system';

const ROWS = 32;
const MEMORY_BYTES = 4096;
const native = nativeHeaderCopier();
const memory = packetMemory(Uint8Array.from({ length: MEMORY_BYTES }, (_, byte) => (byte * 7 + (byte >> 8)) & 255 || 1).buffer);

/** Columns over these packets, with heads of a batch before. */
function columnsOf(packets: readonly { readonly offset: number; readonly length: number }[]): PacketColumns {
  const columns = createPacketColumns(ROWS);
  for (let byte = 0; byte < columns.headerBytes.byteLength; byte++) columns.headerBytes.setUint8(byte, 0xee);
  packets.forEach(({ offset, length }, row) => {
    columns.offset[row] = offset;
    columns.length[row] = length;
  });
  return columns;
}

const headerBytesOf = ({ headerBytes }: PacketColumns): number[][] => (
  Array.from({ length: ROWS }, (_, row) => [...new Uint8Array(headerBytes.buffer, row * HEADER_BYTES, HEADER_BYTES)])
);

const anyPacket = fc.integer({ min: 0, max: 200 }).chain((length) => (
  fc.integer({ min: 0, max: (MEMORY_BYTES - length) >> 2 }).map((word) => ({ offset: word * 4, length }))
));

for (const [name, maker] of [['native code', native], ['TypeScript', copyHeadersByByte]] as const) {
  (maker ? test : test.skip)(`${name} copies the first 64 bytes of each packet, none beyond its end, and leaves other rows alone`, () => {
    fc.assert(fc.property(fc.array(anyPacket, { maxLength: ROWS }), (packets) => {
      const columns = columnsOf(packets);
      maker?.(columns, memory).copy(packets.length);
      const expected = Array.from({ length: ROWS }, (_, row) => Array.from({ length: HEADER_BYTES }, (_byte, byte) => {
        if (row >= packets.length) return 0xee;
        return byte < packets[row].length ? memory.bytes[packets[row].offset + byte] : 0;
      }));
      expect(headerBytesOf(columns)).toEqual(expected);
    }));
  });
}

(native ? test : test.skip)('what lies outside of the memory is not read: its head is zeros', () => {
  const columns = columnsOf([{ offset: 0, length: 64 }, { offset: MEMORY_BYTES - 60, length: 64 }, { offset: 0xfffffffc, length: 0xffffffff }, { offset: 64, length: 40 }]);
  native?.(columns, memory).copy(4);
  const [first, second, third, fourth] = headerBytesOf(columns);
  expect(first).toEqual([...memory.bytes.subarray(0, 64)]);
  expect(second).toEqual(new Array(64).fill(0));
  expect(third).toEqual(new Array(64).fill(0));
  expect(fourth.slice(0, 40)).toEqual([...memory.bytes.subarray(64, 104)]);
  native?.(columns, memory).copy(2 ** 31 - 1);
});
