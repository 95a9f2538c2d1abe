import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCapture } from '../support/captures';
import { describeInNamespace, eachTestWithEnds, frame, type Namespace, type PortDriver, type Received, type Sent } from './namespace';

const hasCompiler = spawnSync('cc', ['--version']).status === 0;
const hasTcpdump = spawnSync('tcpdump', ['--version']).status === 0;

interface Opened {
  readonly receiveRing: boolean;
}

interface Held {
  readonly before: readonly string[];
  readonly after: readonly string[];
}

const ADDRESSES = 'ffffffffffff020000000001';

function udp(port: number): string {
  const payload = randomBytes(40).toString('hex');
  return `0800450000440001000040110000` + `0a0000010a000002` + `14e9${port.toString(16).padStart(4, '0')}00300000${payload}`;
}

/** Frames of each kind that the kernel treats in its own way: tags that it takes off, one below another, and none; short and long. */
function mixedFrames(rounds: number): Buffer[] {
  const tags = ['', '81000064', '81000000', '810020c8', '88a80064', '88a8006481000007', '8100000581000006', '810000018100000281000003'];
  const frames: Buffer[] = [];
  for (let round = 0; round < rounds; round++) {
    for (const tag of tags) {
      frames.push(Buffer.from(`${ADDRESSES}${tag}${udp(53 + (round % 2))}`, 'hex'));
      frames.push(Buffer.concat([Buffer.from(`${ADDRESSES}${tag}88b5`, 'hex'), randomBytes(8 + ((round * 131) % 1470))]));
    }
  }
  return frames;
}

/** tcpdump, which has begun to capture. */
class Tcpdump {
  private readonly folder = mkdtempSync(join(tmpdir(), 'bricks-pcap-ring-'));
  private readonly file = join(this.folder, 'captured.pcap');
  private readonly child: ChildProcess;
  private readonly ended: Promise<unknown>;

