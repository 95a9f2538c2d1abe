import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { readCaptureFile, type CapturedPacket } from 'packet-bricks/src/files/capture-file';
import { RecorderThread } from 'packet-bricks/src/files/recorder-thread';
import { RECORDER_SLEEP } from 'packet-bricks/src/files/recorder-worker';
import { SinkBench, hasNative, isOpen, itNeeds, lacks, lineOf, packetOf, pause, run, temporaryDirectory } from './support';

const directory = temporaryDirectory();
const kinds = hasNative ? [true, false] : [false];
const noRoot = process.getuid?.() === 0 ? false : 'mounting a small file system needs root';

function linesOf(path: string): string[] {
  return [...readCaptureFile(path)].map(lineOf);
}

const mixed = Array.from({ length: 200 }, (_, index) => packetOf((index * 331) % 1515, index, { wireLength: 1515 }));

describe.each(kinds)('writing (native: %s)', (native) => {
  it('keeps bytes, lengths and times of all packets, in pcap and pcapng, in each of many files', () => {
    const paths = ['a.pcap', 'b.pcapng', 'c.pcap', 'd.pcapng'].map((name) => join(directory, name));
    const bench = new SinkBench(paths, { bufferBytes: 65536 }, native);
    for (let round = 0; round < 20; round++) for (bench.send(mixed, true); bench.lists.counts.some((count) => count > 0);) { bench.again(true); pause(1); }
    bench.transmitter.close();
    const expected = Array.from({ length: 20 }, () => mixed.map(lineOf)).flat();
    paths.forEach((path, output) => {
      expect(linesOf(path)).toEqual(expected);
      expect([bench.sent(output), bench.bytes(output), bench.drops(output)]).toEqual([4000, 20 * mixed.reduce((sum, packet) => sum + packet.bytes.length, 0), {}]);
    });
    expect(bench.notices.filter((text) => !text.includes('SIGKILL'))).toEqual([]);
  });

  it('leaves a valid file without packets', () => {
    const paths = ['none.pcap', 'none.pcapng'].map((name) => join(directory, name));
    const bench = new SinkBench(paths, {}, native);
    bench.transmitter.refreshCounters();
    bench.transmitter.close();
    for (const path of paths) expect(linesOf(path)).toEqual([]);
  });

  it('leaves a valid file without packets where the engine ends before the writer has looked', () => {
    const path = join(directory, 'at-once.pcap');
    const recorder = new RecorderThread(join(__dirname, 'late-recorder.cjs'));
    const bench = new SinkBench([path], {}, native, recorder);
    while (Atomics.load(recorder.shared, RECORDER_SLEEP) === 0) pause(1);
    bench.transmitter.refreshCounters();
    bench.transmitter.close();
    expect(linesOf(path)).toEqual([]);
  });

  if (native) it('says so where a file is not closed in time', () => {
    const recorder = new RecorderThread(join(__dirname, 'stuck-recorder.cjs'));
    const bench = new SinkBench([join(directory, 'stuck.pcap')], {}, native, recorder);
    bench.transmitter.refreshCounters();
    bench.transmitter.close();
    recorder.end();
    expect(bench.notices).toEqual([expect.stringMatching(/stuck\.pcap is not closed yet: its disk has done nothing for 5 s/)]);
  });

  it('leaves everything as it was if the engine is closed before it ran', () => {
    const old = join(directory, 'old.pcap');
    const young = join(directory, 'young.pcap');
    writeFileSync(old, 'an older file');
    new SinkBench([old, young], {}, native).transmitter.close();
    expect(readFileSync(old, 'utf8')).toBe('an older file');
    expect(existsSync(young)).toBe(false);
  });

  it('writes microseconds if asked, and no more than the snap length', () => {
    const path = join(directory, 'micro.pcap');
    const bench = new SinkBench([path], { nanoseconds: false, snapLength: 33 }, native);
    bench.send(mixed.slice(0, 50));
    bench.transmitter.close();
    expect(readFileSync(path).readUInt32LE(0)).toBe(0xa1b2c3d4);
    expect(linesOf(path)).toEqual(mixed.slice(0, 50).map((packet) => lineOf({ ...packet, nanoseconds: packet.nanoseconds - packet.nanoseconds % 1000, bytes: packet.bytes.subarray(0, 33) })));
  });

  it('records the link type of the first packet, and with pcapng of all', () => {
    const paths = ['types.pcap', 'types.pcapng'].map((name) => join(directory, name));
    const bench = new SinkBench(paths, {}, native);
    const packets = [101, 1, 113, 101].map((linkType, index) => packetOf(60, index, { linkType }));
    for (const packet of packets) bench.send([packet]);
    bench.transmitter.close();
    expect(linesOf(paths[0])).toEqual([packets[0], packets[3]].map(lineOf));
    expect(linesOf(paths[1])).toEqual(packets.map(lineOf));
    expect(bench.drops(0)).toEqual({ linkType: 2 });
    expect(bench.sent(0) + 2).toBe(bench.sent(1));
    expect(bench.notices.join()).toMatch(/types\.pcap can hold only one link type.*pcapng/);
  });

  it('begins new files by size, none of them larger, and loses nothing', () => {
    const path = join(directory, `size-${native}.pcap`);
    const bench = new SinkBench([path], { rotateBytes: 20_000 }, native);
    for (let round = 0; round < 5; round++) { for (let held = bench.send(mixed, true); held > 0; held = bench.again(true)) pause(1); }
    bench.transmitter.close();
    const names = readdirSync(directory).filter((name) => name.startsWith(`size-${native}-`)).sort();
    expect(names.slice(0, 2)).toEqual([`size-${native}-00001.pcap`, `size-${native}-00002.pcap`]);
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) expect(statSync(join(directory, name)).size).toBeLessThanOrEqual(20_000);
    expect(names.flatMap((name) => linesOf(join(directory, name)))).toEqual(Array.from({ length: 5 }, () => mixed.map(lineOf)).flat());
    expect(existsSync(path)).toBe(false);
  });

  it('begins new files by the time of packets, each with its interfaces', () => {
    const path = join(directory, `time-${native}.pcapng`);
    const bench = new SinkBench([path], { rotateSeconds: 10 }, native);
    const packets = Array.from({ length: 35 }, (_, index) => packetOf(60, index, { linkType: index % 2 === 0 ? 1 : 101 }));
    for (const packet of packets) bench.send([packet]);
    bench.transmitter.close();
    const names = readdirSync(directory).filter((name) => name.startsWith(`time-${native}-`)).sort();
    expect(names.map((name) => linesOf(join(directory, name)).length)).toEqual([10, 10, 10, 5]);
    expect(names.flatMap((name) => linesOf(join(directory, name)))).toEqual(packets.map(lineOf));
  });

  it('begins a new file where the clock was set back, not for packets out of order by a second, and goes by differences where seconds wrap', () => {
    const lengthsOf = (name: string, times: readonly number[]): number[] => {
      const bench = new SinkBench([join(directory, `${name}-${native}.pcap`)], { rotateSeconds: 10 }, native);
      for (const seconds of times) bench.send([packetOf(60, 0, { seconds })]);
      bench.transmitter.close();
      return readdirSync(directory).filter((file) => file.startsWith(`${name}-${native}-`)).sort().map((file) => linesOf(join(directory, file)).length);
    };
    expect(lengthsOf('back', [5000, 5001, 1000, 1005, 1009, 1010, 1011])).toEqual([2, 3, 2]);
    expect(lengthsOf('order', [5000, 4999, 5001, 4999, 5009, 5010])).toEqual([5, 1]);
    expect(lengthsOf('zero', [0, 5, 9, 10, 19, 20])).toEqual([3, 2, 1]);
    expect(lengthsOf('wrap', [0xffff_fffb, 0xffff_ffff, 0, 4, 5, 9])).toEqual([4, 2]);
  });

  it('loses no packets but those of a file that can not be made, and goes on with the next', () => {
    const path = join(directory, `way-${native}.pcap`);
    const name = (number: number): string => join(directory, `way-${native}-0000${number}.pcap`);
    mkdirSync(name(2));
    const bench = new SinkBench([path], { rotateSeconds: 10 }, native);
    const packets = Array.from({ length: 35 }, (_, index) => packetOf(60, index));
    for (const packet of packets) bench.send([packet]);
    bench.transmitter.close();
    expect([1, 3, 4].map((number) => linesOf(name(number)))).toEqual([packets.slice(0, 10), packets.slice(20, 30), packets.slice(30)].map((part) => part.map(lineOf)));
    expect([bench.sent(), bench.drops()]).toEqual([25, { diskError: 10 }]);
    expect(bench.notices.join('\n')).toMatch(/way-\w+\.pcap can't be written: it is a directory\.[^]*Writing .*way-\w+\.pcap again; 10 packets were lost in the meantime\.$/);
  });

  it('drops and counts what a full buffer can not take, and leaves it on the list if told to wait', () => {
    const path = join(directory, 'slow.pcap');
    const big = Array.from({ length: 200 }, (_, index) => packetOf(1400, index));
    const bench = new SinkBench([path], { bufferBytes: 65536 }, native);
    const held = bench.send(big, true);
    expect(held).toBeGreaterThan(100);
    expect(bench.lists.counts[0]).toBe(held);
    bench.again(false);
    bench.transmitter.close();
    expect(bench.lists.counts[0]).toBe(0);
    const { diskSlow = 0 } = bench.drops();
    expect(bench.sent() + diskSlow).toBe(200);
    expect(linesOf(path)).toHaveLength(bench.sent());
  });
});

