import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { BricksError } from 'packet-bricks/src/model/errors';
import { createPacketBatch, type PacketBatch } from 'packet-bricks/src/model/packet-batch';
import { encodeCapture, readCaptureFile, writeCaptureFile, type CapturedPacket } from 'packet-bricks/src/files/capture-file';
import { CaptureReader } from 'packet-bricks/src/files/capture-reader';
import { captures, capturesMissing, hasNative, itNeeds, lacks, lineOf, packetOf, packetsOf, run, temporaryDirectory } from './support';

const directory = temporaryDirectory();
const parsers = hasNative ? [true, false] : [false];
const noNative = hasNative ? false : 'bricks_files was not built';

interface Reading { readonly packets: Required<CapturedPacket>[]; readonly problem: string; readonly columns: string[]; readonly tooLong: number }

interface Reader { readonly batch: PacketBatch; readonly reader: CaptureReader }

function newReader(native: boolean, flow = false, rows = 64, notes = false): Reader {
  const batch = createPacketBatch(rows);
  return { batch, reader: new CaptureReader(batch, flow, native, notes) };
}

const readers = new Map<string, Reader>();

/** Reads with one of the parsers; whatever is wrong with the file is in `problem`. Each kind of reader is made once: it has 1.3 MB to itself. */
function readAll(path: string, native: boolean, flow = false, rows = 64, notes = false): Reading {
  const kind = [native, flow, rows, notes].join();
  const known = readers.get(kind) ?? newReader(native, flow, rows, notes);
  readers.set(kind, known);
  return readBy(known, path);
}

function readBy({ batch, reader }: Reader, path: string): Reading {
  const packets: Required<CapturedPacket>[] = [];
  const columns: string[] = [];
  try {
    reader.open(path);
  } catch (error) {
    if (!(error instanceof BricksError)) throw error;
    return { packets, problem: error.message, columns, tooLong: 0 };
  }
  for (let count = reader.read(); count > 0; count = reader.read()) {
    packets.push(...packetsOf(batch));
    for (let row = 0; row < count; row++) {
      if (batch.offset[row] % 4 !== 0) throw new Error('a packet is not aligned');
      if (batch.notes) columns.push(noteOf(batch, row));
      columns.push(batch.flowWord[row] === 0 ? '-' : `${batch.flowWord[row]}/${batch.flowAddresses[row]}/${batch.flowPorts[row]}`);
    }
  }
  reader.close();
  return { packets, problem: reader.problem, columns, tooLong: reader.tooLong };
}

function noteOf({ notes, memory, capacity }: PacketBatch, row: number): string {
  const words = notes?.words ?? new Uint32Array(3 * capacity);
  const at = words[capacity + row];
  return `${words[row]} ${Buffer.from(memory.bytes.slice(at, at + words[2 * capacity + row])).toString('hex')}`;
}

