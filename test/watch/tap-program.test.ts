/** `bricks tap` and the topic `tap` of a daemon. */
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import type { EngineTap } from 'packet-bricks/src/control/engine-watches';
import type { TapNews } from 'packet-bricks/src/protocol/commands/watch';
import { packetsOf } from 'packet-bricks/src/testing';
import { DaemonPlace } from '../daemon/programs';
import { TestDaemon } from '../daemon/support';
import { describeInNamespace, frame, Namespace, type Sent } from '../pcap/namespace';
import { flowPacket, injectAll, until } from '../support/loopback-engine';

describe('the topic', () => {
  let place: TestDaemon;
  beforeAll(async () => {
    place = await TestDaemon.start();
    const daemon = await place.connect();
    await daemon.call('engine.create', { name: 'e0', warmUpMilliseconds: 0 });
    await daemon.call('engine.link', { name: 'e0', bricks: [{ kind: 'LoadBalancer', inputs: ['eth0'], outputs: ['eth1', 'eth2'] }] });
    await daemon.call('engine.start', { name: 'e0' });
    await place.disconnect();
  });
  afterEach(() => place.disconnect());
  afterAll(() => place.stop());

  test('brings packets with their places, and is gone with its client: the engine copies nothing more', async () => {
    const [engine] = place.registry.all;
    const taps: EngineTap[] = [];
    const { watches } = engine;
    const tap = watches.tap.bind(watches);
    jest.spyOn(watches, 'tap').mockImplementation((...words) => {
      taps.push(tap(...words));
      return taps[0];
    });
    const daemon = await place.connect();
    const news: TapNews[] = [];
    await daemon.listen('tap', { link: 'LoadBalancer', filter: 'ip or ip6' }, (one) => news.push(one));
    await until(() => news.some(({ begun }) => begun === 'e0'));
    const given = Array.from({ length: 300 }, (_, number) => flowPacket(number % 20, number));
    await injectAll('eth0', given);
    const seen = () => news.flatMap(({ packets = [] }) => packets);
    await until(() => seen().length === 300);
    expect(seen().map(({ data }) => data).sort()).toEqual(given.map(({ bytes }) => bytes.toString('base64')).sort());
    expect(new Set(seen().map(({ role, link, brick, output }) => `${role} ${link} ${brick} ${output}`))).toEqual(new Set(['sink eth1 LoadBalancer 0', 'sink eth2 LoadBalancer 1']));
    await daemon.close();
    await until(() => place.server.clients === 0);
    // By the time that the next tap has begun, the engine has heard that the first one is over.
    const next = tap({ place: 'eth0' }, () => undefined);
    await next.begun;
    await injectAll('eth0', given);
    await until(() => next.read(1000).length > 0);
    expect([taps[0].read(1000), taps[0].lost]).toEqual([[], 0]);
    next.close();
    jest.restoreAllMocks();
  });

  test('of a trace says which rule of a filter it was, by its id and its text; one that is gone is told by its kind', async () => {
    const daemon = await place.connect();
    await daemon.call('engine.create', { name: 'rules', warmUpMilliseconds: 0 });
    await daemon.call('engine.link', { name: 'rules', bricks: [{ kind: 'Filter', options: { rules: true }, inputs: ['eth7'], outputs: ['eth8'] }] });
    await daemon.call('engine.start', { name: 'rules' });
    const [, number] = await daemon.call('filter.add', { name: 'rules', rules: [{ drop: '0.0.0.0/0', id: 'all of it', priority: 3 }, { whitelist: '::/0' }] }) as [string, number];
    const trails: string[] = [];
    await daemon.listen('trace', { count: 20, engine: 'rules' }, ({ begun, trail, ended }) => {
      if (begun !== undefined) void injectAll('eth7', Array.from({ length: 20 }, (_, flow) => flowPacket(flow, flow)));
      trails.push(...(trail ? [String(trail.steps[1].explanation)] : []), ...(ended === undefined ? [] : [ended]));
    });
    await until(() => trails.includes('count'));
    expect(trails).toHaveLength(21);
    expect(trails.at(-1)).toBe('count');
    expect(new Set(trails.slice(0, 20))).toEqual(new Set(['rule "all of it" matches: drop 0.0.0.0/0, priority 3', `rule ${number} matches: whitelist ::/0, priority 0`]));
  });

  test('finds the only engine that has the link, also by a name with its backend', async () => {
    const daemon = await place.connect();
    await daemon.call('engine.create', { name: 'e1', warmUpMilliseconds: 0 });
    await daemon.call('engine.link', { name: 'e1', bricks: [{ kind: 'Dummy', inputs: ['eth3'], outputs: ['eth4'] }] });
    const begun: string[] = [];
    await daemon.listen('tap', { link: 'netmap:eth0' }, (one) => begun.push(one.begun ?? ''));
    await until(() => begun.length > 0);
    expect(begun[0]).toBe('e0');
    await daemon.call('engine.delete', { name: 'e1' });
  });

  test('says what is wrong', async () => {
    const daemon = await place.connect();
    const listen = (parameters: Parameters<typeof daemon.listen<'tap'>>[1]) => daemon.listen('tap', parameters, () => undefined);
    await expect(listen({})).rejects.toThrow(expect.objectContaining({ code: 'E_ARGUMENT' }));
    await expect(listen({ link: 'eth9' })).rejects.toThrow(expect.objectContaining({ code: 'E_NO_LINK' }));
    await expect(listen({ link: 'eth1', engine: 'e1' })).rejects.toThrow(expect.objectContaining({ code: 'E_NO_ENGINE' }));
    await expect(listen({ link: 'eth1', filter: 'no filter' })).rejects.toThrow(expect.objectContaining({ code: 'E_FILTER' }));
    await expect(listen({ link: 'eth1', sample: 0 })).rejects.toThrow(expect.objectContaining({ code: 'E_OPTION' }));
  });

  test('finds a pipe by the end at which it is read, too; and says where an engine has no bricks', async () => {
    const daemon = await place.connect();
    const begun = async (parameters: Parameters<typeof daemon.listen<'tap'>>[1]): Promise<string> => new Promise<string>((resolve, reject) => {
      daemon.listen('tap', parameters, ({ begun: engine }) => engine !== undefined && resolve(engine)).catch(reject);
    });
    await daemon.call('engine.create', { name: 'e2', warmUpMilliseconds: 0 });
    await daemon.call('engine.link', { name: 'e2', bricks: [{ kind: 'Dummy', inputs: ['eth12'], outputs: ['eth12{0'] }] });
    await daemon.call('engine.start', { name: 'e2' });
    expect(await begun({ link: 'eth12}0' })).toBe('e2');
    expect(await begun({ link: 'eth12}0', drops: true })).toBe('e2');
    await daemon.call('engine.create', { name: 'e3', warmUpMilliseconds: 0 });
    await expect(begun({ engine: 'e3', drops: true })).rejects.toThrow(/The engine e3 has no bricks yet\. Link some first/);
    // Where another engine reads it, each end is its own link.
    await daemon.call('engine.link', { name: 'e3', bricks: [{ kind: 'Dummy', inputs: ['eth12}0'], outputs: ['eth13'] }] });
    await daemon.call('engine.start', { name: 'e3' });
    expect(await begun({ link: 'eth12}0' })).toBe('e3');
    expect(await begun({ link: 'eth12{0' })).toBe('e2');
    for (const name of ['e3', 'e2']) {
      await daemon.call('engine.stop', { name });
      await daemon.call('engine.delete', { name });
    }
    // All of them.
    const names = (await daemon.call('engine.list')).map(({ name }) => name);
    for (const name of names) {
      await daemon.call('engine.stop', { name });
      await daemon.call('engine.unlink', { name });
    }
    await expect(begun({ drops: true })).rejects.toThrow(`None of the engines has bricks yet: ${names.join(', ')}.`);
  });
});

