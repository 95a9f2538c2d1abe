import fc from 'fast-check';
import { LoadBalancer, type LoadBalancerOptions, type PacketEngine } from 'packet-bricks';
import { closeEngines, injectAll, loopback, newEngine, runningEngine, until } from '../support/loopback-engine';
import { bytesOf, ethernet, ipv4, ipv4Fragments, ipv6, ipv6Fragments, udp, type Payload } from '../support/packets';

afterEach(closeEngines);

const outputNames = (count: number): string[] => Array.from({ length: count }, (_, output) => `o${output}`);
/** Of the outputs of the load balancer under test. */
let names = outputNames(8);
const balancer = (options?: LoadBalancerOptions): InstanceType<typeof LoadBalancer> => new LoadBalancer(options).connectInput('in').connectOutput(...names);

/** Where each connection is told from others by: its addresses, and the ports that only first fragments and whole packets have. */
interface Connection { readonly number: number; readonly version: 4 | 6 }

function addresses({ number, version }: Connection): { source: string; destination: string } {
  return version === 4
    ? { source: `10.1.${number >> 8}.${number & 255}`, destination: '10.2.0.1' }
    : { source: `2001:db8::${(number + 1).toString(16)}`, destination: '2001:db8:2::1' };
}
const ports = ({ number }: Connection): { sourcePort: number; destinationPort: number } => ({ sourcePort: 1024 + number * 3, destinationPort: 4000 + (number % 7) });

function fragments(connection: Connection, identification: number, count = 3): Buffer[] {
  const datagram = udp(ports(connection), Buffer.alloc(count * 64 - 8, connection.number & 255));
  const parts: Payload[] = connection.version === 4
    ? ipv4Fragments({ ...addresses(connection), identification }, datagram, 64)
    : ipv6Fragments({ ...addresses(connection), identification }, datagram, 64);
  return parts.map((part) => bytesOf(ethernet({}, part)));
}

/** A packet of the connection that is no fragment, in the other direction. */
function answer(connection: Connection): Buffer {
  const { source, destination } = addresses(connection);
  const { sourcePort, destinationPort } = ports(connection);
  const ends = { source: destination, destination: source };
  const datagram = udp({ sourcePort: destinationPort, destinationPort: sourcePort }, Buffer.alloc(20));
  return bytesOf(ethernet({}, connection.version === 4 ? ipv4(ends, datagram) : ipv6(ends, datagram)));
}

/** The outputs on which packets with this address (of the connection's end) were found. */
function outputsByConnection(connections: readonly Connection[]): Map<number, Set<number>> {
  const byAddress = new Map(connections.map((connection) => {
    const { source } = addresses(connection);
    const part = bytesOf(connection.version === 4 ? ipv4({ source }, Buffer.alloc(0)) : ipv6({ source }, Buffer.alloc(0)));
    return [part.toString('hex', connection.version === 4 ? 12 : 8, connection.version === 4 ? 16 : 24), connection.number];
  }));
  const found = new Map<number, Set<number>>();
  names.forEach((name, output) => {
    for (const { bytes } of loopback.read(name)) {
      const frame = Buffer.from(bytes);
      const size = frame[14] >> 4 === 4 ? 4 : 16;
      const at = size === 4 ? 26 : 22;
      const number = byAddress.get(frame.toString('hex', at, at + size)) ?? byAddress.get(frame.toString('hex', at + size, at + 2 * size));
      found.set(number!, (found.get(number!) ?? new Set()).add(output));
    }
  });
  return found;
}

/** Connections that are on several outputs. */
function split(connections: readonly Connection[]): number[] {
  const found = outputsByConnection(connections);
  expect(found.size).toBe(connections.length);
  expect(new Set([...found.values()].flatMap((outputs) => [...outputs])).size).toBeGreaterThan(1);
  return [...found].filter(([, outputs]) => outputs.size > 1).map(([number]) => number);
}