it.each(kinds)('a buffer that is too small for the packets says so when it drops some, however fast the disk is (native: %s)', (native) => {
  const path = join(directory, 'cramped.pcap');
  const bench = new SinkBench([path], { bufferBytes: 65536 }, native);
  bench.send(Array.from({ length: 20 }, (_, index) => packetOf(60_000, index)));
  bench.transmitter.close();
  const { diskSlow = 0 } = bench.drops();
  expect([bench.sent() + diskSlow, diskSlow > 0]).toEqual([20, true]);
  expect(linesOf(path)).toHaveLength(bench.sent());
  expect(bench.notices.join()).toMatch(/cramped\.pcap has a buffer of 65536 bytes, and packets of 60000: of these it holds 1 at a time, .*Raise bufferBytes to 1048576 or more\./);
});

describe('a target that can not be written', () => {
  it('is an error at once, which tells why, and no other file is touched', () => {
    const kept = join(directory, 'kept.pcap');
    writeFileSync(kept, 'keep me');
    const open = (name: string): unknown => new SinkBench([kept, name]);
    expect(() => open(join(directory, 'missing', 'a.pcap'))).toThrow(/Cannot write the capture file .*missing\/a\.pcap: there is no such file or directory\./);
    mkdirSync(join(directory, 'folder'));
    expect(() => open(join(directory, 'folder'))).toThrow(/it is a directory/);
    symlinkSync(kept, join(directory, 'link.pcap'));
    expect(() => open(join(directory, 'link.pcap'))).toThrow(/are the same file/);
    if (process.getuid?.() !== 0) {
      writeFileSync(join(directory, 'protected.pcap'), '');
      chmodSync(join(directory, 'protected.pcap'), 0o400);
      expect(() => open(join(directory, 'protected.pcap'))).toThrow(/permission denied/);
    }
    expect(readFileSync(kept, 'utf8')).toBe('keep me');
  });
});

