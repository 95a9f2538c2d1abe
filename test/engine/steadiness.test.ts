/** What must not happen while packets pass: counted, by the engine itself. */
import { LoadBalancer } from 'packet-bricks';
import { coreAddon } from 'packet-bricks/src/native/core-addon';
import { packetMemory } from 'packet-bricks/src/model/packet-batch';
import { FlowFields } from 'packet-bricks/src/flow/flow-fields';
import { parseFlow } from 'packet-bricks/src/flow/parse';
import { bytesOf, ethernet, ipv4, udp } from '../support/packets';
import { closeEngines, flowPacket, injectAll, loopback, runningEngine, until } from '../support/loopback-engine';

const withNative = coreAddon() ? test : test.skip;
const PACKETS = 20_000;

afterEach(closeEngines);

withNative('an engine that has warmed up collects nothing while packets of all kinds come, and while none do', async () => {
  const engine = await runningEngine(new LoadBalancer().connectInput('in').connectOutput('a', 'b', 'c'), { warmUpMilliseconds: 20_000 });
  const fragment = bytesOf(ethernet({}, ipv4({ source: '203.0.113.9', destination: '192.0.2.1', moreFragments: true }, udp({ sourcePort: 65_000, destinationPort: 65_001 }, Buffer.alloc(8)))));
  const broken = fragment.subarray(0, 20);
  const kinds = [(number: number) => flowPacket(number % 500, number).bytes, () => fragment, () => broken, () => Buffer.alloc(60)];
  for (let number = 0; number < PACKETS; number++) {
    await injectAll('in', [kinds[(number >> 7) % kinds.length](number)]);
    if (number % 500 === 0) for (const name of ['a', 'b', 'c']) loopback.read(name);
  }
  await until(() => engine.stats().packets === PACKETS);
  expect(engine.stats().collections).toBe(0);
});

test('the ports of a flow are told as unsigned numbers, whatever they are kept as', () => {
  const bytes = bytesOf(ethernet({}, ipv4({ source: '203.0.113.9', destination: '192.0.2.1' }, udp({ sourcePort: 0xfedc, destinationPort: 0x1234 }, Buffer.alloc(8)))));
  const buffer = new ArrayBuffer(256);
  new Uint8Array(buffer).set(bytes);
  const flow = new FlowFields();
  parseFlow(packetMemory(buffer), 0, bytes.length, 1, 4, false, flow);
  expect([flow.ports, flow.signedPorts]).toEqual([0xfedc_1234, 0xfedc_1234 | 0]);
});
