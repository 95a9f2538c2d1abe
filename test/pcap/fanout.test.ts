import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCapture } from '../support/captures';
import { EXTENSION_HEADERS, arp, bytesOf, ethernet, extension, fragmentHeader, icmp, ipv4, ipv4Fragments, ipv6, ipv6Fragments, mpls, pppoe, ppp, snap, tcp, text, udp, vlan, type Payload } from '../support/packets';
import { writeCapture } from '../support/write-capture';
import { describeInNamespace, eachTestWithEnds, type Namespace, type PortDriver, type Received, type Sent } from './namespace';

const CLI = join(__dirname, '../../dist/src/cli/main.js');

/** bpf(2) is there; by the name of a test that it leaves out it is said what for. */
const withBpf = existsSync('/proc/sys/kernel/unprivileged_bpf_disabled') ? test : test.skip;
const hasSetpriv = spawnSync('setpriv', ['--version']).status === 0;

interface Opened {
  readonly notices: readonly string[];
}

/** A frame of each kind for one flow, backwards for odd rounds; fragments with their first in front. */
function framesOf(flow: number): Buffer[] {
  const back = flow % 2 === 1;
  const a = `10.${flow % 200}.${(flow * 7) % 250}.1`, b = `192.168.${(flow * 3) % 250}.${(flow % 250) + 1}`;
  const a6 = `2001:db8:${(flow + 1).toString(16)}::1`, b6 = `2001:db8:ffff::${(flow * 13 + 1).toString(16)}`;
  const four = { source: back ? b : a, destination: back ? a : b, identification: 1000 + flow };
  const six = { source: back ? b6 : a6, destination: back ? a6 : b6 };
  const ports = back ? { sourcePort: 80, destinationPort: 1024 + flow * 31 } : { sourcePort: 1024 + flow * 31, destinationPort: 80 };
  const long = text('x'.repeat(900));
  const seen = (payload: Payload): Buffer => bytesOf(ethernet({}, payload));
  const headers = Object.keys(EXTENSION_HEADERS) as (keyof typeof EXTENSION_HEADERS)[];
  return [
    seen(ipv4(four, tcp(ports, text('a')))), seen(ipv4(four, udp(ports, text('b')))), seen(ipv6(six, tcp(ports, text('c')))), seen(ipv6(six, udp(ports, text('d')))),
    seen(ipv4(four, icmp({}, text('e')))), seen(ipv4({ ...four, options: Buffer.alloc(8, 1) }, udp(ports, text('f')))),
    seen(vlan({ id: flow }, ipv4(four, udp(ports, text('g'))))), seen(vlan({ tag: 0x88a8 }, vlan({ id: 7 }, ipv6(six, tcp(ports, text('h')))))),
    seen(mpls({ labels: [16 + flow, 17] }, ipv4(four, udp(ports, text('i'))))), seen(pppoe({}, ppp({}, ipv4(four, tcp(ports, text('j')))))),
    seen(ipv4(four, ipv4({ source: b, destination: a }, udp(ports, text('k'))))), bytesOf(snap({}, ipv4(four, udp(ports, text('l'))))),
    seen(arp(a, b)), seen(ipv6(six, extension(headers[flow % headers.length], {}, extension('destination', { extra: 1 }, udp(ports, text('m')))))),
    seen(ipv6(six, fragmentHeader({}, udp(ports, text('n'))))),
    ...ipv4Fragments({ ...four, identification: 7000 + flow }, udp(ports, long), 400).map(seen),
    ...ipv6Fragments({ ...six, identification: 9000 + flow }, tcp(ports, long), 400).map(seen),
    seen(ipv4({ ...four, protocol: 89 }, text('ospf'))), seen(ipv4(four, udp(ports, text('y'.repeat(6000))))), seen(text('no IP at all, but addresses')),
  ];
}

const FRAMES = Array.from({ length: 60 }, (_, flow) => framesOf(flow)).flat();

function hexOf({ packets }: Received): string[] {
  return packets.map(({ bytes }) => bytes.toString('hex'));
}

