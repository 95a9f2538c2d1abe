import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Popularity, Random, readCaptureFile } from 'packet-bricks';
import { viewOf, writePackets, type TestPacket } from 'packet-bricks/testing';
import { PROGRAM, Running, Workplace } from '../../../test/support/program';
import { TestSource } from './sources';

const work = new Workplace();
afterAll(() => work.dispose());

const lengths = (packets: readonly TestPacket[]): number[] => packets.map(({ bytes }) => bytes.length);
const share = (packets: readonly TestPacket[], is: (packet: TestPacket) => boolean): number => packets.filter(is).length / packets.length;
const milliseconds = ({ seconds, nanoseconds }: TestPacket): number => (seconds - 1_700_000_000) * 1000 + nanoseconds / 1e6;

describe('what comes', () => {
  test('the same seed makes the same packets; another one, or another interface, others', () => {
    const of = (seed: number, link: string): string => new TestSource({ seed, count: 300 }, link).take().map(({ bytes }) => bytes.toString('hex')).join();
    expect(of(1, 'eth0')).toBe(of(1, 'eth0'));
    expect(new Set([of(1, 'eth0'), of(2, 'eth0'), of(1, 'eth1')]).size).toBe(3);
  });

  test('frames are as long as asked for: mixed, all the same, or any in a range', () => {
    const imix = new TestSource({ tcp: 0, ipv6: 0, count: 6000 }).take();
    for (const [length, expected] of [[60, 7 / 12], [590, 4 / 12], [1514, 1 / 12]]) expect(Math.abs(share(imix, ({ bytes }) => bytes.length === length) - expected)).toBeLessThan(0.03);
    expect(new Set(lengths(new TestSource({ tcp: 0, size: 'fixed', bytes: 200, count: 100 }).take()))).toEqual(new Set([200]));
    const range = lengths(new TestSource({ tcp: 0, ipv6: 0, size: 'range', bytes: 100, longest: 109, count: 500 }).take());
    expect([Math.min(...range), Math.max(...range), new Set(range).size]).toEqual([100, 109, 10]);
  });

  test('shares of protocols, VLANs and fragments', () => {
    const packets = new TestSource({ flows: 4000, tcp: 0.5, ipv6: 0.25, vlans: 4, fragments: 0.5, size: 'fixed', bytes: 300, count: 1500 }).take();
    const views = packets.map((packet) => viewOf(packet)).map(({ ipVersion, vlan, isUdp, isLaterFragment }) => ({ ipVersion, vlan, isUdp, isLaterFragment }));
    expect(Math.abs(views.filter(({ ipVersion }) => ipVersion === 6).length / views.length - 0.25)).toBeLessThan(0.06);
    expect(new Set(views.map(({ vlan }) => vlan))).toEqual(new Set([1, 2, 3, 4]));
    const later = views.filter(({ isLaterFragment }) => isLaterFragment);
    const first = views.filter(({ isUdp, ipVersion, isLaterFragment }) => isUdp && ipVersion === 4 && !isLaterFragment);
    expect(Math.abs(later.length / first.length - 0.5)).toBeLessThan(0.1);
  });

  test('flows: so many, evenly, or the first ones most of the time', () => {
    const tallies = (popularity: Popularity): number[] => {
      const counts = Array.from({ length: 10 }, () => 0);
      const random = new Random(5, 6);
      for (let packet = 0; packet < 20_000; packet++) counts[popularity.next(random)]++;
      return counts.map((count) => count / 20_000);
    };
    for (const found of tallies(new Popularity(10, undefined))) expect(Math.abs(found - 0.1)).toBeLessThan(0.01);
    const total = Array.from({ length: 10 }, (_, index) => 1 / (index + 1)).reduce((sum, one) => sum + one);
    tallies(new Popularity(10, 1)).forEach((found, index) => expect(Math.abs(found - 1 / (index + 1) / total)).toBeLessThan(0.01));
    const pairs = new Set(new TestSource({ flows: 20, tcp: 0, ipv6: 0, count: 2000 }).take().map((packet) => {
      const view = viewOf(packet);
      return [view.sourceIpv4 >>> 0, view.destinationIpv4 >>> 0].sort().join();
    }));
    expect(pairs.size).toBe(20);
  });
});

