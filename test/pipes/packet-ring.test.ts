import fc from 'fast-check';
import { sumOfDrops } from 'packet-bricks/src/model/counters';
import { PacketRingReader, PacketRingWriter, RING_HEADER_BYTES, waitForRing } from 'packet-bricks/src/ring/packet-ring';
import { createPacketBatch } from 'packet-bricks/src/model/packet-batch';
import { crossings, kinds, newRing, numberedPacket, RingReaderUnderTest, RingWriterUnderTest, type Packet } from './rings';

function comparable(packets: readonly Packet[]): string[] {
  return packets.map((packet) => `${packet.seconds}.${packet.nanoseconds} ${packet.wireLength} ${Buffer.from(packet.bytes).toString('hex')}`);
}

describe.each(crossings)('a ring with a %s writer and a %s reader', (writerKind, readerKind) => {
  test('delivers every packet once, in order, with its bytes, lengths and time, and counts the rest as dropped', () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ send: fc.array(fc.integer({ min: 4, max: 1100 }), { maxLength: 40 }) }) },
      { weight: 2, arbitrary: fc.record({ receive: fc.boolean() }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const ring = newRing(16384);
        const reader = new RingReaderUnderTest(readerKind, ring);
        const writer = new RingWriterUnderTest(writerKind, [ring]);
        const accepted: Packet[] = [];
        const received: Packet[] = [];
        let offered = 0;
        for (const current of steps) {
          if ('send' in current) {
            for (const length of current.send) {
              const packet = numberedPacket(offered++, length);
              const before = writer.sent();
              writer.send([packet]);
              if (writer.sent() > before) accepted.push(packet);
            }
          } else {
            received.push(...(reader.receive() ?? []));
            if (current.receive) reader.release();
          }
          expect(writer.sent() + sumOfDrops(writer.drops())).toBe(offered);
        }
        for (let more = reader.receive(); more && more.length > 0; more = reader.receive()) received.push(...more);
        expect(comparable(received)).toEqual(comparable(accepted));
        expect(reader.received()).toBe(writer.sent());
      }),
      { numRuns: 60 },
    );
  });

  test('wraps around thousands of times, also where positions pass 2^32', () => {
    const ring = newRing(4096);
    const words = new Uint32Array(ring);
    words[16] = words[32] = 0xffff_f000;
    const reader = new RingReaderUnderTest(readerKind, ring);
    const writer = new RingWriterUnderTest(writerKind, [ring]);
    for (let round = 0; round < 3000; round++) {
      const packets = [numberedPacket(round, 60 + (round % 900)), numberedPacket(round, 4 + (round % 61))];
      writer.send(packets);
      expect(comparable(reader.receive() ?? [])).toEqual(comparable(packets));
      reader.release();
    }
    expect(sumOfDrops(writer.drops())).toBe(0);
  });

  test('says why a packet was dropped: nobody reads, the reader is slow, or it is too long', () => {
    const ring = newRing(4096);
    const writer = new RingWriterUnderTest(writerKind, [ring]);
    const packets = Array.from({ length: 10 }, (_, number) => numberedPacket(number, 1000));
    writer.send(packets);
    expect(writer.drops()).toEqual({ noReader: 6 });
    const reader = new RingReaderUnderTest(readerKind, ring);
    writer.send(packets.slice(0, 2));
    expect(writer.drops()).toEqual({ noReader: 6, ringFull: 2 });
    writer.send([numberedPacket(1, 1025)]);
    expect(writer.drops()).toEqual({ noReader: 6, ringFull: 2, tooLong: 1 });
    expect(reader.receive()).toHaveLength(4);
  });

  test('with wait, keeps what does not fit on the list, in order, while the reader makes progress', () => {
    const ring = newRing(4096);
    const reader = new RingReaderUnderTest(readerKind, ring);
    const writer = new RingWriterUnderTest(writerKind, [ring]);
    const packets = Array.from({ length: 12 }, (_, number) => numberedPacket(number, 1000));
    let left = writer.send(packets, 0, true);
    expect(left).toBe(8);
    const received: Packet[] = [];
    for (let attempt = 0; left > 0 && attempt < 100; attempt++) {
      received.push(...(reader.receive() ?? []));
      reader.release();
      left = writer.transmitter.transmit(writer.batch, true);
      writer.transmitter.flush();
    }
    received.push(...(reader.receive() ?? []));
    expect(comparable(received)).toEqual(comparable(packets));
    expect(writer.drops()).toEqual({});
  });

  test('with wait, gives up on a reader that makes no progress for a second', async () => {
    const ring = newRing(4096);
    new RingReaderUnderTest(readerKind, ring);
    const writer = new RingWriterUnderTest(writerKind, [ring]);
    expect(writer.send(Array.from({ length: 8 }, (_, number) => numberedPacket(number, 1000)), 0, true)).toBe(4);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    expect(writer.transmitter.transmit(writer.batch, true)).toBe(0);
    expect(writer.drops()).toEqual({ ringFull: 4 });
  });

  test('with wait, gives a new reader its second, however long its predecessor rested', async () => {
    const ring = newRing(4096);
    const first = new RingReaderUnderTest(readerKind, ring);
    const writer = new RingWriterUnderTest(writerKind, [ring]);
    const packets = Array.from({ length: 8 }, (_, number) => numberedPacket(number, 1000));
    expect(writer.send(packets, 0, true)).toBe(4);
    first.close();
    expect(writer.transmitter.transmit(writer.batch, true)).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const second = new RingReaderUnderTest(readerKind, ring);
    expect(writer.send(packets.slice(4), 0, true)).toBe(4);
    expect(writer.drops()).toEqual({ noReader: 4 });
    const received = second.receive() ?? [];
    second.release();
    expect(writer.again(true)).toBe(0);
    expect(comparable([...received, ...(second.receive() ?? [])])).toEqual(comparable(packets));
  });

  test('after the close, gives what is left and then its end', () => {
    const ring = newRing(4096);
    const reader = new RingReaderUnderTest(readerKind, ring);
    const writer = new RingWriterUnderTest(writerKind, [ring]);
    writer.send([numberedPacket(1, 100)]);
    writer.transmitter.close();
    expect(reader.receive()).toHaveLength(1);
    expect(reader.receive()).toBeUndefined();
  });

  test('gives a new reader what its predecessor had not released', () => {
    const ring = newRing(16384);
    const writer = new RingWriterUnderTest(writerKind, [ring]);
    const packets = Array.from({ length: 6 }, (_, number) => numberedPacket(number, 100));
    const first = new RingReaderUnderTest(readerKind, ring, 2);
    writer.send(packets);
    first.receive();
    first.release();
    first.receive();
    const second = new RingReaderUnderTest(readerKind, ring);
    expect(comparable(second.receive() ?? [])).toEqual(comparable(packets.slice(2)));
  });

  test('survives a reader that writes rubbish: the writer goes on, and the next reader gets packets again', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0xffff_ffff }), fc.integer({ min: 0, max: 0xffff_ffff }), (tail, waiting) => {
        const ring = newRing(4096);
        const words = new Uint32Array(ring);
        const writer = new RingWriterUnderTest(writerKind, [ring]);
        writer.send([numberedPacket(0, 600)]);
        words[32] = tail;
        words[33] = waiting;
        for (let number = 1; number < 20; number++) writer.send([numberedPacket(number, 600)]);
        expect(writer.sent() + sumOfDrops(writer.drops())).toBe(20);
        const reader = new RingReaderUnderTest(readerKind, ring);
        // As an engine, which releases nothing where it got nothing.
        for (let round = 0; round < 10; round++) {
          if ((reader.receive() ?? []).length > 0) reader.release();
        }
        writer.send([numberedPacket(20, 700)]);
        expect(comparable(reader.receive() ?? [])).toEqual(comparable([numberedPacket(20, 700)]));
      }),
      { numRuns: 200 },
    );
  });
});

