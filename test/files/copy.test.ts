/** What a copy of a capture file keeps besides its packets. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { encodeCapture, readCaptureFile } from 'packet-bricks/src/files/capture-file';
import { copyFiles, hasNative, itNeeds, lacks, lineOf, packetOf, run, temporaryDirectory } from './support';

const directory = temporaryDirectory();
const kinds = hasNative ? [true, false] : [false];

const SECTION = 0x0a0d0d0a;
const TEXT = new TextEncoder();

/** Writes blocks in one byte order. */
class Blocks {
  constructor(private readonly littleEndian = true) {}

  numbers(...given: readonly (readonly [value: number | bigint, bytes: 1 | 2 | 4 | 8])[]): Buffer {
    return Buffer.concat(given.map(([value, bytes]) => {
      const part = Buffer.alloc(bytes);
      for (let index = 0; index < bytes; index++) part[this.littleEndian ? index : bytes - 1 - index] = Number((BigInt(value) >> BigInt(8 * index)) & 0xffn);
      return part;
    }));
  }

  block(type: number, ...parts: readonly Uint8Array[]): Buffer {
    const body = padded(Buffer.concat(parts));
    const length = this.numbers([body.length + 12, 4]);
    return Buffer.concat([this.numbers([type, 4]), length, body, length]);
  }

  options(...given: readonly (readonly [code: number, value: Uint8Array | string])[]): Buffer {
    const all = given.map(([code, value]) => {
      const bytes = typeof value === 'string' ? TEXT.encode(value) : value;
      return Buffer.concat([this.numbers([code, 2], [bytes.length, 2]), padded(bytes)]);
    });
    return Buffer.concat([...all, Buffer.alloc(4)]);
  }

  section(...options: readonly (readonly [number, string])[]): Buffer {
    return this.block(SECTION, this.numbers([0x1a2b3c4d, 4], [1, 2], [0, 2], [0xffffffffffffffffn, 8]), options.length > 0 ? this.options(...options) : Buffer.alloc(0));
  }

  interface(linkType: number, ...options: readonly (readonly [number, Uint8Array | string])[]): Buffer {
    return this.block(1, this.numbers([linkType, 2], [0, 2], [0, 4]), this.options(...options));
  }

  packet(index: number, second: number, bytes: Uint8Array, ...options: readonly (readonly [number, Uint8Array | string])[]): Buffer {
    const stamp = BigInt(second) * 1_000_000n;
    return this.block(6, this.numbers([index, 4], [stamp >> 32n, 4], [stamp & 0xffffffffn, 4], [bytes.length, 4], [bytes.length, 4]), padded(bytes), options.length > 0 ? this.options(...options) : Buffer.alloc(0));
  }

  names(address: string, name: string): Buffer {
    const record = Buffer.concat([Buffer.from(address.split('.').map(Number)), TEXT.encode(`${name}\0`)]);
    return this.block(4, this.numbers([1, 2], [record.length, 2]), padded(record), Buffer.alloc(4));
  }

  secrets(text: string): Buffer {
    return this.block(10, this.numbers([0x544c534b, 4], [text.length, 4]), TEXT.encode(text));
  }
}

function padded(bytes: Uint8Array): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

const FRAME = Buffer.from('ffffffffffff0200000000010800' + '4500002000010000401166c90a0000010a000002' + '14e914e8000c0000' + 'deadbeef', 'hex');
const SECRETS = `CLIENT_RANDOM ${'ab'.repeat(32)} ${'cd'.repeat(48)}\n`;

