/** Rates and shares from looks at counters, remedies of drops, and the tables that show them. */
import { DROP_REASONS } from 'packet-bricks';
import { dropsOf, dropText, remedyOf } from 'packet-bricks/src/control/drops';
import { groupedNumber, percentText, withUnit } from 'packet-bricks/src/control/number-text';
import { RateMeter } from 'packet-bricks/src/control/rate-meter';
import { nothingCounted, type BrickStatistics, type EngineStatistics, type LinkStatistics } from 'packet-bricks/src/control/statistics';
import { engineText, enginesText } from 'packet-bricks/src/control/statistics-text';

function link(name: string, role: LinkStatistics['role'], packets: number, drops: LinkStatistics['drops'] = {}): LinkStatistics {
  const dropped = Object.values(drops).reduce((sum, count) => sum + count, 0);
  return { name, role, ...(role === 'source' ? { to: 'LoadBalancer' } : { from: 'LoadBalancer' }), packets, bytes: 100 * packets, dropped, drops };
}

function brick(packets: number): BrickStatistics {
  return { id: 1, kind: 'LoadBalancer', label: 'LoadBalancer', packetsIn: packets, packetsOut: packets, copies: 0, created: 0, held: 0, dropped: 0, drops: {}, nanosecondsPerPacket: 0, counters: {}, gauges: {} };
}

/** A balancer that has received `packets`: a quarter went to the first output, half to the second, and a quarter was dropped there. */
function balancer(packets: number): EngineStatistics {
  const quarter = packets / 4;
  return {
    ...nothingCounted('e0'), running: true, packets, bytes: 100 * packets, drops: quarter, busyNanoseconds: 250_000 * packets,
    links: [link('eth3', 'source', packets), link('eth3{0', 'sink', quarter), link('eth3{1', 'sink', 2 * quarter, { noReader: quarter })],
    bricks: [brick(packets)],
  };
}

describe('rates', () => {
  test('over one second and over ten, with the share of each output and the load', () => {
    const meter = new RateMeter();
    for (let second = 0; second <= 20; second++) meter.add([balancer(second < 19 ? 1000 * second : 18_000 + 2000 * (second - 18))], second);
    const [one, ten] = meter.rates(balancer(24_000), 21);
    expect(one).toEqual({
      seconds: 1, load: 0.5, packets: 2000, bits: 1_600_000, drops: 500,
      links: [
        { name: 'eth3', packets: 2000, bits: 1_600_000, drops: 0 },
        { name: 'eth3{0', packets: 500, bits: 400_000, drops: 0, share: 0.25 },
        { name: 'eth3{1', packets: 1000, bits: 800_000, drops: 500, share: 0.75 },
      ],
      bricks: [{ label: 'LoadBalancer', packetsIn: 2000, packetsOut: 2000, drops: 0 }],
    });
    expect(ten).toMatchObject({ seconds: 10, packets: 1300, load: 0.325 });
  });

  test('over less, for an engine that is new; none for one that was never looked at, or just now', () => {
    const meter = new RateMeter();
    expect(meter.rates(balancer(4), 5)).toEqual([]);
    meter.add([balancer(0)], 5);
    expect(meter.rates(balancer(4), 5.05)).toEqual([]);
    expect(meter.rates(balancer(4000), 7).map(({ seconds, packets }) => [seconds, packets])).toEqual([[2, 2000], [2, 2000]]);
    meter.clear();
    expect(meter.rates(balancer(4000), 8)).toEqual([]);
  });

  test('counters that begin anew, and links that are new, are never negative', () => {
    const meter = new RateMeter();
    meter.add([balancer(8000)], 0);
    const after = balancer(400);
    const [one] = meter.rates({ ...after, links: [...after.links, link('eth3{2', 'sink', 40)] }, 1);
    expect(one.packets).toBe(400);
    expect(one.links.at(-1)).toMatchObject({ name: 'eth3{2', packets: 40 });
  });
});

