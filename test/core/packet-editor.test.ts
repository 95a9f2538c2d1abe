/** Changes to where packets start and end, beside what a plain list of bytes makes of them. */
import { createPacketColumns, packetMemory } from 'packet-bricks';
import { PacketEditor } from 'packet-bricks/src/buffers/packet-editor';

const ROOM = { begin: 64, end: 512 };

/** Numbers that look random, always the same. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 8) % below;
  };
}

test('bytes inserted and removed anywhere, few and many, leave the others in their order, and touch nothing outside of the room', () => {
  for (let seed = 1; seed <= 25; seed++) {
    const below = numbers(seed);
    const columns = createPacketColumns(1);
    const memory = packetMemory(new ArrayBuffer(576));
    memory.bytes.fill(0xee);
    const editor = new PacketEditor({ ...columns, memory, batch: { number: 1, count: 1, linkType: 1 } }, 'Test', { roomBegin: () => ROOM.begin, roomEnd: () => ROOM.end });
    const expected = Array.from({ length: 1 + below(200) }, (_, index) => index & 0xff);
    columns.offset[0] = ROOM.begin + 4 * below(30);
    columns.length[0] = columns.wireLength[0] = expected.length;
    memory.bytes.set(expected, columns.offset[0]);
    for (let step = 0; step < 30; step++) {
      const at = below(expected.length + 1);
      const count = 1 + below(step % 3 === 0 ? 70 : 8);
      if (below(2) === 0) {
        if (editor.insert(0, at, count)) expected.splice(at, 0, ...Array.from({ length: count }, () => 0));
      } else if (editor.remove(0, at, count)) {
        expected.splice(at, count);
      }
      const start = columns.offset[0];
      expect([...memory.bytes.subarray(start, start + columns.length[0])]).toEqual(expected);
      expect([start % 4, start >= ROOM.begin, start + columns.length[0] <= ROOM.end]).toEqual([0, true, true]);
    }
    expect(memory.bytes.subarray(0, ROOM.begin).every((byte) => byte === 0xee) && memory.bytes.subarray(ROOM.end).every((byte) => byte === 0xee)).toBe(true);
  }
});

test('a packet that ends where memory does is moved whole', () => {
  for (let length = 1; length < 40; length++) {
    for (let count = 0; count < Math.min(length, 8); count++) {
      const columns = createPacketColumns(1);
      const memory = packetMemory(new ArrayBuffer(length));
      const editor = new PacketEditor({ ...columns, memory, batch: { number: 1, count: 1, linkType: 1 } }, 'Test', undefined);
      memory.bytes.set(Array.from({ length }, (_, index) => index + 1));
      columns.length[0] = columns.wireLength[0] = length;
      editor.remove(0, 0, count);
      expect([...memory.bytes.subarray(columns.offset[0], columns.offset[0] + columns.length[0])]).toEqual(Array.from({ length: length - count }, (_, index) => count + index + 1));
    }
  }
});
