import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { Duplicator, LoadBalancer } from 'packet-bricks';
import {
  SAMPLES, TestBrick, arp, bytesOf, erspan, ethernet, expectToConserve, expectToKeepOrder, fuzzBrick, geneve, gre, gtp, interleaved, ipv4, ipv4Fragments, ipv6, runBrick, tcp, tcpConversation, udp, udpConversation, vlan, vxlan,
  type GivenPacket, type Layered, type TestPacket,
} from 'packet-bricks/testing';
import { Decapsulator } from '../../decapsulator/src/index';
import { Encapsulator } from '../src/index';

type Options = ConstructorParameters<typeof Encapsulator>[0];

const macs = { sourceMac: '02:00:00:00:00:0a', nextHopMac: '02:00:00:00:00:0b' } as const;
const link = { source: macs.sourceMac, destination: macs.nextHopMac };
const over4 = { destinations: ['10.0.0.2'], source: '10.0.0.1', ...macs } as const;
const over6 = { destinations: ['fd00::2'], source: 'fd00::1', ...macs } as const;
const frame = ethernet({}, vlan({ id: 5, priority: 3 }, ipv4({}, tcp({ destinationPort: 443 }, 'content of odd length'))));
const plain = ethernet({}, ipv6({}, udp({}, 'content')));

async function encapsulated(options: Options, packets: Iterable<GivenPacket>): Promise<{ packets: readonly TestPacket[]; bytes: Buffer[]; counters: Record<string, number> }> {
  const run = await runBrick(new Encapsulator(options), packets);
  expectToConserve(run);
  expectToKeepOrder(run);
  return { packets: run.outputs[0], bytes: run.outputs[0].map(({ bytes }) => bytes), counters: Object.fromEntries(Object.entries(run.counters).filter(([, count]) => count > 0)) };
}

/** The destination address of an outer header, in text, by its last byte. */
const destinationOf = (bytes: Buffer): string => `10.0.0.${bytes[33]}`;

