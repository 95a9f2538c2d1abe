/** The contract of a brick: what it declares, and the three forms in which it says where packets go. */
import type { OptionDeclaration, OptionDeclarations, OptionsOf, OptionValues } from './options';
import type { BrickContext, ControlContext, ControlHalf, InputRows, Packets } from './brick-context';
import type { PacketView } from './packet-view';

export type * from './brick-context';

/** What a brick returns for a packet that goes nowhere: it is dropped, and counted as the brick's decision. */
export const DROP = -1;
/** What a brick returns for a packet that it keeps by `context.hold`, or whose held row is to stay. */
export const HELD = -2;
/** What the packet form returns for a packet of which every output gets a copy. */
export const ALL = -3;
/** What the function of `choose` returns for a packet that it leaves to `slowPath`. */
export const SLOW_PATH = -4;

/** In the list that the process form fills: as the constants above, in 16 bits without a sign. */
export const NEXT_DROP = 0xffff;
export const NEXT_HELD = 0xfffe;

/** Bytes that a brick may ask for in front of each packet. */
export const HEADROOM_MAXIMUM = 256;

/** How many links a brick may have. */
export interface LinkCount {
  /** At least so many. */
  readonly minimum: number;
  /** Infinity for no limit. */
  readonly maximum: number;
}

/** A counter or gauge that a brick declares. */
export interface CounterDeclaration {
  /** Its name, as statistics show it. */
  readonly name: string;
  /** What it counts. */
  readonly description: string;
}

/**
 * What a brick does with a packet: gives it to at most `one` output, gives `all` outputs a copy, or `any` number.
 * The graph knows from it where packets may move without a copy.
 */
export type Fanout = 'one' | 'all' | 'any';

/** What help, validation, reference and statistics know of a kind of brick; made from its definition. */
export interface BrickDeclaration {
  /** The kind, by which set-ups name it. */
  readonly name: string;
  /** One sentence. */
  readonly summary: string;
  /** Some paragraphs of Markdown; empty if there are none. */
  readonly description: string;
  /** Its options, each with type, range and default. */
  readonly options: readonly OptionDeclaration[];
  /** The option that a bare value stands for. */
  readonly shorthand?: string;
  /** How many inputs it takes. */
  readonly inputs: LinkCount;
  /** How many outputs it takes. */
  readonly outputs: LinkCount;
  /** To how many outputs it gives a packet. */
  readonly fanout: Fanout;
  /** Whether it only reads packets or changes them too. */
  readonly effect: 'reads' | 'edits';
  /** Whether it keeps packets back for later. */
  readonly holds: boolean;
  /** Bytes by which packets may grow at their start. */
  readonly headroom: number;
  /** Whether it makes packets of its own. */
  readonly creates: boolean;
  /** Whether it has a control half. */
  readonly control: boolean;
  /** `source`: its inputs are capture files; `sink`: its outputs are. */
  readonly files?: 'source' | 'sink';
  /** Counters of its own. */
  readonly counters: readonly CounterDeclaration[];
  /** Gauges of its own. */
  readonly gauges: readonly CounterDeclaration[];
  /** How to use it, in Lua and in TypeScript. */
  readonly examples: { readonly lua: string; readonly typescript: string };
}

/** What a brick of certain options needs; see `needs` of a definition. */
export interface BrickNeeds {
  /** Whether its control half is to run. */
  readonly control?: boolean;
  /** Whether it changes packets. */
  readonly edits?: boolean;
  /** How many outputs it takes. */
  readonly outputs?: number | LinkCount;
}

