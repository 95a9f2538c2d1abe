/** Whole capture files for programs and tests: simple, one object a packet. Engines use FileSource and FileTransmitter. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { SOURCE_ENDED } from '../model/backend';
import { createPacketBatch } from '../model/packet-batch';
import { CaptureReader } from './capture-reader';
import { PCAP_RECORD, SNAP_LENGTH, fileError, fileReason, type CaptureFormat } from './formats';
import { pcapHeader } from './pcap';
import { interfaceBlock, packetBlock, sectionBlock } from './pcapng';

/** A packet of a capture file. */
export interface CapturedPacket {
  /** Since 1970. */
  readonly seconds: number;
  /** Below 1,000,000,000. */
  readonly nanoseconds: number;
  /** Its captured bytes. */
  readonly bytes: Uint8Array;
  /** Bytes on the wire; the length of `bytes` if it is left out. */
  readonly wireLength?: number;
  /** As pcap numbers them; 1, Ethernet, if it is left out. */
  readonly linkType?: number;
}

export interface ReadOptions {
  /** Told what is wrong with a damaged file, or that packets were too long; without it that is thrown, after the packets. */
  readonly onDamage?: (text: string) => void;
  /** False: the TypeScript parser, for comparison. */
  readonly native?: boolean;
}

/**
 * The packets of a pcap or pcapng file, in order.
 * @throws BricksError E_FILE, E_FILE_FORMAT; E_FILE_DAMAGED after the last good packet
 */
export function* readCaptureFile(path: string, options: ReadOptions = {}): Generator<Required<CapturedPacket>, void, undefined> {
  const batch = createPacketBatch();
  const reader = new CaptureReader(batch, false, options.native ?? true);
  reader.open(path);
  try {
    for (let rows = reader.read(); rows !== SOURCE_ENDED; rows = reader.read()) {
      for (let row = 0; row < rows; row++) {
        yield {
          seconds: batch.seconds[row],
          nanoseconds: batch.nanoseconds[row],
          bytes: batch.memory.bytes.slice(batch.offset[row], batch.offset[row] + batch.length[row]),
          wireLength: batch.wireLength[row],
          linkType: batch.linkType,
        };
      }
    }
  } finally {
    reader.close();
  }
  const problem = reader.problem === '' && reader.tooLong > 0 ? `${path} contains ${reader.tooLong} packets of more than 1 MiB, which were skipped.` : reader.problem;
  if (problem === '') return;
  if (!options.onDamage) throw fileError('E_FILE_DAMAGED', problem);
  options.onDamage(problem);
}

export interface WriteOptions {
  /** Without it: pcapng if the name ends in .pcapng, else pcap. */
  readonly format?: CaptureFormat;
  /** Time stamps in nanoseconds (default) or microseconds. */
  readonly nanoseconds?: boolean;
  readonly littleEndian?: boolean;
  readonly snapLength?: number;
}

/**
 * Writes packets to a file, which is replaced. Classic pcap takes one link type, that of the first packet.
 * @throws BricksError E_FILE, E_FILE_FORMAT
 */
export function writeCaptureFile(path: string, packets: Iterable<CapturedPacket>, options: WriteOptions = {}): void {
  const encoded = encodeCapture(packets, { ...options, format: options.format ?? (path.endsWith('.pcapng') ? 'pcapng' : 'pcap') });
  try {
    const file = openSync(path, 'w');
    try {
      for (const part of encoded) writeSync(file, part);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw fileError('E_FILE', `Cannot write the capture file ${path}: ${fileReason(error)}.`);
  }
}

/** The bytes of a capture file, part by part. */
export function encodeCapture(packets: Iterable<CapturedPacket>, options: WriteOptions): Uint8Array[] {
  const { format = 'pcap', nanoseconds = true, littleEndian = true, snapLength = SNAP_LENGTH } = options;
  const linkTypes: number[] = [];
  const records: Uint8Array[] = [];
  for (const packet of packets) {
    const linkType = packet.linkType ?? 1;
    let index = linkTypes.indexOf(linkType);
    if (index < 0) {
      index = linkTypes.push(linkType) - 1;
      if (format === 'pcap' && index > 0) throw fileError('E_FILE_FORMAT', `A pcap file can hold only one link type; these packets have ${linkTypes[0]} and ${linkType}.`, 'Use pcapng.');
      if (format === 'pcapng') records.push(interfaceBlock(linkType, snapLength, nanoseconds ? 9 : 6, littleEndian));
    }
    const data = packet.bytes.subarray(0, snapLength);
    const wireLength = packet.wireLength ?? packet.bytes.length;
    records.push(format === 'pcap' ? pcapRecord(packet, data, wireLength, nanoseconds, littleEndian) : packetBlock(index, stampOf(packet, nanoseconds), data, wireLength, littleEndian));
  }
  if (format === 'pcapng') return [sectionBlock(littleEndian), ...(linkTypes.length > 0 ? [] : [interfaceBlock(1, snapLength, nanoseconds ? 9 : 6, littleEndian)]), ...records];
  return [pcapHeader(linkTypes[0] ?? 1, nanoseconds, snapLength, littleEndian), ...records];
}

function pcapRecord(packet: CapturedPacket, data: Uint8Array, wireLength: number, nanoseconds: boolean, littleEndian: boolean): Uint8Array {
  const record = new Uint8Array(PCAP_RECORD + data.length);
  const view = new DataView(record.buffer);
  view.setUint32(0, packet.seconds, littleEndian);
  view.setUint32(4, nanoseconds ? packet.nanoseconds : Math.floor(packet.nanoseconds / 1000), littleEndian);
  view.setUint32(8, data.length, littleEndian);
  view.setUint32(12, wireLength, littleEndian);
  record.set(data, PCAP_RECORD);
  return record;
}

/** In nanoseconds, or in microseconds. */
function stampOf({ seconds, nanoseconds }: CapturedPacket, exact: boolean): bigint {
  return exact ? BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds) : BigInt(seconds) * 1_000_000n + BigInt(Math.floor(nanoseconds / 1000));
}