describe('drops', () => {
  test('every reason says what happened, and what to do with the names of the links, if there is anything to do', () => {
    for (const { name, text, happened, remedy } of DROP_REASONS) {
      expect([text, happened]).not.toContain('');
      expect(remedy).toMatch(name === 'decision' ? /^$/ : /^[A-Z].*\.$/);
      expect(remedyOf({ place: 'eth3{0', kind: 'link', reason: name })).not.toMatch(/\{(?!0)/);
    }
    expect(remedyOf({ place: 'eth3{0', kind: 'link', reason: 'noReader' })).toContain("bricks attach 'eth3}0'");
    expect(remedyOf({ place: "it's{0", kind: 'link', reason: 'noReader' })).toContain("bricks attach 'it'\\''s}0'");
    expect(remedyOf({ place: 'eth4', kind: 'link', reason: 'interfaceDown' })).toContain('ip link set eth4 up');
    expect(remedyOf({ place: 'eth3{0', kind: 'link', reason: 'tooLong', source: 'eth3' })).toContain('ethtool -K eth3 tso off');
  });

  test('a pipe that has a reader by now needs none', () => {
    const engine = balancer(8);
    const links = engine.links.map((one) => ({ ...one, ring: { bytes: 4096, used: 0, reader: { process: 71, name: 'suricata' } } }));
    expect(dropsOf({ ...engine, links }).map(dropText)).toEqual(['eth3{1: 2 packets had no reader. It has one now: suricata 71.']);
  });

  test('are listed one by one, links first', () => {
    const engine = { ...balancer(8), bricks: [{ ...brick(8), label: 'Filter', drops: { decision: 1 }, dropped: 1 }] };
    expect(dropsOf(engine).map(dropText)).toEqual([
      "eth3{1: 2 packets had no reader. Start one, for example: bricks attach 'eth3}1'. Or remove the output.",
      'Filter: 1 packet did not pass the brick, as it is meant to be.',
    ]);
    expect(dropsOf(engine)[0]).toEqual({ engine: 'e0', place: 'eth3{1', kind: 'link', reason: 'noReader', packets: 2, source: 'eth3' });
  });
});

test('numbers are grouped by thousands, and a share is nothing or all only if it is', () => {
  expect([0, 999, 1000, 25_704_741].map(groupedNumber)).toEqual(['0', '999', '1,000', '25,704,741']);
  expect([withUnit(16e6, 'bit/s'), withUnit(7, 'B')]).toEqual(['16.0 Mbit/s', '7 B']);
  expect([0, 0.001, 0.25, 0.999, 1].map(percentText)).toEqual(['0 %', '<1 %', '25 %', '>99 %', '100 %']);
});

describe('show_stats', () => {
  const meter = new RateMeter();
  meter.add([balancer(0)], 0);
  const now = balancer(4000);
  const engine: EngineStatistics = { ...now, rates: meter.rates(now, 4), links: now.links.map((one) => (one.name === 'eth3{0' ? { ...one, ring: { bytes: 4096, used: 1024, reader: { process: 71, name: 'suricata' } } } : one)) };

  test('of an engine: counts, rates, shares, rings with their readers, drops with what to do', () => {
    expect(engineText(engine).split('\n')).toEqual([
      'Engine e0 (running, busy 25 % over 4 s, 25 % over 4 s)',
      'LINK    ROLE    PACKETS   BYTES  DROPS',
      'eth3    source     4000  400000      0',
      'eth3{0  sink       1000  100000      0',
      'eth3{1  sink       2000  200000   1000',
      'total              4000  400000   1000',
      'LINK    PACKETS/S  BITS/S  IN 4 S  BITS/S  SHARE  RING  READER',
      'eth3       1.00 k   800 k  1.00 k   800 k',
      'eth3{0        250   200 k     250   200 k   25 %  25 %  suricata 71',
      'eth3{1        500   400 k     500   400 k   75 %',
      'Drops:',
      "  eth3{1: 1,000 packets had no reader. Start one, for example: bricks attach 'eth3}1'. Or remove the output.",
    ]);
  });

  test('of all: a line for each, the totals, and rates of those that run', () => {
    const stopped = { ...nothingCounted('e1'), former: { packets: 5, sent: 2, drops: 3 } };
    expect(enginesText([engine, stopped]).split('\n')).toEqual([
      'ENGINE  STATE    PACKETS   BYTES  DROPS',
      'e0      running     4000  400000   1000',
      'e1      stopped        0       0      0',
      'total               4000  400000   1000',
      'ENGINE  PACKETS/S  BITS/S  IN 4 S  BITS/S  BUSY  IN 4 S',
      'e0         1.00 k   800 k  1.00 k   800 k  25 %    25 %',
      'Drops:',
      "  e0 eth3{1: 1,000 packets had no reader. Start one, for example: bricks attach 'eth3}1'. Or remove the output.",
      '  e1 3 more were dropped by links and bricks that have left the graph.',
    ]);
    expect(enginesText([nothingCounted('e2')])).toMatch(/\nThe engine e2 has no brick, so nothing happens\. Link one .*pe:link\(brick\):start\(\)\.$/);
    expect(enginesText([])).toBe('ENGINE  STATE  PACKETS  BYTES  DROPS\ntotal                0      0      0');
  });
});
