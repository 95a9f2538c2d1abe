/** Rules of a running daemon, under live traffic in a network namespace: from a file, from Suricata's log, and with nobody left who keeps them. */
import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Daemon } from 'packet-bricks';
import { DaemonPlace } from '../daemon/programs';
import { describeInNamespace, Namespace, type PortDriver, type Received, type Sent } from '../pcap/namespace';
import { bytesOf, ethernet, ipv4, tcp, text, udp } from '../support/packets';

const DEATH = 'death';
const [FIN, ACK, PUSH] = [1, 16, 8];

interface Flow { readonly source: string; readonly sourcePort: number; readonly destination: string; readonly destinationPort: number; readonly protocol: 'tcp' | 'udp' }

function flow(source: string, sourcePort: number, destination: string, destinationPort: number, protocol: 'tcp' | 'udp' = 'tcp'): Flow {
  return { source, sourcePort, destination, destinationPort, protocol };
}

const answerOf = ({ source, sourcePort, destination, destinationPort, protocol }: Flow): Flow => flow(destination, destinationPort, source, sourcePort, protocol);

let number = 0;
/** A frame of the flow that is like no other. */
function frameOf(of: Flow, flags = ACK): Buffer {
  const { source, destination, protocol, ...ports } = of;
  const content = text(`packet ${String(number++).padStart(8, '0')}`);
  return bytesOf(ethernet({}, ipv4({ source, destination }, protocol === 'tcp' ? tcp({ ...ports, flags }, content) : udp(ports, content))));
}

/** What Suricata writes of a flow. */
const record = (of: Flow, more: object): string => `${JSON.stringify({ timestamp: '2025-01-01T00:00:00.000000+0000', src_ip: of.source, src_port: of.sourcePort, dest_ip: of.destination, dest_port: of.destinationPort, proto: of.protocol.toUpperCase(), ...more })}\n`;