async function runToEnd(engine: PacketEngine): Promise<void> {
  loopback.end('in');
  await engine.start();
  await engine.finished();
  expect(engine.audit().balanced).toBe(true);
}

const fragmentCounters = (engine: PacketEngine): Record<string, number> => engine.stats().bricks[0].counters;

describe.each<[4 | 6, number]>([[4, 8], [6, 8], [4, 100]])('fragments of IPv%d, with %d outputs,', (version, outputs) => {
  beforeEach(() => {
    names = outputNames(outputs);
  });
  afterAll(() => {
    names = outputNames(8);
  });

  const connections = Array.from({ length: 60 }, (_, number): Connection => ({ number, version }));

  test('go where their connection goes', async () => {
    const engine = newEngine();
    await engine.link(balancer());
    await injectAll('in', connections.flatMap((connection) => [answer(connection), ...fragments(connection, connection.number)]));
    await runToEnd(engine);
    expect(split(connections)).toEqual([]);
    expect(fragmentCounters(engine)).toMatchObject({ fragments: 180, fragmentsWithoutFirst: 0 });
  });

  test('do so in any order within a batch', async () => {
    const packets = connections.flatMap((connection) => [answer(connection), ...fragments(connection, connection.number)]);
    await fc.assert(fc.asyncProperty(fc.shuffledSubarray(packets, { minLength: packets.length }), async (shuffled) => {
      const engine = newEngine();
      await engine.link(balancer(), { batch: shuffled.length });
      await injectAll('in', shuffled);
      await runToEnd(engine);
      expect(split(connections)).toEqual([]);
      expect(fragmentCounters(engine)).toMatchObject({ fragments: 180, fragmentsHeld: 0, fragmentsWithoutFirst: 0 });
      await closeEngines();
    }), { numRuns: 10 });
  });

  test('do so across batches, one fragment each', async () => {
    const engine = newEngine();
    await engine.link(balancer(), { batch: 1 });
    const all = connections.map((connection) => fragments(connection, connection.number, 5));
    await injectAll('in', [0, 1, 2, 3, 4].flatMap((part) => all.map((datagram) => datagram[part])));
    await injectAll('in', connections.map(answer));
    await runToEnd(engine);
    expect(split(connections)).toEqual([]);
    expect(fragmentCounters(engine).fragmentsWithoutFirst).toBe(0);
  });

  const late = async (fragmentWait: number): Promise<PacketEngine> => {
    const engine = newEngine();
    await engine.link(balancer({ fragmentWait }), { batch: 1 });
    const all = connections.map((connection) => fragments(connection, connection.number));
    await injectAll('in', [...[2, 0, 1].flatMap((part) => all.map((datagram) => datagram[part])), ...(fragmentWait > 0 ? connections.map(answer) : [])]);
    await runToEnd(engine);
    return engine;
  };

  test('that come in a batch before their first wait for it, and then go where their connection goes', async () => {
    const engine = await late(5000);
    expect(split(connections)).toEqual([]);
    expect(fragmentCounters(engine)).toMatchObject({ fragments: 180, fragmentsHeld: 60, fragmentsWithoutFirst: 0 });
  });

  test('that may not wait stay together all the same, and are counted', async () => {
    const engine = await late(0);
    expect(split(connections)).toEqual([]);
    expect(fragmentCounters(engine)).toMatchObject({ fragments: 180, fragmentsHeld: 0, fragmentsWithoutFirst: 60 });
  });
});