/** Two Ethernet interfaces and one of another kind, the first without packets, and all that may stand beside them. */
function rich(littleEndian: boolean, packets = 6): Buffer {
  const blocks = new Blocks(littleEndian);
  const flags = (value: number): Buffer => blocks.numbers([value, 4]);
  return Buffer.concat([
    blocks.section([1, 'taken at the exchange'], [2, 'probe 7'], [4, 'another program']),
    blocks.interface(1, [2, 'silent0'], [3, 'nothing comes here']),
    blocks.interface(1, [2, 'eth7'], [3, 'uplink'], [8, blocks.numbers([10_000_000_000n, 8])], [9, Uint8Array.of(6)], [11, Uint8Array.of(0, ...TEXT.encode('not port 22'))], [12, 'Linux'], [13, Uint8Array.of(4)]),
    blocks.names('10.0.0.1', 'camera.example'),
    blocks.secrets(SECRETS),
    blocks.interface(101, [2, 'tun0'], [1, 'a remark of three']),
    ...Array.from({ length: packets }, (_, index) => (index % 3 === 2
      ? blocks.packet(2, 1_700_000_000 + index, FRAME.subarray(14))
      : blocks.packet(1, 1_700_000_000 + index, FRAME.subarray(0, 46 - (index % 4)), [1, `remark ${index}`], [2, flags(1 + index)], [5, blocks.numbers([index, 8])], [1, 'and another'], ...(index === 1 ? [[19373, Uint8Array.of(1, 2, 3, 4, 5)] as const] : [])))),
  ]);
}

function write(name: string, ...parts: readonly Uint8Array[]): string {
  const path = join(directory, name);
  writeFileSync(path, Buffer.concat(parts));
  return path;
}

interface Block { readonly type: number; readonly bytes: Buffer }

/** The blocks of a file that this machine wrote. */
function blocksOf(path: string): Block[] {
  const bytes = readFileSync(path);
  const blocks: Block[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32LE(at + 4);
    if (length < 12 || length % 4 !== 0 || bytes.readUInt32LE(at + length - 4) !== length) throw new Error(`no block at ${at}`);
    blocks.push({ type: bytes.readUInt32LE(at), bytes: bytes.subarray(at, at + length) });
    at += length;
  }
  return blocks;
}

function linesOf(path: string): string[] {
  return [...readCaptureFile(path)].map(lineOf);
}

const TSHARK_FIELDS = ['frame.number', 'frame.time_epoch', 'frame.interface_name', 'frame.interface_description', 'frame.interface_id', 'frame.comment', 'frame.packet_flags', 'frame.packet_id', 'eth.fcs', 'ip.src_host', 'data.data'];

function tsharkLines(path: string): string {
  return run('tshark', '-N', 'nm', '-r', path, '-T', 'fields', ...TSHARK_FIELDS.flatMap((field) => ['-e', field]));
}

