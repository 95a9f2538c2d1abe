/** Taps: packets on their way through an engine, seen without a change to it. */
import { Duplicator, Filter, LoadBalancer, Merge } from 'packet-bricks';
import { DROP_REASONS } from 'packet-bricks/src/model/drop-reasons';
import type { EngineTap } from 'packet-bricks/src/control/engine-watches';
import type { TappedPacket } from 'packet-bricks/src/watch/tap-ring';
import type { WatchEnd } from 'packet-bricks/src/watch/watch-plan';
import { closeEngines, flowPacket, injectAll, loopback, newEngine, numbersOf, runningEngine, until } from '../support/loopback-engine';

afterEach(closeEngines);

const PACKETS = 600;
const traffic = (count = PACKETS) => Array.from({ length: count }, (_, number) => flowPacket(number % 40, number, false, 8 + (number % 5) * 100));

/** Reads a tap until it has brought so many packets, or those that are there when `done` holds. */
async function take(tap: EngineTap, count: number): Promise<TappedPacket[]> {
  const packets: TappedPacket[] = [];
  await until(() => {
    packets.push(...tap.read(10_000));
    return packets.length >= count;
  });
  return packets;
}

const numbers = (packets: readonly TappedPacket[]) => numbersOf(packets.map((packet) => ({ bytes: packet.data })));
const ignore = (): void => undefined;

/** eth0 -> LoadBalancer -> 2 inner links, of which one goes through a Filter; both are merged again. */
async function tree() {
  const balancer = new LoadBalancer().connectInput('eth0').connectOutput('lb{0', 'lb{1');
  const filter = new Filter('tcp').connectInput('lb}1').connectOutput('tcp{0');
  const merge = new Merge().connectInput('lb}0', 'tcp}0').connectOutput('eth1');
  return runningEngine(balancer.link(filter.link(merge)));
}