function write(name: string, parts: readonly Uint8Array[]): string {
  const path = join(directory, name);
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

const anyPacket = fc.record({
  seconds: fc.integer({ min: 0, max: 0xffff_ffff }),
  nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
  bytes: fc.uint8Array({ maxLength: 200 }),
  more: fc.integer({ min: 0, max: 2000 }),
}).map(({ more, ...packet }) => ({ ...packet, wireLength: packet.bytes.length + more, linkType: 1 }));

describe.each(parsers)('reading (native: %s)', (native) => {
  it('gives back every packet, time and length, in both formats, byte orders and resolutions', () => {
    fc.assert(fc.property(fc.array(anyPacket, { maxLength: 150 }), fc.constantFrom('pcap' as const, 'pcapng' as const), fc.boolean(), fc.boolean(), (packets, format, littleEndian, nanoseconds) => {
      const path = write('round-trip', encodeCapture(packets, { format, littleEndian, nanoseconds }));
      const expected = nanoseconds ? packets : packets.map((packet) => ({ ...packet, nanoseconds: packet.nanoseconds - packet.nanoseconds % 1000 }));
      expect(readAll(path, native)).toMatchObject({ packets: expected, problem: '' });
    }), { numRuns: 150 });
  });

  it('reads files far larger than its window', () => {
    const packets = Array.from({ length: 3000 }, (_, index) => packetOf((index * 577) % 3001, index));
    for (const format of ['pcap', 'pcapng'] as const) {
      expect(readAll(write('large', encodeCapture(packets, { format })), native).packets.map(lineOf)).toEqual(packets.map(lineOf));
    }
  });

  it('reads packets of up to 1 MiB whole, and skips longer ones one by one', () => {
    const lengths = [1 << 20, 60, (1 << 20) + 1, 61, 3_000_001, 5_000_002, 62, (1 << 20) + 5, 1 << 20, 1_300_000];
    const packets = lengths.map((length, index) => packetOf(length, index));
    const kept = packets.filter(({ bytes }) => bytes.length <= 1 << 20).map(lineOf);
    for (const format of ['pcap', 'pcapng'] as const) {
      for (const littleEndian of [true, false]) {
        const path = write('long', encodeCapture(packets, { format, littleEndian, snapLength: 1 << 24 }));
        const reading = readAll(path, native);
        expect([reading.packets.map(lineOf), reading.problem, reading.tooLong]).toEqual([kept, '', lengths.length - kept.length]);
      }
    }
    const whole = Buffer.concat(encodeCapture(packets, { snapLength: 1 << 24 }));
    const path = write('long-cut', [whole.subarray(0, whole.length - 1_000_000)]);
    expect(readAll(path, native)).toMatchObject({ tooLong: lengths.length - kept.length, problem: expect.stringContaining(`long-cut ends in the middle of packet ${lengths.length}`) as string });
  });

  it('takes packets of more than 128 MiB for damage, which there are none of', () => {
    const [header, packet] = encodeCapture([packetOf(60)], {});
    const claim = Buffer.from(packet);
    claim.writeUInt32LE((1 << 27) + 1, 8);
    const path = write('claim', [header, packet, claim]);
    expect(readAll(path, native)).toMatchObject({ problem: `${path} is damaged at packet 2 (offset ${24 + 76}): a packet claims to be longer than 128 MiB; the packets before it were read.` });
  });

  it('delivers everything before the end of a truncated file, wherever it ends, and says where', () => {
    const packets = [packetOf(61), packetOf(0, 1), packetOf(120, 2), packetOf(3, 3)];
    for (const format of ['pcap', 'pcapng'] as const) {
      const parts = encodeCapture(packets, { format });
      const whole = Buffer.concat(parts);
      const starts = parts.map((_, index) => parts.slice(0, index).reduce((sum, part) => sum + part.length, 0));
      const headers = format === 'pcap' ? 1 : 2;
      for (let length = 0; length < whole.length; length++) {
        const reading = readAll(write('truncated', [whole.subarray(0, length)]), native);
        const complete = parts.filter((part, index) => index >= headers && starts[index] + part.length <= length).length;
        expect(reading.packets.map(lineOf)).toEqual(packets.slice(0, complete).map(lineOf));
        const clean = (starts.includes(length) && length > 0) && !(format === 'pcap' && length < 24);
        expect(reading.problem === '').toBe(clean);
        if (!clean && length >= 24 && format === 'pcap') {
          const start = Math.max(...starts.filter((at) => at <= length));
          expect(reading.problem).toContain(`ends in the middle of packet ${complete + 1} (offset ${start}); the packets before it were read.`);
        }
      }
    }
  });

  it('survives any garbage: an error or packets, never more', () => {
    const samples = [...encodeFormats([packetOf(60), packetOf(61, 1), packetOf(1000, 2)])];
    fc.assert(fc.property(fc.constantFrom(...samples), fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 }), fc.uint8Array({ maxLength: 64 }), (sample, changes, tail) => {
      const bytes = Buffer.concat([sample, tail]);
      for (const [at, value] of changes) bytes[at % Math.min(bytes.length, 200)] = value;
      readAll(write('garbage', [bytes]), native);
    }), { numRuns: 1500 });
    fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
      const reading = readAll(write('garbage', [bytes]), native);
      expect(reading.problem.length + reading.packets.length).toBeGreaterThan(0);
    }), { numRuns: 300 });
  });

  it('ends a batch where the link type changes', () => {
    const packets = [1, 1, 101, 113, 1].map((linkType, index) => packetOf(40, index, { linkType }));
    expect(readAll(write('types', encodeCapture(packets, { format: 'pcapng' })), native).packets).toEqual(packets);
  });

  it('reads several sections with different byte orders, and skips blocks that it does not know, however large', () => {
    const unknown = new Uint8Array(3 << 20);
    new DataView(unknown.buffer).setUint32(0, 0x0bad, true);
    new DataView(unknown.buffer).setUint32(4, unknown.length, true);
    new DataView(unknown.buffer).setUint32(unknown.length - 4, unknown.length, true);
    const first = [packetOf(50), packetOf(51, 1)];
    const second = [packetOf(52, 2, { linkType: 101 })];
    const path = write('sections', [...encodeCapture(first, { format: 'pcapng' }), unknown, ...encodeCapture(second, { format: 'pcapng', littleEndian: false, nanoseconds: false })]);
    expect(readAll(path, native)).toMatchObject({ packets: [...first, { ...second[0], nanoseconds: second[0].nanoseconds - second[0].nanoseconds % 1000 }], problem: '' });
  });

  it('says of files that it does not unpack, of other files and of empty ones what they are', () => {
    expect(readAll(write('a.xz', [Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0])]), native).problem).toMatch(/is compressed with xz\. Decompress it first/);
    expect(readAll(write('a.gz', [Buffer.from([0x1f, 0x8b, 8, 0, 0, 0])]), native).problem).toMatch(/ends in the middle of its gzip data/);
    expect(readAll(write('a.txt', [Buffer.from('hello, world')]), native).problem).toMatch(/is not a pcap or pcapng file: it starts with 68 65 6c 6c\./);
    expect(readAll(write('empty', []), native).problem).toMatch(/is empty/);
    expect(readAll(directory, native).problem).toMatch(/is a directory/);
    expect(readAll(join(directory, 'missing.pcap'), native).problem).toMatch(/there is no such file/);
  });
});