describe('each kind of tunnel has the headers that its RFC gives it', () => {
  const sourcePort = (bytes: Buffer, at: number): number => bytes.readUInt16BE(at);
  // The test kit's own headers, with the source port that the flow has got.
  const kinds: [string, Options, (payload: Layered, bytes: Buffer) => Layered][] = [
    ['VXLAN', { ...over4, id: 77 }, (payload, bytes) => ipv4({}, vxlan({ network: 77, sourcePort: sourcePort(bytes, 34), checksum: 'none' }, payload))],
    ['VXLAN with UDP checksums, at another port', { ...over4, id: 0xffffff, udpChecksum: true, port: 8472 }, (payload, bytes) => ipv4({}, vxlan({ network: 0xffffff, sourcePort: sourcePort(bytes, 34), destinationPort: 8472 }, payload))],
    ['VXLAN over IPv6', over6, (payload, bytes) => ipv6({}, vxlan({ network: 1, sourcePort: sourcePort(bytes, 54) }, payload))],
    ['GENEVE', { ...over4, kind: 'geneve', id: 9 }, (payload, bytes) => ipv4({}, geneve({ network: 9, sourcePort: sourcePort(bytes, 34), checksum: 'none' }, payload))],
    ['GENEVE over IPv6', { ...over6, kind: 'geneve', id: 9 }, (payload, bytes) => ipv6({}, geneve({ network: 9, sourcePort: sourcePort(bytes, 54) }, payload))],
    ['GRE', { ...over4, kind: 'gre', id: 0xfedcba98 }, (payload) => ipv4({}, gre({ key: 0xfedcba98 }, payload))],
    ['GRE over IPv6', { ...over6, kind: 'gre' }, (payload) => ipv6({}, gre({ key: 1 }, payload))],
  ];

  test.each(kinds)('%s', async (_name, options, expected) => {
    const { bytes, counters } = await encapsulated({ ...options, dontFragment: true, ttl: 64 }, [frame, plain]);
    expect(counters).toEqual({ encapsulated: 2 });
    [frame, plain].forEach((packet, index) => {
      const ip = bytesOf(ethernet(link, expected(packet, bytes[index])));
      // Addresses and flags are this test's own.
      const isIpv4 = bytes[index].readUInt16BE(12) === 0x0800;
      if (isIpv4) {
        expect(bytes[index].readUInt16BE(20)).toBe(0x4000);
        expect(bytes[index].subarray(26, 34)).toEqual(Buffer.from([10, 0, 0, 1, 10, 0, 0, 2]));
        expect(bytes[index].subarray(34).toString('hex').replace(/^(.{12}).{4}/, options.udpChecksum ? '$1' : '$&')).toBe(ip.subarray(34).toString('hex').replace(/^(.{12}).{4}/, options.udpChecksum ? '$1' : '$&'));
      } else {
        expect(bytes[index].subarray(0, 22)).toEqual(ip.subarray(0, 22));
        expect(bytes[index].subarray(62)).toEqual(ip.subarray(62));
      }
    });
  });

  test('ERSPAN, with sequence numbers, the tag, and the time of arrival', async () => {
    const second = await encapsulated({ ...over4, kind: 'erspan', id: 1023 }, [frame, plain]);
    const builtFor = (packet: Layered, version: 2 | 3): Buffer => bytesOf(ethernet(link, ipv4({}, erspan({ version, session: 1023 }, packet))));
    [frame, plain].forEach((packet, index) => {
      const expected = builtFor(packet, 2);
      expected.writeUInt32BE(index, 38);
      if (packet === frame) {
        expected.writeUInt16BE(0x1005, 42);
        expected.writeUInt16BE(0x6000 | 0x1800 | 1023, 44);
      } else {
        expected.writeUInt16BE(0x1000, 42);
      }
      expect(second.bytes[index].subarray(34).toString('hex')).toBe(expected.subarray(34).toString('hex'));
    });
    const third = await encapsulated({ ...over4, kind: 'erspan3', id: 5 }, [{ bytes: bytesOf(plain), seconds: 1_700_000_001, nanoseconds: 123_456_789 }]);
    expect(third.bytes[0].readUInt32BE(46)).toBe((1_700_000_001 * 10_000 + 1234) % 2 ** 32);
    expect(third.bytes[0].readUInt16BE(52)).toBe(0x8000);
  });

  test('GTP-U around the IP packet of a frame, without its Ethernet header and tags; frames without IP are dropped', async () => {
    for (const [ends, outer] of [[over4, ipv4], [over6, ipv6]] as const) {
      const { bytes, counters } = await encapsulated({ ...ends, kind: 'gtp', id: 0xfedcba98, udpChecksum: true }, [frame, plain, ethernet({}, arp('10.0.0.1', '10.0.0.2')), ethernet({ type: 0x0800 }, '')]);
      expect(counters).toEqual({ encapsulated: 2, others: 2 });
      const headers = outer === ipv4 ? 34 : 54;
      [frame.bytes.subarray(18), plain.bytes.subarray(14)].forEach((inner, index) => {
        const expected = bytesOf(ethernet(link, outer({ source: ends.source, destination: ends.destinations[0] }, gtp({ endpoint: 0xfedcba98, sourcePort: bytes[index].readUInt16BE(headers) }, inner))));
        // All but identification and checksum of IPv4.
        expect([bytes[index].length, bytes[index].subarray(26).toString('hex')]).toEqual([expected.length, expected.subarray(26).toString('hex')]);
      });
    }
  });

  test('what goes in comes out of a Decapsulator, whatever it is', async () => {
    const frames = SAMPLES.map(bytesOf);
    for (const ends of [over4, over6]) {
      for (const kind of ['vxlan', 'geneve', 'gre', 'erspan', 'erspan3'] as const) {
        const there = new Encapsulator({ ...ends, kind, udpChecksum: true, mtu: 9000 }).connectInput('in').connectOutput('x{0');
        const run = await runBrick(there.link(new Decapsulator().connectInput('x}0').connectOutput('out')), frames);
        expect(run.output('out').map(({ bytes }) => bytes.toString('hex'))).toEqual(frames.map((bytes) => bytes.toString('hex')));
      }
    }
  });
});

const talks = interleaved(...Array.from({ length: 60 }, (_, number) => {
  const client = { address: `10.1.0.${number}`, port: 4000 + 37 * number };
  return number % 2 === 0 ? tcpConversation({ client, data: [{ from: 'client', content: 'GET /' }, { from: 'server', content: 1200 }] }) : udpConversation({ client, data: [{ from: 'client', content: 'a' }, { from: 'server', content: 'b' }] });
}));
const three = { ...over4, destinations: ['10.0.0.2', '10.0.0.3', '10.0.0.4'] } as const;

test('each connection goes to one destination, the one that a consistent LoadBalancer chooses; UDP source ports come from the flow', async () => {
  const { bytes } = await encapsulated(three, talks);
  const split = await runBrick(new LoadBalancer({ balance: 'consistent' }).connectInput('in').connectOutput(...three.destinations), talks);
  for (const destination of three.destinations) {
    const went = bytes.filter((packet) => destinationOf(packet) === destination).map((packet) => packet.subarray(50).toString('hex'));
    expect(went).toEqual(split.output(destination).map((packet) => packet.bytes.toString('hex')));
    expect(went.length).toBeGreaterThan(20);
  }
  const ports = new Set(bytes.map((packet) => packet.readUInt16BE(34)));
  expect(ports.size).toBeGreaterThan(40);
  expect(Math.min(...ports)).toBeGreaterThanOrEqual(0xc000);
});