describe.each(kinds)('a pcapng file of a pcapng file (native: %s)', (native) => {
  it.each([true, false])('keeps interfaces with their options, comments, flags, names and secrets (little-endian: %s)', (littleEndian) => {
    const original = write(`rich-${littleEndian}.pcapng`, rich(littleEndian));
    const copy = join(directory, `rich-copy-${littleEndian}-${native}.pcapng`);
    expect(copyFiles([original], copy, {}, native).drops).toEqual({});
    expect(linesOf(copy)).toEqual(linesOf(original));
    const blocks = blocksOf(copy);
    expect(blocks.map(({ type }) => type)).toEqual([SECTION, 1, 1, 4, 10, 1, 6, 6, 6, 6, 6, 6]);
    const texts = blocks.map(({ bytes }) => bytes.toString('latin1'));
    expect(texts[0]).toContain('taken at the exchange');
    expect(texts[2]).toMatch(/eth7.*uplink.*not port 22.*Linux/);
    expect(texts[3]).toContain('camera.example');
    expect(texts[4]).toContain(SECRETS);
    expect(texts.slice(6).map((text) => /remark \d.*and another/.exec(text)?.[0].slice(0, 8))).toEqual(['remark 0', 'remark 1', undefined, 'remark 3', 'remark 4', undefined]);
    // Those of the two byte orders are the same, but for the packet whose bytes no other file may have.
    expect(texts.join()).not.toContain('\x01\x02\x03\x04\x05');
    expect(readFileSync(copy)).toEqual(readFileSync(copyOf(rich(true), native)));
  });

  itNeeds(lacks('tshark'))('shows the same to tshark', () => {
    for (const littleEndian of [true, false]) {
      const original = write('seen.pcapng', rich(littleEndian, 60));
      const copy = join(directory, 'seen-copy.pcapng');
      copyFiles([original], copy, {}, native);
      const lines = tsharkLines(original);
      expect(lines).toMatch(/eth7\tuplink\t1\tremark 0,and another/);
      expect(tsharkLines(copy)).toBe(lines);
    }
  });

  it('keeps them in every file of a rotation, none of them larger than asked', () => {
    const original = write('rotated.pcapng', rich(true, 400));
    const copy = join(directory, `turned-${native}.pcapng`);
    copyFiles([original], copy, { rotateBytes: 9000 }, native);
    const names = readdirSync(directory).filter((name) => name.startsWith(`turned-${native}-`)).sort();
    expect(names.length).toBeGreaterThan(4);
    expect(names.flatMap((name) => linesOf(join(directory, name)))).toEqual(linesOf(original));
    for (const name of names) {
      expect(statSync(join(directory, name)).size).toBeLessThanOrEqual(9000);
      expect(blocksOf(join(directory, name)).slice(0, 6).map(({ type }) => type)).toEqual([SECTION, 1, 1, 4, 10, 1]);
    }
  });

  it('holds any number of link types and interfaces, also in small files', () => {
    const blocks = new Blocks();
    const many = 700;
    const original = write('many.pcapng', blocks.section(), ...Array.from({ length: many }, (_, index) => blocks.interface(index, [2, `port${index}`])),
      ...Array.from({ length: 3 * many }, (_, index) => blocks.packet((index * 11) % many, index, FRAME.subarray(0, 20 + index % 20))));
    const whole = join(directory, `many-${native}.pcapng`);
    expect(copyFiles([original], whole, {}, native).drops).toEqual({});
    expect(linesOf(whole)).toEqual(linesOf(original));
    expect(blocksOf(whole).filter(({ type }) => type === 1)).toHaveLength(many);
    const small = join(directory, `small-${native}.pcapng`);
    expect(copyFiles([original], small, { rotateBytes: 2000 }, native).drops).toEqual({});
    const names = readdirSync(directory).filter((name) => name.startsWith(`small-${native}-`)).sort();
    expect(names.flatMap((name) => linesOf(join(directory, name)))).toEqual(linesOf(original));
    for (const name of names) expect(statSync(join(directory, name)).size).toBeLessThanOrEqual(2000);
  });

  it('numbers interfaces of several files and sections, and says the same thing once', () => {
    const blocks = new Blocks();
    const first = write('first.pcapng', rich(true), blocks.section(), blocks.interface(1, [2, 'wlan0']), blocks.packet(0, 5, FRAME, [1, 'second section']));
    const second = write('second.pcap', ...encodeCapture([packetOf(60), packetOf(61, 1)], {}));
    const copy = join(directory, `several-${native}.pcapng`);
    copyFiles([first, second, first], copy, {}, native);
    expect(linesOf(copy)).toEqual([first, second, first].flatMap(linesOf));
    const described = blocksOf(copy).filter(({ type }) => type === 1 || type === 4 || type === 10);
    expect(described.map(({ type }) => type)).toEqual([1, 1, 4, 10, 1, 1, 1]);
    expect(described.map(({ bytes }) => /silent0|eth7|tun0|wlan0/.exec(bytes.toString('latin1'))?.[0])).toEqual(['silent0', 'eth7', undefined, undefined, 'tun0', 'wlan0', undefined]);
  });

  it('keeps blocks that are larger than its buffer, and comments as long as they may be', () => {
    const blocks = new Blocks();
    const secrets = SECRETS.repeat(2000);
    const comments = ['x'.repeat(65_535), 'y'.repeat(65_000)].map((text) => [1, text] as const);
    const original = write('long.pcapng', blocks.section(), blocks.interface(1), blocks.secrets(secrets), blocks.packet(0, 1, FRAME, ...comments), blocks.packet(0, 2, FRAME));
    const copy = join(directory, `long-${native}.pcapng`);
    copyFiles([original], copy, { bufferBytes: 262144 }, native);
    expect(linesOf(copy)).toEqual(linesOf(original));
    expect(blocksOf(copy).map(({ bytes }) => bytes.length)).toEqual([28, 32, 16 + secrets.length + 4, 32 + 48 + 8 + 65_536 + 65_000 + 4, 80].map((length) => (length + 3) & ~3));
  });

  itNeeds(lacks('mkfifo'))('is whole behind a named pipe, also where a block is longer than the pipe', async () => {
    const blocks = new Blocks();
    const original = write('piped.pcapng', rich(true, 300), blocks.secrets(SECRETS.repeat(7000)), blocks.packet(1, 9, FRAME), blocks.section(), blocks.interface(147), blocks.packet(0, 10, FRAME));
    const file = join(directory, `file-${native}.pcapng`);
    copyFiles([original], file, {}, native);
    const pipe = join(directory, `pipe-${native}.pcapng`);
    run('mkfifo', pipe);
    const out = join(directory, `out-${native}`);
    const reader = spawn('sh', ['-c', 'exec cat < "$0" > "$1"', pipe, out], { stdio: 'ignore' });
    const closed = once(reader, 'close');
    copyFiles([original], pipe, { bufferBytes: 65536 }, native);
    await closed;
    expect(readFileSync(out).equals(readFileSync(file))).toBe(true);
  });

  it('takes damaged options for none, and keeps those before them', () => {
    const blocks = new Blocks();
    const packet = blocks.packet(0, 1, FRAME, [1, 'good'], [1, 'made too long']);
    packet.writeUInt16LE(60_000, packet.indexOf('made too long') - 2);
    const names = blocks.names('10.0.0.1', 'camera');
    names.writeUInt16LE(60_000, 10);
    const original = write('damaged.pcapng', blocks.section(), blocks.interface(1), names, packet);
    const copy = join(directory, `damaged-${native}.pcapng`);
    copyFiles([original], copy, {}, native);
    expect(linesOf(copy)).toEqual(linesOf(original));
    expect(blocksOf(copy).map(({ type }) => type)).toEqual([SECTION, 1, 6]);
    expect(blocksOf(copy)[2].bytes.includes('good')).toBe(true);
    expect(blocksOf(copy)[2].bytes.includes('made')).toBe(false);
  });
});

