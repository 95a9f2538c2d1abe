/** Traces: the way of packets through an engine, and what each brick says of it. */
import { Duplicator, Filter, LoadBalancer, Merge, type PacketEngine } from 'packet-bricks';
import type { Trail, WatchEnd } from 'packet-bricks/src/watch/watch-plan';
import type { TraceSettings } from 'packet-bricks/src/control/engine-watches';
import { closeEngines, flowPacket, injectAll, loopback, runningEngine, until } from '../support/loopback-engine';
import { bytesOf, ethernet, ipv4, udp } from '../support/packets';

afterEach(closeEngines);

interface Traced { readonly trails: Trail[]; readonly ends: WatchEnd[]; readonly stop: () => void }

async function trace(engine: PacketEngine, settings: TraceSettings): Promise<Traced> {
  const trails: Trail[] = [];
  const ends: WatchEnd[] = [];
  let begin: () => void = () => undefined;
  const begun = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const stop = engine.watches.trace(settings, { begun: begin, trail: (trail) => trails.push(trail), ended: (end) => ends.push(end) });
  await begun;
  return { trails, ends, stop };
}

const way = ({ steps }: Trail): string[] => steps.map(({ brick, link, verdict, outputs, reason }) => [brick ?? link, verdict, ...(outputs ?? []).map((one) => one.link), ...(reason === undefined ? [] : [reason])].join(' '));

/** The halves of a datagram, as frames: 1,480 bytes of it in the first. */
function fragments(id: number): Buffer[] {
  const whole = bytesOf(ethernet({}, ipv4({ source: '10.0.0.1', destination: '192.0.2.9' }, udp({ sourcePort: 7, destinationPort: 9 }, Buffer.alloc(2000)))));
  const part = (from: number, to: number, offset: number, more: number): Buffer => {
    const frame = Buffer.concat([whole.subarray(0, 34), whole.subarray(34 + from, 34 + to)]);
    frame.writeUInt16BE(20 + to - from, 16);
    frame.writeUInt16BE(id, 18);
    frame.writeUInt16BE((more << 13) | (offset / 8), 20);
    return frame;
  };
  return [part(0, 1480, 0, 1), part(1480, 2008, 1480, 0)];
}

describe('a trace', () => {
  test('tells the way of the next packets to all places where they end, what each brick decided, and why', async () => {
    const balancer = new LoadBalancer().connectInput('eth0').connectOutput('lb{0', 'lb{1');
    const filter = new Filter({ expression: 'udp', drop: 'port 9' }).connectInput('lb}0').connectOutput('eth1');
    const copies = new Duplicator().connectInput('lb}1').connectOutput('eth2', 'tracegone{0');
    const engine = await runningEngine(balancer.link(filter.link(copies)), { whenFull: 'drop' });
    const { trails, ends } = await trace(engine, { count: 40 });
    await injectAll('eth0', Array.from({ length: 60 }, (_, number) => flowPacket(number, number)));
    await until(() => ends.length > 0);
    expect(ends).toEqual([{ why: 'count' }]);
    expect(trails.map(({ number }) => number)).toEqual(Array.from({ length: 40 }, (_, index) => index + 1));
    const ways = new Set(trails.map((trail) => way(trail).join(', ')));
    expect(ways).toEqual(new Set([
      'eth0 received, LoadBalancer passed lb}0, Filter passed eth1, eth1 sent',
      'eth0 received, LoadBalancer passed lb}0, Filter dropped decision',
      'eth0 received, LoadBalancer passed lb}1, Duplicator passed eth2 tracegone{0, eth2 sent, tracegone{0 dropped noReader',
    ]));
    for (const { steps, complete } of trails) {
      expect(complete).toBe(true);
      const [output] = steps[1].outputs ?? [];
      expect(steps[1].explanation).toMatch(new RegExp(`^hash 0x[0-9a-f]{8} of its flow modulo 2 is ${output.output}$`));
      const { brick, explanation } = steps[2];
      if (brick === 'Duplicator') expect(explanation).toBe('each of its 2 outputs gets it');
      else expect(explanation).toMatch(/^("udp" does not match|"udp" matches|drop "port 9" matches)$/);
    }
  });

  test('follows packets that are copied for a change, and those that are held', async () => {
    const fragmented = fragments(77);
    const engine = await runningEngine(new LoadBalancer({ fragmentWait: 5000 }).connectInput('eth0').connectOutput('eth1', 'eth2'));
    const held = await trace(engine, { count: 2, filter: 'ip host 192.0.2.9' });
    await injectAll('eth0', [fragmented[1]]);
    await until(() => engine.stats().bricks[0].held === 1);
    expect(held.trails).toEqual([]);
    await injectAll('eth0', [fragmented[0]]);
    await until(() => held.ends.length > 0);
    const [first, later] = held.trails;
    expect(way(first)).toEqual(['eth0 received', expect.stringMatching(/^LoadBalancer passed eth[12]$/), expect.stringMatching(/^eth[12] sent$/)]);
    expect(first.steps[1].explanation).toMatch(/^first fragment of datagram 77 at 0, .*hash 0x[0-9a-f]{8} of its flow modulo 2 is [01]$/);
    expect(way(later).map((step) => step.replace(/eth[12]/, 'out'))).toEqual(['eth0 received', 'LoadBalancer held', 'LoadBalancer released out', 'out sent']);
    expect(later.steps[1].explanation).toBe('fragment of datagram 77 at 1480 came before the first one: waits for it, 5000 ms at most');
  });

  test('is over when another graph takes over, or is stopped; sources and filters choose its packets', async () => {
    const engine = await runningEngine(new Merge().connectInput('eth0', 'eth3').connectOutput('eth1'));
    const { trails, ends, stop } = await trace(engine, { count: 10, place: 'eth3', filter: 'tcp' });
    await injectAll('eth0', Array.from({ length: 20 }, (_, number) => flowPacket(number, number)));
    await injectAll('eth3', Array.from({ length: 6 }, (_, number) => flowPacket(number, 100 + number)));
    await until(() => trails.length === 4);
    expect(trails.map(way)).toEqual(Array.from({ length: 4 }, () => ['eth3 received', 'Merge passed eth1', 'eth1 sent']));
    const second = await trace(engine, { count: 10 });
    stop();
    await engine.relink(new Merge().connectInput('eth0').connectOutput('eth1'));
    await until(() => second.ends.length > 0);
    expect([ends, second.ends.map(({ why }) => why)]).toEqual([[], ['gone']]);
    expect(() => engine.watches.trace({ count: 1, place: 'eth1' }, { trail: () => undefined, ended: () => undefined })).toThrow(/the engine does not receive from eth1/);
    expect(loopback.read('eth1')).toHaveLength(26);
  });
});
