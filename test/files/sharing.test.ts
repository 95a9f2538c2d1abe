import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, existsSync, mkdirSync, openSync, readFileSync, readdirSync, readSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PacketEngine, PcapWriter, loopback, type BrickClass, readCaptureFile, type CapturedPacket } from 'packet-bricks';
import { SinkBench, hasNative, isOpen, itNeeds, lineOf, packetOf, pause, temporaryDirectory } from './support';

const directory = temporaryDirectory();
const notBuilt = hasNative ? false : 'bricks_files was not built';
const mixed = Array.from({ length: 200 }, (_, index) => packetOf((index * 331) % 1515, index, { wireLength: 1515 }));
const options = { backend: 'loopback', warmUpMilliseconds: 20 };

function pipe(name: string): string {
  const path = join(directory, name);
  execFileSync('mkfifo', [path]);
  return path;
}

function linesOf(path: string): string[] {
  return [...readCaptureFile(path)].map(lineOf);
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}

/** Guardians of this process: their socket and memory, as this process holds them. */
function descriptorsOfGuardians(): number {
  return readdirSync('/proc/self/fd').filter((descriptor) => {
    try {
      return readlinkSync(`/proc/self/fd/${descriptor}`).includes('bricks-guardian');
    } catch {
      return false;
    }
  }).length;
}

describe('a named pipe as a target', () => {
  it.each(['pcap', 'pcapng'])('brings its reader every packet, also one that reads slowly (%s)', async (format) => {
    const path = pipe(`read-${format}`);
    const copy = join(directory, `copy-${format}`);
    const reader = spawn('sh', ['-c', 'sleep 0.5; exec dd bs=5000 if="$1" of="$2"', 'sh', path, copy], { stdio: 'ignore' });
    const keep = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const bench = new SinkBench([path], { format, bufferBytes: 65536 });
    const offered: CapturedPacket[] = [];
    for (let round = 0; round < 40; round++) {
      const packets = format === 'pcapng' && round % 2 === 1 ? mixed.map((packet) => ({ ...packet, linkType: 101 })) : mixed;
      for (let held = bench.send(packets, true); held > 0; held = bench.again(true)) pause(1);
      offered.push(...packets);
    }
    closeSync(keep);
    bench.transmitter.close();
    await new Promise((done) => (reader.exitCode === null ? reader.on('exit', done) : done(undefined)));
    expect([bench.sent(), bench.drops()]).toEqual([offered.length, {}]);
    expect(linesOf(copy)).toEqual(offered.map(lineOf));
  });

  it('that nobody reads costs its own packets, which are counted, and holds up neither other files nor unlinking', async () => {
    const path = pipe('unread');
    const fine = join(directory, 'fine.pcap');
    const keep = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    const engine = new PacketEngine('unread', options);
    const notices: string[] = [];
    engine.on('notice', (text) => notices.push(text));
    await engine.link(new PcapWriter().connectInput('unread-in').connectOutput(path));
    const other = new SinkBench([path, fine]);
    await engine.start();
    for (let index = 0; index < 6000; index++) loopback().inject('unread-in', packetOf(500, index).bytes);
    for (let round = 0; round < 40; round++) {
      other.send(mixed);
      await sleep(10);
    }
    expect(other.drops(1)).toEqual({});
    await engine.stop();
    const begin = performance.now();
    await engine.unlink();
    expect(performance.now() - begin).toBeLessThan(15_000);
    other.transmitter.close();
    expect(linesOf(fine)).toHaveLength(40 * 200);
    const { received, sent, dropped, balanced } = engine.audit();
    expect([received, sent + dropped, balanced]).toEqual([6000, 6000, true]);
    expect(dropped).toBeGreaterThan(3000);
    expect(engine.stats().links.find((link) => link.name === path)?.drops.diskError).toBeGreaterThan(0);
    expect(notices.join()).toMatch(/unread could not be finished: \d+ packets were not written, and are counted as dropped \(diskError\)/);
    closeSync(keep);
  });

  it('whose reader has gone is written again, from a header on, when the next one comes', () => {
    const path = pipe('again');
    let reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const bench = new SinkBench([path]);
    bench.send([packetOf(60)]);
    pause(300);
    expect(readSync(reader, Buffer.alloc(1000))).toBe(24 + 76);
    closeSync(reader);
    bench.send([packetOf(61)]);
    pause(300);
    bench.transmitter.refreshCounters();
    expect(bench.drops()).toEqual({ diskError: 1 });
    expect(bench.notices.join()).toMatch(/again can't be written: nobody reads this pipe any more/);
    reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    bench.send([packetOf(62)]);
    bench.transmitter.close();
    const copy = join(directory, 'again.pcap');
    writeFileSync(copy, readFileSync(reader));
    closeSync(reader);
    expect([...readCaptureFile(copy)].map((packet) => packet.bytes.length)).toEqual([62]);
  });
});

describe('a file that is recorded', () => {
  itNeeds(notBuilt)('belongs to one engine, in this process and in others, until that one closes it', () => {
    const path = join(directory, 'owned.pcap');
    const bench = new SinkBench([path]);
    const taken = /owned\.pcap(?: can't be written)?: another engine or program is writing it\./;
    expect(() => new SinkBench([path])).toThrow(taken);
    const victim = [join(__dirname, 'kill-victim.cjs'), require.resolve('packet-bricks/src/files/file-sink'), path];
    expect(spawnSync(process.execPath, victim, { encoding: 'utf8' }).stderr).toMatch(taken);
    bench.send(mixed);
    bench.transmitter.close();
    expect(linesOf(path)).toEqual(mixed.map(lineOf));
    new SinkBench([path]).transmitter.close();
    const rotating = new SinkBench([path], { rotateBytes: 50_000 });
    const later = new SinkBench([join(directory, 'owned-00003.pcap')]);
    for (let held = rotating.send(mixed, true); held > 0; held = rotating.again(true)) pause(1);
    rotating.transmitter.close();
    later.send(mixed);
    later.transmitter.close();
    expect(rotating.notices.join()).toMatch(/another engine or program is writing it/);
    expect(rotating.drops().diskError).toBeGreaterThan(0);
    expect(linesOf(join(directory, 'owned-00003.pcap'))).toEqual(mixed.map(lineOf));
  });

  itNeeds(notBuilt)('is whole after its engine hung and was ended; nothing is left open, and the next one may write it', async () => {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- bricks from outside are modules of their own
    const { Hanging } = require('./hanging-brick.cjs') as { Hanging: BrickClass };
    const path = join(directory, 'hung.pcap');
    const before = descriptorsOfGuardians();
    for (let round = 0; round < 2; round++) {
      const engine = new PacketEngine(`hung${round}`, { ...options, hangMilliseconds: 400 });
      const failed = new Promise<string>((done) => engine.on('error', (error) => done(error.code)));
      await engine.link(new Hanging().connectInput(`hang${round}`).connectOutput(path));
      expect(descriptorsOfGuardians()).toBeGreaterThan(before);
      await engine.start();
      for (let index = 0; index < 100; index++) loopback().inject(`hang${round}`, packetOf(60, 0).bytes);
      await sleep(300);
      loopback().inject(`hang${round}`, new Uint8Array(60).fill(0xee));
      expect(await failed).toBe('E_ENGINE_HUNG');
      expect(descriptorsOfGuardians()).toBe(before);
      expect(linesOf(path)).toHaveLength(100);
    }
  });
});

describe('SIGKILL', () => {
  itNeeds(notBuilt)('while files are rotated leaves files that are all whole', async () => {
    let packets = 0;
    for (let round = 0; round < 15; round++) {
      const folder = join(directory, `rotated-${round}`);
      mkdirSync(folder);
      const victim = [join(__dirname, 'kill-victim.cjs'), require.resolve('packet-bricks/src/files/file-sink'), join(folder, 'a.pcap'), join(folder, 'b.pcapng')];
      const child = spawn(process.execPath, victim, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ROTATE_BYTES: '200000' } });
      await new Promise((done) => child.stdout.once('data', done));
      await sleep((round * 37) % 90);
      child.kill('SIGKILL');
      await new Promise((done) => child.on('close', done));
      // The guardian holds the last files until it has mended them.
      while (isOpen(folder)) pause(5);
      for (const name of readdirSync(folder)) {
        packets += linesOf(join(folder, name)).length;
        expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(200_000);
      }
    }
    expect(packets).toBeGreaterThan(1000);
  }, 120_000);
});