describe('a full disk', () => {
  itNeeds(noRoot)('costs counted packets of its own file only; once there is room, writing goes on in a valid file', () => {
    const disk = join(directory, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk]);
    try {
      const paths = [join(disk, 'full.pcap'), join(directory, 'fine.pcap'), join(disk, 'full.pcapng')];
      writeFileSync(join(disk, 'ballast'), Buffer.alloc(200_000));
      const bench = new SinkBench(paths);
      const offered: CapturedPacket[] = [];
      const send = (rounds: number): void => {
        for (let round = 0; round < rounds; round++) {
          for (let held = bench.send(mixed, true); held > 0; held = bench.again(true)) pause(1);
          offered.push(...mixed);
          pause(5);
          bench.transmitter.refreshCounters();
        }
      };
      send(20);
      expect(bench.notices.join('\n')).toMatch(/full\.pcap can't be written: the disk is full\./);
      execFileSync('rm', [join(disk, 'ballast')]);
      const isWritten = (): boolean => bench.notices.some((text) => /^Writing .*full\.pcap again;/.test(text));
      for (let attempt = 0; attempt < 5 && !isWritten(); attempt++) {
        send(1);
        for (let look = 0; look < 100 && !isWritten(); look++) {
          pause(5);
          bench.transmitter.refreshCounters();
        }
      }
      bench.transmitter.close();
      expect(bench.notices.join('\n')).toMatch(/Writing .*full\.pcap again; \d+ packets were lost in the meantime\./);
      expect(linesOf(paths[1])).toEqual(offered.map(lineOf));
      for (const output of [0, 2]) {
        const { diskError = 0, ...others } = bench.drops(output);
        expect([diskError > 0, others]).toEqual([true, {}]);
        expect(bench.sent(output) + diskError).toBe(offered.length);
        const packets = [...readCaptureFile(paths[output])];
        expect(packets).toHaveLength(bench.sent(output));
        expect(bench.bytes(output)).toBe(packets.reduce((sum, packet) => sum + packet.bytes.length, 0));
      }
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

describe('a full disk, and ever more link types', () => {
  itNeeds(noRoot)('leave a file that describes each of its packets', () => {
    const disk = join(directory, 'small-disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'tmpfs', disk]);
    try {
      writeFileSync(join(disk, 'ballast'), Buffer.alloc(60_000));
      const path = join(disk, 'types.pcapng');
      const bench = new SinkBench([path]);
      const offered: CapturedPacket[] = [];
      const send = (linkType: number): void => {
        const packet = packetOf(1000, linkType, { linkType });
        for (let held = bench.send([packet], true); held > 0; held = bench.again(true)) pause(1);
        offered.push(packet);
        bench.transmitter.refreshCounters();
      };
      let linkType = 100;
      for (; bench.drops().diskError === undefined; linkType++) {
        send(linkType);
        pause(2);
      }
      for (let more = 0; more < 20; more++) send(linkType++);
      execFileSync('rm', [join(disk, 'ballast')]);
      for (let attempt = 0; attempt < 500 && !bench.notices.some((text) => /^Writing .* again;/.test(text)); attempt++) {
        send(linkType++);
        pause(20);
      }
      expect(bench.notices.at(-1)).toMatch(/^Writing .* again;/);
      bench.transmitter.close();
      const { diskError = 0, ...others } = bench.drops();
      expect(others).toEqual({});
      const lines = linesOf(path);
      expect(lines).toHaveLength(offered.length - diskError);
      expect(bench.sent()).toBe(lines.length);
      const possible = new Set(offered.map(lineOf));
      expect(lines.filter((line) => !possible.has(line))).toEqual([]);
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

describe('native and TypeScript encoders', () => {
  itNeeds(hasNative ? false : 'bricks_files was not built')('write the same bytes', () => {
    const packet = fc.record({ length: fc.integer({ min: 0, max: 1600 }), seconds: fc.integer({ min: 0, max: 0xffff_ffff }), nanoseconds: fc.integer({ min: 0, max: 999_999_999 }) });
    fc.assert(fc.property(fc.array(fc.array(packet, { maxLength: 100 }), { minLength: 1, maxLength: 10 }), fc.constantFrom('pcap', 'pcapng'), fc.boolean(), (batches, format, nanoseconds) => {
      const paths = [true, false].map((native) => {
        const path = join(directory, `encoder-${native}`);
        const bench = new SinkBench([path], { format, nanoseconds, bufferBytes: 65536 }, native);
        for (const batch of batches) {
          const packets = batch.map(({ length, ...time }, index) => packetOf(length, index, time));
          for (let held = bench.send(packets, true); held > 0; held = bench.again(true)) pause(1);
        }
        bench.transmitter.close();
        return path;
      });
      expect(readFileSync(paths[0]).equals(readFileSync(paths[1]))).toBe(true);
    }), { numRuns: 15 });
  }, 120_000);
});

describe('SIGKILL', () => {
  itNeeds(!hasNative ? 'bricks_files was not built' : lacks('capinfos'))('at any moment leaves files that other programs read without an error', async () => {
    const folder = join(directory, 'killed');
    mkdirSync(folder);
    const names = ['a.pcap', 'b.pcapng', 'c.pcap'];
    let packets = 0;
    // Each millisecond of the first 60 once.
    for (let round = 0; round < 60; round++) {
      const child = spawn(process.execPath, [join(__dirname, 'kill-victim.cjs'), require.resolve('packet-bricks/src/files/file-sink'), ...names.map((name) => join(folder, name))], { stdio: ['ignore', 'pipe', 'inherit'] });
      await new Promise((resolve) => child.stdout.once('data', resolve));
      await new Promise((resolve) => setTimeout(resolve, (round * 7919) % 60));
      child.kill('SIGKILL');
      await new Promise((resolve) => child.on('close', resolve));
      while (isOpen(folder)) pause(1);
      packets += capinfosCount(names.map((name) => join(folder, name)));
    }
    expect(packets).toBeGreaterThan(10_000);
  }, 600_000);
});

function capinfosCount(paths: readonly string[]): number {
  for (const path of paths) run('tcpdump', '-r', path, '-w', '/dev/null');
  return run('capinfos', '-M', '-c', '-T', '-r', ...paths).trim().split('\n').reduce((packets, line) => packets + Number(line.split('\t')[1]), 0);
}
