import { HoldArea } from 'packet-bricks/src/buffers/hold-area';
import { createPacketBatch, createPacketColumns, packetMemory, type PacketBatch } from 'packet-bricks/src/model/packet-batch';
import { NO_INTERFACE, createPacketNotes } from 'packet-bricks/src/model/packet-notes';

function batchOf(revision: number, options: number): PacketBatch {
  const batch = createPacketBatch(4);
  batch.memory = packetMemory(new ArrayBuffer(4096));
  batch.memory.bytes.fill(revision, 1024, 1024 + options);
  batch.length[2] = 60;
  batch.notes = createPacketNotes(4);
  batch.notes.section = { revision };
  batch.notes.words[2] = 7;
  batch.notes.words[4 + 2] = 1024;
  batch.notes.words[8 + 2] = options;
  return batch;
}

function optionsOf({ memory, notes }: PacketBatch, row: number): Uint8Array {
  const words = notes?.words ?? new Uint32Array(768);
  return memory.bytes.slice(words[256 + row], words[256 + row] + words[512 + row]);
}

test('a packet that is held keeps its interface and its options, also when its source has read on', () => {
  const area = new HoldArea(createPacketColumns(256));
  const [first, second, third] = [batchOf(1, 12), batchOf(2, 8), batchOf(1, 1000)];
  third.notes = { ...createPacketNotes(4), section: first.notes?.section, words: third.notes?.words ?? new Uint32Array(12) };
  const rows = [first, second, third].map((batch) => area.keep(batch, 2));
  for (const batch of [first, second, third]) batch.memory.bytes.fill(0);
  rows.forEach((row, index) => area.load(row, index));
  const { outgoing } = area;
  expect(outgoing.notes?.section).toBe(first.notes?.section);
  // Of another section than the first one's it is said that the interface is not known; long options are left out.
  expect([...(outgoing.notes?.words ?? []).slice(0, 3)]).toEqual([7, NO_INTERFACE, 7]);
  expect([0, 1, 2].map((row) => optionsOf(outgoing, row))).toEqual([new Uint8Array(12).fill(1), new Uint8Array(8).fill(2), new Uint8Array(0)]);
  area.load(area.keep(createPacketBatch(1), 0), 0);
  expect([outgoing.notes?.section, outgoing.notes?.words[0], optionsOf(outgoing, 0).length]).toEqual([undefined, 0, 0]);
});