test('one who taps or traces an engine that is stopped, or a link that drops all, is told so, and does not wait for nothing', async () => {
  const place = new DaemonPlace();
  place.script('stopped.lua', 'local pe = PktEngine.new("e0"):link(Brick.new("Dummy"):connect_input("eth0"):connect_output("p{0"))\n');
  expect(await place.run(['-d', '--backend', 'loopback', '-f', 'stopped.lua'])).toMatchObject({ code: 0 });
  const waiting = [place.start(['tap', 'eth0']), place.start(['trace', '1', '--engine', 'e0'])];
  for (const program of waiting) {
    await program.says(/Nothing is seen of an engine that is stopped, until it is started: e0\./);
    program.signal('SIGINT');
    await program.ended;
  }
  await place.kill();
  place.dispose();
});

const lacksTcpdump = spawnSync('tcpdump', ['--version']).error ? 'tcpdump is not there' : '';

describeInNamespace('bricks tap', () => {
  const withTcpdump = lacksTcpdump === '' ? test : test.skip;
  let namespace: Namespace;
  let place: DaemonPlace;
  beforeAll(() => {
    namespace = new Namespace();
    place = new DaemonPlace();
  });
  afterAll(async () => {
    await place.kill();
    place.dispose();
    await namespace.dispose();
  });

  withTcpdump(`shows under live traffic what tcpdump shows beside, and what the engine counts (skipped without tcpdump${lacksTcpdump && `: ${lacksTcpdump}`})`, async () => {
    place.script('tree.lua', [
      'lb = Brick.new("LoadBalancer"):connect_input("vb"):connect_output("lb{0", "lb{1")',
      'keep = Brick.new("Filter", "len > 100"):connect_input("lb}0"):connect_output("p{0")',
      'rest = Brick.new("Dummy"):connect_input("lb}1"):connect_output("p{1")',
      'PktEngine.new("e0"):link(lb:link(keep):link(rest)):start()',
    ].join('\n'));
    const wrap = ['ip', 'netns', 'exec', namespace.name];
    expect(await place.run(['-d', '--backend', 'pcap', '-f', 'tree.lua'], { wrap })).toMatchObject({ code: 0 });
    const written = ['vb', 'lb}0', 'lb}1'];
    const taps = written.map((link, index) => place.start(['tap', link, '-w', `${index}.pcapng`]));
    const drops = place.start(['tap', '--drops', 'Filter', 'len <= 100']);
    const text = place.start(['tap', 'vb', '-c', '5']);
    const nothing = place.start(['tap', 'p{1']);
    const tcpdump = namespace.start(['tcpdump', '-i', 'vb', '-w', place.path('ref.pcap'), '-U', '--immediate-mode', '-s', '2048', '-B', '16384', '-Z', 'root'], {});
    await tcpdump.says(/listening on vb/);
    for (const tap of [...taps, drops, text, nothing]) await tap.says(/tap of engine e0/);
    const frames = Array.from({ length: 1500 }, (_, index) => {
      const bytes = frame(Buffer.alloc(50 + (index % 3) * 400, index));
      // By its addresses: there is no other flow in it.
      bytes.writeUInt16BE(index % 50, 10);
      return bytes;
    });
    const sender = namespace.driver();
    await sender.tell('openSinks', { devices: ['va'] });
    await sender.tell<Sent>('send', { frames });
    const daemon = await place.connect();
    const stats = async () => (await daemon.call('engine.stats'))[0];
    while ((await stats()).packets < frames.length) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(await text.ended).toMatchObject({ code: 0, stderr: expect.stringMatching(/5 packets\n$/) });
    expect((await text.ended).stdout.split('\n').slice(0, 5).every((line) => /^\d\d:\d\d:\d\d\.\d{9} vb \(-> LoadBalancer\): \S+ > ff:ff:ff:ff:ff:ff, ethertype 0x88b5, length \d+$/.test(line))).toBe(true);
    const { links, bricks } = await stats();
    await until(() => drops.stdout.split('\n').length - 1 === bricks.find(({ label }) => label === 'Filter')?.dropped);
    // Packet by packet: tcpdump has written all of them.
    const whole = frames.reduce((sum, { length }) => sum + 16 + length, 24);
    await until(() => statSync(place.path('ref.pcap')).size >= whole);
    // What a tap has begun to copy it brings: it looks each 20 ms.
    await new Promise((resolve) => setTimeout(resolve, 100));
    for (const tap of [...taps, drops]) tap.signal('SIGINT');
    for (const tap of [...taps, drops]) expect(await tap.ended).toMatchObject({ code: 0 });
    // Of a link that drops everything it says so.
    nothing.signal('SIGINT');
    expect(await nothing.ended).toMatchObject({ code: 0, stderr: expect.stringMatching(/p\{1: \d+ packets had no reader\. Start one, .* bricks tap --drops 'p\{1' shows such packets\.\n.*0 packets\n$/) });
    await tcpdump.end();
    const inner = written.map((_, index) => packetsOf(place.path(`${index}.pcapng`)));
    const hex = (packets: readonly { readonly bytes: Uint8Array }[]): string[] => packets.map(({ bytes }) => `${bytes.length} ${Buffer.from(bytes.subarray(0, 20)).toString('hex')}`);
    expect(hex(inner[0])).toEqual(hex(packetsOf(place.path('ref.pcap'))));
    expect(hex(inner[0])).toEqual(hex(frames.map((bytes) => ({ bytes }))));
    for (const [index, name] of written.entries()) {
      const link = links.find((one) => one.name === name);
      expect([name, inner[index].length, inner[index].reduce((sum, { bytes }) => sum + bytes.length, 0)]).toEqual([name, link?.packets, link?.bytes]);
    }
    expect(inner[1].length + inner[2].length).toBe(frames.length);
    expect(inner[1].length).toBeGreaterThan(0);
    const [audit] = await daemon.call('engine.audit');
    expect(audit.balanced).toBe(true);
    await daemon.close();
  });
});