describe.each(parsers)('a reader of many files (native: %s)', (native) => {
  const samples = [...encodeFormats([packetOf(60), packetOf(61, 1), packetOf(1000, 2)]), gzipSync(Buffer.concat(encodeCapture([packetOf(60), packetOf(61, 1)], { format: 'pcapng' })))];
  /** Blocks of a pcapng file that are larger than the reader's window are skipped piece by piece. */
  const skipped = Buffer.alloc(3 << 20);
  skipped.writeUInt32LE(0x0bad, 0);
  skipped.writeUInt32LE(skipped.length, 4);

  it('reads each as if it were the first, however the one before it ended', () => {
    const { batch, reader } = newReader(native);
    const readOn = (path: string): unknown => {
      const packets: string[] = [];
      try {
        reader.open(path);
      } catch (error) {
        return (error as Error).message;
      }
      while (reader.read() > 0) packets.push(...packetsOf(batch).map(lineOf));
      return [packets, reader.problem];
    };
    const first = fc.oneof(
      fc.tuple(fc.constantFrom(...samples), fc.nat({ max: 1400 })).map(([sample, length]) => sample.subarray(0, length)),
      fc.tuple(fc.constantFrom(...samples), fc.nat({ max: 200 }), fc.integer({ min: 0, max: 255 })).map(([sample, at, value]) => Buffer.concat([sample.subarray(0, at), Buffer.of(value), sample.subarray(at + 1)])),
      fc.constantFrom(1000, 2 << 20).map((length) => Buffer.concat([samples[1], skipped.subarray(0, length)])),
    );
    fc.assert(fc.property(first, fc.constantFrom(...samples), (before, after) => {
      readOn(write('before', [before]));
      const path = write('after', [after]);
      const { packets, problem } = readBy(newReader(native), path);
      expect(readOn(path)).toEqual([packets.map(lineOf), problem]);
      expect(problem).toBe('');
    }), { numRuns: 100 });
  });
});

