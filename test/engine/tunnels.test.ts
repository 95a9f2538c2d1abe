/** Packets in tags and tunnels go where those without go, and what can't be read is counted. */
import { LoadBalancer } from 'packet-bricks';
import { closeEngines, injectAll, loopback, runningEngine, until } from '../support/loopback-engine';
import {
  arp, backbone, bytesOf, ciscoMetadata, eTag, ethernet, fabricPath, greInUdp, gtp, hsr, ipv4, ipv6, nsh, pimRegister, tcp, teredo, text, udp, vnTag,
  vxlanGpe, type Layered, type Payload,
} from '../support/packets';

const OUTPUTS = ['o0', 'o1', 'o2', 'o3', 'o4', 'o5', 'o6'];
const FLOWS = 40;

afterEach(closeEngines);

/** A packet of a flow, in one of its directions. */
function packet(flow: number, backwards: boolean, version = flow % 2 ? 6 : 4): Layered {
  const ends = version === 4 ? ['10.1.0.' + String(flow), '10.2.0.1'] : ['2001:db8::' + (flow + 1).toString(16), '2001:db8:1::1'];
  const ports = [1024 + 3 * flow, 443];
  const [source, destination] = backwards ? ends.reverse() : ends;
  const [sourcePort, destinationPort] = backwards ? ports.reverse() : ports;
  const transport = flow % 3 ? tcp({ sourcePort, destinationPort }, text('content')) : udp({ sourcePort, destinationPort }, text('content'));
  return version === 4 ? ipv4({ source, destination }, transport) : ipv6({ source, destination }, transport);
}

/** Sends each flow plain and wrapped, to and fro, and answers the flows that were found on several outputs. */
async function tornFlows(inner: boolean, wrappings: readonly ((payload: Layered) => Payload)[], version?: number, balance: 'hash' | 'consistent' = 'hash'): Promise<number[]> {
  const engine = await runningEngine(new LoadBalancer({ inner, balance }).connectInput('in').connectOutput(...OUTPUTS));
  const flowOfFrame = new Map<string, number>();
  for (let flow = 0; flow < FLOWS; flow++) {
    for (const backwards of [false, true]) {
      const plain = packet(flow, backwards, version);
      for (const frame of [ethernet({}, plain), ...wrappings.map((wrap) => wrap(plain))]) {
        flowOfFrame.set(bytesOf(frame).toString('hex'), flow);
        await injectAll('in', [bytesOf(frame)]);
      }
    }
  }
  const sent = FLOWS * 2 * (wrappings.length + 1);
  await until(() => engine.stats().packets === sent);
  const outputs = new Map<number, Set<number>>();
  OUTPUTS.forEach((name, output) => {
    for (const { bytes } of loopback.read(name)) {
      const flow = flowOfFrame.get(Buffer.from(bytes).toString('hex')) ?? -1;
      outputs.set(flow, (outputs.get(flow) ?? new Set()).add(output));
    }
  });
  expect(outputs.size).toBe(FLOWS);
  expect(new Set([...outputs.values()].map((set) => [...set].join())).size).toBeGreaterThan(3);
  expect(engine.stats().bricks[0].counters).toMatchObject({ unknownProtocol: 0, withoutFlow: 0 });
  return [...outputs].filter(([, set]) => set.size > 1).map(([flow]) => flow);
}

test('flows in tags of switches, and in frames around frames, stay with the same flows without', async () => {
  expect(await tornFlows(false, [
    (payload) => ethernet({}, vnTag({}, payload)), (payload) => ethernet({}, eTag({}, payload)), (payload) => ethernet({}, hsr({}, payload)),
    (payload) => ethernet({}, ciscoMetadata({}, payload)), (payload) => ethernet({}, nsh({}, payload)), (payload) => fabricPath({}, ethernet({}, payload)),
    (payload) => ethernet({}, backbone({}, ethernet({}, payload))),
  ])).toEqual([]);
});

test.each(['hash', 'consistent'] as const)('with `inner`, flows in tunnels of mobile networks and data centres stay with the same flows outside, balance = "%s"', async (balance) => {
  expect(await tornFlows(true, [
    (payload) => ethernet({}, ipv4({ source: '10.9.0.1' }, gtp({}, payload))), (payload) => ethernet({}, ipv6({}, gtp({ extensions: [[0x85, 1]] }, payload))),
    (payload) => ethernet({}, ipv4({ source: '10.9.0.2' }, greInUdp({}, payload))), (payload) => ethernet({}, ipv4({ source: '10.9.0.3' }, pimRegister({}, payload))),
    (payload) => fabricPath({}, ethernet({}, ipv4({ source: '10.9.0.4' }, vxlanGpe({}, nsh({}, ethernet({}, payload)))))),
  ], undefined, balance)).toEqual([]);
});

test('with `inner`, flows in Teredo stay with the same flows outside', async () => {
  expect(await tornFlows(true, [
    (payload) => ethernet({}, ipv4({ source: '10.9.0.5' }, teredo({}, payload))),
    (payload) => ethernet({}, ipv4({ destination: '10.9.0.6' }, teredo({ sourcePort: 3544, destinationPort: 40_000, origin: true }, payload))),
  ], 6)).toEqual([]);
});

test('frames of a protocol that is not read are counted, those that have no addresses but their hardware\'s are not', async () => {
  const engine = await runningEngine(new LoadBalancer().connectInput('in').connectOutput(...OUTPUTS));
  const content = Buffer.alloc(50);
  const unknown = [ethernet({ type: 0x88b5 }, content), ethernet({ type: 0x88e5 }, content), fabricPath({}, ethernet({ type: 0x88b5 }, content)), ethernet({ type: 0x88b5 }, Buffer.alloc(1))];
  const known = [ethernet({}, arp('192.0.2.1', '192.0.2.2')), ethernet({ type: 0x88cc }, content), ethernet({ type: 50 }, content), ethernet({}, packet(1, false)), content.subarray(0, 13)];
  await injectAll('in', [...unknown, ...known].map(bytesOf));
  await until(() => engine.stats().packets === unknown.length + known.length);
  expect(engine.stats().bricks[0].counters).toMatchObject({ unknownProtocol: unknown.length });
});