  constructor(namespace: Namespace, words: readonly string[]) {
    this.child = spawn('ip', ['netns', 'exec', namespace.name, 'tcpdump', '-Z', 'root', '--immediate-mode', '-U', '-B', '65536', '-s', '2048', '-w', this.file, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.ended = new Promise((resolve) => { this.child.on('close', resolve); });
  }

  listening(): Promise<void> {
    let said = '';
    return new Promise((resolve, reject) => {
      this.child.stderr?.on('data', (text) => {
        said += String(text);
        if (said.includes('listening on')) resolve();
      });
      void this.ended.then(() => reject(new Error(said)));
    });
  }

  /** Whole frames in hexadecimal, with their lengths on the wire. */
  async end(): Promise<string[]> {
    this.child.kill('SIGINT');
    await this.ended;
    const packets = readCapture(this.file).map(({ bytes, wireLength }) => `${wireLength} ${bytes.toString('hex')}`);
    rmSync(this.folder, { recursive: true, force: true });
    return packets;
  }
}

const asTcpdump = ({ packets }: Received): string[] => packets.map(({ bytes, wireLength }) => `${wireLength} ${bytes.toString('hex')}`);

describeInNamespace('the receive ring', () => {
  let namespace: Namespace;
  let captor: PortDriver;
  let sender: PortDriver;

  eachTestWithEnds((ends) => {
    ({ namespace, captor, sender } = ends);
  });

  (hasTcpdump ? test : test.skip).each([
    ['as it is', 'vb', {}, []],
    ['with a short snap length', 'vb', { snapLength: 66 }, ['-s', '66']],
    ['with a filter for a port', 'vb', { filter: 'udp port 53' }, ['udp port 53']],
    ['with a filter for tagged frames', 'vb', { filter: 'vlan' }, ['vlan']],
    ['with a filter for one tag', 'vb', { filter: 'vlan 100 and udp' }, ['vlan 100 and udp']],
    ['with a filter for a tag below another', 'vb', { filter: 'vlan and vlan 7' }, ['vlan and vlan 7']],
    ['with a filter against tagged frames', 'vb', { filter: 'not vlan', snapLength: 70 }, ['-s', '70', 'not vlan']],
    ['of what comes in', 'vb', { direction: 'in' }, ['-Q', 'in']],
    ['of what goes out, where it goes out', 'va', { direction: 'out' }, ['-Q', 'out']],
    ['of what goes out, where it comes in', 'vb', { direction: 'out' }, ['-Q', 'out'], false],
    ['of what comes in, where it goes out', 'va', { direction: 'in' }, ['-Q', 'in'], false],
    ['in both directions, where it goes out', 'va', {}, []],
    ['of the loopback interface', 'lo', {}, []],
    ['of what comes in of the loopback interface', 'lo', { direction: 'in' }, ['-Q', 'in']],
    ['of what goes out of the loopback interface', 'lo', { direction: 'out' }, ['-Q', 'out'], false],
  ] as const)('captures byte for byte what tcpdump captures: %s', async (_, device, options, words, some = true) => {
    if (device === 'lo') namespace.ip('link', 'set', 'lo', 'up');
    const tcpdump = new Tcpdump(namespace, ['-i', device, ...words]);
    await tcpdump.listening();
    expect(await captor.tell<Opened>('openSource', { device, options, rows: 37 })).toMatchObject({ receiveRing: true });
    await sender.tell('openSinks', { devices: [device === 'lo' ? 'lo' : 'va'] });
    const frames = mixedFrames(25);
    const [captured] = await Promise.all([captor.tell<Received>('collect', { milliseconds: 1200 }), sender.tell('send', { frames })]);
    const expected = await tcpdump.end();
    expect(asTcpdump(captured)).toEqual(expected);
    expect(captured.packets.every(({ aligned }) => aligned)).toBe(true);
    expect(captured.counts).toMatchObject({ packets: expected.length, drops: {} });
    expect(expected.length > 0).toBe(some);
  });

  test('time stamps have microseconds where they are asked for', async () => {
    expect(await captor.tell<Opened>('openSource', { device: 'vb', options: { timestampPrecision: 'microsecond' } })).toMatchObject({ receiveRing: true });
    await sender.tell('openSinks', { devices: ['va'] });
    const [{ packets }] = await Promise.all([captor.tell<Received>('collect', { expected: 50 }), sender.tell('send', { frames: mixedFrames(4).slice(0, 50) })]);
    expect(packets.length).toBe(50);
    expect(packets.every(({ nanoseconds }) => nanoseconds < 1e9 && nanoseconds % 1000 === 0)).toBe(true);
  });

  test('the packets of a batch stay as they are until the next one is asked for, however many come and are lost', async () => {
    await captor.tell('openSource', { device: 'vb', options: { bufferBytes: 1_048_576 }, rows: 100 });
    await sender.tell('openSinks', { devices: ['va'] });
    const frames = mixedFrames(100);
    const [held, sent] = await Promise.all([captor.tell<Held>('hold', { milliseconds: 1500 }), sender.tell<Sent>('send', { frames, times: 10 })]);
    expect(held.before.length).toBeGreaterThan(0); // as many as were there when it asked
    expect(held.after).toEqual(held.before);
    const { counts } = await captor.tell<Received>('collect', { milliseconds: 500, keep: false });
    expect(counts.drops.captureFull).toBeGreaterThan(0);
    expect(counts.packets + counts.drops.captureFull).toBe(sent.links[0].packets);
  });

  test('frames of which a few fill a block come whole, and are all counted', async () => {
    for (const device of ['va', 'vb']) namespace.ip('link', 'set', device, 'mtu', '60000');
    await captor.tell('openSource', { device: 'vb', options: { bufferBytes: 4_194_304 } });
    await sender.tell('openSinks', { devices: ['va'] });
    const frames = Array.from({ length: 40 }, (_, index) => frame(randomBytes(50_000 + index)));
    const [captured, sent] = await Promise.all([captor.tell<Received>('collect', { milliseconds: 1500 }), sender.tell<Sent>('send', { frames, times: 5 })]);
    const { captureFull = 0 } = captured.counts.drops;
    expect(captured.received + captureFull).toBe(sent.links[0].packets);
    const known = new Set(frames.map((each) => each.toString('hex')));
    expect(captured.received).toBeGreaterThan(0);
    expect(captured.packets.every(({ bytes }) => known.has(bytes.toString('hex')))).toBe(true);
  });

  test('the interface is promiscuous as long as it is captured, if that is wanted; what was captured is not there any more, but can be read', async () => {
    const promiscuity = (): string => /promiscuity (\d+)/.exec(namespace.run('ip', '-d', 'link', 'show', 'vb'))?.[1] ?? '';
    await captor.tell('openSource', { device: 'vb', options: { promiscuous: false } });
    expect(promiscuity()).toBe('0');
    await captor.tell('close');
    await captor.tell('openSource', { device: 'vb' });
    expect(promiscuity()).toBe('1');
    await sender.tell('openSinks', { devices: ['va'] });
    await sender.tell('send', { frames: mixedFrames(1) });
    const { before, after } = await captor.tell<Held>('hold', { close: true });
    expect(before.length).toBeGreaterThan(0);
    expect(after).toEqual(before.map((packet) => packet.replace(/./g, '0')));
    expect(promiscuity()).toBe('0');
  });

  test.each([
    ['each packet at once', 'vb', { latency: 0, snapLength: 2048 }],
    ['a source of time that the interface does not have', 'vb', { timestampSource: 'adapter' }],
    ['being told so', 'vb', { receiveRing: false }],
    ['all interfaces at once', 'any', {}],
  ])('is left to libpcap where there can be none, and everything comes: %s', async (_, device, options) => {
    expect(await captor.tell<Opened>('openSource', { device, options: { ...options, direction: 'in' } })).toMatchObject({ receiveRing: false });
    await sender.tell('openSinks', { devices: ['va'] });
    const frames = mixedFrames(5);
    const [captured] = await Promise.all([captor.tell<Received>('collect', { expected: frames.length }), sender.tell('send', { frames })]);
    expect(captured.received).toBe(frames.length);
    if (device === 'vb') expect(captured.packets.map(({ bytes }) => bytes.toString('hex'))).toEqual(frames.map((each) => each.toString('hex')));
  });

  (hasCompiler ? test : test.skip)('is left to libpcap by a kernel that refuses, without a word', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bricks-pcap-ring-'));
    try {
      const library = join(folder, 'no_tpacket_v3.so');
      execFileSync('cc', ['-shared', '-fPIC', join(__dirname, 'no_tpacket_v3.c'), '-o', library, '-ldl'], { stdio: 'pipe' });
      const poor = namespace.driver({ environment: { LD_PRELOAD: library } });
      expect(await poor.tell<Opened>('openSource', { device: 'vb', options: { snapLength: 2048 } })).toMatchObject({ receiveRing: false });
      await sender.tell('openSinks', { devices: ['va'] });
      const frames = mixedFrames(5);
      const [captured] = await Promise.all([poor.tell<Received>('collect', { expected: frames.length }), sender.tell('send', { frames })]);
      expect(captured.packets.map(({ bytes }) => bytes.toString('hex'))).toEqual(frames.map((each) => each.toString('hex')));
      expect(captured.notices).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
