/** Options of the bricks that read and write capture files. */
import type { OptionDeclarations } from '../core/options';
import { MAXIMUM_PACKET, SNAP_LENGTH } from './formats';

export const FILE_SOURCE_OPTIONS = {
  /** How packets come: as fast as they are taken, or with the gaps between their time stamps. Each file begins at once. Default: "fast". */
  pace: { type: 'string', default: 'fast', oneOf: ['fast', 'timestamps'], description: 'How packets come: as fast as they are taken, or with the gaps between their time stamps. Each file begins at once.' },
  /** With pace = "timestamps": how many times faster than the original. Range: 0.000001 to 1,000,000,000. Default: 1. */
  speed: { type: 'number', default: 1, minimum: 0.000001, maximum: 1e9, description: 'With pace = "timestamps": how many times faster than the original.' },
  /** With pace = "timestamps": no packet is waited for longer. A longer gap between two time stamps is shortened to this, and said. Minimum: 0 seconds. Default: 60. */
  longestWaitSeconds: { type: 'number', default: 60, minimum: 0, unit: 'seconds', description: 'With pace = "timestamps": no packet is waited for longer. A longer gap between two time stamps is shortened to this, and said.' },
  /** How many times to read everything; 0 for without end. Time stamps stay what they are. Minimum: 0. Default: 1. */
  loop: { type: 'integer', default: 1, minimum: 0, description: 'How many times to read everything; 0 for without end. Time stamps stay what they are.' },
} as const satisfies OptionDeclarations;

export const FILE_SINK_OPTIONS = {
  /** The file's format. Without it: pcapng if the name ends in .pcapng or .ntar, else pcap. */
  format: { type: 'string', oneOf: ['pcap', 'pcapng'], description: "The file's format. Without it: pcapng if the name ends in .pcapng or .ntar, else pcap." },
  /** Time stamps of pcap files in nanoseconds; false writes microseconds, for very old programs. pcapng files always have nanoseconds. Default: true. */
  nanoseconds: { type: 'boolean', default: true, description: 'Time stamps of pcap files in nanoseconds; false writes microseconds, for very old programs. pcapng files always have nanoseconds.' },
  /** At most so many bytes of each packet are written. Range: 1 to 1,048,576 bytes. Default: 1,048,576. */
  snapLength: { type: 'integer', default: SNAP_LENGTH, minimum: 1, maximum: MAXIMUM_PACKET, unit: 'bytes', description: 'At most so many bytes of each packet are written.' },
  /** Begin a new file before this one grows larger. Files are numbered: trace.pcap becomes trace-00001.pcap, trace-00002.pcap and so on. Minimum: 1 bytes. */
  rotateBytes: { type: 'integer', minimum: 1, unit: 'bytes', description: 'Begin a new file before this one grows larger. Files are numbered: trace.pcap becomes trace-00001.pcap, trace-00002.pcap and so on.' },
  /** Begin a new file with a packet that came so long after the first one of this file, by their time stamps. Minimum: 0.001 seconds. */
  rotateSeconds: { type: 'number', minimum: 0.001, unit: 'seconds', description: 'Begin a new file with a packet that came so long after the first one of this file, by their time stamps.' },
  /** Memory of each file between the engine and the disk, rounded up to a power of two; several of the longest packets should fit. Without it 32 MiB where packets come live, so that it can hold what a capture buffer held through a stall, else 2 MiB; less for many files. Range: 65,536 to 268,435,456 bytes. */
  bufferBytes: { type: 'integer', minimum: 65536, maximum: 268435456, unit: 'bytes', description: 'Memory of each file between the engine and the disk, rounded up to a power of two; several of the longest packets should fit. Without it 32 MiB where packets come live, so that it can hold what a capture buffer held through a stall, else 2 MiB; less for many files.' },
} as const satisfies OptionDeclarations;