test('fragments go where the rest of their datagram goes', async () => {
  const fragments = Array.from({ length: 20 }, (_, index) => ipv4Fragments({ identification: index + 1, source: `10.2.0.${index}` }, udp({ sourcePort: 1000 + index }, Buffer.alloc(300)), 104)).flat().map((packet) => ethernet({}, packet));
  const { bytes, counters } = await encapsulated(three, fragments);
  for (let index = 0; index < bytes.length; index += 3) expect(new Set(bytes.slice(index, index + 3).map(destinationOf)).size).toBe(1);
  expect(new Set(bytes.map(destinationOf)).size).toBe(3);
  expect(counters).toMatchObject({ fragments: 60, encapsulated: 60 });
});

test('what is too long is cut to the MTU, and ERSPAN says so; or it is dropped', async () => {
  const long = ethernet({}, ipv4({}, udp({}, Buffer.alloc(1472, 7))));
  const exact = ethernet({}, ipv4({}, udp({}, Buffer.alloc(1472 - 50, 7))));
  const cut = await encapsulated({ ...over4, mtu: 1500 }, [long, exact]);
  expect(cut.packets.map(({ bytes, wireLength }) => [bytes.length, wireLength])).toEqual([[1514, 1514], [1514, 1514]]);
  expect(cut.bytes[0].subarray(50)).toEqual(bytesOf(long).subarray(0, 1464));
  expect(cut.counters).toEqual({ encapsulated: 2, cut: 1 });
  const dropped = await encapsulated({ ...over4, mtu: 1500, tooLong: 'drop' }, [long, exact]);
  expect(dropped.bytes.map((bytes) => bytes.subarray(50).toString('hex'))).toEqual([bytesOf(exact).toString('hex')]);
  expect(dropped.counters).toEqual({ encapsulated: 1, tooLong: 1 });
  const marked = await encapsulated({ ...over4, kind: 'erspan', mtu: 1500 }, [long, exact, { bytes: bytesOf(exact).subarray(0, 60), wireLength: 900 }]);
  expect(marked.bytes.map((bytes) => bytes.readUInt16BE(44) & 0x0400)).toEqual([0x0400, 0, 0x0400]);
  expect((await encapsulated({ ...over4, kind: 'erspan', mtu: 9000 }, [long])).bytes[0].readUInt16BE(44) & 0x0400).toBe(0);
});

test('other outputs keep the packet as it was; other link types are dropped and counted', async () => {
  const run = await runBrick(new Duplicator().connectInput('in').connectOutput('plain', 'a{0').link(new Encapsulator(over4).connectInput('a}0').connectOutput('out')), [plain, plain]);
  expect(run.output('plain').map(({ bytes }) => bytes)).toEqual([bytesOf(plain), bytesOf(plain)]);
  expect(run.output('out')).toHaveLength(2);
  expect(await encapsulated(over4, [{ bytes: bytesOf(plain).subarray(14), linkType: 101 }, Buffer.alloc(13)])).toMatchObject({ bytes: [], counters: { others: 2 } });
});

test.each<[string, Options, RegExp]>([
  ['a name instead of an address', { ...over4, destinations: ['sensor'] }, /"destinations" has "sensor"; it must be an IP address/],
  ['both versions of IP', { ...over4, destinations: ['fd00::1'] }, /must both be IPv4 or both be IPv6/],
  ['a destination twice', { ...over6, destinations: ['fd00::2', 'fd00:0::2'] }, /is given twice/],
  ['too large a session', { ...over4, kind: 'erspan', id: 1024 }, /must be at most 1023/],
  ['no port to check', { ...over4, health: 'tcp' }, /needs the option "healthPort"/],
  ['a wrong MAC address', { ...over4, nextHopMac: '02:00' }, /"nextHopMac" is "02:00"; it must be a MAC address/],
])('%s is refused in plain words', async (_name, options, message) => {
  await expect(TestBrick.open(new Encapsulator(options))).rejects.toThrow(message);
});

test('no frame makes it fail', () => {
  for (const options of [{ ...over4 }, { ...over6, kind: 'erspan3', mtu: 256 }, { ...over4, kind: 'gtp' }, { ...three, udpChecksum: true, inner: true, tooLong: 'drop' }] as const) fuzzBrick(() => new Encapsulator(options), { frames: 2500 });
});