/** What every brick declares, whatever its form. */
export interface BrickBasics<Declared extends OptionDeclarations, State, Shared> {
  /** The kind, by which set-ups name it: `LoadBalancer`. */
  readonly name: string;
  /** One sentence. */
  readonly summary?: string;
  /** Some paragraphs of Markdown. */
  readonly description?: string;
  /** Its options by their names, each with type, description, range and default. The types of `options` are made from them. */
  readonly options?: Declared;
  /** The option that a bare value stands for: `Brick.new("LoadBalancer", 4)`. */
  readonly shorthand?: string;
  /** How many inputs: a number, or from `minimum` to `maximum`. One unless it says otherwise. */
  readonly inputs?: number | LinkCount;
  /** How many outputs: a number, or from `minimum` to `maximum`. At least one unless it says otherwise. */
  readonly outputs?: number | LinkCount;
  /** Counters of its own, with a description each. */
  readonly counters?: Readonly<Record<string, string>>;
  /** Gauges of its own: numbers that go up and down. */
  readonly gauges?: Readonly<Record<string, string>>;
  /** How to use it, for help and reference. */
  readonly examples?: { readonly lua: string; readonly typescript: string };
  /**
   * Whether it changes packets. Where another output holds the same bytes the engine copies them first; so it does where packets may grow by
   * `headroom` bytes (at most 256) at their start. Flow columns are worked out again behind it.
   */
  readonly edits?: boolean;
  /** Bytes by which a packet may grow at its start, for a brick that declares `edits`. Range: 0 to 256. Default: 0. */
  readonly headroom?: number;
  /** Whether it makes packets of its own, by `context.create`. */
  readonly creates?: boolean;
  /** `source`: its inputs are capture files and its options those of the reader. `sink`: likewise for outputs. */
  readonly files?: 'source' | 'sink';
  /**
   * What a brick of these options needs of what the definition declares: less of it, where they do not ask for a control half, change no packets or take
   * fewer outputs. All of it unless it says otherwise.
   */
  readonly needs?: (options: OptionsOf<Declared>) => BrickNeeds;
  /** Throws an Error for options that are wrong beyond what their declarations say. For `bricks check`, which makes no engine, and before a control half starts. */
  readonly check?: (options: OptionsOf<Declared>) => void;
  /**
   * What the brick remembers from packet to packet. Made anew for each engine, and once more for the warm-up, whose synthetic packets
   * must leave no traces.
   */
  readonly state?: (options: OptionsOf<Declared>, context: BrickContext<unknown, Shared>) => State;
  /** What both halves see: made once in the main process, before them. Typically a SharedArrayBuffer; whatever it is must be possible to clone. */
  readonly shared?: (options: OptionsOf<Declared>) => Shared;
  /**
   * The half that may use sockets, files and timers. It starts, in its own thread, before the engine runs, and stops after it. One that
   * throws or hangs harms no packet: the brick goes on with what it last got, and the failure is reported.
   */
  readonly control?: (options: OptionsOf<Declared>, context: ControlContext<Shared>) => ControlHalf | Promise<ControlHalf>;
  /** Gets, between batches, what the control half has sent by `post`. */
  readonly onMessage?: (message: never, state: State, context: BrickContext<State, Shared>) => void;
  /**
   * For `bricks trace`: takes what `choose` takes, and returns a function that says in a few words why a packet went where it did: `hash 0x1f2e of its flow`. That is called for packets
   * that are traced, and no others, when the brick has decided about all of the batch; `output` is what it decided, an output or DROP, HELD or ALL. Of the columns it has those
   * that the brick reads anyway, and `packet` reads headers. It must change nothing. What the control half knows better it may say: the method `explain` of it gets `ask`, and what it returns
   * stands in place of `text`.
   */
  readonly explain?: (packets: Packets, options: OptionsOf<Declared>, context: BrickContext<State, Shared>) => (row: number, output: number, state: State, packet: PacketView) => string | Explanation;
  /** Called when the engine closes. What it counts then is in the statistics, too. */
  readonly close?: (state: State) => void;
}

/** Why a packet went where it did, where the control half knows more. */
export interface Explanation {
  /** What the engine's half knows. */
  readonly text: string;
  /** What the control half's method `explain` is asked: anything that can be cloned. Where that returns undefined, the text stands. */
  readonly ask: unknown;
}

/** One function from a packet's row to its output. The engine makes the loop. */
export interface ChooseForm<Declared extends OptionDeclarations, State, Shared> {
  /**
   * Called once for an engine: takes the columns it needs, and returns a function from a row to the output of that packet, DROP or HELD.
   * That function is called for each packet, in order of arrival.
   */
  readonly choose: (packets: Packets, options: OptionsOf<Declared>, context: BrickContext<State, Shared>) => (row: number, state: State) => number;
  /**
   * Made like `choose`; its function is called for each packet for which that of `choose` returns SLOW_PATH. For long work on few packets, which would slow down the
   * loop over all of them. Packets keep their order.
   */
  readonly slowPath?: (packets: Packets, options: OptionsOf<Declared>, context: BrickContext<State, Shared>) => (row: number, state: State) => number;
  /** Whether it keeps packets by `context.hold`; `release` then says when they go. */
  readonly holds?: boolean;
  /**
   * Called after each batch for each packet that is held, in the order in which they were: returns its output, DROP, or HELD for one that
   * stays. `place` is what `hold` returned. With `all` the engine stops: none may stay, and one that does is dropped.
   */
  readonly release?: (packets: Packets, options: OptionsOf<Declared>, context: BrickContext<State, Shared>) => (place: number, all: boolean, state: State) => number;
}

