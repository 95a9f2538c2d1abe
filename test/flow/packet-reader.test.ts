/** Plain frames are read by a short way; it tells the same as the walk through the headers. */
import { copyHeadersByByte } from '../../src/core/header-bytes';
import { CurrentPackets } from '../../src/context/current-packets';
import { createPacketBatch, createPacketColumns, packetMemory } from '../../src/model/packet-batch';
import type { PacketView } from '../../src/model/packet-view';
import { PacketReader } from '../../src/flow/packet-reader';
import { bytesOf } from '../support/packets';
import { SAMPLES } from 'packet-bricks/src/testing/frames/samples';
import { arp, ethernet, ipv4, ipv6, tcp, udp, vlan, type Layered } from 'packet-bricks/testing';

const FIELDS = [
  'length', 'wireLength', 'seconds', 'nanoseconds', 'linkType', 'etherType', 'vlan', 'ipVersion', 'networkOffset', 'protocol', 'sourceIpv4', 'destinationIpv4',
  'sourceOffset', 'destinationOffset', 'isLaterFragment', 'isTcp', 'isUdp', 'isIcmp', 'transportOffset', 'sourcePort', 'destinationPort', 'tcpFlags',
  'payloadOffset', 'payloadLength',
] as const satisfies readonly (keyof PacketView)[];

/** Every reading of a packet, asked for in the order of `fields`. */
function readingsOf(view: PacketView, fields: readonly (keyof PacketView)[]): Record<string, unknown> {
  const readings: Record<string, unknown> = {};
  for (const field of fields) readings[field] = view[field];
  readings['connection hash'] = view.connectionHash(5);
  for (const at of [-1, 0, 12, 13, 60, 61, 62, 63, 64, view.length - 4, view.length - 3, view.length - 1, view.length]) {
    readings[`bytes at ${at}`] = [view.uint8(at), view.uint16(at), view.uint32(at)];
  }
  return readings;
}

function textOf(readings: Record<string, unknown>): string {
  return Object.keys(readings).sort().map((name) => `${name} ${String(readings[name])}`).join();
}

/** The walk through the headers, which plain frames would be spared. */
function walk(reader: PacketReader): void {
  (reader as unknown as { walkHeaders(): number }).walkHeaders();
}

/** Two readers over the same packets: by heads, and by the packets' own bytes. */
function readersOf(packets: readonly Uint8Array[], linkType = 1): { byHeaderBytes: PacketReader; byBytes: PacketReader } {
  const columns = createPacketColumns(packets.length);
  const batch = createPacketBatch(packets.length, columns);
  batch.memory = packetMemory(new ArrayBuffer(packets.reduce((sum, { length }) => sum + length + 12, 0) + 3 & ~3));
  batch.memory.bytes.fill(0x45);
  batch.linkType = linkType;
  let end = 4;
  packets.forEach((bytes, row) => {
    batch.memory.bytes.set(bytes, end);
    batch.offset[row] = end;
    batch.length[row] = bytes.length;
    batch.wireLength[row] = bytes.length + 7;
    batch.seconds[row] = 4_000_000_000;
    batch.nanoseconds[row] = row;
    end += bytes.length + 7 & ~3;
  });
  const current = new CurrentPackets(columns);
  current.enter(batch, packets.length);
  copyHeadersByByte(columns, batch.memory).copy(packets.length);
  return { byHeaderBytes: new PacketReader(current, true), byBytes: new PacketReader(current, false) };
}

function compare(packets: readonly Uint8Array[], linkType = 1): void {
  const { byHeaderBytes, byBytes } = readersOf(packets, linkType);
  packets.forEach((bytes, row) => {
    byHeaderBytes.moveTo(row);
    byBytes.moveTo(row);
    const read = [readingsOf(byHeaderBytes, FIELDS), readingsOf(byBytes, FIELDS)];
    // In the other order: what is asked first must not matter.
    byHeaderBytes.moveTo(row);
    read.push(readingsOf(byHeaderBytes, [...FIELDS].reverse()));
    walk(byBytes);
    const walked = readingsOf(byBytes, FIELDS);
    // Texts are compared in a hundredth of the time; what differs is shown.
    const same = read.every((one) => textOf(one) === textOf(walked));
    if (!same) expect([row, bytes.length, ...read]).toEqual([row, bytes.length, walked, walked, walked]);
    expect(same).toBe(true);
  });
}

