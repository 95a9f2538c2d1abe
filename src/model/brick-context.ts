/** What the engine gives a brick, and what its control half gets. */
import type { PacketColumns, PacketMemory } from './packet-batch';
import type { Token } from './tokens';

/** The packets of an engine, as the choose and the process form see them. */
export interface Packets extends PacketColumns {
  /** Where the bytes are. Its views change from batch to batch: take them from here each time. */
  readonly memory: PacketMemory;
  /** The batch that is on its way. */
  readonly batch: CurrentBatch;
}

/** The batch that is on its way, as a brick sees it. */
export interface CurrentBatch {
  /** Counts batches, round and round: as long as it is the same, so is the batch. */
  readonly number: number;
  /** Rows 0 to `count` - 1 are filled. */
  readonly count: number;
  /** Link type of all rows, as pcap numbers them: 1 is Ethernet. */
  readonly linkType: number;
}

/** What the process form gets: which rows of the batch, in order of arrival. */
export interface InputRows {
  /** Rows of the batch, by their number: the first `count` elements. */
  readonly rows: Uint16Array;
  /** True for all rows of a batch in order: then `rows[i]` is i. */
  readonly whole: boolean;
  /** How many rows there are. */
  readonly count: number;
}

/** Coarse time, read from the machine once a batch. */
export interface EngineClock {
  /** Milliseconds since an arbitrary start, never going back. */
  readonly now: number;
  /** The same in nanoseconds, as element 0: in a hot path `now` would be a number on the heap for each call. */
  readonly cell: Float64Array;
}

/** A counter of a brick's own, shown in the statistics. */
export interface Counter {
  /** Adds an integer of at least 0, below 2^31. */
  add(amount: number): void;
}

/** A number of a brick's own that goes up and down, shown in the statistics. */
export interface Gauge {
  /** Sets it to a whole number from 0 to 2^53. */
  set(value: number): void;
}

/** Writes to the program's log, with the brick's name. A message that comes often is counted instead of repeated. */
export interface Logger {
  /** For debugging. */
  debug(text: string): void;
  /** Something that users may want to know. */
  info(text: string): void;
  /** Something that users should look at; the brick goes on. */
  warn(text: string): void;
  /** Something that keeps the brick from doing all of its work. */
  error(text: string): void;
}

/** Changes of where a packet starts and ends, for a brick that declares `edits`. Bytes it writes to `packets.memory` itself. */
export interface PacketEdits {
  /**
   * Opens a gap of `count` zero bytes at `at` (0 is the packet's first byte): what is before it moves to the front. False where there is no
   * room: a brick that lets packets grow declares its `headroom`, and no packet may grow by more than that.
   */
  insert(row: number, at: number, count: number): boolean;
  /** Takes `count` bytes out at `at`. False where the packet has not so many. */
  remove(row: number, at: number, count: number): boolean;
  /** Cuts a packet to its first `length` bytes. Its length on the wire stays. */
  truncate(row: number, length: number): void;
  /** Takes off what is behind a packet's first `length` bytes, such as padding: it is no longer on the wire either. */
  trim(row: number, length: number): void;
}

/** Packets of a brick's own making, for one that declares `creates`. */
export interface PacketMaker {
  /**
   * Makes a packet of `length` bytes, all zero, that leaves by `output` after the batch that is on its way. Returns where it starts in
   * `bytes`, or -1 where no room is left, which is counted (`noBuffer`). `linkType` is 1, Ethernet, unless given.
   */
  make(length: number, output: number, linkType?: number): number;
  /** The memory of such packets, valid until the function that makes them returns. */
  readonly memory: PacketMemory;
}

/** What an engine gives a brick. */
export interface BrickContext<State = unknown, Shared = unknown> {
  /** `LoadBalancer`, or `LoadBalancer#2` where an engine has several. */
  readonly name: string;
  /** How many outputs it has. */
  readonly outputs: number;
  /** The names of the links that they are, in their order. */
  readonly outputNames: readonly string[];
  /** Nesting level in its engine's tree: 1 for a brick whose packets come from a source. */
  readonly level: number;
  /** Coarse time of the engine, for timeouts and rates. */
  readonly clock: EngineClock;
  /** Whether the packets are those of a warm-up: made up, so that a brick leaves no traces of them outside of its state. */
  readonly rehearsing: boolean;
  /** Writes to the program's log, with the brick's name. */
  readonly log: Logger;
  /** A whole number from 0 to `below` - 1. The sequence is the same at each start of an engine with the same `seed`. */
  random(below: number): number;
  /**
   * Whether a reader is attached to an output: false for a pipe that has none (one that reads too slowly is a reader), and for a link to a brick
   * none of whose outputs has one. Undefined where it can't be told (interfaces, files, netmap's own pipes), and before the links are open.
   * It asks the port: to be called by the clock (`every`), not for each packet.
   */
  hasReader(output: number): boolean | undefined;
  /** A counter that the brick declared. */
  counter(name: string): Counter;
  /** A gauge that the brick declared. */
  gauge(name: string): Gauge;
  /**
   * Copies a packet for later, for a brick that declares `holds`. Returns its place, from 0, for `release`; or -1 where no room is
   * left or the packet is longer than 2,048 bytes: then it has to go now. Return HELD for a packet that was held.
   */
  hold(row: number): number;
  /** Moves where packets start and end. @throws Error unless the brick declares `edits` */
  readonly edit: PacketEdits;
  /** Makes packets of the brick's own. @throws Error unless the brick declares `creates` */
  readonly create: PacketMaker;
  /**
   * Calls a function every so many milliseconds (at least 1), between batches, also when no packets come; it gets the brick's state. To be
   * asked for while the brick is made.
   */
  every(milliseconds: number, call: (state: State) => void): void;
  /** Sends the control half something that can be cloned, up to 64 KiB; false where its mailbox is full, or there is no control half. */
  post(message: unknown): boolean;
  /** What `shared` of the definition has made: the same memory as the control half's. */
  readonly shared: Shared;
  /** What a token names: the engine's, or what a test gives in its place. `inject` asks for a class. */
  resolve<Value>(token: Token<Value>): Value;
  /** The rows of the batch, for a brick that looks beyond its own packet. */
  readonly packets: Packets;
}

/** What the control half of a brick gets. It runs in the main process, beside the engine's thread. */
export interface ControlContext<Shared = unknown> {
  /** `Filter`, or `Filter#2` where an engine has several. */
  readonly name: string;
  /** The engine's name. */
  readonly engine: string;
  /** Names of its outputs; and of those of other bricks of its kind in the engine. */
  readonly outputs: readonly string[];
  readonly otherOutputs: readonly string[];
  /** What `shared` of the definition has made. */
  readonly shared: Shared;
  readonly log: Logger;
  /** Sends the engine's half something that can be cloned, up to 64 KiB; false where its mailbox is full. */
  post(message: unknown): boolean;
}

/** A brick's control half at work. */
export interface ControlHalf {
  /** What `b:call("method", ...)` in Lua and `brick.call('method', ...)` in TypeScript reach. They may be asynchronous. */
  readonly methods?: Readonly<Record<string, (...values: never[]) => unknown>>;
  /** Gets what the engine's half has sent by `context.post`. */
  onMessage?(message: unknown): void;
  /** Called when the engine has closed its links. It gets two seconds, or `stopMilliseconds`. */
  stop?(): void | Promise<void>;
  /** How long `stop` may take, for a half that has much to write then; stopping the engine waits for it. Range: 1 to 60000. Default: 2000. */
  readonly stopMilliseconds?: number;
}