function encodeFormats(packets: readonly CapturedPacket[]): Uint8Array[] {
  return [true, false].flatMap((littleEndian) => (['pcap', 'pcapng'] as const).map((format) => Buffer.concat(encodeCapture(packets, { format, littleEndian }))));
}

describe('time stamps of pcapng', () => {
  /** A section with one interface of this resolution and offset, and one packet. */
  function withResolution(resolution: number, stamp: bigint, offset = 0n): Uint8Array[] {
    const [section, description, block] = encodeCapture([packetOf(4)], { format: 'pcapng' });
    const longer = Buffer.alloc(44);
    longer.set(description.subarray(0, 24));
    longer.writeUInt32LE(44, 4);
    longer[20] = resolution;
    longer.writeUInt16LE(14, 24);
    longer.writeUInt16LE(8, 26);
    longer.writeBigInt64LE(offset, 28);
    longer.writeUInt32LE(44, 40);
    const packet = Buffer.from(block);
    packet.writeUInt32LE(Number(stamp >> 32n), 12);
    packet.writeUInt32LE(Number(stamp & 0xffff_ffffn), 16);
    return [section, longer, packet];
  }

  it.each(parsers)('are right for any resolution and offset (native: %s)', (native) => {
    fc.assert(fc.property(fc.constantFrom(0, 1, 3, 6, 9, 10, 12, 18, 19, 25, 0x80, 0x8a, 0xa0, 0xbf, 0xc0), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), fc.constantFrom(0n, 1n, -5n, 1_600_000_000n), (resolution, stamp, offset) => {
      const units = resolution >= 0x80 ? 1n << BigInt(resolution & 0x7f) : 10n ** BigInt(resolution);
      const path = write('resolution', withResolution(resolution, stamp, offset));
      const [packet] = readAll(path, native).packets;
      expect(packet.seconds).toBe(Number((stamp / units + offset) & 0xffff_ffffn));
      expect(packet.nanoseconds).toBe(Number(((stamp % units) * 1_000_000_000n) / units));
    }), { numRuns: 200 });
  });
});

function comparable({ packets, problem, columns }: Reading): unknown {
  return [problem, packets.map(lineOf), columns];
}

