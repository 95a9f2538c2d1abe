/** Fields of headers that a brick changes, and the checksums that follow: beside the test kit's frames, which are made with the new values. */
import { HEADER, PacketRewriter, WordCache, checksumOf, packetMemory, wordSum, type PacketRewriterOptions } from 'packet-bricks';
import { SAMPLES } from 'packet-bricks/src/testing/frames/samples';
import {
  arp, bytesOf, cooked, erspan, ethernet, extension, geneve, gre, gtp, icmp, icmpv6, ipv4, ipv6, ipv4Fragments, mpls, sctp, tcp, udp, vlan, vxlan, type Layered,
} from 'packet-bricks/testing';

const NAMES = new Map<number, string>(Object.entries(HEADER).map(([name, header]) => [header, name.toLowerCase()]));

/** Turns the last byte of each address and port, so that twice is as it was; notes what else it is told. */
class Turning extends PacketRewriter {
  told: string[] = [];

  protected override hardware(at: number): void {
    this.write16(at + 4, this.view.getUint16(at + 4) ^ 0xff);
  }

  protected override ipv4(at: number): void {
    this.write32(at, this.view.getInt32(at) ^ 0xff);
  }

  protected override ipv6(at: number): void {
    this.write16(at + 14, this.view.getUint16(at + 14) ^ 0xff);
  }

  protected override ports(at: number): void {
    // Those of tunnels stay, and the service.
    if (this.walk.goesOn) return;
    this.write16(at, this.view.getUint16(at) ^ 0xff);
  }

  protected override others(header: number, from: number, end: number): void {
    this.told.push(`${NAMES.get(header)} ${end - from}`);
  }

  protected override payload(from: number, end: number, isData: boolean): void {
    this.told.push(`${isData ? 'data' : 'unknown'} ${end - from}`);
  }
}

function turned(packet: Layered | Buffer, rewriter: PacketRewriter = new Turning(), linkType = 1): { bytes: Buffer; known: number } {
  const bytes = bytesOf(packet);
  const memory = packetMemory(new ArrayBuffer(bytes.length + 80 & ~3));
  memory.bytes.fill(0xee);
  memory.bytes.set(bytes, 8);
  const known = rewriter.run(memory, 8, bytes.length, bytes.length, linkType);
  expect(memory.bytes.filter((byte, index) => byte !== 0xee && (index < 8 || index >= 8 + bytes.length))).toHaveLength(0);
  return { bytes: Buffer.from(memory.bytes.subarray(8, 8 + bytes.length)), known: known < 0 ? known : known - 8 };
}

/** The addresses and ports of a frame, as they are or as they become. */
interface Fields { mac: (last: number) => string; four: (last: number) => string; six: (last: number) => string; port: (number: number) => number }
const AS_IT_IS: Fields = { mac: (last) => `02:00:00:00:00:${last.toString(16).padStart(2, '0')}`, four: (last) => `192.0.2.${last}`, six: (last) => `2001:db8::${last.toString(16)}`, port: (number) => number };
const TURNED: Fields = {
  mac: (last) => AS_IT_IS.mac(last ^ 0xff), four: (last) => AS_IT_IS.four(last ^ 0xff), six: (last) => AS_IT_IS.six(last ^ 0xff), port: (number) => number ^ 0xff,
};
const frame = ({ mac }: Fields, content: Layered): Layered => ethernet({ source: mac(1), destination: mac(2) }, content);
const four = ({ four: address }: Fields, content: Layered): Layered => ipv4({ source: address(1), destination: address(2) }, content);
const six = ({ six: address }: Fields, content: Layered): Layered => ipv6({ source: address(1), destination: address(2) }, content);
const odd = 'an odd number of bytes!';
const udpOf = ({ port }: Fields): Layered => udp({ sourcePort: port(1000), destinationPort: 53 }, odd);
const tcpOf = ({ port }: Fields): Layered => tcp({ sourcePort: port(1000), destinationPort: 53, options: Buffer.alloc(4, 1) }, odd);

