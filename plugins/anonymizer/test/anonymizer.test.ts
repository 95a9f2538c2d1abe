import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  SAMPLES, arp, bytesOf, cooked, ethernet, expectToConserve, expectToKeepOrder, fuzzBrick, gtp, hardwareAddress, icmp, icmpv6, ipv4, ipv4Address, ipv4Fragments, ipv6, ipv6Address, runBrick, tcp,
  tcpConversation, udp, vlan, vxlan, words, writePackets, type GivenPacket, type Layered,
} from 'packet-bricks/testing';
import { Duplicator } from 'packet-bricks';
import { shownOptions } from 'packet-bricks/src/model/options';
import { shortOptions } from 'packet-bricks/src/text/printer';
import { CryptoPan } from '../src/crypto-pan';
import { Anonymizer } from '../src/index';
import { VECTORS } from './vectors';

const KEY = VECTORS[0].key;
const PAYLOADS = ['remove', 'zero', 'keep'] as const;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bricks-anonymizer-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function anonymous(options: object, packets: readonly GivenPacket[]): Promise<Buffer[]> {
  const run = await runBrick(new Anonymizer({ key: KEY, ...options }), packets);
  for (const check of [expectToConserve, expectToKeepOrder]) check(run);
  return run.outputs[0].map(({ bytes }) => bytes);
}

/** What Crypto-PAn makes of an address; checked against published results below. */
function mapped(address: Buffer, key = KEY): Buffer {
  const crypto = new CryptoPan(Buffer.from(key, 'hex'), 64);
  for (let word = 0; word < address.length / 4; word++) crypto.address[word] = address.readInt32BE(4 * word);
  if (address.length === 4) crypto.ipv4();
  else crypto.ipv6();
  const result = Buffer.alloc(address.length);
  for (let word = 0; word < address.length / 4; word++) result.writeInt32BE(crypto.result[word], 4 * word);
  return result;
}

const pairs = (text: string): [string, string][] => text.trim().split(/\s+/).flatMap((word, index, all) => (index % 2 === 0 ? [[word, all[index + 1]] as [string, string]] : []));

describe('Crypto-PAn', () => {
  test.each(VECTORS)('comes to what $source does', ({ key, ipv4: four, ipv6: six }) => {
    for (const [before, after] of pairs(four)) expect([before, [...mapped(ipv4Address(before), key)].join('.')]).toEqual([before, after]);
    for (const [before, after] of pairs(six)) expect([before, mapped(ipv6Address(before), key)]).toEqual([before, ipv6Address(after)]);
  });

  test('what is remembered changes nothing: many addresses, little room', () => {
    const small = new CryptoPan(Buffer.from(KEY, 'hex'), 16);
    const once = new Map<number, number>();
    for (let round = 0; round < 2; round++) {
      for (let index = 0; index < 500; index++) {
        const address = Math.imul(index, 0x9e3779b1);
        small.address[0] = address;
        small.ipv4();
        expect(once.get(address) ?? small.result[0]).toBe(small.result[0]);
        once.set(address, small.result[0]);
      }
    }
    expect([new Set(once.values()).size, small.computed > 500]).toEqual([500, true]);
  });
});

