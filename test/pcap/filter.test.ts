import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { Filter } from 'packet-bricks';
import { tryPcapAddon } from 'packet-bricks/backends/pcap/native';
import { PacketFilter, checkFilterExpression, type FilterRules } from 'packet-bricks/src/filter/filter-expression';
import { checkWithNodePcap, tryNodePcap } from 'packet-bricks/src/native/node-pcap';
import { createPacketBatch, packetMemory, type PacketBatch } from 'packet-bricks/src/model/packet-batch';
import { captureNames, describeWithCaptures, readCapture } from '../support/captures';
import { closeEngines, injectAll, loopback, runningEngine } from '../support/loopback-engine';

const describeWithNative = tryPcapAddon() ? describe
  : (title: string): void => { describe.skip(`${title} (skipped: bricks_pcap is not built)`, () => { test('needs bricks_pcap', () => undefined); }); };

interface Packet { readonly bytes: Uint8Array; readonly wireLength?: number }

/** A batch with the packets, each right behind the other. */
function batchOf(packets: readonly Packet[], linkType = 1): PacketBatch {
  const batch = createPacketBatch(Math.max(1, packets.length));
  const memory = packetMemory(new ArrayBuffer(packets.reduce((sum, { bytes }) => sum + ((bytes.length + 3) & ~3), 0)));
  let at = 0;
  packets.forEach(({ bytes, wireLength }, row) => {
    memory.bytes.set(bytes, at);
    batch.offset[row] = at;
    batch.length[row] = bytes.length;
    batch.wireLength[row] = wireLength ?? bytes.length;
    at += (bytes.length + 3) & ~3;
  });
  batch.memory = memory;
  batch.linkType = linkType;
  batch.count = packets.length;
  return batch;
}

/** Numbers of the packets that pass. */
function passing(filterOrRules: PacketFilter | FilterRules, batch: PacketBatch): number[] {
  const packetFilter = filterOrRules instanceof PacketFilter ? filterOrRules : new PacketFilter(filterOrRules);
  const rows = Uint16Array.from({ length: batch.count }, (_, row) => row);
  const next = new Uint16Array(batch.count);
  packetFilter.select(batch, batch.linkType, rows, batch.count, next);
  return Array.from(rows).filter((row) => next[row] === 0);
}

function udp(port: number, host = 1, wireLength?: number): Packet {
  const bytes = Buffer.from(`ffffffffffff0200000000010800${'4500002000010000401100000a0000010a0000ff'}${'14e90035000c0000'}deadbeef`, 'hex');
  bytes.writeUInt8(host, 33);
  bytes.writeUInt16BE(port, 36);
  return wireLength === undefined ? { bytes } : { bytes, wireLength };
}

const BATCH = [udp(53), udp(80), udp(53, 2), udp(443, 2), { bytes: new Uint8Array(60) }];

