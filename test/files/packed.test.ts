import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import * as zlib from 'node:zlib';
import { createPacketBatch } from 'packet-bricks/src/model/packet-batch';
import { encodeCapture, readCaptureFile, type CapturedPacket } from 'packet-bricks/src/files/capture-file';
import { CaptureReader } from 'packet-bricks/src/files/capture-reader';
import { drainSource, itNeeds, lineOf, openSource, packetOf, temporaryDirectory } from './support';

const directory = temporaryDirectory();
const packets = Array.from({ length: 4000 }, (_, index) => packetOf((index * 577) % 1501, index));
const whole = Buffer.concat(encodeCapture(packets, { format: 'pcapng' }));

const { zstdCompressSync } = zlib as unknown as { readonly zstdCompressSync?: (bytes: Uint8Array) => Buffer };
const kinds: readonly (readonly [name: string, pack: (bytes: Uint8Array) => Buffer, missing: string | false])[] = [
  ['gzip', (bytes) => zlib.gzipSync(bytes), false],
  ['zstd', (bytes) => zstdCompressSync?.(bytes) ?? Buffer.alloc(0), zstdCompressSync ? false : 'this Node has no zstd'],
];

function write(bytes: Uint8Array): string {
  const path = join(directory, 'packed');
  writeFileSync(path, bytes);
  return path;
}

function read(bytes: Uint8Array): { lines: string[]; problem: string } {
  let problem = '';
  const lines = Array.from(readCaptureFile(write(bytes), { onDamage: (text) => (problem = text) }), lineOf);
  return { lines, problem };
}

const linesOf = (of: readonly CapturedPacket[]): string[] => of.map(lineOf);

describe.each(kinds)('a capture compressed with %s', (name, pack, missing) => {
  const it = itNeeds(missing);

  it('is read like the file itself', () => {
    expect(read(pack(whole))).toEqual({ lines: linesOf(packets), problem: '' });
  });

  it('may be of several parts, as programs that append or compress in parallel write it', () => {
    for (const cut of [1, 1000, whole.length - 1]) {
      expect(read(Buffer.concat([pack(whole.subarray(0, cut)), pack(whole.subarray(cut))]))).toEqual({ lines: linesOf(packets), problem: '' });
    }
  });

  it('that was cut anywhere is told as damaged, and what is before the cut is read', () => {
    const packed = pack(whole);
    for (const length of [packed.length - 1, packed.length - 9, Math.floor(packed.length / 2), 200]) {
      const { lines, problem } = read(packed.subarray(0, length));
      expect(problem).toMatch(new RegExp(`packed ends in the middle of its ${name} data \\(offset ${length}\\); the packets before it were read\\.`));
      expect(lines).toEqual(linesOf(packets).slice(0, lines.length));
      if (length > 200) expect(lines.length).toBeGreaterThan(1000);
    }
    expect(() => [...readCaptureFile(write(packed.subarray(0, 6)))]).toThrow(/ends in the middle of its/);
  });

  it('that was cut between two packets of the capture is told as damaged too', () => {
    const [header, ...records] = encodeCapture(packets.slice(0, 3), {});
    // A part that ends cleanly, and one whose end is missing.
    const packed = Buffer.concat([pack(Buffer.concat([header, records[0]])), pack(records[1]).subarray(0, -2)]);
    expect(read(packed).problem).toMatch(/ends in the middle of/);
  });

  it('that is damaged says so after what was good', () => {
    const packed = pack(whole);
    packed.fill(0xff, packed.length - 2000, packed.length - 1000);
    expect(read(packed).problem).toMatch(/is damaged|ends in the middle/);
  });

  it('is told by its bytes and not by its name, and comes by pipes too', () => {
    const path = join(directory, `pipe-${name}`);
    execFileSync('mkfifo', [path]);
    const keep = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const source = openSource(path);
    const packed = pack(Buffer.concat(encodeCapture(packets.slice(0, 20), {})));
    for (let at = 0; at < packed.length; at += 1000) {
      writeSync(keep, packed.subarray(at, at + 1000));
      let rows = 0;
      do rows = source.port.receive(); while (rows > 0);
      expect(rows).toBe(0);
    }
    expect(source.notices).toEqual([]);
    closeSync(keep);
    expect(source.port.receive()).toBe(-1);
    source.port.close();
  });

  it('is unpacked piece by piece: a bomb takes no memory', () => {
    const bomb = Buffer.alloc(64 << 20);
    bomb.set(encodeCapture([packetOf(60)], { format: 'pcapng' })[0]);
    // One block that is skipped.
    bomb.writeUInt32LE(0x0bad, 28);
    bomb.writeUInt32LE(bomb.length - 28, 32);
    bomb.writeUInt32LE(bomb.length - 28, bomb.length - 4);
    const path = write(pack(bomb));
    const reader = new CaptureReader(createPacketBatch(), false);
    const before = process.memoryUsage().arrayBuffers;
    reader.open(path);
    expect(reader.read()).toBe(-1);
    expect(reader.problem).toBe('');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 << 20);
  });

  it('is read again where it is looped, and beside others in a directory', () => {
    const path = join(directory, `folder-${name}`);
    execFileSync('mkdir', [path]);
    writeFileSync(join(path, 'a.pcap'), Buffer.concat(encodeCapture(packets.slice(0, 2), {})));
    writeFileSync(join(path, `b.pcap.${name === 'gzip' ? 'gz' : 'zst'}`), pack(Buffer.concat(encodeCapture(packets.slice(2, 4), {}))));
    expect(drainSource(openSource(path, { loop: 2 })).map(lineOf)).toEqual(linesOf([...packets.slice(0, 4), ...packets.slice(0, 4)]));
  });
});

itNeeds(zstdCompressSync ? 'this Node has zstd' : false)('a capture compressed with zstd is named where this Node has none, with what to do', () => {
  expect(() => [...readCaptureFile(write(Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0])))]).toThrow(/is compressed with zstd, which Node supports from version 22.15 on.*Decompress it first: zstd -dc/);
});

it('gzip data within gzip data is not unpacked', () => {
  expect(() => [...readCaptureFile(write(zlib.gzipSync(zlib.gzipSync(whole))))]).toThrow(/is compressed with gzip\. Decompress it first/);
});
