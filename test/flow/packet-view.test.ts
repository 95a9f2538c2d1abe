/** Plain frames are read by a short way; it tells the same as the walk through the headers. */
import { copyHeadersByByte } from '../../src/core/header-bytes';
import { CurrentPackets } from '../../src/context/current-packets';
import { createPacketBatch, packetMemory } from '../../src/model/packet-batch';
import type { PacketView } from '../../src/model/packet-view';
import { PacketReader } from '../../src/flow/packet-view';
import { bytesOf } from '../support/packets';
import { SAMPLES } from 'packet-bricks/src/testing/frames/samples';

const FIELDS = [
  'length', 'wireLength', 'seconds', 'nanoseconds', 'linkType', 'etherType', 'vlan', 'ipVersion', 'networkOffset', 'protocol', 'sourceIpv4', 'destinationIpv4',
  'sourceOffset', 'destinationOffset', 'isLaterFragment', 'isTcp', 'isUdp', 'isIcmp', 'transportOffset', 'sourcePort', 'destinationPort', 'tcpFlags',
  'payloadOffset', 'payloadLength',
] as const satisfies readonly (keyof PacketView)[];

/** Every reading of a packet, asked for in the order of `fields`. */
function readingsOf(view: PacketView, fields: readonly (keyof PacketView)[]): Record<string, unknown> {
  const readings: Record<string, unknown> = {};
  for (const field of fields) readings[field] = view[field];
  for (const at of [-1, 0, 12, 13, 60, 61, 62, 63, 64, view.length - 4, view.length - 3, view.length - 1, view.length]) {
    readings[`bytes at ${at}`] = [view.uint8(at), view.uint16(at), view.uint32(at)];
  }
  return readings;
}

/** Two readers over the same packets: by heads, and by the packets' own bytes. */
function readersOf(packets: readonly Uint8Array[], linkType = 1): { byHeaderBytes: PacketReader; byBytes: PacketReader } {
  const batch = createPacketBatch(packets.length);
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
  const current = new CurrentPackets(batch);
  current.enter(batch, packets.length);
  copyHeadersByByte(batch, batch.memory).copy(packets.length);
  return { byHeaderBytes: new PacketReader(current, true), byBytes: new PacketReader(current, false) };
}

function compare(packets: readonly Uint8Array[], linkType = 1): void {
  const { byHeaderBytes, byBytes } = readersOf(packets, linkType);
  packets.forEach((bytes, row) => {
    byHeaderBytes.moveTo(row);
    byBytes.moveTo(row);
    expect([row, bytes.length, readingsOf(byHeaderBytes, FIELDS)]).toEqual([row, bytes.length, readingsOf(byBytes, FIELDS)]);
    // In the other order: what is asked first must not matter.
    byHeaderBytes.moveTo(row);
    expect(readingsOf(byHeaderBytes, [...FIELDS].reverse())).toEqual(readingsOf(byBytes, FIELDS));
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
