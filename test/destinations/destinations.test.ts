import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import {
  DestinationSplit, HEALTH_OPTIONS, checkHealthOptions, destinationAddresses, findNextHop, givenNextHop, needsWatch, probeFor, watchDestinations, type DestinationNews, type DestinationWatch, type WatchOptions,
} from 'packet-bricks';

describe('flows over destinations', () => {
  const names = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'];
  const flows = Array.from({ length: 4096 }, (_, index) => index * 16);

  test('only those of a destination that is down move, and they come back with it', () => {
    const split = new DestinationSplit(names, true);
    const before = flows.map((word) => split.of(word));
    expect(new Set(before)).toEqual(new Set([0, 1, 2, 3]));
    expect([split.count, split.turn(2, false), split.turn(2, false), split.count]).toEqual([4, -1, 0, 3]);
    flows.forEach((word, index) => {
      const now = split.of(word);
      expect([now === before[index], now === 2, split.moved]).toEqual(before[index] === 2 ? [false, false, 1] : [true, false, 0]);
    });
    expect(split.turn(2, true)).toBe(1);
    expect(flows.map((word) => split.of(word))).toEqual(before);
    // They go by names, in whatever order.
    const reversed = new DestinationSplit([...names].reverse(), true);
    expect(flows.map((word) => 3 - reversed.of(word))).toEqual(before);
  });

  test('none is up until it is said to be', () => {
    const split = new DestinationSplit(names, false);
    expect(split.count).toBe(0);
    split.turn(1, true);
    expect([split.count, ...new Set(flows.map((word) => split.of(word)))]).toEqual([1, 1]);
    expect(split.turn(1, false)).toBe(-1);
    expect(split.count).toBe(0);
  });
});

describe('watching them', () => {
  const servers: Server[] = [];
  const watches: DestinationWatch[] = [];
  afterEach(() => {
    for (const watch of watches.splice(0)) watch.stop();
    for (const server of servers.splice(0)) server.close();
  });

  async function server(): Promise<number> {
    const one = createServer((socket) => socket.destroy()).listen(0, '127.0.0.2');
    servers.push(one);
    await once(one, 'listening');
    return (one.address() as AddressInfo).port;
  }

  /** What it posts and says; `full`: how many posts find the mailbox full. */
  async function watch(options: Partial<WatchOptions>, addresses = ['127.0.0.2', '127.0.0.3'], full = 0): Promise<{ news: DestinationNews[]; log: string[]; watch: DestinationWatch }> {
    const news: DestinationNews[] = [];
    const log: string[] = [];
    let left = full;
    const say = (text: string): void => void log.push(text);
    const post = (message: unknown): boolean => left-- <= 0 && news.push(message as DestinationNews) > 0;
    const started = await watchDestinations(addresses, { health: 'tcp', healthPort: undefined, interval: 3_600_000, timeout: 1000, failures: 2, ...options }, { log: { debug: say, info: say, warn: say, error: say }, post });
    watches.push(started);
    return { news, log, watch: started };
  }

  test('tells what has changed, once, with the reason', async () => {
    const healthPort = await server();
    const { news, log, watch: { methods } } = await watch({ healthPort });
    expect(news).toEqual(expect.arrayContaining([{ destination: 0, up: true }, { destination: 1, up: false }]));
    expect(methods.destinations()).toEqual([{ address: '127.0.0.2', up: true }, { address: '127.0.0.3', up: false, trouble: expect.stringContaining('ECONNREFUSED') }]);
    await methods.check();
    expect([news.length, log.length]).toEqual([2, 1]);
    await new Promise((resolve) => servers[0].close(resolve));
    await methods.check();
    // One failure may be chance.
    expect(news).toHaveLength(2);
    await methods.check();
    expect(news[2]).toEqual({ destination: 0, up: false });
    servers[0].listen(healthPort, '127.0.0.2');
    await once(servers[0], 'listening');
    await methods.check();
    expect([news[3], log[2]]).toEqual([{ destination: 0, up: true }, '127.0.0.2 is up again and gets its flows back']);
  });

  test('what found the mailbox full is posted again', async () => {
    const { news, watch: { methods } } = await watch({ health: 'none' }, ['127.0.0.2'], 1);
    expect(news).toEqual([]);
    await methods.check();
    expect(news).toEqual([{ destination: 0, up: true }]);
  });

  test('addresses of frames come with the news, where they are asked for', async () => {
    const nextHop = givenNextHop('Test', { sourceMac: '02:00:00:00:00:01', nextHopMac: '02-00-00-00-00-02' });
    expect(nextHop).toEqual({ sourceMac: Uint8Array.of(2, 0, 0, 0, 0, 1), nextHopMac: Uint8Array.of(2, 0, 0, 0, 0, 2) });
    expect((await watch({ health: 'none', nextHop }, ['192.0.2.1'])).news).toEqual([{ destination: 0, up: true, nextHop }]);
  });

  const withIp = spawnSync('ip', ['-j', 'route', 'get', '127.0.0.1']).status === 0 ? test : test.skip;

  withIp('which the routes and neighbours of this machine tell', async () => {
    const zeros = new Uint8Array(6);
    expect(await findNextHop('127.0.0.1')).toEqual({ sourceMac: zeros, nextHopMac: zeros });
    const nextHopMac = Uint8Array.of(2, 0, 0, 0, 0, 2);
    expect(await findNextHop('127.0.0.1', { nextHopMac })).toEqual({ sourceMac: zeros, nextHopMac });
    await expect(findNextHop('no address')).rejects.toThrow(/no address/);
  });

  test('a probe says why there is no answer', async () => {
    await probeFor({ health: 'none', healthPort: undefined, timeout: 1 })('192.0.2.1');
    await expect(probeFor({ health: 'tcp', healthPort: 1, timeout: 1000 })('127.0.0.3')).rejects.toThrow('ECONNREFUSED');
  });
});