describe('a tap', () => {
  test('on each link shows exactly the packets that passed it, and the engine loses none', async () => {
    const engine = await tree();
    const names = ['eth0', 'lb}0', 'lb{1', 'tcp}0', 'eth1'];
    const taps = names.map((place) => engine.watches.tap({ place }, ignore));
    const dropped = engine.watches.tap({ drops: true }, ignore);
    await Promise.all([...taps, dropped].map(({ begun }) => begun));
    await injectAll('eth0', traffic());
    await until(() => engine.stats().packets === PACKETS);
    await engine.stop();
    const { links, bricks } = engine.stats();
    for (const [index, name] of names.entries()) {
      const link = links.find((one) => one.name === name || one.name === name.replace('{', '}'));
      const packets = taps[index].read(10_000);
      expect([name, packets.length, packets.reduce((sum, { length }) => sum + length, 0)]).toEqual([name, link?.packets, link?.bytes]);
      expect(packets.every((packet) => packet.data.length === packet.length && packet.reason === -1)).toBe(true);
      expect(taps[index].lost).toBe(0);
    }
    expect(loopback.read('eth1')).toHaveLength(links.find(({ name }) => name === 'eth1')?.packets as number);
    const drops = dropped.read(10_000);
    expect(drops).toHaveLength(bricks.find(({ kind }) => kind === 'Filter')?.dropped as number);
    expect(drops.length).toBeGreaterThan(0);
    expect(drops[0].place).toEqual({ role: 'brick', brick: 'Filter' });
    expect(engine.audit().balanced).toBe(true);
  });

  test('takes what it is asked for: a filter, one in so many, so many a second, so many in all, the first bytes', async () => {
    const engine = await runningEngine(new Duplicator().connectInput('eth0').connectOutput('eth1', 'eth2'));
    const ends: WatchEnd[] = [];
    const filtered = engine.watches.tap({ place: 'eth0', filter: 'tcp', snap: 60 }, ignore);
    const sampled = engine.watches.tap({ place: 'eth1', sample: 7 }, ignore);
    const limited = engine.watches.tap({ place: 'Duplicator', rate: 5 }, ignore);
    const counted = engine.watches.tap({ place: 'eth2', count: 10 }, (end) => ends.push(end));
    await Promise.all([filtered, sampled, limited, counted].map(({ begun }) => begun));
    const given = traffic(140);
    await injectAll('eth0', given);
    await until(() => engine.stats().packets === 140 && ends.length > 0);
    const tcp = given.filter(({ flow }) => flow % 3 !== 0);
    const seen = filtered.read(1000);
    expect(seen.map(({ length }) => length)).toEqual(tcp.map(({ bytes }) => bytes.length));
    expect(seen.every((packet) => packet.data.length === Math.min(60, packet.length))).toBe(true);
    expect(numbers(sampled.read(1000))).toEqual(Array.from({ length: 20 }, (_, index) => index * 7));
    expect(limited.read(1000)).toHaveLength(5);
    expect(numbers(counted.read(1000))).toEqual(Array.from({ length: 10 }, (_, index) => index));
    expect(ends).toEqual([{ why: 'count' }]);
    for (const tap of [filtered, sampled, limited, counted]) tap.close();
  });

  test('that samples alone takes exactly one in so many, over many batches, and while others come and go', async () => {
    const engine = await runningEngine(new Duplicator().connectInput('eth0').connectOutput('eth1', 'eth2'));
    const given = traffic(1000);
    const inject = async (first: number, end: number): Promise<void> => {
      const before = engine.stats().packets;
      await injectAll('eth0', given.slice(first, end));
      await until(() => engine.stats().packets === before + end - first);
    };
    const one = engine.watches.tap({ place: 'eth1', sample: 90 }, ignore);
    await one.begun;
    for (let first = 0; first < 350; first += 70) await inject(first, first + 70);
    const other = engine.watches.tap({ place: 'eth2', sample: 40 }, ignore);
    await other.begun;
    await inject(350, 420);
    expect(numbers(await take(other, 2))).toEqual([350, 390]);
    other.close();
    const trace = engine.watches.trace({ count: 1 }, { trail: ignore, ended: ignore });
    await inject(420, 500);
    trace();
    for (let first = 500; first < 1000; first += 25) await inject(first, first + 25);
    expect(numbers(await take(one, 12))).toEqual(Array.from({ length: 12 }, (_, index) => index * 90));
    one.close();
    const both = engine.watches.tap({ place: 'Duplicator', sample: 90 }, ignore);
    await both.begun;
    for (let first = 0; first < 1000; first += 50) await inject(first, first + 50);
    expect(await take(both, 23)).toHaveLength(Math.ceil(2000 / 90));
  });

  test('that nobody reads holds up nobody: what it has no room for is lost to it, and counted', async () => {
    const engine = await runningEngine(new LoadBalancer().connectInput('eth0').connectOutput('eth1'));
    const tap = engine.watches.tap({ place: 'eth0' }, ignore);
    await tap.begun;
    const count = 5000;
    const sent: number[] = [];
    for (let first = 0; first < count; first += 500) {
      await injectAll('eth0', Array.from({ length: 500 }, (_, index) => flowPacket(1, first + index, false, 1200)));
      await until(() => {
        sent.push(...numbersOf(loopback.read('eth1')));
        return sent.length === first + 500;
      });
    }
    const kept = tap.read(count);
    expect(kept.length).toBeGreaterThan(1000);
    expect(kept.length + tap.lost).toBe(count);
    expect(numbers(kept)).toEqual(sent.slice(0, kept.length));
    // There is room again.
    await injectAll('eth0', [flowPacket(1, count)]);
    expect(numbers(await take(tap, 1))).toEqual([count]);
  });

  test('tells why packets were dropped where they were to be sent', async () => {
    const engine = await runningEngine(new LoadBalancer().connectInput('eth0').connectOutput('eth1', 'tapgone{0'), { whenFull: 'drop' });
    const drops = engine.watches.tap({ drops: true, place: 'tapgone{0' }, ignore);
    const passed = engine.watches.tap({ place: 'tapgone{0' }, ignore);
    await drops.begun;
    await injectAll('eth0', traffic());
    await until(() => engine.stats().packets === PACKETS);
    await engine.stop();
    const link = engine.stats().links.find(({ name }) => name === 'tapgone{0');
    const packets = drops.read(1000);
    expect(packets).toHaveLength(link?.drops.noReader as number);
    expect(packets.length).toBeGreaterThan(0);
    expect(packets.every(({ reason, place }) => DROP_REASONS[reason].name === 'noReader' && place.brick === 'LoadBalancer' && place.output === 1)).toBe(true);
    expect(passed.read(1000)).toEqual([]);
  });

  test('stays while another graph takes over, ends where its link is gone or the engine is, and is refused where there is no such link', async () => {
    const source = new Merge().connectInput('eth0').connectOutput('in{0');
    const engine = await runningEngine(source.link(new Filter('tcp').connectInput('in}0').connectOutput('eth1')));
    const ends: string[] = [];
    const staying = engine.watches.tap({ place: 'in}0' }, ({ why }) => ends.push(`staying ${why}`));
    const leaving = engine.watches.tap({ place: 'Filter' }, ({ why }) => ends.push(`leaving ${why}`));
    await Promise.all([staying.begun, leaving.begun]);
    await engine.relink(new Merge().connectInput('eth0').connectOutput('in{0').link(new Duplicator().connectInput('in}0').connectOutput('eth1')));
    await until(() => ends.length > 0);
    await injectAll('eth0', traffic(100));
    expect(numbers(await take(staying, 100))).toHaveLength(100);
    await engine.stop();
    await engine.unlink();
    expect(ends).toEqual(['leaving gone', 'staying engine']);
    expect(() => engine.watches.tap({ place: 'eth0' }, ignore)).toThrow(expect.objectContaining({ code: 'E_ENGINE_NOT_LINKED' }));
    const other = newEngine();
    await other.link(new Merge().connectInput('eth5').connectOutput('eth6'));
    expect(() => other.watches.tap({ place: 'eth7' }, ignore)).toThrow(/no link or brick eth7.*Did you mean eth\d/s);
    expect(() => other.watches.tap({ place: 'eth5', drops: true }, ignore)).toThrow(/Nothing is dropped on eth5/);
    expect(() => other.watches.tap({ place: 'eth5', filter: 'tcp prt 80' }, ignore)).toThrow(expect.objectContaining({ code: 'E_FILTER' }));
  });
});
