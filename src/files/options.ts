/** Options of the bricks that read and write capture files. */
import type { OptionDeclarations } from '../model/options';
import { MAXIMUM_PACKET, SNAP_LENGTH } from './formats';

export const FILE_SOURCE_OPTIONS = {
  /** How packets are replayed: as fast as they are accepted, or with the gaps between their time stamps. Each file starts at once. Default: "fast". */
  pace: { type: 'string', default: 'fast', oneOf: ['fast', 'timestamps'], description: 'How packets are replayed: as fast as they are accepted, or with the gaps between their time stamps. Each file starts at once.' },
  /** With pace = "timestamps": how many times faster than the original. Range: 0.000001 to 1,000,000,000. Default: 1. */
  speed: { type: 'number', default: 1, minimum: 0.000001, maximum: 1e9, description: 'With pace = "timestamps": how many times faster than the original.' },
  /** With pace = "timestamps": the longest wait for a packet. Longer gaps between time stamps are shortened to this, and reported. Minimum: 0 seconds. Default: 60. */
  longestWaitSeconds: { type: 'number', default: 60, minimum: 0, unit: 'seconds', description: 'With pace = "timestamps": the longest wait for a packet. Longer gaps between time stamps are shortened to this, and reported.' },
  /** How many times to read everything; 0 means forever. Time stamps do not change. Minimum: 0. Default: 1. */
  loop: { type: 'integer', default: 1, minimum: 0, description: 'How many times to read everything; 0 means forever. Time stamps do not change.' },
} as const satisfies OptionDeclarations;

export const FILE_SINK_OPTIONS = {
  /** The file's format. The default is pcapng if the name ends in .pcapng or .ntar, otherwise pcap. */
  format: { type: 'string', oneOf: ['pcap', 'pcapng'], description: "The file's format. The default is pcapng if the name ends in .pcapng or .ntar, otherwise pcap." },
  /** Write nanosecond time stamps to pcap files; false writes microseconds, for very old programs. pcapng files always have nanoseconds. Default: true. */
  nanoseconds: { type: 'boolean', default: true, description: 'Write nanosecond time stamps to pcap files; false writes microseconds, for very old programs. pcapng files always have nanoseconds.' },
  /** Write at most this many bytes of each packet. Range: 1 to 1,048,576 bytes. Default: 1,048,576. */
  snapLength: { type: 'integer', default: SNAP_LENGTH, minimum: 1, maximum: MAXIMUM_PACKET, unit: 'bytes', description: 'Write at most this many bytes of each packet.' },
  /** Start a new file before this one grows larger. Files are numbered: trace.pcap becomes trace-00001.pcap, trace-00002.pcap and so on. Minimum: 1 bytes. */
  rotateBytes: { type: 'integer', minimum: 1, unit: 'bytes', description: 'Start a new file before this one grows larger. Files are numbered: trace.pcap becomes trace-00001.pcap, trace-00002.pcap and so on.' },
  /** Start a new file with the first packet this long after the first packet of the current file, by their time stamps. Minimum: 0.001 seconds. */
  rotateSeconds: { type: 'number', minimum: 0.001, unit: 'seconds', description: 'Start a new file with the first packet this long after the first packet of the current file, by their time stamps.' },
  /** Memory for each file between the engine and the disk, rounded up to a power of two; several of the longest packets should fit. The default is 32 MiB for live packets, enough for what a capture buffer holds through a stall, and 2 MiB otherwise; less with many files. Range: 65,536 to 268,435,456 bytes. */
  bufferBytes: { type: 'integer', minimum: 65536, maximum: 268435456, unit: 'bytes', description: 'Memory for each file between the engine and the disk, rounded up to a power of two; several of the longest packets should fit. The default is 32 MiB for live packets, enough for what a capture buffer holds through a stall, and 2 MiB otherwise; less with many files.' },
} as const satisfies OptionDeclarations;