describeWithNative('filters in the language of tcpdump', () => {
  test('only what the expression matches passes', () => {
    expect(passing({ expression: 'udp port 53' }, batchOf(BATCH))).toEqual([0, 2]);
  });

  test('everything passes but what the drop rule matches', () => {
    expect(passing({ drop: 'udp port 53' }, batchOf(BATCH))).toEqual([1, 3, 4]);
  });

  test('what the accept rule matches passes whatever the others say', () => {
    expect(passing({ drop: 'udp', accept: 'dst host 10.0.0.2' }, batchOf(BATCH))).toEqual([2, 3, 4]);
    expect(passing({ expression: 'udp port 53', drop: 'dst host 10.0.0.1', accept: 'port 443' }, batchOf(BATCH))).toEqual([2, 3]);
  });

  test('without rules, or with empty ones, everything passes', () => {
    expect(passing({}, batchOf(BATCH))).toEqual([0, 1, 2, 3, 4]);
    expect(passing({ expression: ' ', drop: '', accept: '' }, batchOf(BATCH))).toEqual([0, 1, 2, 3, 4]);
  });

  test('a length in an expression is the length on the wire', () => {
    expect(passing({ expression: 'greater 1000' }, batchOf([udp(1), udp(1, 1, 1400)]))).toEqual([1]);
  });

  test('one filter serves packets of several link types and batches in turn; a rule without meaning for one matches nothing', () => {
    const packetFilter = new PacketFilter({ expression: 'ether host ff:ff:ff:ff:ff:ff or tcp', drop: 'vlan' });
    const ethernet = batchOf(BATCH);
    const raw = batchOf(BATCH.map(({ bytes }) => ({ bytes: bytes.subarray(14) })), 101);
    expect(passing(packetFilter, ethernet)).toEqual([0, 1, 2, 3]);
    expect(packetFilter.inapplicable).toBe(false);
    expect(passing(packetFilter, raw)).toEqual([]);
    expect(packetFilter.inapplicable).toBe(true);
    expect(passing(packetFilter, batchOf([BATCH[0]]))).toEqual([0]);
    expect(passing(packetFilter, ethernet)).toEqual([0, 1, 2, 3]);
  });

  test('a batch whose memory changes is read where it lies now', () => {
    const packetFilter = new PacketFilter({ expression: 'udp port 53' });
    const batch = batchOf([udp(53)]);
    expect(passing(packetFilter, batch)).toEqual([0]);
    batch.memory = batchOf([udp(54)]).memory;
    expect(passing(packetFilter, batch)).toEqual([]);
  });

  test('garbage is never an error, and a row outside its memory is not looked at', () => {
    const packetFilter = new PacketFilter({ expression: 'tcp or udp or vlan or mpls or ip6 protochain 17 or ip[ip[0] & 15 + 400] = 3', accept: 'len > 100' });
    fc.assert(fc.property(fc.array(fc.record({ bytes: fc.uint8Array({ maxLength: 200 }), wireLength: fc.nat(70_000) }), { maxLength: 20 }), fc.constantFrom(0, 1, 12, 101, 105, 113, 127, 276, 65_535), (packets, linkType) => {
      const batch = batchOf(packets, linkType);
      const passed = passing(packetFilter, batch);
      packets.forEach(({ bytes, wireLength }, row) => {
        if (linkType !== 65_535 && Math.max(bytes.length, wireLength) > 100) expect(passed).toContain(row);
      });
    }));
    const outside = batchOf([udp(53), udp(53)]);
    outside.offset[0] = 4_000_000_000;
    outside.length[1] = 4_000_000_000;
    expect(passing({}, outside)).toEqual([]);
  });

  test('the compiled form of a filter and libpcap\'s interpreter select the same, whatever the packets', () => {
    const expressions = [
      'tcp port 80 or udp', 'ether[4:4] / 3 > 100000', '(ip[2:2] << 3) >> 2 != 8', 'ether[ether[0] & 15] ^ 5 = 4', '-ip[8] & 0xff = 3', 'ip[1] - 200 < 50',
      'ether[0:2] * 7 % 5 = 2', 'ether[1] % (ether[2] & 1) = 0', '1 << (ether[3] & 63) > 8', 'ip6[6] = 17 and ip6[40:4] > 0x80000000', 'vlan 5 and not tcp', 'len >= 40 and ether[len - 4] > 100',
      'ip[0] & 0xf != 5', 'ether[20:4] | 1 = ether[24:4]', 'ip6 protochain 6', 'ether[0] = 1 or ether[0] = 3 or (ether[1] > 128 and ether[2] <= 200)', 'udp[4:2] > 20',
    ];
    const pairs = expressions.map((expression, index) => {
      const rules = { expression, drop: expressions[(index + 5) % expressions.length], accept: expressions[(index + 9) % expressions.length] };
      return [new PacketFilter(rules), new PacketFilter(rules, true)] as const;
    });
    const heads = fc.constantFrom('', '', 'ffffffffffff0200000000010800', 'ffffffffffff020000000001080045', 'ffffffffffff02000000000186dd60', 'ffffffffffff02000000000181000005080045');
    const packet = fc.record({ head: heads, tail: fc.uint8Array({ maxLength: 90 }), more: fc.nat(2000) })
      .map(({ head, tail, more }) => ({ bytes: Buffer.concat([Buffer.from(head, 'hex'), tail]), wireLength: head.length / 2 + tail.length + more }));
    fc.assert(fc.property(fc.array(packet, { minLength: 1, maxLength: 40 }), (packets) => {
      const batch = batchOf(packets);
      for (const [compiled, interpreted] of pairs) expect(passing(compiled, batch)).toEqual(passing(interpreted, batch));
    }), { numRuns: 300 });
  });

  test('a wrong expression is refused where it is written, with what is wrong', () => {
    for (const [rules, option] of [[{ expression: 'tcp prot 80' }, 'expression'], [{ drop: 'tcp prot 80' }, 'drop'], [{ accept: 'tcp prot 80' }, 'accept']] as const) {
      expect(() => new PacketFilter(rules)).toThrow(expect.objectContaining({ code: 'E_FILTER', message: expect.stringMatching(new RegExp(`"tcp prot 80" \\(option "${option}"\\).*syntax error`)) }));
    }
    expect(() => checkFilterExpression('host 1.2.3.400')).toThrow(/1\.2\.3\.400/);
    expect(() => checkFilterExpression('tcp and udp')).toThrow(/rejects all packets/);
    expect(() => checkFilterExpression('wlan type mgt')).not.toThrow();
  });

  test('any text is either a filter or refused with E_FILTER', () => {
    const words = fc.constantFrom('tcp', 'udp', 'port', '80', 'and', 'or', 'not', '(', ')', 'host', '10.0.0.1', 'net', '10/8', 'ip6', 'vlan', '[', ']', '12:4', '=', '&', '\\', '"', '\0', 'ä');
    fc.assert(fc.property(fc.oneof(fc.array(words, { maxLength: 8 }).map((list) => list.join(' ')), fc.stringMatching(/^[ -/:-@[-`{-~0-9]{0,20}$/)), (text) => {
      try {
        checkFilterExpression(text);
      } catch (error) {
        expect(error).toMatchObject({ code: 'E_FILTER' });
      }
    }), { numRuns: 300 });
  });

  test('the brick Filter puts on its output what passes, and counts packets that a rule has no meaning for', async () => {
    const engine = await runningEngine(new Filter('ether host 02:00:00:00:00:01 and udp port 53').connectInput('in').connectOutput('out'));
    await injectAll('in', BATCH);
    await injectAll('in', BATCH.map((packet) => ({ ...packet, linkType: 101 })));
    loopback.end('in');
    await engine.finished();
    expect(loopback.read('out').map(({ bytes }) => bytes.length)).toEqual([BATCH[0], BATCH[2]].map(({ bytes }) => bytes.length));
    expect(engine.stats().bricks[0]).toMatchObject({ packetsIn: 10, packetsOut: 2, drops: { decision: 8 }, counters: { inapplicable: 5 } });
    await closeEngines();
  });
});

(tryNodePcap() ? describe : describe.skip)('checking expressions by node-pcap, where our binding was not built', () => {
  test('it says the same as our binding', () => {
    expect(checkWithNodePcap('tcp port 80', 1)).toBe('');
    expect(checkWithNodePcap('tcp prot 80', 1)).toMatch(/syntax error/);
  });
});

const EXPRESSIONS = [
  'ip', 'ip6', 'tcp', 'udp', 'arp', 'tcp port 80', 'udp port 53 or icmp', 'vlan', 'vlan and ip', 'vlan and vlan and pppoes and ip', 'mpls', 'not ip',
  'tcp[tcpflags] & (tcp-syn|tcp-fin) != 0', 'greater 500', 'ip6 proto 44', 'ip[6:2] & 0x3fff != 0', 'net 10.0.0.0/8', 'ether broadcast', 'geneve', 'proto 47', 'ip6 protochain 58',
];

describeWithNative('beside tcpdump', () => {
  describeWithCaptures('every capture and expression', (folder) => {
    const hasTcpdump = spawnSync('tcpdump', ['--version']).status === 0;

    (hasTcpdump ? test : test.skip).each(captureNames(folder).filter((name) => name.endsWith('.pcap')))('the packets of %s that pass are those that tcpdump selects', (name) => {
      const file = join(folder, name);
      const packets = readCapture(file);
      const temporary = mkdtempSync(join(tmpdir(), 'bricks-filter-test-'));
      try {
        for (const expression of EXPRESSIONS) {
          const selected = join(temporary, 'selected.pcap');
          const run = spawnSync('tcpdump', ['-Z', 'root', '-r', file, '-w', selected, expression]);
          // tcpdump refuses what has no meaning for the link type: there nothing matches.
          const wanted = run.status === 0 ? readCapture(selected).map(({ bytes }) => bytes.toString('hex')) : [];
          const packetFilter = new PacketFilter({ expression });
          const got: string[] = [];
          for (let first = 0; first < packets.length; first += 256) {
            const part = packets.slice(first, first + 256);
            got.push(...passing(packetFilter, batchOf(part, part[0].linkType)).map((row) => part[row].bytes.toString('hex')));
          }
          expect([expression, got.length]).toEqual([expression, wanted.length]);
          expect(got).toEqual(wanted);
        }
      } finally {
        rmSync(temporary, { recursive: true, force: true });
      }
    });
  });
});