describe('addresses', () => {
  test('the same one becomes the same one, in IP, ARP and neighbor discovery, prefixes preserved, and tags stay', async () => {
    const [frame, request] = await anonymous({}, [ethernet({}, vlan({ id: 7, priority: 3 }, ipv4({}, udp({}, 'x')))), ethernet({ destination: 'ff:ff:ff:ff:ff:ff' }, arp('192.0.2.1', '192.0.2.9'))]);
    expect(frame.subarray(12, 18)).toEqual(words(0x8100, 0x6007, 0x0800));
    expect(frame.subarray(30, 34)).toEqual(mapped(ipv4Address('192.0.2.1')));
    expect(request.subarray(0, 6)).toEqual(hardwareAddress('ff:ff:ff:ff:ff:ff'));
    expect(request.subarray(28, 32)).toEqual(mapped(ipv4Address('192.0.2.1')));
    expect([request.subarray(22, 28), request.subarray(32, 38)]).toEqual([frame.subarray(6, 12), hardwareAddress('00:00:00:00:00:00')]);
    expect(request.subarray(38, 41)).toEqual(mapped(ipv4Address('192.0.2.1')).subarray(0, 3));
    const target = ipv6Address('2001:db8::9');
    const [solicitation] = await anonymous({}, [ethernet({}, ipv6({}, icmpv6({ type: 135, identifier: 0, sequence: 0 }, Buffer.concat([target, Buffer.from('01010200000000aa', 'hex')]))))]);
    expect(solicitation.subarray(62, 78)).toEqual(mapped(target));
    expect(solicitation.subarray(80, 86)).not.toEqual(hardwareAddress('02:00:00:00:00:aa'));
  });

  test('of MAC addresses the vendor stays, or all of them, if that is asked for; groups stay groups', async () => {
    const frame = ethernet({ source: '00:1b:21:01:02:03', destination: '33:33:00:00:00:fb' }, ipv6({}, udp({}, '')));
    const macs = async (how: string): Promise<[string, string]> => {
      const [bytes] = await anonymous({ macs: how }, [frame]);
      return [bytes.toString('hex', 0, 6), bytes.toString('hex', 6, 12)];
    };
    expect(await macs('keep')).toEqual(['3333000000fb', '001b21010203']);
    const [group, source] = await macs('vendor');
    expect([group.slice(0, 4), group.slice(4) === '000000fb', source.slice(0, 6), source.slice(6) === '010203']).toEqual(['3333', false, '001b21', false]);
    const [, replaced] = await macs('replace');
    expect([replaced.startsWith('001b21'), parseInt(replaced.slice(0, 2), 16) & 3]).toEqual([false, 0]);
  });

  test('those quoted in ICMP errors and inside of tunnels become what they become elsewhere', async () => {
    const quoted = ipv4({ source: '10.1.1.1', destination: '10.2.2.2' }, udp({ sourcePort: 5000, destinationPort: 53 }, 'a question'));
    const [plain, error, tunnel] = await anonymous({ payload: 'zero' }, [
      ethernet({}, quoted), ethernet({}, ipv4({}, icmp({ type: 3, code: 3, identifier: 0, sequence: 0 }, quoted))), ethernet({}, ipv4({}, vxlan({}, ethernet({}, quoted)))),
    ]);
    expect(error.subarray(42, 42 + 28)).toEqual(plain.subarray(14, 42));
    expect(tunnel.subarray(tunnel.length - (plain.length - 14))).toEqual(plain.subarray(14));
  });

  test('other outputs keep the packet as it was', async () => {
    const frame = ethernet({}, ipv4({}, udp({}, 'content')));
    const run = await runBrick(new Duplicator().connectInput('in').connectOutput('plain', 'a{0').link(new Anonymizer({ key: KEY, payload: 'zero' }).connectInput('a}0').connectOutput('other')), [frame]);
    expect(run.output('plain')[0].bytes).toEqual(bytesOf(frame));
    expect(run.output('other')[0].bytes.includes('content')).toBe(false);
  });
});

describe('nothing that identifies is left', () => {
  const secrets = [...['192.0.2.1', '198.51.100.2', '192.0.2.2'].map(ipv4Address), ...['2001:db8::1', '2001:db8:1::2'].map(ipv6Address), hardwareAddress('02:00:00:00:00:01'), hardwareAddress('02:00:00:00:00:02'), Buffer.from('some content')];

  test.each(PAYLOADS)('in frames of all kinds, payload: %s', async (payload) => {
    const others = [
      ethernet({}, ipv4({ options: Buffer.from('070b08c0000201c633640200', 'hex') }, tcp({ options: Buffer.from('1e08000001c6336402010101', 'hex') }, ''))),
      ethernet({}, ipv6({}, icmpv6({ type: 1, identifier: 0, sequence: 0 }, ipv6({}, udp({}, 'some content'))))),
      ethernet({}, ipv4({}, icmp({ type: 5, identifier: 0xc000, sequence: 0x0201 }, ipv4({}, udp({}, ''))))),
    ];
    const frames = [...SAMPLES, ...others];
    const all = await anonymous({ payload }, frames);
    for (const [index, bytes] of all.entries()) {
      // Payloads of the kinds that are known stay, if that is asked for.
      const found = secrets.slice(0, payload === 'keep' ? -1 : undefined).filter((secret) => bytes.includes(secret)).map((secret) => secret.toString('hex'));
      expect({ frame: bytesOf(frames[index]).toString('hex'), found }).toEqual({ frame: expect.anything(), found: [] });
    }
    expect(all.some((bytes) => bytes.includes('some content'))).toBe(payload === 'keep');
  });

  test.each(PAYLOADS)('of frames that were cut anywhere, payload: %s', async (payload) => {
    const frames: Buffer[] = [
      ethernet({}, vlan({}, ipv4({}, tcp({ options: Buffer.alloc(12, 1) }, 'some content')))), ethernet({}, ipv6({}, icmpv6({ type: 1 }, ipv6({}, udp({}, 'some content'))))), ethernet({}, arp('192.0.2.1', '198.51.100.2')),
      ethernet({}, ipv4({}, gtp({ extensions: [[0x85, 1]] }, ipv4({}, udp({}, 'some content'))))), ethernet({}, ipv4({}, vxlan({}, ethernet({}, ipv4({}, udp({}, 'x')))))),
    ].map(bytesOf);
    const cut = frames.flatMap((frame) => Array.from({ length: frame.length }, (_, length) => frame.subarray(0, length)));
    for (const bytes of await anonymous({ payload }, cut)) expect(secrets.slice(0, -1).some((secret) => bytes.includes(secret))).toBe(false);
  });

  test('packets of link types that it can not read are dropped; Linux cooked ones are read', async () => {
    const run = await runBrick(new Anonymizer({ key: KEY }), [{ bytes: Buffer.alloc(60, 1), linkType: 147 }, { bytes: bytesOf(cooked({}, ipv4({}, udp({}, 'x')))), linkType: 113 }]);
    expect([run.outputs[0].length, run.counters['unreadable']]).toEqual([1, 1]);
    expect(run.outputs[0][0].bytes.subarray(28, 32)).toEqual(mapped(ipv4Address('192.0.2.1')));
    expect(run.outputs[0][0].bytes.includes(hardwareAddress('02:00:00:00:00:01'))).toBe(false);
  });
});

