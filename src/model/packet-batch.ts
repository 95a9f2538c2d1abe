/**
 * A packet batch: a fixed number of rows, one packet each, as columns that are allocated once.
 *
 * A source fills rows 0 to n-1 and the graph passes row numbers around; nobody copies a packet
 * to look at it. Bytes of row r: `memory.bytes[offset[r]]` to `memory.bytes[offset[r] + length[r] - 1]`,
 * and never one further. `offset` is a multiple of 4, so that the 16 and 32-bit views may be used on
 * the packet's start; the views are in the machine's byte order, packets in network order.
 */
import { uint16Array, uint32Array } from './typed-arrays';
import type { PacketNotes } from './packet-notes';

/** Rows of a batch unless told otherwise: fewer cost more, more bring little, see docs/decisions/0002-batch-contract.md. */
export const DEFAULT_BATCH_ROWS = 512;
/** The same for an engine with more sinks than `MANY_SINKS`: fewer than two packets a sink and batch cost most by what is touched for each sink. */
export const DEFAULT_BATCH_ROWS_OF_MANY = 1024;
/** From more sinks than this on, an engine takes larger batches. */
export const MANY_SINKS = 256;
/** Row numbers are 16 bits wide. */
export const MAXIMUM_BATCH_ROWS = 4096;

/** The memory that a batch's offsets point into, under four views. */
export interface PacketMemory {
  /** Byte by byte. */
  readonly bytes: Uint8Array;
  /** For numbers of several bytes: it reads them in network order, wherever they stand. */
  readonly view: DataView;
  /** In 16 bits, in the machine's byte order. */
  readonly halfwords: Uint16Array;
  /** In 32 bits, in the machine's byte order. */
  readonly words: Uint32Array;
}

/** What the flow columns of a row hold (see src/flow/parse.ts, which defines them). */
export const FLOW_NOT_COMPUTED = 0;
/** An IP packet with TCP or UDP ports. */
export const FLOW_WITH_PORTS = 2;
/** An IP packet without ports: `flowPorts` holds the constants that stand in for them. It has a bit in common with the other kind. */
export const FLOW_WITHOUT_PORTS = 3;

/** Bytes of a packet's head. */
export const HEADER_BYTES = 64;

/**
 * The columns of numbers of a batch, with the type of their elements. This list is the only one: types and memory here, and the header that
 * native code shares (src/native/contract.h), are made from it.
 */
export const NUMBER_COLUMNS = {
  /** Where a packet starts in `memory`, in bytes; a multiple of 4. */
  offset: 'uint32',
  /** Captured bytes. */
  length: 'uint32',
  /** Bytes that the packet had on the wire; not less than `length`. */
  wireLength: 'uint32',
  /** Time of arrival: seconds since 1970, and nanoseconds below 1,000,000,000. */
  seconds: 'uint32',
  /** Time of arrival: the nanoseconds within the second, below 1,000,000,000. */
  nanoseconds: 'uint32',
  /** The XOR of the 16-bit words of both addresses, most significant byte first. */
  flowAddresses: 'uint16',
  /** Source port << 16 | destination port. */
  flowPorts: 'uint32',
  /**
   * FLOW_NOT_COMPUTED, or else the kind (one of the other FLOW_ constants) << 16 | the flow word by addresses and
   * ports of a load balancer at the first level, which is most of them. Then the other two columns are valid too.
   */
  flowWord: 'int32',
  /** Belongs to the source that filled the row. */
  slot: 'uint32',
} as const;

interface ElementArrays { uint16: Uint16Array; uint32: Uint32Array; int32: Int32Array }
/** What a column's elements are. */
export type ElementType = keyof ElementArrays;

type NumberColumns = { readonly [Name in keyof typeof NUMBER_COLUMNS]: ElementArrays[(typeof NUMBER_COLUMNS)[Name]] };

/** The columns of a batch. All batches of an engine have the same ones, since only one of them is on its way at a time. */
export interface PacketColumns extends NumberColumns {
  /**
   * The first HEADER_BYTES bytes of each packet, with zeros behind a shorter one: row r's from r * HEADER_BYTES on. Only where a brick
   * says that it reads them: packets lie far apart, so that a brick which looks into each waits for memory, but not here.
   */
  readonly headerBytes: DataView;
}

/** The name of a column. */
export type ColumnName = keyof PacketColumns;
/** The names of all columns. */
export const COLUMN_NAMES = [...Object.keys(NUMBER_COLUMNS), 'headerBytes'] as readonly ColumnName[];

/** Packets as a source received them: one row each, over common columns. */
export interface PacketBatch extends PacketColumns {
  /** Rows that its source may fill. */
  readonly capacity: number;
  /** Rows that are filled now. */
  count: number;
  /** Set by the source when it opens; a batch belongs to one source. */
  memory: PacketMemory;
  /** Link type (as pcap numbers them: 1 is Ethernet) of all rows. */
  linkType: number;
  /** What a capture file tells of the rows besides, if its source was asked for it. */
  notes: PacketNotes | undefined;
}

/** Views on a memory. The buffer's length is rounded down to a multiple of 4 for the wider views. */
export function packetMemory(buffer: ArrayBufferLike, byteOffset = 0, byteLength = buffer.byteLength - byteOffset): PacketMemory {
  return {
    bytes: new Uint8Array(buffer, byteOffset, byteLength),
    view: new DataView(buffer, byteOffset, byteLength),
    halfwords: new Uint16Array(buffer, byteOffset, byteLength >>> 1),
    words: new Uint32Array(buffer, byteOffset, byteLength >>> 2),
  };
}

const NO_MEMORY = packetMemory(new ArrayBuffer(0));

const MAKE_COLUMN: { readonly [Type in ElementType]: (rows: number) => ElementArrays[Type] } = {
  uint16: uint16Array,
  uint32: uint32Array,
  int32: (rows) => new Int32Array(uint32Array(rows).buffer),
};

/** Columns of `rows` rows. */
export function createPacketColumns(rows: number): PacketColumns {
  const numbers = Object.entries(NUMBER_COLUMNS).map(([name, type]) => [name, MAKE_COLUMN[type](rows)]);
  return { ...Object.fromEntries(numbers) as NumberColumns, headerBytes: new DataView(new ArrayBuffer(rows * HEADER_BYTES)) };
}

/** A batch of `capacity` rows, over columns that have at least as many. */
export function createPacketBatch(capacity: number = DEFAULT_BATCH_ROWS, columns: PacketColumns = createPacketColumns(capacity)): PacketBatch {
  const batch: Record<string, unknown> = { capacity, count: 0, memory: NO_MEMORY, linkType: 1, notes: undefined };
  for (const name of COLUMN_NAMES) batch[name] = columns[name];
  return batch as unknown as PacketBatch;
}