describeInNamespace('rules of a daemon under live traffic', () => {
  let place: DaemonPlace;
  let namespace: Namespace;
  let captor: PortDriver;
  let sender: PortDriver;
  let daemon: Daemon;
  /** Packets that were sent to the engine of the daemon, and those of them that were to leave it. */
  let [came, went] = [0, 0];

  const setUp = (eveExpire: number): string => place.script('set-up.lua', `PktEngine.new("e0"):link(Brick.new("Filter", {file = "block.txt", eve = "eve.json", eveExpire = ${eveExpire}}):connect_input("va"):connect_output("vc")):start()\n`);

  /** A daemon whose filter stands between `va` and `vc`; frames are sent on `vb`, and what comes through is captured on `vd`. */
  beforeAll(async () => {
    place = new DaemonPlace();
    namespace = new Namespace();
    namespace.ip('link', 'add', 'vc', 'type', 'veth', 'peer', 'name', 'vd');
    for (const device of ['vc', 'vd']) {
      namespace.run('sysctl', '-qw', `net.ipv6.conf.${device}.disable_ipv6=1`);
      namespace.ip('link', 'set', device, 'up');
    }
    [captor, sender] = [namespace.driver(), namespace.driver()];
    writeFileSync(place.path('block.txt'), '192.0.2.1\n');
    writeFileSync(place.path('eve.json'), record(flow('10.0.0.9', 1, '10.0.0.10', 2), { event_type: 'alert' }));
    setUp(600);
    const environment = { NODE_OPTIONS: `--require ${join(__dirname, 'dying-control.cjs')}`, BRICKS_TEST_DEATH: place.path(DEATH) };
    const wrap = ['ip', 'netns', 'exec', namespace.name];
    const [outcome] = await Promise.all([
      place.daemon(['--backend', 'pcap', '-f', 'set-up.lua', '--log-file', 'log'], { wrap, environment }),
      captor.tell('openSource', { device: 'vd' }), sender.tell('openSinks', { devices: ['vb'] }),
    ]);
    expect(outcome).toMatchObject({ code: 0 });
    daemon = await place.connect();
  }, 30_000);

  afterAll(async () => {
    daemon.close();
    place.dispose();
    await namespace.dispose();
  });

  /** How many packets have left once all have come in that were sent. */
  const sent = async (): Promise<number> => {
    for (;;) {
      const audit = (await daemon.call('engine.audit', {}))[0];
      if (audit.received < came || audit.held > 0) continue;
      expect(audit).toMatchObject({ balanced: true, received: came });
      return audit.sent;
    }
  };

  /** Sends frames, and compares what comes through with those of which that is expected, one by one and in order. */
  async function pass(frames: readonly (readonly [Buffer, boolean])[]): Promise<void> {
    const expected = frames.filter(([, passes]) => passes).map(([frame]) => frame.toString('hex'));
    const [{ packets }] = await Promise.all([captor.tell<Received>('collect', { expected: expected.length, milliseconds: 20_000 }), sender.tell<Sent>('send', { frames: frames.map(([frame]) => frame) })]);
    expect(packets.map(({ bytes }) => bytes.toString('hex'))).toEqual(expected);
    came += frames.length;
    went += expected.length;
    expect(await sent()).toBe(went);
  }

  const holds = async (rules: number): Promise<void> => {
    while ((await daemon.call('filter.statistics', {}))[0].rules !== rules) { /* it is on its way */ }
  };

  test('a watched file, an alert and a bypassed flow lead to exactly the packets dropped that they name', async () => {
    const alerted = flow('10.1.0.1', 5000, '10.1.0.2', 443);
    const bypassed = flow('10.2.0.1', 6000, '10.2.0.2', 443);
    const listed = flow('10.3.0.1', 7000, '10.3.0.2', 53, 'udp');
    const [subnet, exempt, address] = ['192.0.2.44', '192.0.2.7', '198.51.100.7'].map((one, index) => flow('10.4.0.1', 8000 + index, one, 80));
    const [former, alertedBefore] = [flow('192.0.2.1', 1, '10.4.0.1', 2), flow('10.0.0.9', 1, '10.0.0.10', 2)];
    // Like those of the rules, but for a port or an address.
    const others = [flow('10.1.0.1', 5001, '10.1.0.2', 443), flow('10.2.0.1', 6000, '10.2.0.3', 443), flow('10.3.0.1', 7000, '10.3.0.2', 53, 'tcp'), flow('198.51.100.8', 1, '10.4.0.1', 2), flow('192.0.3.1', 1, '10.4.0.1', 2), alertedBefore];
    const all = [alerted, bypassed, listed, subnet, exempt, address, ...others];
    const everyWay = [...all, ...all.map(answerOf)];
    await pass([[frameOf(former), false], ...everyWay.map((one) => [frameOf(one), true] as const)]);

    writeFileSync(place.path('new.txt'), '192.0.2.0/24\n198.51.100.7\n10.3.0.1 7000 10.3.0.2 53 udp\n{"whitelist": "192.0.2.7"}\n');
    renameSync(place.path('new.txt'), place.path('block.txt'));
    appendFileSync(place.path('eve.json'), record(alerted, { event_type: 'alert', alert: { signature_id: 1 } }) + record(others[0], { event_type: 'flow', flow: { state: 'closed' } }) + record(bypassed, { event_type: 'flow', flow: { state: 'bypassed' } }));
    await holds(6);
    const dropped = new Set([alerted, bypassed, listed, subnet, address]);
    const rounds = 20;
    const traffic = Array.from({ length: rounds }, () => all.flatMap((one) => [one, answerOf(one)].map((way) => [frameOf(way), !dropped.has(one)] as const))).flat();
    // The end of a flow that is shunted passes.
    const end = [[frameOf(bypassed, ACK | PUSH), false], [frameOf(bypassed, FIN | ACK), true], [frameOf(answerOf(bypassed), FIN | ACK), true], [frameOf(alerted, FIN | ACK), false], [frameOf(others[0]), true]] as const;
    await pass([...traffic, ...end]);

    const length = frameOf(alerted).length;
    const rules = await daemon.call('filter.rules', {});
    expect(rules.find(({ type }) => type === 'shunt')).toMatchObject({ tcpFlags: 'FIN,PSH,ACK', duration: expect.any(Number) as number });
    const counts = Object.fromEntries(rules.map(({ type, match, packets, bytes }) => [`${type} ${match}`, [packets, bytes]]));
    const counted = (packets: number, size = length): number[] => [packets, packets * size];
    expect(counts).toEqual({
      'drop 192.0.2.0/24': counted(2 * rounds), 'drop 198.51.100.7': counted(2 * rounds), 'drop 10.3.0.1:7000 <-> 10.3.0.2:53 udp': counted(2 * rounds, frameOf(listed).length),
      'whitelist 192.0.2.7': counted(2 * rounds), 'drop 10.1.0.1:5000 <-> 10.1.0.2:443 tcp': counted(2 * rounds + 1), 'shunt 10.2.0.1:6000 <-> 10.2.0.2:443 tcp': counted(2 * rounds + 3),
    });
  }, 30_000);

  test.each(['throw', 'exit'])('a control half that dies under load (by %s) costs no packet: its rules go on, and end in time; the engine says so, and a reload brings another', async (how) => {
    rmSync(place.path(DEATH), { force: true });
    writeFileSync(place.path('block.txt'), '192.0.2.1\n');
    setUp(how === 'throw' ? 601 : 602);
    expect(await daemon.call('daemon.reload')).toMatchObject({ changed: ['e0'] });
    const [free, blocked, fading] = [flow('10.5.0.1', 1, '10.5.0.2', 2), flow('192.0.2.1', 1, '10.5.0.2', 2), flow('10.6.0.1', 1, '10.5.0.2', 2)];
    await daemon.call('filter.add', { rules: [{ drop: '10.6.0.1', expire: 1 }] });
    const expired = Date.now() + 1000;
    const traffic = (count: number): [Buffer, boolean][] => Array.from({ length: count }, (_, index) => [frameOf(index % 3 === 0 ? blocked : free), index % 3 !== 0]);
    const flowing = pass(traffic(3000));
    writeFileSync(place.path(`${DEATH}.new`), how);
    renameSync(place.path(`${DEATH}.new`), place.path(DEATH));
    const { level } = await place.logged('log', how === 'throw' ? /control half of Filter failed: the end\. The brick goes on/ : /control half of Filter failed: it ended\. The brick goes on/);
    expect(level).toBe('warn');
    await flowing;
    await pass(traffic(600));
    await expect(daemon.call('filter.rules', {})).rejects.toThrow(/control half of Filter is not running/);

    // Whatever is sent a second after the deadline, or later, passes.
    for (let passed = false; !passed;) {
      const late = Date.now() - expired;
      await sender.tell('send', { frames: [frameOf(fading)] });
      came++;
      passed = await sent() > went;
      expect(passed || late < 1000).toBe(true);
    }
    went++;
    await captor.tell('collect', { expected: 1 });
    await pass([[frameOf(fading), true], [frameOf(blocked), false], [frameOf(free), true]]);
  }, 30_000);
});