itNeeds(hasNative ? false : 'bricks_files was not built')('native and TypeScript copies are the same, byte for byte, whatever stands beside the packets', () => {
  const text = fc.string({ maxLength: 40 });
  const option = fc.tuple(fc.constantFrom(1, 2, 3, 5, 2988, 19372, 77), text);
  const entry = fc.oneof(
    { weight: 6, arbitrary: fc.record({ packet: fc.nat(5), length: fc.integer({ min: 0, max: 46 }), options: fc.array(option, { maxLength: 3 }) }) },
    fc.record({ linkType: fc.constantFrom(1, 1, 101), options: fc.array(fc.tuple(fc.constantFrom(2, 3, 13, 15), text), { maxLength: 2 }) }),
    fc.record({ name: text }), fc.record({ secrets: text }), fc.record({ comment: text }),
  );
  fc.assert(fc.property(fc.array(entry, { maxLength: 150 }), fc.boolean(), fc.constantFrom({}, { rotateBytes: 700 }, { format: 'pcap' }, { snapLength: 20 }), (entries, littleEndian, options) => {
    const blocks = new Blocks(littleEndian);
    let interfaces = 0;
    const parts = [{ comment: '' }, { linkType: 1, options: [] }, ...entries].flatMap((given, index) => {
      if ('packet' in given) return interfaces === 0 ? [] : [blocks.packet(given.packet % interfaces, index, FRAME.subarray(0, given.length), ...given.options)];
      if ('linkType' in given) {
        interfaces++;
        return [blocks.interface(given.linkType, ...given.options)];
      }
      if ('name' in given) return [blocks.names('10.1.2.3', given.name)];
      if ('secrets' in given) return [blocks.secrets(given.secrets.replace(/[^ -~]/g, '?'))];
      interfaces = 0;
      return [blocks.section([1, given.comment])];
    });
    const original = write('any.pcapng', ...parts);
    const copies = [true, false].map((native) => {
      const folder = mkdtempSync(join(directory, 'any-'));
      const { drops } = copyFiles([original], join(folder, 'copy.pcapng'), options, native);
      return { drops, files: readdirSync(folder).sort().map((name) => readFileSync(join(folder, name)).toString('base64')) };
    });
    expect(copies[0]).toEqual(copies[1]);
  }), { numRuns: 25 });
}, 120_000);