describe('both parsers', () => {
  itNeeds(noNative)('agree on damaged files to the byte, the column and the word', () => {
    const sample = encodeFormats([packetOf(60), packetOf(61, 1), packetOf(1000, 2), packetOf(5, 3)]);
    fc.assert(fc.property(fc.constantFrom(...sample), fc.array(fc.tuple(fc.nat({ max: 300 }), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }), (whole, changes) => {
      const bytes = Buffer.from(whole);
      for (const [at, value] of changes) bytes[at] = value;
      const path = write('agree', [bytes]);
      expect(comparable(readAll(path, true, true))).toEqual(comparable(readAll(path, false, true)));
      // The last byte of the second block of a packet says 28 there: too short for one, and not what its beginning says.
    }), { numRuns: 2000, examples: sample.map((each) => [each, [[159, 28]]]) });
  });

  itNeeds(noNative)('agree on the interfaces and options of packets, however damaged', () => {
    // A comment of five letters, flags, an option that must not be copied, the end.
    const options = Buffer.from('0100050068656c6c6f000000' + '0200040001000000' + 'ad4b040001020304' + '00000000', 'hex');
    const [section, description, packet] = encodeCapture([packetOf(9)], { format: 'pcapng' });
    const withOptions = Buffer.concat([packet.subarray(0, packet.length - 4), options, packet.subarray(packet.length - 4)]);
    withOptions.writeUInt32LE(withOptions.length, 4);
    withOptions.writeUInt32LE(withOptions.length, withOptions.length - 4);
    const short = Buffer.from(withOptions);
    short.writeUInt16LE(7, 28 + 12 + 20);
    fc.assert(fc.property(fc.constantFrom(withOptions, short), fc.array(fc.tuple(fc.nat({ max: 260 }), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }), (part, changes) => {
      const bytes = Buffer.concat([section, description, part, part, description, part]);
      for (const [at, value] of changes) bytes[60 + (at % (bytes.length - 60))] = value;
      const path = write('noted', [bytes]);
      expect(comparable(readAll(path, true, true, 64, true))).toEqual(comparable(readAll(path, false, true, 64, true)));
    }), { numRuns: 1500, examples: [[withOptions, []], [short, []]] });
  });

  itNeeds(noNative || capturesMissing())('agree on every sample capture', () => {
    for (const name of readdirSync(captures)) {
      const path = join(captures, name);
      expect(comparable(readAll(path, true, true))).toEqual(comparable(readAll(path, false, true)));
    }
  });
});

describe('sample captures', () => {
  const missing = capturesMissing() || lacks('tshark');
  const names = existsSync(captures) ? readdirSync(captures).filter((name) => /\.(pcap|pcapng|cap)$/.test(name)) : [];

  itNeeds(missing)('are read as tshark reads them: times, lengths', () => {
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) {
      const path = join(captures, name);
      const lines = run('tshark', '-n', '-r', path, '-T', 'fields', '-e', 'frame.time_epoch', '-e', 'frame.cap_len', '-e', 'frame.len').trim().split('\n');
      const ours = [...readCaptureFile(path)].map((packet) => `${packet.seconds}.${String(packet.nanoseconds).padStart(9, '0')}\t${packet.bytes.length}\t${packet.wireLength}`);
      expect([name, ...ours]).toEqual([name, ...lines.map(normalTime)]);
    }
  }, 300_000);

  itNeeds(missing)('are the same after writing them anew', () => {
    // One of each link type and kind of file is enough for tshark, which needs a second for each.
    for (const name of names) {
      const path = join(captures, name);
      const packets = [...readCaptureFile(path)];
      const copy = join(directory, 'copy.pcapng');
      writeCaptureFile(copy, packets);
      expect([...readCaptureFile(copy)].map(lineOf)).toEqual(packets.map(lineOf));
      if (!/multi|raw|linuxsll|wlan|trunc|6in6/.test(name)) continue;
      expect(run('tshark', '-n', '-r', copy, '-T', 'fields', '-e', 'frame.protocols')).toBe(run('tshark', '-n', '-r', path, '-T', 'fields', '-e', 'frame.protocols'));
    }
  }, 300_000);
});

/** tshark writes times as seconds with a fraction, or as a date with one. */
function normalTime(line: string): string {
  const [time, ...rest] = line.split('\t');
  if (/^\d+\.\d{9}$/.test(time)) return line;
  const [, whole, fraction] = /^(.*)\.(\d{9})Z?$/.exec(time) ?? [];
  return [`${Math.floor(Date.parse(`${whole}Z`) / 1000)}.${fraction}`, ...rest].join('\t');
}

it('reads a file with a broken end and says so after its packets', () => {
  const path = write('broken.pcap', encodeCapture([packetOf(60), packetOf(60, 1)], {}));
  writeFileSync(path, readFileSync(path).subarray(0, -1));
  const seen: CapturedPacket[] = [];
  expect(() => { for (const packet of readCaptureFile(path)) seen.push(packet); }).toThrow(/ends in the middle of packet 2 \(offset 100\)/);
  expect(seen).toHaveLength(1);
});
