/** A tap of drops on real outputs, interfaces and pipes of netmap: what it shows is what did not arrive, to the last packet, each with its reason. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EngineStatistics } from 'packet-bricks';
import { DROP_REASONS } from 'packet-bricks/src/model/drop-reasons';
import { suspend } from '../support/suspend';
import { Engines, eachTestInAWorld, type GraphPart, type Tapped, type World } from '../netmap/world';
import { describeInNamespace, eachTestWithEnds, frame, type Namespace, type PortDriver, type Received } from '../pcap/namespace';
import { writeCapture } from '../support/write-capture';

const folder = mkdtempSync(join(tmpdir(), 'bricks-device-drops-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const range = (first: number, end: number): number[] => Array.from({ length: end - first }, (_, index) => first + index);
const reasonOf = (reason: number): string => DROP_REASONS[reason]?.name ?? `likely ${reason}`;

/** What a tap shows, counted by link and reason, as statistics count it. */
function counted({ packets }: Tapped): Record<string, Record<string, number>> {
  const counts: Record<string, Record<string, number>> = {};
  for (const { link = '', reason } of packets) {
    const of = counts[link] ??= {};
    of[reasonOf(reason)] = (of[reasonOf(reason)] ?? 0) + 1;
  }
  return counts;
}

const dropsOf = ({ links }: EngineStatistics): Record<string, Record<string, number>> => Object.fromEntries(links.filter(({ dropped }) => dropped > 0).map(({ name, drops }) => [name, drops]));

describeInNamespace('an interface', () => {
  let namespace: Namespace;
  let captor: PortDriver;
  let sender: PortDriver;
  let engines: Engines;
  eachTestWithEnds((ends) => {
    ({ namespace, captor, sender } = ends);
  });
  beforeEach(() => {
    namespace.ip('link', 'add', 'ua', 'type', 'veth', 'peer', 'name', 'ub');
    for (const device of ['ua', 'ub']) {
      namespace.run('sysctl', '-qw', `net.ipv6.conf.${device}.disable_ipv6=1`);
      namespace.ip('link', 'set', device, 'mtu', '1500', 'up');
    }
    engines = new Engines(process.env, namespace.name);
  });
  afterEach(() => engines.kill());

  const numbered = (number: number, length: number): Buffer => {
    const payload = Buffer.alloc(length);
    payload.writeUInt32BE(number);
    return frame(payload);
  };
  const numberIn = (data: Buffer): number => data.readUInt32BE(14);
  const shown = ({ packets }: Tapped): [number, string][] => packets.map(({ data, reason }) => [numberIn(Buffer.from(data, 'hex')), reasonOf(reason)]);
  const arrived = ({ packets }: Received): number[] => packets.map(({ bytes }) => numberIn(bytes));

  test('does not take frames above its MTU, and none while it is down', async () => {
    namespace.ip('link', 'set', 'va', 'mtu', '300');
    await captor.tell('openSource', { device: 'vb' });
    await sender.tell('openSinks', { devices: ['ua'] });
    await engines.open('e', [['Duplicator', null, ['ub'], ['va']]], {}, {}, { backend: 'pcap' });
    await engines.start('e');
    const [drops, passed] = [await engines.tap('e', { drops: true }), await engines.tap('e', { place: 'va' })];
    /** Every third frame is too long. */
    const send = async (first: number, end: number): Promise<void> => {
      await sender.tell('send', { frames: range(first, end).map((number) => numbered(number, number % 3 === 0 ? 600 : 50 + (number % 200))) });
      await engines.received('e', end);
    };
    await send(0, 200);
    namespace.ip('link', 'set', 'va', 'down');
    await send(200, 300);
    namespace.ip('link', 'set', 'va', 'up');
    await send(300, 400);
    await engines.stop('e');
    const fits = (number: number): boolean => number % 3 !== 0 && (number < 200 || number >= 300);
    expect(arrived(await captor.tell<Received>('collect', { expected: range(0, 400).filter(fits).length }))).toEqual(range(0, 400).filter(fits));
    const taken = await engines.tapped(drops);
    expect(taken.lost).toBe(0);
    expect(shown(taken).map(([number]) => number)).toEqual(range(0, 400).filter((number) => !fits(number)));
    expect(shown(taken).filter(([number]) => number < 200 || number >= 300).every(([, reason]) => reason === 'tooLong')).toBe(true);
    expect(shown(taken).filter(([number]) => number >= 200 && number < 300).every(([number, reason]) => reason === 'interfaceDown' || (reason === 'tooLong' && number % 3 === 0))).toBe(true);
    expect(counted(taken)).toEqual(dropsOf(await engines.stats('e')));
    expect(shown(await engines.tapped(passed)).map(([number]) => number)).toEqual(range(0, 400).filter(fits));
  });

  test('does not take what is no frame', async () => {
    const file = writeCapture(join(folder, 'short.pcap'), range(0, 60).map((number) => ({ bytes: number % 4 === 1 ? Buffer.from([0, 0, 0, 0, 0, 0, 0, number]) : numbered(number, 60) })));
    await captor.tell('openSource', { device: 'vb' });
    await engines.open('e', [['PcapReader', null, [file], ['in{0']], ['Duplicator', null, ['in}0'], ['va']]], {}, {}, { backend: 'pcap' });
    const drops = await engines.tap('e', { drops: true });
    await engines.start('e');
    await engines.received('e', 60);
    await engines.stop('e');
    expect(arrived(await captor.tell<Received>('collect', { expected: 45 }))).toEqual(range(0, 60).filter((number) => number % 4 !== 1));
    const taken = await engines.tapped(drops);
    expect(taken.packets.map(({ data, reason }) => [Number.parseInt(data.slice(-2), 16), reasonOf(reason)])).toEqual(range(0, 60).filter((number) => number % 4 === 1).map((number) => [number, 'malformed']));
    expect(counted(taken)).toEqual(dropsOf(await engines.stats('e')));
  });
});

