/** Numbers of the two capture file formats, and the errors of this folder. */
import type { ErrorCode } from '../model/error-codes';
import { BricksError } from '../model/errors';
import { systemCode, systemReason } from '../model/system-error';

/** Classic pcap: the first four bytes, read in the order in which the file is written. */
export const MAGIC_MICROSECONDS = 0xa1b2c3d4;
export const MAGIC_NANOSECONDS = 0xa1b23c4d;
/** Alexey Kuznetzov's variant: 8 more bytes in each record's header. */
export const MAGIC_MODIFIED = 0xa1b2cd34;
export const PCAP_HEADER = 24;
export const PCAP_RECORD = 16;
export const PCAP_MODIFIED_RECORD = 24;

/** pcapng: types of blocks, and the number that shows a section's byte order. */
export const SECTION_BLOCK = 0x0a0d0d0a;
export const INTERFACE_BLOCK = 1;
export const OBSOLETE_PACKET_BLOCK = 2;
export const SIMPLE_PACKET_BLOCK = 3;
export const NAME_RESOLUTION_BLOCK = 4;
export const ENHANCED_PACKET_BLOCK = 6;
export const DECRYPTION_SECRETS_BLOCK = 10;
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;
export const OPTION_RESOLUTION = 9;
export const OPTION_FCS_LENGTH = 13;
export const OPTION_TIME_OFFSET = 14;
/** Bytes of an enhanced packet block beside the packet: 28 before it, 4 behind it. */
export const ENHANCED_BEFORE = 28;
export const ENHANCED_AROUND = 32;

/** Longer packets are skipped, and counted. */
export const MAXIMUM_PACKET = 1 << 20;
/** A packet that claims to be longer is damage. The longest that there are: messages of D-Bus, transfers of USB. */
export const LONGEST_PACKET = 1 << 27;
/** The same for blocks that must be looked at as a whole: packets with their options, interfaces, names, secrets. */
export const MAXIMUM_BLOCK = MAXIMUM_PACKET + (256 << 10);
/** The headers that we write promise this: whatever was read is written whole. */
export const SNAP_LENGTH = MAXIMUM_PACKET;

export type CaptureFormat = 'pcap' | 'pcapng';

export function fileError(code: ErrorCode, message: string, remedy = ''): BricksError {
  return new BricksError(code, message, remedy);
}

/** An error of the operating system in words, where it is about a capture file: only the lock of its writer is busy. */
export function fileReason(error: unknown): string {
  return systemCode(error) === 'EBUSY' ? 'another engine or program is writing it' : systemReason(error);
}