describe('options', () => {
  test('what is wrong with them names the brick and the option', () => {
    expect(() => destinationAddresses('Test', 'to', ['10.0.0.1', 'sensor'])).toThrow('Test: the option "to" has "sensor"; it must be an IP address, such as 10.0.0.1 or fd00::1.');
    expect(() => destinationAddresses('Test', 'to', ['fd00::1', 'fd00:0::1'])).toThrow('Test: the destination fd00:0::1 is given twice.');
    expect(destinationAddresses('Test', 'to', ['10.0.0.1', 'fd00::1'])).toEqual([[0x0a000001], [0xfd000000, 0, 0, 1]]);
    expect(() => givenNextHop('Test', { sourceMac: '02:00', nextHopMac: undefined })).toThrow('Test: the option "sourceMac" is "02:00"; it must be a MAC address, such as 02:00:00:00:00:01.');
    const health = { interval: 1000, timeout: 1000, failures: 3, healthPort: undefined } as const;
    expect(() => checkHealthOptions('Test', { ...health, health: 'udp' })).toThrow('Test: health = "udp" needs the option "healthPort".');
    for (const one of [{ ...health, health: 'icmp' }, { ...health, health: 'tcp', healthPort: 80 }] as const) checkHealthOptions('Test', one);
    expect(Object.keys(HEALTH_OPTIONS)).toEqual(['health', 'healthPort', 'interval', 'timeout', 'failures']);
  });

  test('a control half is needed for health and for addresses that are not given', () => {
    const macs = { sourceMac: '02:00:00:00:00:01', nextHopMac: '02:00:00:00:00:02' };
    expect([needsWatch({ ...macs, health: 'none' }), needsWatch({ ...macs, health: 'icmp' }), needsWatch({ ...macs, sourceMac: undefined, health: 'none' })]).toEqual([false, true, true]);
  });
});
