import { execFileSync, spawn } from 'node:child_process';
import { closeSync, constants, mkdirSync, openSync, readFileSync, readdirSync, symlinkSync, unlinkSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { LINK_BYTES, LINK_PACKETS, readCounter } from 'packet-bricks/src/model/counters';
import { parseLinkName } from 'packet-bricks/src/model/link-name';
import { createPacketBatch } from 'packet-bricks/src/model/packet-batch';
import { createPacketLists } from 'packet-bricks/src/model/packet-list';
import { LINK_RECORD, createCounterBlock } from 'packet-bricks/src/model/counters';
import { encodeCapture, writeCaptureFile } from 'packet-bricks/src/files/capture-file';
import { FilePorts } from 'packet-bricks/src/files/file-ports';
import type { FileSource } from 'packet-bricks/src/files/file-source';
import { drainSource, hasNative, lineOf, openSource, packetOf, packetsOf, pause, temporaryDirectory } from './support';

const directory = temporaryDirectory();

function folder(name: string): string {
  const path = join(directory, name);
  mkdirSync(path);
  return path;
}

describe('a directory as a source', () => {
  it('is read file by file in the order of their numbers, every frame of every file', () => {
    const path = folder('ordered');
    ['trace-10.pcap', 'trace-2.pcapng', 'trace-1.cap', 'notes.txt', 'notes.txt.1'].forEach((name) => {
      const number = Number(/\d+/.exec(name)?.[0] ?? 0);
      if (name.startsWith('notes')) writeFileSync(join(path, name), 'no capture');
      else writeCaptureFile(join(path, name), [packetOf(60, number), packetOf(61, number + 100)]);
    });
    mkdirSync(join(path, 'folder'));
    const source = openSource(path);
    const packets = drainSource(source);
    expect(packets.map((packet) => packet.seconds - 1_700_000_000)).toEqual([1, 101, 2, 102, 10, 110]);
    expect(source.notices).toEqual([]);
    expect(readCounter(source.counters.words, LINK_PACKETS)).toBe(6);
    expect(readCounter(source.counters.words, LINK_BYTES)).toBe(3 * 121);
  });

  it('is read whole, whatever capture programs call the files that follow, and in whatever they are compressed', () => {
    const path = folder('rotated');
    const names = [
      'a.pcap', 'a.pcap1', 'a.pcap2', 'a.pcap10', 'b.pcap.1700000000', 'b.pcap.1700000060', 'c', 'c1', 'd.log.1700000000', 'e.dmp', 'f.ntar', 'g.pcap.gz', 'h.pcap1.gz', 'i.gz',
      'j.pcap-20240101',
    ];
    names.forEach((name, index) => {
      const bytes = Buffer.concat(encodeCapture([packetOf(60, index)], {}));
      writeFileSync(join(path, name), name.endsWith('.gz') ? gzipSync(bytes) : bytes);
    });
    const source = openSource(path);
    expect(drainSource(source).map((packet) => packet.seconds - 1_700_000_000)).toEqual(names.map((_, index) => index));
    expect(source.notices).toEqual([]);
  });

  it('names what it leaves out, and whether that is missing', () => {
    const path = folder('left-out');
    writeCaptureFile(join(path, 'a.pcap'), [packetOf(60)]);
    mkdirSync(join(path, 'folder.pcap'));
    execFileSync('mkfifo', [join(path, 'fifo')]);
    const harmless = openSource(path);
    expect(drainSource(harmless)).toHaveLength(1);
    expect(harmless.notices).toEqual([`Only files in ${path} are read; skipped: fifo (a named pipe), folder.pcap (a directory).`]);
    expect(harmless.faults).toEqual([]);
    symlinkSync('nowhere', join(path, 'link'));
    symlinkSync('circle.pcap', join(path, 'circle.pcap'));
    const missing = openSource(path);
    expect(drainSource(missing)).toHaveLength(1);
    expect(missing.notices[0]).toMatch(/circle\.pcap \(too many symbolic links\), .*link \(a dangling link\)/);
    expect(missing.faults).toEqual(['inputDamaged']);
  });

  it('has files of any name: bytes that are not UTF-8 too', () => {
    const path = folder('names');
    const names = ['a.pcap', Buffer.from('m\xe9tro.pcap', 'latin1'), Buffer.from('\xff\xfe', 'latin1'), 'ö.pcap', '\u{1f30d}.pcap'];
    names.forEach((name, index) => writeFileSync(Buffer.concat([Buffer.from(`${path}/`), Buffer.from(name)]), Buffer.concat(encodeCapture([packetOf(60, index)], {}))));
    const source = openSource(path);
    expect(drainSource(source).map((packet) => packet.seconds - 1_700_000_000).sort()).toEqual([0, 1, 2, 3, 4]);
    const paths = (source.port as FileSource).paths;
    const [byName] = paths.filter((each) => each.includes('tro'));
    expect(drainSource(openSource(byName)).map((packet) => packet.seconds - 1_700_000_000)).toEqual([1]);
    expect(() => openSource(byName.replace('.pcap', '.cap'))).toThrow(/m\\xe9tro\.cap: there is no such file/);
  });

  it('goes on past garbage and damage with a notice for each', () => {
    const path = folder('garbage');
    writeFileSync(join(path, '0.pcap'), 'garbage');
    writeFileSync(join(path, '1.pcap'), '');
    writeCaptureFile(join(path, '2.pcap'), [packetOf(60), packetOf(60, 1)]);
    execFileSync('truncate', ['-s', '-1', join(path, '2.pcap')]);
    writeCaptureFile(join(path, '3.pcapng'), [packetOf(60, 3)]);
    writeFileSync(join(path, '4.pcap'), Buffer.from([0x42, 0x5a, 0x68, 0, 1, 2, 3]));
    const source = openSource(path);
    expect(drainSource(source).map((packet) => packet.seconds - 1_700_000_000)).toEqual([0, 3]);
    expect(source.notices).toHaveLength(4);
    expect(source.notices[2]).toBe(`${join(path, '2.pcap')} ends in the middle of packet 2 (offset 100); the packets before it were read.`);
    for (const at of [0, 1, 3]) expect(source.notices[at]).toMatch(/It was skipped\.$/);
  });

  it('is an error if it holds no capture file, or garbage only', () => {
    const path = folder('none');
    expect(() => openSource(path)).toThrow(/contains no capture files/);
    writeFileSync(join(path, 'a.pcap'), 'garbage');
    expect(() => openSource(path)).toThrow(/None of the files in .* can be read/);
  });
});

describe('a file as a source', () => {
  it('is read as often as loop says, with the same time stamps', () => {
    const path = join(directory, 'loop.pcap');
    const packets = [packetOf(60), packetOf(61, 1)];
    writeCaptureFile(path, packets);
    expect(drainSource(openSource(path, { loop: 3 })).map(lineOf)).toEqual([...packets, ...packets, ...packets].map(lineOf));
    const endless = openSource(path, { loop: 0 });
    for (let round = 0; round < 1000; round++) expect(endless.port.receive()).toBe(2);
    endless.port.close();
    expect(endless.port.receive()).toBe(-1);
  });

  it('without any packet ends at once, also if it is looped for ever', () => {
    const path = join(directory, 'empty.pcap');
    writeCaptureFile(path, []);
    expect(drainSource(openSource(path, { loop: 0 }))).toEqual([]);
  });

  it('ends with a notice if it vanishes between two rounds', () => {
    const path = join(directory, 'vanishing.pcap');
    writeCaptureFile(path, [packetOf(60)]);
    const source = openSource(path, { loop: 0 });
    source.port.receive();
    unlinkSync(path);
    while (source.port.receive() > 0);
    expect(source.notices.join()).toMatch(/there is no such file/);
  });

  it('keeps the gaps between time stamps if asked, faster or slower', () => {
    const path = join(directory, 'paced.pcap');
    writeCaptureFile(path, [0, 0.5, 0.5, 2.25, 1].map((time, index) => packetOf(60, index, { seconds: 1000 + Math.floor(time), nanoseconds: (time % 1) * 1e9 })));
    let now = 5000;
    const source = openSource(path, { pace: 'timestamps', speed: 2 }, { clock: () => now });
    expect(source.port.receive()).toBe(1);
    expect(source.port.receive()).toBe(0);
    expect(source.port.nextDue?.()).toBeCloseTo(250, 3);
    now += 249;
    expect(source.port.receive()).toBe(0);
    now += 1;
    expect(source.port.receive()).toBe(2);
    expect(source.port.receive()).toBe(0);
    expect(source.port.nextDue?.()).toBeCloseTo(875, 3);
    now += 876;
    // A time stamp that goes back is due at once.
    expect(source.port.receive()).toBe(2);
    expect(source.port.receive()).toBe(-1);
    expect(source.port.nextDue?.()).toBe(Infinity);
  });

  it('may be a named pipe: nothing until someone writes, then packets, then the end', async () => {
    const capture = join(directory, 'for-pipe.pcap');
    writeCaptureFile(capture, Array.from({ length: 5000 }, (_, index) => packetOf(100, index)));
    const pipe = join(directory, 'named-pipe');
    execFileSync('mkfifo', [pipe]);
    const source = openSource(pipe);
    expect(source.port.descriptor).toBeGreaterThanOrEqual(0);
    expect(source.port.receive()).toBe(0);
    const writer = spawn('sh', ['-c', 'cat "$1" > "$2"', 'sh', capture, pipe]);
    let packets = 0;
    for (const deadline = Date.now() + 20_000; Date.now() < deadline;) {
      const rows = source.port.receive();
      if (rows < 0) break;
      packets += rows;
      if (rows === 0) pause(1);
    }
    expect(packets).toBe(5000);
    expect(source.notices).toEqual([]);
    await new Promise((resolve) => (writer.exitCode === null ? writer.on('exit', resolve) : resolve(undefined)));
    expect(() => openSource(pipe, { loop: 2 })).toThrow(/can be read only once/);
  });

  it('fills the same flow columns with and without native code', () => {
    const path = join(directory, 'flows.pcap');
    const frame = Buffer.alloc(64);
    frame.writeUInt16BE(0x0800, 12);
    frame[14] = 0x45;
    frame[23] = 17;
    frame.writeUInt32BE(0x0a000001, 26);
    frame.writeUInt32BE(0x0a000102, 30);
    frame.writeUInt16BE(1000, 34);
    frame.writeUInt16BE(53, 36);
    writeCaptureFile(path, [packetOf(0, 0, { bytes: frame, wireLength: 64 }), packetOf(60, 1)]);
    for (const native of [true, false]) {
      const { port, batch } = openSource(path, {}, { flow: true, native });
      port.receive();
      expect([...batch.flowWord.subarray(0, 2)].map((word) => word >>> 16)).toEqual([2, 0]);
      expect([batch.flowAddresses[0], batch.flowPorts[0]]).toEqual([0x0103, 1000 * 65536 + 53]);
      expect(packetsOf(batch)).toHaveLength(2);
      port.close();
    }
  });
});

it('refuses to write to a file that the same engine reads, and leaves it as it is', () => {
  const path = join(directory, 'source.pcap');
  writeCaptureFile(path, [packetOf(60)]);
  const before = readdirSync(directory).length;
  const batch = createPacketBatch();
  const counters = createCounterBlock(2 * LINK_RECORD);
  const context = { batchRows: 256, prepared: undefined, batches: [batch], copies: false, notice: () => undefined };
  const request = { link: parseLinkName(path), options: {}, queue: -1, batch, flowColumns: false, alsoSink: false, counters, record: 0 };
  const sink = { link: parseLinkName(`${directory}/./source.pcap`), options: {}, lists: createPacketLists(1, 256), output: 0, counters, record: LINK_RECORD };
  const ports = new FilePorts();
  const source = ports.openSource(request, context);
  expect(() => ports.openSinks([sink], context)).toThrow(/can't be written: the engine reads it/);
  expect(source.receive()).toBe(1);
  const sinksFirst = new FilePorts();
  const transmitter = sinksFirst.openSinks([sink], context);
  expect(() => sinksFirst.openSource(request, context)).toThrow(/can't be read: the engine writes to it/);
  transmitter.close();
  expect(drainSource(openSource(path))).toHaveLength(1);
  expect(readdirSync(directory)).toHaveLength(before);
});

describe('standard input as a source', () => {
  const path = join(directory, 'stdin.pcap');
  const reader = (name: string): string[] => [join(__dirname, 'standard-input.cjs'), require.resolve('packet-bricks'), name];
  beforeAll(() => writeCaptureFile(path, Array.from({ length: 5000 }, (_, index) => packetOf(300, index))));

  it.each(['-', '/dev/stdin'])('is read to its end from a file, a pipe or a socket (%s)', async (name) => {
    expect(execFileSync('sh', ['-c', 'exec "$@" < "$0"', path, process.execPath, ...reader(name)], { encoding: 'utf8' })).toBe('5000 true\n');
    expect(execFileSync('sh', ['-c', 'cat "$0" | "$@"', path, process.execPath, ...reader(name)], { encoding: 'utf8' })).toBe('5000 true\n');
    if (!hasNative) return;
    // What node gives its children is a socket. The data comes late, and in two parts.
    const child = spawn(process.execPath, reader(name), { stdio: ['pipe', 'pipe', 'inherit'] });
    const closed = new Promise((done) => child.on('close', done));
    let said = '';
    child.stdin.on('error', () => undefined);
    child.stdout.on('data', (text: Buffer) => (said += text.toString()));
    const bytes = readFileSync(path);
    for (const part of [bytes.subarray(0, 1000), bytes.subarray(1000)]) {
      await new Promise((done) => setTimeout(done, 300));
      child.stdin.write(part);
    }
    child.stdin.end();
    await closed;
    expect(said).toBe('5000 true\n');
  });
});

it('a named pipe that keeps the gaps between time stamps is waited for, not asked for again and again, while it is idle', () => {
  const path = join(directory, 'paced-pipe');
  execFileSync('mkfifo', [path]);
  const keep = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  let now = 0;
  const source = openSource(path, { pace: 'timestamps' }, { clock: () => now });
  const capture = join(directory, 'paced-pipe.pcap');
  writeCaptureFile(capture, [packetOf(60, 0, { seconds: 1000, nanoseconds: 0 }), packetOf(60, 0, { seconds: 1001, nanoseconds: 0 })]);
  const bytes = readFileSync(capture);
  expect([source.port.receive(), source.port.nextDue?.()]).toEqual([0, Infinity]);
  writeSync(keep, bytes.subarray(0, 100));
  expect(source.port.receive()).toBe(1);
  expect([source.port.receive(), source.port.nextDue?.()]).toEqual([0, Infinity]);
  writeSync(keep, bytes.subarray(100));
  expect(source.port.receive()).toBe(0);
  expect(source.port.nextDue?.()).toBeCloseTo(1000, 3);
  now = 1000;
  expect(source.port.receive()).toBe(1);
  expect([source.port.receive(), source.port.nextDue?.()]).toEqual([0, Infinity]);
  closeSync(keep);
  source.port.close();
});
