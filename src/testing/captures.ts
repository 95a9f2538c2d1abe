/** Capture files as a brick's input and as what is expected of it. */
import { readCaptureFile, writeCaptureFile } from '../files/capture-file';
import { testPacket, type GivenPacket, type TestPacket } from './packets';

/** The packets of a pcap or pcapng file, with their times. @throws BricksError E_FILE, E_FILE_FORMAT, E_FILE_DAMAGED */
export function packetsOf(file: string): TestPacket[] {
  return Array.from(readCaptureFile(file), (packet) => ({ ...packet, bytes: Buffer.from(packet.bytes) }));
}

/** Writes packets, or what came out, for other programs to look at. @throws BricksError E_FILE */
export function writePackets(file: string, packets: Iterable<GivenPacket>): string {
  writeCaptureFile(file, Array.from(packets, testPacket));
  return file;
}
