import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeInNamespace, eachTestWithEnds, frame, type Namespace, type PortDriver, type Received, type Sent } from './namespace';

const hasCompiler = spawnSync('c++', ['--version']).status === 0;

/** Frames of all lengths that an interface takes, each different. */
function manyFrames(count: number, longest = 1514): Buffer[] {
  return Array.from({ length: count }, (_, index) => {
    const payload = randomBytes(8 + ((index * 37) % (longest - 14 - 8 + 1)));
    payload.writeUInt32BE(index);
    return frame(payload);
  });
}

const total = (drops: Readonly<Record<string, number>>): number => Object.values(drops).reduce((sum, count) => sum + count, 0);

describeInNamespace('live interfaces', () => {
  let namespace: Namespace;
  let captor: PortDriver;
  let sender: PortDriver;

  eachTestWithEnds((ends) => {
    ({ namespace, captor, sender } = ends);
  });

  describe.each([
    ['a receive ring', { receiveRing: true }],
    ['libpcap', { receiveRing: false }],
  ])('captured by %s', (_, options) => {
    beforeEach(() => {
      captor = namespace.driver({ environment: { PORT_DRIVER_OPTIONS: JSON.stringify(options) } });
    });

    test('every frame that is sent is captured with its bytes, length and time, in order', async () => {
      const frames = manyFrames(2000);
      expect(await captor.tell('openSource', { device: 'vb' })).toMatchObject(options);
      await sender.tell('openSinks', { devices: ['va'] });
      const before = Math.floor(Date.now() / 1000);
      const [captured, sent] = await Promise.all([captor.tell<Received>('collect', { expected: frames.length }), sender.tell<Sent>('send', { frames })]);
      const bytes = frames.reduce((sum, each) => sum + each.length, 0);
      expect(sent.links[0]).toEqual({ packets: frames.length, bytes, drops: {} });
      expect(captured.counts).toEqual({ packets: frames.length, bytes, drops: {} });
      expect(captured.packets.map(({ bytes: got }) => got.toString('hex'))).toEqual(frames.map((each) => each.toString('hex')));
      expect(captured.packets.every((packet) => packet.aligned && packet.wireLength === packet.bytes.length)).toBe(true);
      expect(captured.packets.every(({ seconds, nanoseconds }) => seconds >= before && seconds <= before + 60 && nanoseconds < 1e9)).toBe(true);
      expect(captured.packets.some(({ nanoseconds }) => nanoseconds % 1000 !== 0)).toBe(true);
      expect(captured.linkType).toBe(1);
    });

    test('a VLAN tag that the kernel keeps apart is in the bytes', async () => {
      const tagged = Buffer.concat([Buffer.from('ffffffffffff020000000001', 'hex'), Buffer.from('8100006488b5', 'hex'), randomBytes(60)]);
      await captor.tell('openSource', { device: 'vb' });
      await sender.tell('openSinks', { devices: ['va'] });
      await sender.tell('send', { frames: [tagged] });
      const { packets } = await captor.tell<Received>('collect', { expected: 1 });
      expect(packets[0].bytes.toString('hex')).toBe(tagged.toString('hex'));
    });

    test('a snap length cuts packets and keeps their length on the wire; a filter takes what it matches', async () => {
      await captor.tell('openSource', { device: 'vb', options: { snapLength: 96, filter: 'greater 200' } });
      await sender.tell('openSinks', { devices: ['va'] });
      await sender.tell('send', { frames: [frame(randomBytes(50)), frame(randomBytes(400))] });
      const { packets } = await captor.tell<Received>('collect', { expected: 2, milliseconds: 300 });
      expect(packets.map((packet) => [packet.bytes.length, packet.wireLength])).toEqual([[96, 414]]);
    });

    test('the flow columns are filled when they are asked for', async () => {
      const udp = Buffer.concat([
        Buffer.from('ffffffffffff0200000000010800', 'hex'),
        Buffer.from('4500002000010000401100000a0000010a000002', 'hex'), Buffer.from('14e90035000c0000deadbeef', 'hex'), Buffer.alloc(20),
      ]);
      await captor.tell('openSource', { device: 'vb', flowColumns: true });
      await sender.tell('openSinks', { devices: ['va'] });
      await sender.tell('send', { frames: [udp] });
      const { packets } = await captor.tell<Received>('collect', { expected: 1 });
      expect(packets[0]).toMatchObject({ flowKind: 2, flowPorts: ((0x14e9 << 16) | 0x35) >>> 0, flowAddresses: 0x0003 });
    });

    test('an engine that sends on the interface it captures gets nothing back of what it sends', async () => {
      await captor.tell('openSource', { device: 'va', alsoSink: true });
      await sender.tell('openSinks', { devices: ['va'] });
      await sender.tell('send', { frames: manyFrames(50) });
      const captured = await captor.tell<Received>('collect', { expected: 1, milliseconds: 300 });
      expect(captured.received).toBe(0);
      expect(captured.notices.join()).toMatch(/only incoming frames are captured/);
    });

    test('packets that the kernel had to drop are counted: sent = captured + dropped', async () => {
      const frames = manyFrames(1000);
      await captor.tell('openSource', { device: 'vb', options: { bufferBytes: 1_048_576 } });
      await sender.tell('openSinks', { devices: ['va'] });
      const sent = await sender.tell<Sent>('send', { frames, times: 20 });
      const captured = await captor.tell<Received>('collect', { milliseconds: 1000, keep: false });
      expect(sent.links[0].packets).toBe(20_000);
      expect(captured.counts.drops.captureFull).toBeGreaterThan(0);
      expect(captured.counts.packets + captured.counts.drops.captureFull).toBe(20_000);
    });

    test('an interface that goes down while it is captured is waited for', async () => {
      await captor.tell('openSource', { device: 'vb' });
      await sender.tell('openSinks', { devices: ['va'] });
      namespace.ip('link', 'set', 'vb', 'down');
      const down = await captor.tell<Received>('collect', { milliseconds: 500 });
      expect(down.ended).toBe(false);
      expect(down.notices).toEqual([expect.stringMatching(/vb went down/)]);
      namespace.ip('link', 'set', 'vb', 'up');
      expect((await captor.tell<Received>('collect', { milliseconds: 500 })).notices).toEqual([expect.stringMatching(/vb is up again/)]);
      const [up] = await Promise.all([captor.tell<Received>('collect', { expected: 5 }), sender.tell('send', { frames: manyFrames(5) })]);
      expect(up.received).toBe(5);
    });

    test('an interface that vanishes while it is captured ends its source, with all that came before', async () => {
      await captor.tell('openSource', { device: 'vb', options: { latency: 800 } });
      await sender.tell('openSinks', { devices: ['va'] });
      await sender.tell('send', { frames: manyFrames(30) });
      namespace.ip('link', 'del', 'vb');
      const captured = await captor.tell<Received>('collect', {});
      expect(captured.received).toBe(30);
      expect(captured.ended).toBe(true);
      expect(captured.notices.at(-1)).toMatch(/vb is gone/);
    });

    test('what can not be opened says what is wrong and what to do', async () => {
      namespace.ip('link', 'set', 'va', 'down');
      await expect(captor.tell('openSource', { device: 'va' })).rejects.toMatchObject({ code: 'E_DEVICE_DOWN', message: expect.stringMatching(/ip link set va up/) });
      await expect(captor.tell('openSource', { device: 'vbb' })).rejects.toMatchObject({ code: 'E_NO_DEVICE', message: expect.stringMatching(/Did you mean vb/) });
      await expect(captor.tell('openSinks', { devices: ['vb', 'nothing-like-it'] })).rejects.toMatchObject({ code: 'E_NO_DEVICE', message: expect.stringMatching(/There are: .*vb/) });
      await expect(captor.tell('openSource', { device: 'vb', options: { filter: 'tcp prot 80' } })).rejects.toMatchObject({ code: 'E_FILTER', message: expect.stringMatching(/tcp prot 80.*syntax error/) });
    });
  });

  test('what can not be sent is counted by its reason, and nothing is counted twice or not at all', async () => {
    const good = manyFrames(300);
    const frames = [...good.slice(0, 150), frame(randomBytes(3000)), Buffer.from([1, 2, 3]), ...good.slice(150), frame(randomBytes(9000))];
    await sender.tell('openSinks', { devices: ['va', 'vb'] });
    const sent = await sender.tell<Sent>('send', { frames });
    expect(sent.left).toEqual([0, 0]);
    for (const link of sent.links) {
      expect(link.packets).toBe(300);
      expect(link.drops).toEqual({ tooLong: 2, malformed: 1 });
    }
    const wrongType = await sender.tell<Sent>('send', { frames: good, linkType: 101 });
    expect(wrongType.links[0].drops).toEqual({ tooLong: 2, malformed: 1, linkType: 300 });
  });

  test('an interface that goes down drops what is for it, says so once, and sends again when it is up', async () => {
    const frames = manyFrames(40);
    await sender.tell('openSinks', { devices: ['va'] });
    await sender.tell('send', { frames });
    namespace.ip('link', 'set', 'va', 'down');
    const down = await sender.tell<Sent>('send', { frames });
    expect(down.links[0]).toMatchObject({ packets: 40, drops: { interfaceDown: 40 } });
    expect(down.notices).toEqual([expect.stringMatching(/va does not accept packets.*down/i)]);
    namespace.ip('link', 'set', 'va', 'up');
    const up = await sender.tell<Sent>('send', { frames });
    expect(up.links[0]).toMatchObject({ packets: 80, drops: { interfaceDown: 40 } });
    expect(up.notices).toEqual([expect.stringMatching(/va accepts packets again/)]);
  });

  test('an interface that is deleted and made again is sent to again; another one never noticed', async () => {
    const frames = manyFrames(40);
    const pair = (one: string, two: string): void => {
      namespace.ip('link', 'add', one, 'type', 'veth', 'peer', 'name', two);
      namespace.ip('link', 'set', one, 'up');
      namespace.ip('link', 'set', two, 'up');
    };
    pair('other', 'peer');
    await sender.tell('openSinks', { devices: ['va', 'other'] });
    namespace.ip('link', 'del', 'va');
    const gone = await sender.tell<Sent>('send', { frames });
    expect(gone.links.map((link) => [link.packets, total(link.drops)])).toEqual([[0, 40], [40, 0]]);
    pair('va', 'vb');
    await sender.tell('send', { frames: [] });
    const back = await sender.tell<Sent>('send', { frames });
    expect(back.links.map((link) => link.packets)).toEqual([40, 80]);
  });

  test('a tun interface is captured and sent to as raw IP', async () => {
    namespace.ip('tuntap', 'add', 'dev', 'tun0', 'mode', 'tun');
    namespace.ip('link', 'set', 'tun0', 'up');
    expect(await captor.tell('openSource', { device: 'tun0' })).toMatchObject({ linkType: 101 });
    await sender.tell('openSinks', { devices: ['tun0'] });
    const sent = await sender.tell<Sent>('send', { frames: manyFrames(3), linkType: 1 });
    expect(sent.links[0].drops).toEqual({ linkType: 3 });
  });

  (hasCompiler ? test : test.skip)('the flow columns of packets without an Ethernet header are left to be found out, whatever their addresses look like', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bricks-pcap-tun-'));
    try {
      const program = join(folder, 'tun_packet');
      execFileSync('c++', [join(__dirname, 'tun_packet.cpp'), '-o', program], { stdio: 'pipe' });
      namespace.ip('tuntap', 'add', 'dev', 'tun0', 'mode', 'tun');
      namespace.ip('link', 'set', 'tun0', 'up');
      await captor.tell('openSource', { device: 'tun0', flowColumns: true, options: { filter: 'udp and port 53' } });
      // From 8.0.69.0: where an Ethernet header would end there seems to be one, and an IPv4 header behind it.
      const udp = '4500003c000100004011000008004500' + '0a090807' + '800000350028' + '0000' + '00'.repeat(32);
      namespace.run(program, 'tun0', udp);
      const { packets, linkType } = await captor.tell<Received>('collect', { expected: 1 });
      expect(linkType).toBe(101);
      expect(packets[0].bytes.toString('hex')).toBe(udp);
      expect(packets[0].flowKind).toBe(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('without the privilege the error says how to get it', async () => {
    const poor = namespace.driver({ wrap: ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] });
    for (const [command, argument] of [['openSource', { device: 'vb' }], ['openSinks', { devices: ['vb'] }]] as const) {
      await expect(poor.tell(command, argument)).rejects.toMatchObject({ code: 'E_PERMISSION', message: expect.stringMatching(/sudo.*setcap cap_net_raw,cap_net_admin\+eip/) });
    }
    expect(await poor.tell('status')).toMatchObject({ usable: true, reason: expect.stringMatching(/not allowed to capture.*setcap/) });
  });

  test('the devices are listed with what can be done with them', async () => {
    namespace.ip('address', 'add', '10.9.8.7/24', 'dev', 'va');
    const devices = await captor.tell<{ name: string; capture: boolean; send: boolean; notes: string[] }[]>('devices');
    const va = devices.find(({ name }) => name === 'va');
    expect(va).toMatchObject({ capture: true, send: true });
    expect(va?.notes.join()).toMatch(/up.*10\.9\.8\.7/);
  });

  test('without our binding node-pcap captures: every frame, whole, and a filter holds', async () => {
    const frames = manyFrames(500);
    const fallback = namespace.driver({ environment: { PORT_DRIVER_WITHOUT: 'bricks_pcap.node' } });
    const status = await fallback.tell<{ usable: boolean; reason: string }>('status');
    if (!/node-pcap/.test(status.reason)) return console.warn(`not tested: ${status.reason}`);
    expect(await fallback.tell('openSource', { device: 'vb', options: { filter: 'greater 100' } })).toMatchObject({ kind: 'FallbackSource' });
    await sender.tell('openSinks', { devices: ['va'] });
    const wanted = frames.filter((each) => each.length >= 100);
    const [captured] = await Promise.all([fallback.tell<Received>('collect', { expected: wanted.length }), sender.tell('send', { frames })]);
    expect(captured.packets.map(({ bytes }) => bytes.toString('hex'))).toEqual(wanted.map((each) => each.toString('hex')));
    expect(captured.counts).toMatchObject({ packets: wanted.length, drops: {} });
    await expect(fallback.tell('openSinks', { devices: ['vb'] })).rejects.toMatchObject({ code: 'E_NATIVE_MISSING', message: expect.stringMatching(/libpcap-dev/) });
    await fallback.tell('close');
    await expect(fallback.tell('openSource', { device: 'nothing-like-it' })).rejects.toMatchObject({ code: 'E_NO_DEVICE' });
    await expect(fallback.tell('openSource', { device: 'vb', options: { filter: 'tcp prot' } })).rejects.toMatchObject({ code: 'E_FILTER' });
    await fallback.tell('openSource', { device: 'vb' });
    namespace.ip('link', 'del', 'vb');
    expect(await fallback.tell<Received>('collect', {})).toMatchObject({ ended: true, notices: expect.arrayContaining([expect.stringMatching(/vb is gone/)]) });
  });
});