describe('when it comes', () => {
  test('at a rate, by the clock: packets wait for their time, and bear it', () => {
    const source = new TestSource({ rate: 1000, count: 50 });
    expect([source.receive()?.length, source.receive()?.length]).toEqual([1, 0]);
    expect(source.port.nextDue?.()).toBe(1);
    source.advance(10.5);
    const packets = source.receive() ?? [];
    expect(packets.map((packet) => Math.round((milliseconds(packet) - 1250.5) * 1e4) / 1e4)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    source.advance(100);
    expect([source.receive()?.length, source.receive()]).toEqual([39, undefined]);
    expect([source.counted.packets, source.port.lossless]).toEqual([50, false]);
  });

  test('or in bits a second; the slower of both holds', () => {
    const source = new TestSource({ bits: 800_000, rate: 1e6, tcp: 0, ipv6: 0, size: 'fixed', bytes: 100 });
    source.advance(10);
    expect(source.receive()).toHaveLength(11);
    const slower = new TestSource({ bits: 1e9, rate: 100, tcp: 0 });
    slower.advance(100);
    expect(slower.receive()).toHaveLength(11);
  });

  test('what the engine did not take in time is left out, and said once', () => {
    const source = new TestSource({ rate: 1000 }, 'eth0', 4096);
    source.advance(10_000);
    expect(source.receive()).toHaveLength(201);
    source.advance(10_000);
    source.receive();
    expect(source.notices).toEqual([expect.stringContaining('eth0: the engine does not take as many packets as are to come')]);
  });

  test('after so many seconds it ends; without a rate it is as fast as it is taken, and times go up', () => {
    const source = new TestSource({ seconds: 1 });
    const first = [...source.receive() ?? [], ...source.receive() ?? []].map(milliseconds);
    expect([first.length, source.port.lossless]).toEqual([128, true]);
    expect(first.every((time, index) => index === 0 || time > first[index - 1])).toBe(true);
    source.advance(1000);
    expect(source.receive()).toBeUndefined();
    const paced = new TestSource({ seconds: 1, rate: 10 });
    paced.advance(5000);
    expect(paced.take().length).toBeLessThanOrEqual(10);
  });

  test('its packets are counted, and nothing lies outside of its memory, whatever is asked for', () => {
    const random = new Random(1, 2);
    const sizes = ['imix', 'fixed', 'range'] as const;
    for (let round = 0; round < 25; round++) {
      const options = {
        flows: 1 + random.below(500), popularity: round % 2 === 0 ? 'zipf' : 'uniform', exponent: 0.1 + random.below(30) / 10, tcp: random.below(11) / 10, ipv6: random.below(11) / 10, vlans: random.below(3) * 2000,
        fragments: random.below(11) / 10, size: sizes[random.below(3)], bytes: 60 + random.below(200), longest: 260 + random.below(9000), segments: random.below(20), seed: random.below(1000), count: 1 + random.below(400),
      };
      const source = new TestSource(options, 'eth0', 1 + random.below(200));
      const packets = source.take();
      expect([packets.length, source.counted.packets, source.counted.bytes]).toEqual([options.count, options.count, lengths(packets).reduce((sum, one) => sum + one, 0)]);
      expect(packets.every(({ bytes }) => bytes.length >= 60 && [0x0800, 0x86dd, 0x8100].includes(bytes.readUInt16BE(12)))).toBe(true);
    }
  });
});

const withTshark = spawnSync('tshark', ['--version']).status === 0 ? describe : describe.skip;

withTshark('tshark', () => {
  const CHECKED = ['ip.check_checksum:TRUE', 'tcp.check_checksum:TRUE', 'udp.check_checksum:TRUE'].flatMap((one) => ['-o', one]);
  const tshark = (file: string, ...words: string[]): string => execFileSync('tshark', ['-n', '-r', file, ...CHECKED, ...words], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });

  test('finds whole connections, right checksums, fragments that fit, and nothing to complain of', () => {
    const file = writePackets(join(work.folder, 'all.pcap'), new TestSource({ flows: 40, segments: 4, vlans: 2, fragments: 0.3, count: 3000 }).take());
    expect(tshark(file, '-Y', 'tcp.analysis.flags || _ws.malformed || _ws.expert.severity >= 0x600000 || ip.checksum.status == 0 || tcp.checksum.status == 0 || udp.checksum.status == 0')).toBe('');
    const flags = tshark(file, '-Y', 'tcp', '-T', 'fields', '-e', 'tcp.flags.syn', '-e', 'tcp.flags.fin', '-e', 'tcp.flags.ack').split('\n');
    const opened = flags.filter((row) => /^(1|True)\t(0|False)\t(0|False)/.test(row)).length;
    const closed = flags.filter((row) => /^(0|False)\t(1|True)/.test(row)).length / 2;
    expect(opened).toBeGreaterThan(50);
    expect(opened - closed).toBeLessThanOrEqual(40);
    const reassembled = tshark(file, '-Y', 'ip.reassembled_in || ip.fragment.count', '-T', 'fields', '-e', 'ip.fragment.count').split('\n').filter((row) => row.includes('2'));
    expect(reassembled.length).toBeGreaterThan(50);
  });
});