test('fragments whose first never comes are sent when their time is over, or the engine stops', async () => {
  const connections = Array.from({ length: 40 }, (_, number): Connection => ({ number, version: number % 2 ? 6 : 4 }));
  const orphans = connections.flatMap((connection) => fragments(connection, connection.number).slice(1));
  const short = await runningEngine(balancer({ fragmentWait: 20 }));
  await injectAll('in', orphans);
  await until(() => short.stats().packets === orphans.length && short.audit().held === 0);
  expect(short.audit()).toMatchObject({ balanced: true, sent: orphans.length });
  expect(split(connections)).toEqual([]);
  await short.stop();
  await short.delete();

  const long = await runningEngine(balancer({ fragmentWait: 10_000 }));
  await injectAll('in', orphans);
  await until(() => long.stats().packets === orphans.length);
  expect(long.audit()).toMatchObject({ balanced: true, sent: 0, held: orphans.length });
  await long.stop();
  await long.unlink();
  expect(long.audit()).toMatchObject({ balanced: true, sent: orphans.length, held: 0 });
  expect(split(connections)).toEqual([]);
});

test('by balance = "consistent", too, fragments go where their connection goes, in any order', async () => {
  const connections = Array.from({ length: 60 }, (_, number): Connection => ({ number, version: number % 2 ? 6 : 4 }));
  const engine = newEngine();
  await engine.link(balancer({ balance: 'consistent', weights: names.map((_, output) => 1 + output), fragmentWait: 5000 }), { batch: 16 });
  const all = connections.map((connection) => fragments(connection, connection.number));
  await injectAll('in', [...[2, 0, 1].flatMap((part) => all.map((datagram) => datagram[part])), ...connections.map(answer)]);
  await runToEnd(engine);
  expect(split(connections)).toEqual([]);
  expect(fragmentCounters(engine)).toMatchObject({ fragments: 180, fragmentsHeld: 60, fragmentsWithoutFirst: 0 });
});

test('many datagrams may be under way at once', async () => {
  const connections = Array.from({ length: 1000 }, (_, number): Connection => ({ number, version: number % 2 ? 6 : 4 }));
  const engine = await runningEngine(balancer());
  for (let round = 0; round < 8; round++) {
    const all = connections.map((connection) => fragments(connection, 5000 * round + connection.number));
    await injectAll('in', [0, 2, 1].flatMap((part) => all.map((datagram) => datagram[part])));
  }
  await injectAll('in', connections.map(answer));
  loopback.end('in');
  await engine.finished();
  expect(split(connections)).toEqual([]);
  expect(fragmentCounters(engine)).toMatchObject({ fragments: 24_000, fragmentsWithoutFirst: 0 });
});

test('a datagram is forgotten after its lifetime', async () => {
  const engine = await runningEngine(balancer({ fragmentLifetime: 20, fragmentWait: 0 }));
  const [first, second, third] = fragments({ number: 1, version: 4 }, 7);
  await injectAll('in', [first, second]);
  await until(() => engine.stats().packets === 2);
  expect(fragmentCounters(engine).fragmentsWithoutFirst).toBe(0);
  await new Promise((resolve) => setTimeout(resolve, 60));
  await injectAll('in', [third]);
  loopback.end('in');
  await engine.finished();
  expect(fragmentCounters(engine)).toMatchObject({ fragments: 3, fragmentsWithoutFirst: 1 });
});

test('a split by addresses needs no first fragment', async () => {
  const connections = Array.from({ length: 40 }, (_, number): Connection => ({ number, version: number % 2 ? 6 : 4 }));
  const engine = newEngine();
  await engine.link(balancer({ tuple: 2 }), { batch: 1 });
  await injectAll('in', connections.flatMap((connection) => [...fragments(connection, connection.number).reverse(), answer(connection)]));
  await runToEnd(engine);
  expect(split(connections)).toEqual([]);
  expect(fragmentCounters(engine).fragmentsWithoutFirst).toBe(0);
});

test('with one output there is nothing to wait for, and the order stays', async () => {
  const engine = newEngine();
  await engine.link(new LoadBalancer({ fragmentWait: 10_000 }).connectInput('in').connectOutput('out'), { batch: 1 });
  const packets = [2, 1, 0].map((part) => fragments({ number: 1, version: 4 }, 7)[part]);
  await injectAll('in', packets);
  await runToEnd(engine);
  expect(loopback.read('out').map(({ bytes }) => Buffer.from(bytes))).toEqual(packets);
});