const hasCompiler = spawnSync('cc', ['--version']).status === 0;
const describeNetmap = hasCompiler ? describe : describe.skip;

describeNetmap(`a pipe of netmap${hasCompiler ? '' : ' (skipped: there is no C compiler)'}`, () => {
  let world: World;
  eachTestInAWorld((fresh) => {
    world = fresh;
  });

  const HEADERS = 42;
  /** As test/netmap/peer.c makes them. */
  const peerFrame = (flow: number, number: number, size: number): Buffer => {
    const made = Buffer.from(Array.from({ length: size }, (_, at) => (at < HEADERS ? 0 : flow + number + at)));
    Buffer.from('020000000001020000000002080045000000000000004011', 'hex').copy(made);
    made.writeUInt16BE(size - 14, 16);
    made.set([10, 0, flow >> 8, flow, 10, 1, 0, flow * 7], 26);
    made.writeUInt16BE(1024 + flow, 34);
    made.writeUInt16BE(53, 36);
    made.writeUInt32LE(flow, HEADERS);
    made.writeUInt32LE(size, HEADERS + 4);
    made.writeBigUInt64LE(BigInt(number), HEADERS + 8);
    return made;
  };
  const idOf = (data: Buffer): string => `${data.readUInt32LE(HEADERS)}:${data.readUInt32LE(HEADERS + 8)}`;
  const shown = ({ packets }: Tapped): string[] => packets.map(({ data }) => idOf(Buffer.from(data, 'hex')));
  const sortedIds = (ids: readonly string[]): string[] => [...ids].sort();

  /** Readers of which one is slow and one reads nothing until all has come; what they got, and what the tap showed. */
  async function overflow(engines: Engines, feed: () => Promise<{ readonly packets: number; end(): Promise<unknown> }>): Promise<{ readonly got: readonly string[]; readonly taken: Tapped; readonly statistics: EngineStatistics }> {
    const drops = await engines.tap('e', { drops: true, snap: 64 });
    const readers = await Promise.all(['x}1', 'x}2'].map((link) => world.peer('receive', link, [0, 3000], { PEER_SHOW: '1' })));
    await suspend(readers[1].process);
    const sender = await feed();
    await engines.received('e', sender.packets);
    readers[1].process.kill('SIGCONT');
    // What waits in extra buffers is dropped, and shown, when the engine closes its pipes.
    const statistics = await engines.close('e');
    const taken = await engines.tapped(drops);
    expect(taken.lost).toBe(0);
    const ended = await Promise.all(readers.map((reader) => reader.end()));
    await sender.end();
    return { got: ended.flatMap(({ shown: seen = [] }) => seen.map(([flow, number]) => `${flow}:${number}`)), taken, statistics };
  }

  test('that is read too slowly does not take what comes from a file, in frames of one slot and of several', async () => {
    const sizes = [60, 1500, 5000, 120, 2049];
    const ids: string[] = [];
    const next = new Map<number, number>();
    const file = writeCapture(join(folder, 'netmap.pcap'), range(0, 5000).map((index) => {
      const flow = index % 23;
      const number = next.get(flow) ?? 0;
      next.set(flow, number + 1);
      ids.push(`${flow}:${number}`);
      return { bytes: peerFrame(flow, number, sizes[index % sizes.length]) };
    }));
    await world.peer('hold', 'x{keep');
    const engines = world.engines();
    await engines.open('e', [['PcapReader', null, [file], ['in{0']], ['LoadBalancer', 4, ['in}0'], ['x{1', 'x{2']]], { drainMilliseconds: 0 }, {}, { whenFull: 'drop' });
    const { got, taken, statistics } = await overflow(engines, async () => {
      await engines.start('e');
      return { packets: 5000, end: () => Promise.resolve() };
    });
    expect(taken.packets.length).toBeGreaterThan(500);
    expect(counted(taken)).toEqual(dropsOf(statistics));
    expect(sortedIds([...got, ...shown(taken)])).toEqual(sortedIds(ids));
  });

  test('that is read too slowly does not take what comes from another pipe, whose buffers change hands', async () => {
    await world.peer('hold', 'x{keep');
    const engines = world.engines();
    await engines.open('e', [['LoadBalancer', 4, ['x}0'], ['x{1', 'x{2']]], { drainMilliseconds: 0 });
    await engines.start('e');
    const { got, taken, statistics } = await overflow(engines, async () => {
      const sender = await world.send('x{0', 9000, 30, 60);
      return { packets: 9000, end: () => sender.end() };
    });
    expect(taken.packets.length).toBeGreaterThan(500);
    expect(counted(taken)).toEqual(dropsOf(statistics));
    expect(sortedIds([...got, ...shown(taken)])).toEqual(sortedIds(range(0, 9000).map((index) => `${index % 30}:${Math.floor(index / 30)}`)));
  });

  const sent = (packets: number): string[] => range(0, packets).map((index) => `${index % 30}:${Math.floor(index / 30)}`);
  const feedFromPipe = async (): Promise<{ packets: number; end(): Promise<unknown> }> => {
    const sender = await world.send('x{0', 9000, 30, 60);
    return { packets: 9000, end: () => sender.end() };
  };

  test('that drops what it kept in extra buffers for newer packets', async () => {
    await world.peer('hold', 'x{keep');
    const engines = world.engines();
    await engines.open('e', [['LoadBalancer', 4, ['x}0'], ['x{1', 'x{2']]], { extraBuffers: 300, drainMilliseconds: 0 });
    await engines.start('e');
    const { got, taken, statistics } = await overflow(engines, feedFromPipe);
    expect(taken.packets.length).toBeGreaterThan(500);
    expect(counted(taken)).toEqual(dropsOf(statistics));
    expect(sortedIds([...got, ...shown(taken)])).toEqual(sortedIds(sent(9000)));
  });

  test('that another graph does not have, with what waits for it in extra buffers', async () => {
    await world.peer('hold', 'x{keep');
    const engines = world.engines();
    const balancer = (...outputs: string[]): GraphPart[] => [['LoadBalancer', 4, ['x}0'], outputs]];
    await engines.open('e', balancer('x{1', 'x{2'), { extraBuffers: 600, drainMilliseconds: 0 });
    await engines.start('e');
    const drops = await engines.tap('e', { drops: true });
    const sender = await world.send('x{0', 6000, 30, 60);
    await engines.received('e', 6000);
    await engines.relink('e', balancer('x{1'));
    const { packets, drops: all } = await engines.close('e');
    const taken = await engines.tapped(drops);
    await sender.end();
    expect(packets).toBe(6000);
    expect([taken.lost, taken.packets.length]).toEqual([0, all]);
    expect(taken.packets.filter(({ link }) => link === 'x{2').length).toBeGreaterThan(0);
    expect(new Set(shown(taken)).size).toBe(all);
  });

  test.each([0, 300])('of a chain that is read too slowly, with %d extra buffers', async (extraBuffers) => {
    await world.peer('hold', 'x{keep');
    const engines = world.engines();
    await engines.open('e', [['Duplicator', null, ['x}0'], ['x{1', 'x{2']]], { groups: 'chain', extraBuffers, drainMilliseconds: 0 });
    await engines.start('e');
    const { got, taken, statistics } = await overflow(engines, feedFromPipe);
    expect(taken.packets.length).toBeGreaterThan(500);
    expect(counted(taken)).toEqual(dropsOf(statistics));
    expect(sortedIds([...got, ...shown(taken)])).toEqual(sortedIds([...sent(9000), ...sent(9000)]));
  });
});