describe('very many files', () => {
  const program = `
    const { FileTransmitter } = require(process.argv[1]);
    const { dirname, join } = require('node:path');
    const model = join(dirname(process.argv[1]), '..', 'model');
    const { createPacketBatch, packetMemory } = require(join(model, 'packet-batch.js'));
    const { createPacketLists } = require(join(model, 'packet-list.js'));
    const { LINK_RECORD, createCounterBlock } = require(join(model, 'counters.js'));
    const { parseLinkName } = require(join(model, 'link-name.js'));
    const batch = createPacketBatch();
    batch.memory = packetMemory(new ArrayBuffer(4096));
    batch.length[0] = batch.wireLength[0] = 100;
    const count = Number(process.argv[3]);
    const lists = createPacketLists(count, 256);
    const counters = createCounterBlock(LINK_RECORD * count);
    const requests = Array.from({ length: count }, (_, output) => ({ link: parseLinkName(join(process.argv[2], output + '.pcap')), options: {}, lists, output, counters, record: LINK_RECORD * output }));
    try {
      const transmitter = new FileTransmitter(requests, { batchRows: 256, prepared: undefined, batches: [batch], copies: false, notice: (text) => console.log(text) });
      lists.counts.fill(1);
      transmitter.transmit(batch, false);
      transmitter.close();
      console.log('done');
    } catch (error) { console.log(error.code, error.message); }`;
  const record = (limit: number, folder: string, count: number): string => {
    mkdirSync(folder);
    return execFileSync('sh', ['-c', 'ulimit -n "$1"; shift; exec "$@"', 'sh', String(limit), process.execPath, '-e', program, require.resolve('packet-bricks/src/files/file-sink'), folder, String(count)], { encoding: 'utf8' });
  };

  it('are recorded at once', () => {
    const folder = join(directory, 'thousand');
    expect(record(1200, folder, 1000)).toBe('done\n');
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBe(24 + 16 + 100);
    expect(readdirSync(folder)).toHaveLength(1000);
  });

  it.each([200, 308, 320])('are an error that tells how to raise the limit if there are too many (limit %s)', (limit) => {
    const folder = join(directory, `limit-${limit}`);
    expect(record(limit, folder, 300)).toMatch(/^E_FILE Cannot write the capture file .*\.pcap: too many open files \(raise the limit: ulimit -n\)\.\n$/);
    expect(readdirSync(folder)).toEqual([]);
  });
});

it('a file that is not there yet is left out again if the engine is closed before it ran', () => {
  const path = join(directory, 'never.pcap');
  new SinkBench([path]).transmitter.close();
  expect(existsSync(path)).toBe(false);
});