test.each<[string, (fields: Fields) => Layered]>([
  ['UDP over IPv4, tagged', (f) => frame(f, vlan({ id: 7 }, four(f, udpOf(f))))],
  ['TCP over IPv6', (f) => frame(f, six(f, tcpOf(f)))],
  ['a ping', (f) => frame(f, four(f, icmp({}, odd)))],
  ['ICMPv6, whose checksum is about addresses', (f) => frame(f, six(f, icmpv6({}, odd)))],
  ['an ICMP error with the packet that it quotes', (f) => frame(f, four(f, icmp({ type: 11, identifier: 0, sequence: 0 }, four(f, udpOf(f)))))],
  ['an ICMPv6 error', (f) => frame(f, six(f, icmpv6({ type: 3, identifier: 0, sequence: 0 }, six(f, tcpOf(f)))))],
  ['VXLAN with a checksum of its own', (f) => frame(f, four(f, vxlan({ checksum: 'right' }, frame(f, six(f, udpOf(f))))))],
  ['VXLAN without one', (f) => frame(f, four(f, vxlan({ checksum: 'none' }, frame(f, four(f, tcpOf(f))))))],
  ['GRE with a key', (f) => frame(f, six(f, gre({ key: 1 }, four(f, udpOf(f)))))],
  ['GENEVE in GTP-U in labels', (f) => frame(f, mpls({ labels: [1, 2] }, four(f, gtp({}, four(f, geneve({}, frame(f, six(f, tcpOf(f)))))))))],
  ['ERSPAN', (f) => frame(f, four(f, erspan({ version: 2 }, frame(f, four(f, udpOf(f))))))],
  ['IP in IP', (f) => frame(f, four(f, six(f, four(f, tcpOf(f)))))],
])('fields and checksums of %s', (_name, build) => {
  expect(turned(build(AS_IT_IS)).bytes.toString('hex')).toBe(bytesOf(build(TURNED)).toString('hex'));
});

test('the checksum of GRE follows, and is about all that is inside', () => {
  const build = (fields: Fields): Buffer => {
    const bytes = bytesOf(frame(fields, six(fields, gre({ checksum: true, key: 1 }, four(fields, udpOf(fields))))));
    bytes.writeUInt16BE(checksumOf(wordSum(new DataView(Uint8Array.from(bytes).buffer), 54, bytes.length)), 58);
    return bytes;
  };
  expect(turned(build(AS_IT_IS)).bytes.toString('hex')).toBe(build(TURNED).toString('hex'));
});

test('ARP: addresses of both kinds', () => {
  const { bytes } = turned(frame(AS_IT_IS, arp('192.0.2.1', '192.0.2.2')));
  expect([bytes.toString('hex', 0, 12), bytes.toString('hex', 22)]).toEqual(['0200000000fd0200000000fe', '0200000000fec00002fe0000000000ffc00002fd']);
});

test('worked out anew, checksums are right as with a payload of zeros, also where it was cut off', () => {
  const build = (fields: Fields, content: Buffer): Buffer => bytesOf(frame(fields, four(fields, vxlan({ checksum: 'right' }, frame(fields, six(fields, udp({ sourcePort: fields.port(1000), destinationPort: 53 }, content)))))));
  const zeros = build(TURNED, Buffer.alloc(40));
  class Zeroing extends Turning {
    protected override payload(from: number, end: number): void {
      this.fill(from, end, 0);
    }
  }
  const { bytes, known } = turned(build(AS_IT_IS, Buffer.alloc(40, 7)), new Zeroing({ checksums: 'anew' }));
  expect(bytes.toString('hex')).toBe(zeros.toString('hex'));
  expect(turned(build(AS_IT_IS, Buffer.alloc(40, 7)).subarray(0, known + 10), new Zeroing({ checksums: 'anew' })).bytes.subarray(0, known)).toEqual(zeros.subarray(0, known));
});

test('a checksum that is wrong stays wrong, one that is missing or left to the interface stays so', () => {
  const build = (fields: Fields, checksum: number): Buffer => {
    const bytes = bytesOf(frame(fields, four(fields, udpOf(fields))));
    bytes.writeUInt16BE(checksum, 40);
    return bytes;
  };
  const at = (bytes: Buffer): number => bytes.readUInt16BE(40);
  const right = at(bytesOf(frame(AS_IT_IS, four(AS_IT_IS, udpOf(AS_IT_IS)))));
  const partial = (fields: Fields): number => {
    const bytes = build(fields, 0);
    let sum = 17 + 8 + odd.length;
    for (let word = 26; word < 34; word += 2) sum += bytes.readUInt16BE(word);
    return (sum & 0xffff) + (sum >>> 16);
  };
  expect(at(turned(build(AS_IT_IS, right ^ 0x10)).bytes)).not.toBe(at(turned(build(AS_IT_IS, right)).bytes));
  expect(at(turned(build(AS_IT_IS, 0)).bytes)).toBe(0);
  expect(at(turned(build(AS_IT_IS, partial(AS_IT_IS))).bytes)).toBe(partial(TURNED));
});