test('frames of every kind read the same by their heads and by their bytes', () => {
  compare(SAMPLES.map(bytesOf));
});

test('so do frames that were cut anywhere', () => {
  for (const sample of SAMPLES) {
    const bytes = bytesOf(sample);
    compare(Array.from({ length: Math.min(bytes.length, 110) }, (_, length) => bytes.slice(0, length)));
  }
});

test('so do frames with any byte of their headers changed', () => {
  for (const sample of SAMPLES.slice(0, 8)) {
    const bytes = bytesOf(sample);
    const changed = Array.from({ length: 58 }, (_, at) => [0x00, 0x46, 0x60, 0x11, 0xff].map((value) => Uint8Array.from(bytes, (byte, index) => (index === at ? value : byte))));
    compare(changed.flat());
  }
});

test('so do packets of a link type without Ethernet', () => {
  compare(SAMPLES.slice(0, 8).map((sample) => bytesOf(sample).slice(14)), 101);
});

test('a reader tells nothing of the packet before', () => {
  const [tcp, , , udp6] = SAMPLES.map(bytesOf);
  const { byHeaderBytes } = readersOf([tcp, new Uint8Array(10), udp6]);
  byHeaderBytes.moveTo(0);
  expect([byHeaderBytes.ipVersion, byHeaderBytes.isTcp]).toEqual([4, true]);
  byHeaderBytes.moveTo(1);
  expect([byHeaderBytes.ipVersion, byHeaderBytes.protocol, byHeaderBytes.sourceIpv4, byHeaderBytes.sourcePort, byHeaderBytes.destinationPort, byHeaderBytes.transportOffset]).toEqual([0, -1, -1, -1, -1, -1]);
  byHeaderBytes.moveTo(2);
  expect([byHeaderBytes.ipVersion, byHeaderBytes.isUdp, byHeaderBytes.sourceIpv4]).toEqual([6, true, -1]);
});

test('the hash of a connection is the same for both directions and whatever is around it, and other for others', () => {
  const hashes = (packets: readonly Layered[], salt = 3): number[] => {
    const { byHeaderBytes } = readersOf(packets.map(bytesOf));
    return packets.map((_, row) => {
      byHeaderBytes.moveTo(row);
      return byHeaderBytes.connectionHash(salt);
    });
  };
  for (const [network, ends] of [[ipv4, ['10.0.0.1', '10.0.0.2']], [ipv6, ['2001:db8::1', '2001:db8::2']]] as const) {
    const there = network({ source: ends[0], destination: ends[1] }, tcp({ sourcePort: 1000, destinationPort: 80 }, 'there'));
    const back = network({ source: ends[1], destination: ends[0] }, tcp({ sourcePort: 80, destinationPort: 1000 }, 'and back'));
    const same = [ethernet({}, there), ethernet({}, back), ethernet({}, vlan({ id: 7 }, there)), ethernet({}, vlan({}, vlan({}, back)))];
    expect(new Set(hashes(same)).size).toBe(1);
    const crossed = network({ source: ends[0], destination: ends[1] }, tcp({ sourcePort: 80, destinationPort: 1000 }, ''));
    const others = [crossed, network({ source: ends[0], destination: ends[1] }, udp({ sourcePort: 1000, destinationPort: 80 }, '')), network({ source: ends[0], destination: ends[1] }, tcp({ sourcePort: 1001, destinationPort: 80 }, ''))];
    expect(new Set([...hashes(same, 4).slice(0, 1), ...hashes([there, ...others].map((one) => ethernet({}, one)))]).size).toBe(5);
  }
  expect(hashes([ethernet({}, arp('10.0.0.1', '10.0.0.2'))])).toEqual([0]);
});
