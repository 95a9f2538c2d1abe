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

/**
 * What the engine finds out about the headers of each packet, for bricks that take these columns: memory and work for nobody else. All of it is about the
 * outermost IP header, behind whatever tags, labels and frames in frames there are: what a tunnel carries in IP is payload. Offsets count from the packet's
 * first byte (`offset[row] + payloadOffset[row]` is its place in `memory`) and lie within the captured bytes. -1: the packet has no such header, or not all of
 * what tells was captured. `PacketView` says the same of the packet form's packets.
 */
const HEADER_COLUMNS = {
  /** The VLAN of the outermost tag (802.1Q or 802.1ad), 0 to 4095; -1 for frames without a tag. */
  vlan: 'int16',
  /** The protocol behind the IP header and its extension headers: 6 is TCP. -1 for other packets than IP, and for later fragments of IPv6, which don't say it. */
  protocol: 'int16',
  /** Where the IP header starts; -1 for other packets than IP. */
  networkOffset: 'int32',
  /** Where the header of TCP, UDP or another protocol starts; -1 for later fragments, which have none. */
  transportOffset: 'int32',
  /** Where the payload of TCP or UDP starts, which may be the packet's end; for other protocols the same as `transportOffset`. */
  payloadOffset: 'int32',
} as const;

interface ElementArrays { int16: Int16Array; uint16: Uint16Array; uint32: Uint32Array; int32: Int32Array }
/** What a column's elements are. */
export type ElementType = keyof ElementArrays;

/** The columns that every batch has. All batches of an engine have the same ones, since only one of them is on its way at a time. */
export type NumberColumns = { readonly [Name in keyof typeof NUMBER_COLUMNS]: ElementArrays[(typeof NUMBER_COLUMNS)[Name]] };
type HeaderColumns = { readonly [Name in keyof typeof HEADER_COLUMNS]: ElementArrays[(typeof HEADER_COLUMNS)[Name]] };

/** The columns of an engine. Those that it fills itself (HEADER_COLUMNS and `headerBytes`) are made when somebody takes them first. */
export interface PacketColumns extends NumberColumns, HeaderColumns {
  /**
   * The first HEADER_BYTES bytes of each packet, with zeros behind a shorter one: row r's from r * HEADER_BYTES on. Only where a brick
   * says that it reads them: packets lie far apart, so that a brick which looks into each waits for memory, but not here.
   */
  readonly headerBytes: DataView;
}

/** The name of a column. */
export type ColumnName = keyof PacketColumns;
/** The name of a column that every batch has. */
export type NumberColumnName = keyof NumberColumns;
/** The name of a column that the engine finds out from packets' headers. */
export type HeaderColumnName = keyof HeaderColumns;
/** The names of the columns that every batch has. */
export const NUMBER_COLUMN_NAMES = Object.keys(NUMBER_COLUMNS) as readonly NumberColumnName[];
/** The names of the columns that the engine finds out from packets' headers. */
export const HEADER_COLUMN_NAMES = Object.keys(HEADER_COLUMNS) as readonly HeaderColumnName[];
/** The names of all columns. */
export const COLUMN_NAMES: readonly ColumnName[] = [...NUMBER_COLUMN_NAMES, ...HEADER_COLUMN_NAMES, 'headerBytes'];

/** Packets as a source received them: one row each, over common columns. */
export interface PacketBatch extends NumberColumns {
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
  int16: (rows) => new Int16Array(uint16Array(rows).buffer),
  uint16: uint16Array,
  uint32: uint32Array,
  int32: (rows) => new Int32Array(uint32Array(rows).buffer),
};

class EngineColumns {
  readonly #rows: number;
  readonly #taken = new Map<ColumnName, unknown>();

  constructor(rows: number) {
    this.#rows = rows;
    for (const name of NUMBER_COLUMN_NAMES) (this as Record<string, unknown>)[name] = MAKE_COLUMN[NUMBER_COLUMNS[name]](rows);
  }

  take(name: HeaderColumnName | 'headerBytes'): unknown {
    const rows = this.#rows;
    const column = this.#taken.get(name) ?? (name === 'headerBytes' ? new DataView(new ArrayBuffer(rows * HEADER_BYTES)) : MAKE_COLUMN[HEADER_COLUMNS[name]](rows));
    this.#taken.set(name, column);
    return column;
  }
}

for (const name of [...HEADER_COLUMN_NAMES, 'headerBytes'] as const) {
  Object.defineProperty(EngineColumns.prototype, name, {
    get(this: EngineColumns) {
      return this.take(name);
    },
  });
}

/** Columns of `rows` rows. */
export function createPacketColumns(rows: number): PacketColumns {
  return new EngineColumns(rows) as unknown as PacketColumns;
}

/** A batch of `capacity` rows, over columns that have at least as many. */
export function createPacketBatch(capacity: number = DEFAULT_BATCH_ROWS, columns: NumberColumns = createPacketColumns(capacity)): PacketBatch {
  const batch: Record<string, unknown> = { capacity, count: 0, memory: NO_MEMORY, linkType: 1, notes: undefined };
  for (const name of NUMBER_COLUMN_NAMES) batch[name] = columns[name];
  return batch as unknown as PacketBatch;
}