test('on its way along a route, a checksum is about the last stop', () => {
  const route = (fields: Fields, left: number): Buffer => {
    const bytes = bytesOf(frame(fields, six(fields, extension('routing', { extra: 2 }, tcpOf(fields)))));
    // Behind the IPv6 header: type 0, the segments that are left, and one address.
    bytes.set([0, left], 56);
    bytes.set([0x20, 1, 0xd, 0xb8, ...Array(11).fill(0), fields === TURNED ? 0xf6 : 9], 62);
    return bytes;
  };
  for (const left of [0, 1]) {
    const was = route(AS_IT_IS, left);
    const is = turned(was).bytes;
    // The checksum of the first is about another address than that in the header: it stays as wrong as it was.
    const about = (bytes: Buffer): number => bytes.readUInt16BE(left === 0 ? 52 : 76) + bytes.readUInt16BE(36) + bytes.readUInt16BE(78);
    const folded = (sum: number): number => (sum & 0xffff) + (sum >>> 16);
    expect([is[77], folded(folded(about(is)) + is.readUInt16BE(94))]).toEqual([0xf6, folded(folded(about(was)) + was.readUInt16BE(94))]);
  }
});

test('it is told what else may identify, and what the rest is', () => {
  const told = (packet: Layered | Buffer, options: PacketRewriterOptions = {}, linkType = 1): string[] => {
    const rewriter = new Turning(options);
    turned(packet, rewriter, linkType);
    return rewriter.told;
  };
  expect(told(ethernet({}, ipv4({ options: Buffer.alloc(8, 1) }, tcp({ options: Buffer.alloc(12, 1) }, 'abc'))))).toEqual(['ipv4 8', 'tcp 12', 'data 3']);
  expect(told(ethernet({}, ipv6({}, extension('hopByHop', {}, icmpv6({}, 'ping')))))).toEqual(['extension 6', 'data 4']);
  expect(told(ethernet({}, ipv4({}, geneve({ optionBytes: 8 }, ethernet({ type: 0x88cc }, 'lldp')))))).toEqual(['geneve 8', 'unknown 4']);
  expect(told(ethernet({}, ipv4({}, sctp({}, 'chunk'))))).toEqual(['sctp 4', expect.stringMatching(/^unknown /)]);
  expect(told(cooked({}, ipv4({}, udp({}, 'abc'))) as never, {}, 113)).toEqual(['none 2', 'data 3']);
  expect(ipv4Fragments({}, udp({}, Buffer.alloc(40)), 24).map((part) => told(ethernet({}, part)))).toEqual([['data 16'], ['data 24']]);
  const { known, bytes } = turned(Buffer.alloc(60, 1), new Turning(), 147);
  expect([known, bytes]).toEqual([-1, Buffer.alloc(60, 1)]);
});

test('any bytes at all can be rewritten: twice, they are as they were, wrong checksums too', () => {
  let state = 99;
  const random = (below: number): number => {
    state = Math.imul(state, 1_103_515_245) + 12_345 | 0;
    return (state >>> 8) % below;
  };
  const rewriter = new Turning();
  for (let round = 0; round < 4000; round++) {
    const whole = Buffer.from(bytesOf(SAMPLES[round % SAMPLES.length]));
    for (let changes = random(6); changes > 0; changes--) whole[random(whole.length)] = random(256);
    const bytes = random(2) === 0 ? whole : whole.subarray(0, random(whole.length + 1));
    const twice = turned(turned(bytes, rewriter).bytes, rewriter).bytes;
    // Both forms of zero say the same in a checksum.
    const same = bytes.every((byte, index) => byte === twice[index] || (byte + twice[index] === 0xff && (byte === 0 || byte === 0xff)));
    if (!same) throw new Error(`${bytes.toString('hex')} became ${twice.toString('hex')}`);
  }
});

test('a WordCache remembers results in bounded memory, and never a wrong one', () => {
  for (const words of [1, 2, 4]) {
    const cache = new WordCache(64, words);
    const [key, result] = [new Int32Array(words), new Int32Array(words)];
    let remembered = 0;
    for (let round = 0; round < 3; round++) {
      for (let number = 0; number < 300; number++) {
        key.fill(Math.imul(number, 0x9e3779b1));
        key[words - 1] ^= number;
        if (cache.recall(key, result)) {
          remembered++;
          expect(result.every((word, index) => word === ~key[index])).toBe(true);
        } else {
          cache.remember(key, key.map((word) => ~word));
          expect(cache.recall(key, result)).toBe(true);
        }
      }
    }
    expect(remembered).toBeLessThan(200);
  }
});