test('payloads are cut off, and the length on the wire stays', async () => {
  const run = await runBrick(new Anonymizer({ key: KEY }), [ethernet({}, ipv4({}, tcp({}, Buffer.alloc(500)))), ethernet({ type: 0x88cc }, Buffer.alloc(80))]);
  expect(run.outputs[0].map(({ bytes, wireLength }) => [bytes.length, wireLength])).toEqual([[54, 554], [14, 94]]);
});

describe('checksums', () => {
  const checksumOf = (frame: Buffer): number => frame.readUInt16BE(40);
  const withChecksum = (checksum: number, frame: Layered): Buffer => {
    const bytes = bytesOf(frame);
    bytes.writeUInt16BE(checksum, 40);
    return bytes;
  };
  const frame = ethernet({}, ipv4({}, udp({}, 'content')));
  /** Of the addresses, the protocol and the length. */
  const partial = (addresses: Buffer): number => {
    let sum = 17 + 15;
    for (let at = 0; at < 8; at += 2) sum += addresses.readUInt16BE(at);
    return (sum & 0xffff) + (sum >>> 16);
  };

  test.each(PAYLOADS)('UDP without one stays without, and one that is left to the interface stays so, payload: %s', async (payload) => {
    const [none, left] = await anonymous({ payload }, [withChecksum(0, frame), withChecksum(partial(bytesOf(frame).subarray(26)), frame)]);
    expect([checksumOf(none), checksumOf(left)]).toEqual([0, partial(left.subarray(26))]);
  });

  test('a wrong one stays wrong where payloads stay', async () => {
    const [right, wrong] = await anonymous({ payload: 'keep' }, [frame, withChecksum(checksumOf(bytesOf(frame)) ^ 1, frame)]);
    expect(checksumOf(wrong)).not.toBe(checksumOf(right));
  });

  const withTshark = spawnSync('tshark', ['--version']).status === 0 ? describe : describe.skip;
  const STATUS = ['ip.checksum.status', 'tcp.checksum.status', 'udp.checksum.status', 'icmp.checksum.status', 'icmpv6.checksum.status', 'gre.checksum.status'];
  const PREFERENCES = ['ip.check_checksum:TRUE', 'tcp.check_checksum:TRUE', 'udp.check_checksum:TRUE', 'ip.defragment:TRUE', 'ipv6.defragment:TRUE'];

  withTshark('tshark finds them right', () => {
    const rows = (file: string): string[] => execFileSync('tshark', ['-n', '-r', file, ...PREFERENCES.flatMap((one) => ['-o', one]), '-T', 'fields', ...STATUS.flatMap((field) => ['-e', field])], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n').slice(0, -1);

    test.each(['zero', 'keep'] as const)('in frames of all kinds, payload: %s', async (payload) => {
      const talk = tcpConversation({ data: [{ from: 'client', content: 700 }, { from: 'server', content: 3001 }] });
      const fragments = ipv4Fragments({ identification: 77 }, ipv4({}, udp({}, Buffer.alloc(1200, 7))), 400).map((one) => ethernet({}, one));
      const errors = [
        ethernet({}, ipv4({}, icmp({ type: 11, identifier: 0, sequence: 0 }, ipv4({}, udp({}, 'abc'))))), ethernet({}, ipv6({}, icmpv6({ type: 3, identifier: 0, sequence: 0 }, ipv6({}, tcp({}, 'abc'))))),
        ethernet({}, ipv6({}, icmpv6({ type: 136, identifier: 0, sequence: 0 }, Buffer.concat([ipv6Address('2001:db8::9'), Buffer.from('02010200000000aa', 'hex')])))),
      ];
      const run = await runBrick(new Anonymizer({ key: KEY, payload }), [...SAMPLES, ...talk, ...fragments, ...errors]);
      const before = rows(writePackets(join(folder, 'before.pcap'), run.input));
      const after = rows(writePackets(join(folder, 'after.pcap'), run.outputs[0]));
      const bad = (row: string): boolean => row.split(/[\t,]/).some((status) => status === '0');
      const wrong = after.map((row, index) => ({ row, before: before[index], frame: run.outputs[0][index].bytes.toString('hex'), index })).filter(({ row, before: was }) => bad(row) && !bad(was));
      expect(wrong).toEqual([]);
      expect(after.filter((row) => row.includes('1')).length).toBeGreaterThan(100);
    });
  });

  const withTcpdump = spawnSync('tcpdump', ['--version']).status === 0 ? test : test.skip;

  withTcpdump('tcpdump finds none that is wrong, and the same connections by other addresses', async () => {
    const talk = tcpConversation({ client: { address: '10.1.1.1', port: 4000 }, server: { address: '10.1.2.2', port: 80 }, data: [{ from: 'client', content: 300 }, { from: 'server', content: 2000 }] });
    const run = await runBrick(new Anonymizer({ key: KEY, payload: 'zero' }), talk);
    const text = execFileSync('tcpdump', ['-n', '-vv', '-r', writePackets(join(folder, 'talk.pcap'), run.outputs[0])], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    expect(text).not.toMatch(/bad cksum|incorrect|10\.1\.[12]/);
    const [client, server] = ['10.1.1.1', '10.1.2.2'].map((address) => [...mapped(ipv4Address(address))].join('.'));
    expect(text.match(/cksum 0x[0-9a-f]+ \(correct\)/g)).toHaveLength(talk.length);
    expect(text).toContain(`${client}.4000 > ${server}.80: Flags [S]`);
  });
});

describe('the key', () => {
  const failure = async (options: object): Promise<string> => runBrick(new Anonymizer(options), []).then(() => 'nothing', (error: Error) => error.message);

  test('comes from a file, in bytes or digits; one that others can read is noted', async () => {
    const [digits, bytes] = [join(folder, 'digits.key'), join(folder, 'bytes.key')];
    writeFileSync(digits, `${KEY}\n`, { mode: 0o600 });
    writeFileSync(bytes, Buffer.from(KEY, 'hex'));
    chmodSync(bytes, 0o644);
    const frame = ethernet({}, ipv4({}, udp({}, '')));
    const runs = await Promise.all([new Anonymizer({ key: KEY }), new Anonymizer(digits), new Anonymizer({ keyFile: bytes })].map((brick) => runBrick(brick, [frame])));
    expect(new Set(runs.map((run) => run.outputs[0][0].bytes.toString('hex'))).size).toBe(1);
    expect(runs.map((run) => run.log.length)).toEqual([0, 0, 1]);
    expect(runs[2].log[0]).toContain(`chmod 600 ${bytes}`);
  });

  test('is not shown where options are', () => {
    const brick = new Anonymizer({ key: KEY });
    expect([shortOptions(brick, Anonymizer.declaration), shownOptions(Anonymizer.declaration.options, brick.options)['key']]).toEqual(['key = "***"', '***']);
    expect(() => new Anonymizer({ key: 12 as never })).toThrow('the option "key" is something else; it must be a string.');
  });

  test('that is missing or wrong is said, and never shown', async () => {
    const wrong = join(folder, 'wrong.key');
    writeFileSync(wrong, 'secret words');
    expect(await failure({})).toMatch(/Anonymizer needs a key: .* openssl rand -hex 32/);
    expect(await failure({ key: KEY, keyFile: wrong })).toContain('was given both');
    expect(await failure({ keyFile: join(folder, 'none.key') })).toContain('none.key: there is no such file');
    for (const options of [{ key: 'secret words' }, { keyFile: wrong }]) {
      const text = await failure(options);
      expect(text).toContain('must be 32 bytes or 64 hexadecimal digits');
      expect(text).not.toContain('secret');
    }
  });
});

test.each(PAYLOADS)('no frame makes it fail, payload: %s', (payload) => {
  fuzzBrick(() => new Anonymizer({ key: KEY, payload, macs: payload === 'zero' ? 'vendor' : 'replace', addresses: 64 }), { frames: 3000 });
});