function copyOf(bytes: Uint8Array, native: boolean): string {
  const copy = join(directory, `plain-copy-${native}.pcapng`);
  copyFiles([write('plain.pcapng', bytes)], copy, {}, native);
  return copy;
}

/** A pcap file whose link type field says this. */
function pcapWith(field: number, littleEndian = true): string {
  const bytes = Buffer.concat(encodeCapture([packetOf(64)], { littleEndian }));
  if (littleEndian) bytes.writeUInt32LE(field, 20);
  else bytes.writeUInt32BE(field, 20);
  return write(`fcs-${littleEndian}.pcap`, bytes);
}

describe.each(kinds)('frame check sequences (native: %s)', (native) => {
  it('are told of by a copy in the same and in the other format, in each file of a rotation', () => {
    for (const [field, fcs] of [[0x2400_0001, 4], [0x1400_0001, 2], [0x0400_0001, 0], [1, -1]] as const) {
      for (const littleEndian of [true, false]) {
        const original = pcapWith(field, littleEndian);
        const copy = join(directory, `fcs-${native}.pcap`);
        const other = join(directory, `fcs-${native}.pcapng`);
        const back = join(directory, `fcs-back-${native}.pcap`);
        copyFiles([original, original], copy, { rotateBytes: 120 }, native);
        for (const number of [1, 2]) expect(readFileSync(copy.replace('.pcap', `-0000${number}.pcap`)).readUInt32LE(20)).toBe(field);
        copyFiles([original], other, {}, native);
        const described = blocksOf(other)[1].bytes;
        const at = described.indexOf(Uint8Array.of(13, 0, 1, 0));
        expect(at < 0 ? -1 : described[at + 4]).toBe(fcs);
        copyFiles([other], back, {}, native);
        expect(readFileSync(back).readUInt32LE(20)).toBe(field);
      }
    }
  });

  it('of an interface are bits or bytes: programs write both', () => {
    const blocks = new Blocks();
    for (const [written, field] of [[4, 0x2400_0001], [32, 0x2400_0001], [16, 0x1400_0001]] as const) {
      const original = write('bits.pcapng', blocks.section(), blocks.interface(1, [13, Uint8Array.of(written)]), blocks.packet(0, 1, FRAME));
      const copy = join(directory, `bits-${native}.pcap`);
      copyFiles([original], copy, {}, native);
      expect(readFileSync(copy).readUInt32LE(20)).toBe(field);
    }
  });

  it('that only some packets of a pcap file have are no reason to drop any, but to say so', () => {
    const original = pcapWith(0x2400_0001);
    const plain = write('plain.pcap', ...encodeCapture([packetOf(60, 1)], {}));
    const copy = join(directory, `mixed-${native}.pcap`);
    const { drops, notices } = copyFiles([original, plain], copy, {}, native);
    expect(drops).toEqual({});
    expect(linesOf(copy)).toHaveLength(2);
    expect(notices.join()).toMatch(/mixed-\w+\.pcap holds packets with and without frame check sequences/);
  });
});