describe('the health check', () => {
  /** Servers on one port of several loopback addresses. */
  async function serversOn(addresses: readonly string[]): Promise<{ port: number; stop: (address: string) => Promise<void>; start: (address: string) => Promise<void> }> {
    const servers = new Map<string, Server>();
    const listen = (address: string, port: number): Promise<void> => new Promise((resolve, reject) => {
      const server = createServer((socket) => socket.destroy()).once('error', reject).listen(port, address, resolve);
      servers.set(address, server);
    });
    await listen(addresses[0], 0);
    const { port } = servers.get(addresses[0])?.address() as AddressInfo;
    for (const address of addresses.slice(1)) await listen(address, port);
    return {
      port,
      start: (address) => listen(address, port),
      stop: (address) => new Promise((resolve) => { servers.get(address)?.close(() => resolve()); }),
    };
  }
  const sensors = ['127.0.0.2', '127.0.0.3', '127.0.0.4'];
  const checked = { destinations: sensors, source: '127.0.0.1', ...macs, health: 'tcp', interval: 3_600_000, failures: 2 } as const;

  test('a destination that is down loses its flows, and no other flow moves; it gets them back', async () => {
    const servers = await serversOn(sensors);
    const run = await TestBrick.open(new Encapsulator({ ...checked, healthPort: servers.port }));
    let seen = 0;
    const destinations = (): string[] => {
      run.send(...talks);
      const now = run.outputs[0].slice(seen);
      seen = run.outputs[0].length;
      return now.map(({ bytes }) => `127.0.0.${bytes[33]}`);
    };
    try {
      const before = destinations();
      expect(new Set(before)).toEqual(new Set(sensors));
      expect(run.advance(100).gauges['destinationsUp']).toBe(3);
      await servers.stop(sensors[1]);
      await run.call('check');
      // One failure may be chance.
      expect(destinations()).toEqual(before);
      await run.call('check');
      const after = destinations();
      after.forEach((destination, index) => (before[index] === sensors[1] ? expect(sensors).toContain(destination) : expect(destination).toBe(before[index])));
      expect(after).not.toContain(sensors[1]);
      const moved = before.filter((destination) => destination === sensors[1]).length;
      expect(run.counters).toMatchObject({ moved, cameUp: 3, wentDown: 1, noDestination: 0 });
      expect(run.advance(100).gauges['destinationsUp']).toBe(2);
      expect(await run.call('destinations')).toEqual([{ address: sensors[0], up: true }, { address: sensors[1], up: false, trouble: expect.stringContaining('ECONNREFUSED') }, { address: sensors[2], up: true }]);
      await servers.start(sensors[1]);
      await run.call('check');
      expect(destinations()).toEqual(before);
      expect(run.log).toEqual([expect.stringMatching(/^Encapsulator: 127\.0\.0\.3 is down \(.*ECONNREFUSED.*\); its flows go/), 'Encapsulator: 127.0.0.3 is up again and gets its flows back']);
    } finally {
      for (const address of sensors) await servers.stop(address);
      await run.end();
    }
    expectToConserve(run);
  });

  test('without a destination that is up, packets are dropped and counted', async () => {
    const servers = await serversOn(['127.0.0.5']);
    await servers.stop('127.0.0.5');
    const run = await TestBrick.open(new Encapsulator({ ...checked, healthPort: servers.port }));
    await run.send(plain, frame).end();
    expectToConserve(run);
    expect(run.counters).toMatchObject({ noDestination: 2, encapsulated: 0, cameUp: 0 });
    expect(run.log).toHaveLength(3);
  });

  const pings = spawnSync('ping', ['-n', '-q', '-c', '1', '-W', '1', '127.0.0.2']).status === 0 ? test : test.skip;

  pings('by ping', async () => {
    // Nothing answers from an address that the loopback interface refuses to send to.
    const run = await TestBrick.open(new Encapsulator({ ...checked, destinations: ['127.0.0.2', '255.255.255.255'], health: 'icmp', timeout: 50 }));
    expect(await run.call('destinations')).toEqual([{ address: '127.0.0.2', up: true }, { address: '255.255.255.255', up: false, trouble: 'no answer to a ping within 50 ms' }]);
    await run.end();
  });

  test('by UDP: any answer counts, none or a refusal does not', async () => {
    const socket = createSocket('udp4');
    socket.on('message', (_text, { port, address }) => socket.send('here', port, address));
    await new Promise<void>((resolve) => { socket.bind(0, '127.0.0.2', resolve); });
    const silent = createSocket('udp4');
    await new Promise<void>((resolve) => { silent.bind(socket.address().port, '127.0.0.3', resolve); });
    const run = await TestBrick.open(new Encapsulator({ ...checked, health: 'udp', healthPort: socket.address().port, timeout: 1000 }));
    try {
      expect(await run.call('destinations')).toEqual([
        { address: '127.0.0.2', up: true }, { address: '127.0.0.3', up: false, trouble: expect.stringContaining('no answer') }, { address: '127.0.0.4', up: false, trouble: expect.stringContaining('ECONNREFUSED') },
      ]);
    } finally {
      socket.close();
      silent.close();
      await run.end();
    }
  });
});