/** The easy form: one packet at a time, with its headers read. */
export interface PacketForm<Declared extends OptionDeclarations, State, Shared> {
  /** Returns a function that gets one packet, the same object each time, and returns its output, a list of outputs, ALL or DROP. */
  readonly onPacket: (options: OptionsOf<Declared>, context: BrickContext<State, Shared>) => (packet: PacketView, state: State) => number | readonly number[];
  /** Whether it may give a packet to more than one output. */
  readonly copies?: boolean;
}

/** The whole batch at once. */
export interface ProcessForm<Declared extends OptionDeclarations, State, Shared> {
  /** Returns a function that gets rows and sets `next[i]` to the output of `input.rows[i]`; what it leaves alone is dropped. */
  readonly process: (packets: Packets, options: OptionsOf<Declared>, context: BrickContext<State, Shared>) => (input: InputRows, next: Uint16Array, state: State) => void;
}

/** Every output gets every packet: there is nothing to write. */
export interface BroadcastForm {
  /** Every output gets every packet. */
  readonly broadcast: true;
}

export type BrickForm<Declared extends OptionDeclarations, State, Shared> =
  | ChooseForm<Declared, State, Shared> & Without<'onPacket' | 'process' | 'broadcast'>
  | PacketForm<Declared, State, Shared> & Without<'choose' | 'process' | 'broadcast' | 'slowPath' | 'holds' | 'release'>
  | ProcessForm<Declared, State, Shared> & Without<'choose' | 'onPacket' | 'broadcast' | 'slowPath' | 'holds' | 'release'>
  | BroadcastForm & Without<'choose' | 'onPacket' | 'process' | 'slowPath' | 'holds' | 'release'>;

type Without<Names extends string> = { readonly [name in Names]?: never };

/** A definition as its author writes it. */
export type BrickDefinition<Declared extends OptionDeclarations, State, Shared> = BrickBasics<Declared, State, Shared> & BrickForm<Declared, State, Shared>;

/** What a choose function returns; it may be anything where it was not written in TypeScript. */
export type ChooseFunction = (row: number, state: unknown) => number;
export type ExplainFunction = (row: number, output: number, state: unknown, packet: PacketView) => string | Explanation;
export type ReleaseFunction = (place: number, all: boolean, state: unknown) => number;
export type PacketFunction = (packet: PacketView, state: unknown) => number | readonly number[];
export type ProcessFunction = (input: InputRows, next: Uint16Array, state: unknown) => void;

/** A control half as its thread sees it. */
export interface AnyControlHalf extends Omit<ControlHalf, 'methods'> {
  readonly methods?: Readonly<Record<string, (...values: unknown[]) => unknown>>;
}

/** A definition as engines see it, whose options and state may be of any type. Its declaration was checked: it has exactly one form. */
export interface AnyDefinition extends Omit<BrickBasics<OptionDeclarations, unknown, unknown>, 'needs' | 'check' | 'state' | 'explain' | 'close' | 'shared' | 'control' | 'onMessage'> {
  readonly needs?: (options: OptionValues) => BrickNeeds;
  readonly check?: (options: OptionValues) => void;
  readonly shared?: (options: OptionValues) => unknown;
  readonly control?: (options: OptionValues, context: ControlContext) => AnyControlHalf | Promise<AnyControlHalf>;
  readonly onMessage?: (message: unknown, state: unknown, context: BrickContext) => void;
  readonly state?: (options: OptionValues, context: BrickContext) => unknown;
  readonly explain?: (packets: Packets, options: OptionValues, context: BrickContext) => ExplainFunction;
  readonly close?: (state: unknown) => void;
  readonly choose?: (packets: Packets, options: OptionValues, context: BrickContext) => ChooseFunction;
  readonly slowPath?: (packets: Packets, options: OptionValues, context: BrickContext) => ChooseFunction;
  readonly holds?: boolean;
  readonly release?: (packets: Packets, options: OptionValues, context: BrickContext) => ReleaseFunction;
  readonly onPacket?: (options: OptionValues, context: BrickContext) => PacketFunction;
  readonly copies?: boolean;
  readonly process?: (packets: Packets, options: OptionValues, context: BrickContext) => ProcessFunction;
  readonly broadcast?: true;
}