/** What the outputs of a LoadBalancer get of these frames. */
function balanced(frames: readonly Buffer[], outputs: number): string[][] {
  const folder = mkdtempSync(join(tmpdir(), 'bricks-fanout-'));
  try {
    const files = Array.from({ length: outputs }, (_, output) => join(folder, `${output}.pcap`));
    writeCapture(join(folder, 'in.pcap'), frames.map((bytes) => ({ bytes })));
    const named = files.map((file) => `"${file}"`).join(', ');
    writeFileSync(join(folder, 'split.lua'), `pe = PktEngine.new("e0")\npe:link(Brick.new("LoadBalancer"):connect_input("${join(folder, 'in.pcap')}"):connect_output(${named}))\npe:start()\n`);
    execFileSync(process.execPath, [CLI, '--backend', 'loopback', '-f', join(folder, 'split.lua')], { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, BRICKS_RUN_DIRECTORY: join(folder, 'run') } });
    return files.map((file) => readCapture(file).map(({ bytes }) => bytes.toString('hex')));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describeInNamespace('engines that share an interface', () => {
  let namespace: Namespace;
  let captor: PortDriver;
  let sender: PortDriver;

  eachTestWithEnds((ends) => {
    ({ namespace, captor, sender } = ends);
    for (const device of ['va', 'vb']) namespace.ip('link', 'set', device, 'mtu', '9000');
  });

  const open = (id: number, argument: Readonly<Record<string, unknown>> = {}): Promise<Opened> => captor.tell<Opened>('openSource', { device: 'vb', id, queue: id, ...argument, options: { bufferBytes: 4_194_304, ...(argument['options'] as object | undefined) } });
  const collect = (ids: readonly number[], expected: number): Promise<Received[]> => captor.tell<Received[]>('collectAll', { ids, expected, milliseconds: 1500 });
  const sizes = (received: readonly Received[]): number[] => received.map((each) => each.received);
  const sum = (received: readonly Received[]): number => sizes(received).reduce((total, each) => total + each, 0);
  const send = async (frames: readonly Buffer[] = FRAMES): Promise<number> => (await sender.tell<Sent>('send', { frames })).links[0].packets;

  withBpf.each([
    ['from the receive ring', {}],
    ['by libpcap', { receiveRing: false }],
  ])('engine k of 3 gets, in order, just what output k of a LoadBalancer gets, whatever the frames are: %s', async (_, options) => {
    for (const id of [0, 1, 2]) expect(await open(id, { options })).toMatchObject({ notices: [] });
    await sender.tell('openSinks', { devices: ['va'] });
    await send();
    const received = await collect([0, 1, 2], FRAMES.length);
    const expected = balanced(FRAMES, 3);
    expect(sum(received)).toBe(FRAMES.length);
    received.forEach((each, index) => expect(hexOf(each)).toEqual(expected[index]));
  });

  withBpf('of what goes out it is the same; numbers of queues need not begin with 0, and come in any order', async () => {
    for (const id of [9, 2]) await open(id, { device: 'va' });
    await sender.tell('openSinks', { devices: ['va'] });
    await send();
    const received = await collect([2, 9], FRAMES.length);
    const expected = balanced(FRAMES, 2);
    received.forEach((each, index) => expect(hexOf(each)).toEqual(expected[index]));
  });

  withBpf('where one ends the others keep their shares, and it gets its own back; so they do when the interface went down meanwhile', async () => {
    for (const id of [0, 1, 2]) await open(id);
    await sender.tell('openSinks', { devices: ['va'] });
    const expected = balanced(FRAMES, 3);
    const shares = expected.map((each) => each.length);
    await captor.tell('close', { id: 0 });
    await send();
    expect(sizes(await collect([1, 2], shares[1] + shares[2]))).toEqual([shares[1], shares[2]]);
    await open(0);
    await send();
    expect((await collect([0, 1, 2], FRAMES.length)).map(hexOf)).toEqual(expected);
    namespace.ip('link', 'set', 'vb', 'down');
    await collect([0, 1, 2], 1);
    namespace.ip('link', 'set', 'vb', 'up');
    await collect([0, 1, 2], 1);
    await send();
    expect((await collect([0, 1, 2], FRAMES.length)).map(hexOf)).toEqual(expected);
  });

  withBpf('one that ends gives its share to the others, if asked, who keep what they had', async () => {
    for (const id of [0, 1, 2]) await open(id, { options: { fanoutTakeOver: true } });
    await sender.tell('openSinks', { devices: ['va'] });
    const expected = balanced(FRAMES, 3);
    await captor.tell('close', { id: 1 });
    await send();
    const received = await collect([0, 2], FRAMES.length);
    expect(sum(received)).toBe(FRAMES.length);
    for (const [index, share] of [[0, 0], [1, 2]]) {
      const all = new Set(hexOf(received[index]));
      expect(expected[share].every((each) => all.has(each))).toBe(true);
      expect(all.size).toBeGreaterThan(new Set(expected[share]).size);
    }
  });

  test.each(['flow', 'cpu', 'queue'])('shared by %s, each packet goes to one of them, and none is lost', async (fanout) => {
    for (const id of [0, 1, 2]) expect(await open(id, { queue: -1, options: { fanout } })).toMatchObject({ notices: [] });
    await sender.tell('openSinks', { devices: ['va'] });
    const sent = await send();
    const received = await collect([0, 1, 2], FRAMES.length);
    expect(sum(received)).toBe(sent);
    expect(received.flatMap(hexOf).sort()).toEqual(FRAMES.map((each) => each.toString('hex')).sort());
    if (fanout === 'flow') expect(sizes(received).every((size) => size > 0)).toBe(true);
  });

  (hasSetpriv ? test : test.skip)('where no program may be loaded into the kernel its own hash stands in, and that is said', async () => {
    captor = namespace.driver({ wrap: ['setpriv', '--bounding-set=-sys_admin,-bpf'] });
    expect((await open(0)).notices.join()).toMatch(/shared by the kernel's own flow hash/);
    await open(1);
    await sender.tell('openSinks', { devices: ['va'] });
    await send();
    const received = await collect([0, 1], FRAMES.length);
    expect(sum(received)).toBe(FRAMES.length);
    expect(sizes(received).every((size) => size > 0)).toBe(true);
  });

  test('without sharing each gets everything, and is told so; a number that an engine has already is refused', async () => {
    expect(await open(0, { queue: -1 })).toMatchObject({ notices: [] });
    expect((await open(1, { queue: -1 })).notices.join()).toMatch(/vb: another engine captures this interface too, and each gets all packets\..*fanout/);
    await sender.tell('openSinks', { devices: ['va'] });
    await send();
    expect(sizes(await collect([0, 1], 2 * FRAMES.length))).toEqual([FRAMES.length, FRAMES.length]);
    await captor.tell('close');
    await open(0);
    await expect(open(1, { queue: 0 })).rejects.toMatchObject({ message: expect.stringMatching(/another engine already has share 0 of this interface/) });
    expect((await open(2, { queue: 3, options: { fanout: 'none' } })).notices.join()).toMatch(/queue 3 gets all packets/);
  });

  test('startup-multi-threads.lua shares an ordinary interface among its engines, and their sum is what came', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bricks-fanout-'));
    try {
      const script = join(__dirname, '../../scripts/startup-multi-threads.lua');
      const result = namespace.start([process.execPath, CLI, '--backend', 'pcap', '-f', script, '--', 'vb'], { BRICKS_RUN_DIRECTORY: join(folder, 'run') });
      await result.says(/Packets are at/);
      await sender.tell('openSinks', { devices: ['va'] });
      const sent = await send();
      await new Promise((resolve) => { setTimeout(resolve, 300); });
      const said = await result.end();
      const counts = [...said.matchAll(/^bricks: e(\d): (\d+) packets received/gm)].map((match) => Number(match[2]));
      expect(counts.length).toBe(4);
      expect(counts.reduce((total, each) => total + each, 0)).toBe(sent);
      expect(counts.filter((each) => each > 0).length).toBeGreaterThan(1);
      expect(said).not.toMatch(/gets all packets/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