describe.each(kinds)('a %s reader', (kind) => {
  test('hands out nothing outside of the ring, whatever is in it', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4096, maxLength: 4096 }), fc.integer({ min: 0, max: 512 }), fc.integer({ min: 0, max: 512 }), (bytes, tail, head) => {
        const ring = newRing(4096);
        new Uint8Array(ring, RING_HEADER_BYTES).set(bytes);
        const words = new Uint32Array(ring);
        words[32] = tail * 16;
        words[16] = head * 16;
        const reader = new RingReaderUnderTest(kind, ring);
        for (let round = 0; round < 300; round++) {
          for (const packet of reader.receive() ?? []) expect(packet.bytes.length).toBeLessThanOrEqual(4096);
          for (let row = 0; row < reader.batch.count; row++) {
            expect(reader.batch.offset[row]).toBeGreaterThanOrEqual(RING_HEADER_BYTES);
            expect(reader.batch.offset[row] + reader.batch.length[row]).toBeLessThanOrEqual(RING_HEADER_BYTES + 4096);
          }
          reader.release();
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('packet rings in TypeScript', () => {
  test('stop a batch where the link type changes', () => {
    const ring = newRing(4096);
    const writer = new PacketRingWriter(ring);
    const reader = new PacketRingReader(ring);
    const batch = createPacketBatch(16);
    for (const linkType of [1, 1, 101, 276]) writer.write(new Uint8Array(40), 0, 40, 40, 0, 0, linkType);
    writer.commit();
    const seen: [number, number][] = [];
    for (let count = reader.fill(batch, 0, 16); count > 0; count = reader.fill(batch, 0, 16)) seen.push([count, batch.linkType]);
    expect(seen).toEqual([[2, 1], [1, 101], [1, 276]]);
  });

  test('tell the writer that the reader must be woken, once', () => {
    const ring = newRing(4096);
    const writer = new PacketRingWriter(ring);
    const reader = new PacketRingReader(ring);
    expect(reader.arm()).toBe(true);
    writer.write(new Uint8Array(40), 0, 40, 40, 0, 0, 1);
    expect(writer.commit()).toBe(true);
    writer.write(new Uint8Array(40), 0, 40, 40, 0, 0, 1);
    expect(writer.commit()).toBe(false);
    expect(reader.arm()).toBe(false);
    waitForRing(reader, 10_000);
  });

  test('are refused where memory holds none', () => {
    expect(() => new PacketRingReader(new ArrayBuffer(8192))).toThrow(/no packet ring/);
    expect(() => new PacketRingWriter(new ArrayBuffer(100))).toThrow(/too small/);
    expect(() => newRing(5000)).toThrow(/power of two/);
  });
});

describe.each(kinds)('a %s transmitter', (kind) => {
  test('gives each packet to all of its outputs, whole and in order, and one that is slow holds up no other', () => {
    const sizes = [65_536, 1_048_576, 262_144];
    const batches = fc.array(fc.record({
      // Enough for the way that long packets go: some to all outputs, then the next.
      lengths: fc.array(fc.integer({ min: 1000, max: 3900 }), { minLength: 150, maxLength: 250 }),
      outputs: fc.array(fc.constantFrom([0, 1, 2], [0, 1, 2], [1], [2, 0], []), { minLength: 1, maxLength: 9 }),
      wait: fc.boolean(),
    }), { minLength: 1, maxLength: 4 });
    fc.assert(fc.property(batches, (offered) => {
      const rings = sizes.map(newRing);
      const writer = new RingWriterUnderTest(kind, rings, 256);
      const readers = rings.map((ring) => new RingReaderUnderTest('TypeScript', ring, 256));
      const received = sizes.map((): Packet[] => []);
      const expected = sizes.map((): Packet[] => []);
      const drain = (output: number): void => {
        received[output].push(...(readers[output].receive() ?? []));
        readers[output].release();
      };
      let dropless = true;
      for (const { lengths, outputs, wait } of offered) {
        const packets = lengths.map((length, index) => numberedPacket(index, length));
        const outputsOf = (index: number): number[] => outputs[index % outputs.length];
        packets.forEach((packet, index) => outputsOf(index).forEach((output) => expected[output].push(packet)));
        for (let left = writer.sendTo(packets, outputsOf, wait); left > 0; left = writer.again(wait)) sizes.forEach((_, output) => drain(output));
        dropless &&= wait;
        sizes.forEach((_, output) => drain(output));
      }
      sizes.forEach((_, output) => {
        for (let before = -1; received[output].length > before;) {
          before = received[output].length;
          drain(output);
        }
        expect(writer.sent(output)).toBe(received[output].length);
        expect(writer.sent(output) + sumOfDrops(writer.drops(output))).toBe(expected[output].length);
        const all = comparable(expected[output]);
        if (dropless) expect(comparable(received[output])).toEqual(all);
        // What a full ring does not take is missing; the rest keeps its order.
        let at = 0;
        for (const packet of comparable(received[output])) at = all.indexOf(packet, at) + 1 || Number.NaN;
        expect(at).not.toBeNaN();
      });
    }), { numRuns: 25 });
  });

  test('serves a thousand outputs, each with its own packets and books', () => {
    const rings = Array.from({ length: 1000 }, () => newRing(4096));
    const writer = new RingWriterUnderTest(kind, rings);
    const readers = rings.map((ring) => new RingReaderUnderTest('TypeScript', ring, 8));
    for (let round = 0; round < 3; round++) {
      for (let output = 0; output < 1000; output += 7) writer.send([numberedPacket(output + round, 64)], output);
    }
    readers.forEach((reader, output) => {
      const expected = output % 7 === 0 ? [0, 1, 2].map((round) => numberedPacket(output + round, 64)) : [];
      expect(comparable(reader.receive() ?? [])).toEqual(comparable(expected));
      expect(writer.sent(output)).toBe(expected.length);
    });
  });
});
