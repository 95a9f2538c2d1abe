import type { FlowRecord } from 'packet-bricks';
import { TestBrick, fuzzBrick } from 'packet-bricks/testing';
import { FlowMeter } from '../src/index';
import { DatagramWriter } from '../src/netflow/datagrams';

const START = 1_700_000_000;
/** What all records have here. */
const RECORD = { protocol: 6, vlan: 0, reason: 1, sourcePort: 1, destinationPort: 2, addressWord: () => -1, icmp: () => 0, tcpFlags: () => 0xff, classOfService: () => 0 };

test.each(['netflow9', 'ipfix'] as const)('%s: each datagram is within its size, and times of any kind can be written', (protocol) => {
  const times = { time: START * 1e6, began: START * 1e6 };
  const writer = new DatagramWriter({ protocol, bytes: 484, domain: 0xffffffff, templateSeconds: 60 }, times, true);
  const kinds = Array.from({ length: 200 }, (_, index) => ({ version: index % 3 === 0 ? 6 : 4, ways: 1 + (index % 3), time: [START, START - 1e9, 0, 2 ** 32 - 1][index % 4] * 1e6 }));
  const datagrams = kinds.flatMap(({ version, ways, time }, index) => {
    const of = { ipVersion: version, packets: (backward: boolean) => ways & (backward ? 2 : 1), bytes: () => 2 ** 53 - 1, start: () => time + 0.5, end: () => time + 0.5 };
    times.time = time + 999_999.5;
    writer.add(Object.assign(Object.create(RECORD) as FlowRecord, of));
    return index % 7 === 6 ? writer.take() : [];
  });
  expect(Math.max(...datagrams.map(({ length }) => length))).toBeLessThanOrEqual(484);
  for (const datagram of datagrams) {
    expect(datagram.readUInt16BE(0)).toBe(protocol === 'ipfix' ? 10 : 9);
    let at = protocol === 'ipfix' ? 16 : 20;
    while (at < datagram.length) at += Math.max(4, datagram.readUInt16BE(at + 2));
    expect(at).toBe(datagram.length);
  }
});

test('no frame makes it fail', () => {
  for (const bidirectional of [false, true]) fuzzBrick(() => new FlowMeter({ collector: '127.0.0.1:2055', bidirectional, flows: 64, queue: 8, idle: 1 }), { frames: 4000, outputs: 1 });
});

test('an address of a collector that is none is refused, with what to write instead', async () => {
  for (const collector of ['192.0.2.1', '192.0.2.1:0', 'a b:2055', '[192.0.2.1]:2055', '::1:2055']) {
    await expect(TestBrick.open(new FlowMeter({ collector }))).rejects.toThrow(`The collector "${collector}" is not an address and a port. Write it as HOST:PORT or [IPV6]:PORT`);
  }
});