describe('in programs', () => {
  const plugin = ['--plugin', join(__dirname, '..'), '--backend', 'traffic-generator'];
  const script = (name: string, text: string): string => {
    writeFileSync(work.path(name), text);
    return name;
  };

  test('Lua and the command line: it comes to its end, and what is sent there counts', async () => {
    const file = script('set-up.lua', 'PktEngine.new("e0"):link(Brick.new("Duplicator"):connect_input("eth0"):connect_output("out.pcap", "eth1")):start()');
    const outcome = await work.run([...plugin, '-o', 'count=2000', '-o', 'seed=7', '-f', file]);
    expect(outcome).toMatchObject({ code: 0, stderr: expect.stringContaining('e0: 2000 packets received, 0 dropped') });
    const packets = Array.from(readCaptureFile(work.path('out.pcap')), ({ bytes }) => Buffer.from(bytes).toString('hex'));
    expect(packets).toEqual(new TestSource({ count: 2000, seed: 7 }).take().map(({ bytes }) => bytes.toString('hex')));
  });

  test('TypeScript: two interfaces at once, into pipes that other engines read', async () => {
    const file = script('set-up.ts', `
      import { LoadBalancer, Merge, PacketEngine } from 'packet-bricks';
      const generator: PacketEngine = new PacketEngine('generator', { backend: 'traffic-generator', backendOptions: { count: 1500 }, whenFull: 'wait' });
      const reader = new PacketEngine('reader', { backend: 'loopback' });
      await generator.link(new Merge().connectInput('eth0', 'eth1').connectOutput('made{0'));
      await reader.link(new LoadBalancer().connectInput('made}0').connectOutput('a.pcap', 'b.pcap'));
      await reader.start();
      await generator.start();
      await generator.finished();
      const made = generator.audit().balanced;
      await generator.delete();
      await reader.finished();
      console.log(made, reader.audit().balanced, reader.stats().packets);
      await reader.delete();
    `);
    expect(await work.run([...plugin.slice(0, 2), '-f', file])).toMatchObject({ code: 0, stdout: 'true true 3000\n' });
  });

  test('help, check and devices know it, and wrong options are said', async () => {
    const file = script('eth0.lua', 'PktEngine.new("e0"):link(Brick.new("Dummy"):connect_input("eth0"):connect_output("eth1")):start()');
    const check = (...options: string[]) => work.run(['check', ...plugin, ...options.flatMap((one) => ['-o', one]), file]);
    expect(await check()).toMatchObject({ code: 0, stdout: expect.stringContaining('backend traffic-generator') });
    expect(await check('size=range', 'bytes=100', 'longest=90')).toMatchObject({ code: 1, stderr: expect.stringContaining('"longest" is 90, and less than "bytes", which is 100.') });
    expect(await check('flows=many')).toMatchObject({ stderr: expect.stringContaining('the option "flows" is "many"; it must be an integer from 1 to 4194304') });
  });

  const terminalTest = spawnSync('script', ['--version']).status === 0 ? test : test.skip;

  terminalTest('the shell lists its options', async () => {
    const shell = new Running(spawn('script', ['-qfec', `exec '${process.execPath}' '${PROGRAM}' --plugin '${join(__dirname, '..')}' --backend loopback`, '/dev/null'], { cwd: work.folder, env: { ...work.environment, TERM: 'dumb' } }));
    await shell.says(/bricks> /);
    shell.type('? traffic-generator');
    await shell.says(/traffic-generator: Interfaces that bring made-up traffic[^]*rate +a number from 0 to 1000000000/);
    shell.type('exit');
    expect((await shell.ended).code).toBe(0);
  });
});
