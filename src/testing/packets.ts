/** Packets as tests give and get them. */
import { BricksError } from '../model/errors';
import type { PacketBatch } from '../model/packet-batch';
import { layerOf, type Layered } from './frames/layers';

/** A packet that went in or came out. */
export interface TestPacket {
  /** Its captured bytes. */
  readonly bytes: Buffer;
  /** Bytes on the wire, where more than were captured. */
  readonly wireLength: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  /** As pcap numbers them: 1 is Ethernet. */
  readonly linkType: number;
}

/** A packet as it may be given: a frame alone, bytes, or both with what else a capture file records. */
export type GivenPacket = Layered | Uint8Array | { readonly bytes: Uint8Array; readonly wireLength?: number; readonly seconds?: number; readonly nanoseconds?: number; readonly linkType?: number };

/** The second of the first packet, where none is given. */
export const FIRST_SECOND = 1_700_000_000;
const NANOSECONDS = 1_000_000_000;
/** Between two packets that have no times of their own. */
const STEP_NANOSECONDS = 1000;

/** Every packet gets a time of its own unless it has one, by which it is known again when it comes out: `number` counts those that were given before. */
export function testPacket(given: GivenPacket, number: number): TestPacket {
  const { bytes } = given instanceof Uint8Array || 'starts' in given ? layerOf(given) : given;
  const { wireLength = bytes.length, seconds, nanoseconds, linkType = 1 } = given as Partial<TestPacket>;
  const time = number * STEP_NANOSECONDS;
  return {
    bytes: Buffer.from(bytes), wireLength, linkType,
    seconds: seconds ?? FIRST_SECOND + Math.floor(time / NANOSECONDS), nanoseconds: nanoseconds ?? (seconds === undefined ? time % NANOSECONDS : 0),
  };
}

/** The packet in a row of a batch. @throws BricksError E_INTERNAL if there is none */
export function packetAt(batch: PacketBatch, row: number): TestPacket {
  const [offset, length] = [batch.offset[row], batch.length[row]];
  const { bytes } = batch.memory;
  if (row >= batch.count || offset + length > bytes.length || batch.wireLength[row] < length) throw new BricksError('E_INTERNAL', `Row ${row} is not a packet: it has ${length} bytes at ${offset}.`);
  return { bytes: Buffer.from(bytes.subarray(offset, offset + length)), wireLength: batch.wireLength[row], seconds: batch.seconds[row], nanoseconds: batch.nanoseconds[row], linkType: batch.linkType };
}

/** Splits packets into batches of at most so many, each of one link type. */
export function batchesOf(packets: readonly TestPacket[], most: number): TestPacket[][] {
  const batches: TestPacket[][] = [];
  for (const packet of packets) {
    const last = batches[batches.length - 1];
    if (last !== undefined && last.length < most && last[0].linkType === packet.linkType) last.push(packet);
    else batches.push([packet]);
  }
  return batches;
}
