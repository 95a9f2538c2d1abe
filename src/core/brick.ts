/** The contract of a brick: how it declares itself, and what it does with packets. */
import type { OptionDeclaration, OptionValues } from './options';
import type { ColumnName, PacketBatch, PacketColumns } from './packet-batch';
import type { PacketList, PacketLists } from './packet-list';
import type { LoopFactory } from '../v8/specialise';

/**
 * What a brick does with a packet: gives it to at most `one` output, gives `all` outputs a copy, or `any` number.
 * The engine keeps its books by this, and the graph knows from it where packets may move without a copy.
 */
export type Fanout = 'one' | 'all' | 'any';

export interface LinkCount {
  readonly minimum: number;
  /** Infinity for no limit. */
  readonly maximum: number;
}

export interface CounterDeclaration {
  readonly name: string;
  readonly description: string;
}

/** Everything that help, validation, reference and statistics know of a kind of brick. */
export interface BrickDeclaration {
  /** The kind: `LoadBalancer`. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** Some paragraphs of Markdown. */
  readonly description: string;
  readonly options: readonly OptionDeclaration[];
  /** The option that a bare number or string stands for: `Brick.new("LoadBalancer", 4)`. */
  readonly shorthand?: string;
  readonly inputs: LinkCount;
  readonly outputs: LinkCount;
  readonly fanout: Fanout;
  /** `edits` is allowed only where no other output holds the same packet. */
  readonly effect: 'reads' | 'edits';
  /** Whether it may hold packets back by `context.hold`; then it has `releaseHeld` too. */
  readonly holds?: boolean;
  /** Whether sources should fill the flow columns for it. */
  readonly flowColumns?: boolean;
  /** Whether it heeds `step` of its lists (see src/core/packet-list.ts): then many outputs cost it less. */
  readonly interleavedLists?: boolean;
  /** `source`: its inputs are capture files and its options those of the reader. `sink`: likewise for outputs. */
  readonly files?: 'source' | 'sink';
  readonly counters: readonly CounterDeclaration[];
  readonly examples: { readonly lua: string; readonly typescript: string };
}

/** Coarse time for bricks; read from the machine once a batch. */
export interface EngineClock {
  /** Milliseconds since an arbitrary start, never going back. */
  readonly now: number;
  /** The same in nanoseconds, as element 0: for hot paths, where a fraction that a call answers is a number on the heap. */
  readonly cell: Float64Array;
}

/** What an engine tells a brick when it makes it. */
export interface BrickContext {
  /** How many outputs it has. */
  readonly outputs: number;
  /** Nesting level in its engine's tree: 1 for a brick whose packets come from a source. */
  readonly level: number;
  readonly clock: EngineClock;
  /** The columns of every batch that `process` gets: the same typed arrays for as long as the engine lives. */
  readonly columns: PacketColumns;
  /** The lists that `process` gets for its outputs. */
  readonly lists: PacketLists;
  /** `rows` of an input that is not all rows of a batch (`whole`). */
  readonly inputRows: Uint16Array;
  /**
   * A loop with code of its own, into which V8 compiles these constants: for loops over the typed arrays above, which
   * take a third of the time then. The factory may use nothing but its parameters and the language.
   */
  specialise<Constants extends readonly unknown[], Loop>(factory: LoopFactory<Constants, Loop>, ...constants: Constants): Loop;
  /** Adds to a counter that the brick declared. */
  count(counter: string, amount: number): void;
  /** The number by which `countAt` knows a declared counter: for hot paths. */
  counterIndex(counter: string): number;
  countAt(index: number, amount: number): void;
  /** Copies a packet for later; answers its row in the batch that `releaseHeld` gets, or -1 if that can't be: then it has to go now. */
  hold(batch: PacketBatch, row: number): number;
}

/** A brick at work, in an engine's thread. Synchronous only. */
export interface Brick {
  /** The columns that it reads; all but `heads` if it doesn't say so. A source may leave out what nobody reads. */
  readonly reads?: readonly ColumnName[];
  /**
   * Appends each row of `input` to the lists of those outputs that get it.
   * Lists keep their order. A row on no list is dropped, and counted so.
   */
  process(batch: PacketBatch, input: PacketList, outputs: PacketLists): void;
  /**
   * Called after each batch while packets are held: appends the rows that are to go now. `all`: the engine
   * stops, so every packet has to go.
   */
  releaseHeld?(held: PacketBatch, outputs: PacketLists, all: boolean): void;
  teardown?(): void;
}

/** A kind of brick, as an engine uses it. */
export interface BrickModule<Options extends OptionValues = OptionValues> {
  readonly declaration: BrickDeclaration;
  create(options: Options, context: BrickContext): Brick;
}
