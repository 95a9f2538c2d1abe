/**
 * The contract of a backend: where packets come from and go to.
 *
 * A port is opened and used in the engine's thread. What must outlive an engine's thread, or be seen
 * from outside (memory of pipes, say), the backend's control half makes in the main thread.
 */
import type { CounterBlock } from './counters';
import type { LinkName } from './link-name';
import type { OptionDeclarations, OptionValues } from './options';
import type { ReportedFault } from './outcome';
import type { ColumnName, PacketBatch } from './packet-batch';
import type { PacketLists } from './packet-list';

/** What `receive` answers when nothing will ever come again. */
export const SOURCE_ENDED = -1;

/** What a backend is to open a source for. */
export interface SourceRequest {
  /** The link to receive from. */
  readonly link: LinkName;
  /** Options of the brick that reads the link, where they are the source's. */
  readonly options: OptionValues;
  /** One hardware queue, or -1 for all. */
  readonly queue: number;
  /** The batch that the port is to fill; the port sets its memory and link type. */
  readonly batch: PacketBatch;
  /** Whether to fill the flow columns; a port that does not sets FLOW_NOT_COMPUTED. */
  readonly flowColumns: boolean;
  /** A sink looks at the batch's notes: a port that reads capture files makes them. */
  readonly notes?: boolean;
  /** Columns that nobody reads: the port may leave in them what there is. */
  readonly unread?: ReadonlySet<ColumnName>;
  /** The engine sends on the same link too. */
  readonly alsoSink: boolean;
  /** Where the port counts. */
  readonly counters: CounterBlock;
  /** The first slot of the link's record in `counters`: the port counts packets, bytes and drops there. */
  readonly record: number;
}

/** A place where packets come from, open. */
export interface SourcePort {
  /** The link that it receives from. */
  readonly link: LinkName;
  /** A file descriptor that becomes readable when packets wait, or -1: then the engine polls, or calls `sleep`. */
  readonly descriptor: number;
  /** True if packets wait until they are taken (files): the engine may then wait for slow sinks. */
  readonly lossless: boolean;
  /** Sleeps until packets wait, at most so long: for a port without a descriptor whose writer can wake it otherwise. */
  sleep?(milliseconds: number): void;
  /** Milliseconds until a paced source has something to do; Infinity for never. */
  nextDue?(): number;
  /** Fills rows 0 to n-1 of its batch, sets `batch.count`, and returns n; 0 for nothing now, or SOURCE_ENDED. Never waits for long. */
  receive(): number;
  /** It leaves out times of arrival and lengths on the wire, which nobody was to read. */
  readonly withoutArrival?: boolean;
  /** The last `receive` has waited for its packets: that time is not the batch's. */
  readonly waited?: boolean;
  /** The batch's packets have been sent; their memory may be used again. */
  release(): void;
  /** Brings counters that the system keeps (packets lost before capture) up to date. */
  refreshCounters?(): void;
  /**
   * Goes on for the graph that replaces the engine's: from now on it fills the new graph's batch and its counters. Link, queue and
   * options are the same. Called between batches; must not fail. A port of a backend that `takesOver` has it.
   */
  rebind?(request: SourceRequest, context: OpenContext): void;
  /** It receives the same whether or not the engine also sends on its link, so that it can be rebound where that changes. */
  readonly unaffectedBySinks?: boolean;
  /** Closes it; nothing is received after that. */
  close(): void;
}

/** What a backend is to open a sink for. */
export interface SinkRequest {
  /** The link to send to. */
  readonly link: LinkName;
  /** Options of the brick that feeds the link, where they are the sink's. */
  readonly options: OptionValues;
  /** The lists of the brick that feeds the sink, and which of its outputs this is. */
  readonly lists: PacketLists;
  /** Which output of its brick it is, from 0. */
  readonly output: number;
  /** Where the port counts. */
  readonly counters: CounterBlock;
  /** The first slot of the link's record: packets and bytes sent, drops by reason. */
  readonly record: number;
}

/** All sinks of one kind of an engine: they send together, in one call a batch. */
export interface Transmitter {
  /** The columns that it reads, besides those by which it finds a packet's bytes; all of them if it doesn't say so. */
  readonly reads?: readonly ColumnName[];
  /** Whether it looks at the batch's notes. */
  readonly readsNotes?: boolean;
  /**
   * Sends the packets of all its lists, from the memory of `batch`, and empties the lists.
   * With `wait` it leaves on their lists the packets that a full ring with a live reader can't take yet,
   * and returns how many; without, it drops and counts them, and returns 0. One that says of each packet that it drops which it is, by `noteDrop`, sets
   * `lists.drops.complete` of its outputs when it opens: of others those who look at drops show the likely ones.
   */
  transmit(batch: PacketBatch, wait: boolean): number;
  /** Once a batch, after all transmitters: makes what was sent visible to readers (and wakes them). */
  flush(): void;
  /** Called about once a millisecond, also while nothing is sent: brings counters up to date that others keep (a recorder's), and sees to readers that have come. */
  refreshCounters?(): void;
  /**
   * Whether a reader is attached to one of its sinks, by the sink's place among the requests; however long it has read nothing. Asked between batches,
   * some hundred times a second, where a brick wants to know. To be left out where somebody always takes the packets, or nobody can tell.
   */
  hasReader?(sink: number): boolean;
  /** Sends out what it still has. */
  close(): void;
}

/** What a backend gets when it opens links. */
export interface OpenContext {
  /** The rows of the largest batch. */
  readonly batchRows: number;
  /** What the control half of the backend prepared (SharedArrayBuffers, names). */
  readonly prepared: unknown;
  /** Batches of all sources, by which native transmitters know the columns they will be given. */
  readonly batches: readonly PacketBatch[];
  /** Packets of some source come whether they are taken or not: what can't be put off is to be buffered. */
  readonly live?: boolean;
  /** True where a packet may be on several lists: then nothing may be moved away before its last list. */
  readonly copies: boolean;
  /** Tells the user something; with `fault`, that the engine can't do all of its work because of it. */
  notice(text: string, fault?: ReportedFault): void;
}

/**
 * Opens links in the engine's thread. Either all are opened or none, and an error tells why.
 *
 * Of a backend that `takesOver`, the same opener is asked again when another graph replaces the engine's. A sink that is open already goes on
 * where its last packet was written: the first transmitter sends nothing any more, and closing either of the two leaves open what the other
 * one has.
 */
export interface PortOpener {
  /** Opens a source. @throws BricksError that names the link */
  openSource(request: SourceRequest, context: OpenContext): SourcePort;
  /** Opens all sinks that the backend handles. @throws BricksError that names the link */
  openSinks(requests: readonly SinkRequest[], context: OpenContext): Transmitter;
}

/** What a backend can do with a device, for `bricks devices`. */
export interface DeviceInformation {
  /** Its name, as a link name has it. */
  readonly name: string;
  /** What it is, for people; may be empty. */
  readonly description: string;
  /** Whether packets can be captured on it now. */
  readonly capture: boolean;
  /** Whether packets can be sent on it now. */
  readonly send: boolean;
  /** What users should know of it: that it is down, say. */
  readonly notes: readonly string[];
}

/** Whether a backend works on this machine. */
export interface BackendStatus {
  /** Whether engines can use it. */
  readonly usable: boolean;
  /** Why, in a sentence: what was found, or what is missing and what to do. */
  readonly reason: string;
}

/** What the control half of a backend gets before an engine opens its links. */
export interface LinkPlan {
  /** The engine's name. */
  readonly engine: string;
  /** The links to receive from, with the options of their bricks. */
  readonly sources: readonly { readonly link: LinkName; readonly options: OptionValues }[];
  /** The links to send to, with the options of their bricks. */
  readonly sinks: readonly { readonly link: LinkName; readonly options: OptionValues }[];
  /** Bytes of each pipe in shared memory, where asked for. */
  readonly ringSize?: number;
  /** Bytes that may stay in each of them while nobody reads it; 0 unless told otherwise. */
  readonly keepUnread?: number;
  /** The group, by name or number, whose members may read them. */
  readonly pipeGroup?: string;
  /** Options of the backend, checked. */
  readonly backendOptions: OptionValues;
  /** What was prepared for the graph that this one replaces, whose links are open: what both have goes on, and is discarded with the last of both. */
  readonly before?: unknown;
}

/** A backend: where packets come from and go to. */
export interface Backend {
  /** The name by which users choose it. */
  readonly name: string;
  /** What it is, in a few words. */
  readonly summary: string;
  /** Some paragraphs of Markdown. */
  readonly description?: string;
  /** The higher, the rather it is the default where several are usable. */
  readonly preference: number;
  /** What it takes as `backendOptions` of an engine. */
  readonly options: OptionDeclarations;
  /** Throws an Error for options that are wrong beyond what their declarations say. */
  check?(options: OptionValues): void;
  /** Whether it works on this machine, and why. */
  status(): BackendStatus;
  /** In a process of root that is about to become another user: keeps what only root could open later. */
  keepAccess?(): void;
  /** The devices that it could open, for `bricks devices`. */
  devices(): Promise<readonly DeviceInformation[]>;
  /** Whether it opens this link itself; files and pipes that it does not are the engine's own. */
  handles(link: LinkName): boolean;
  /** Whether its sources fill flow columns when they are asked to; they do unless this says otherwise. */
  flowColumns?(options: OptionValues): boolean;
  /**
   * Rows of a batch where the user asks for no number and packets come from its interfaces: what a ring of theirs holds, say.
   * The usual number if it is less, or if the backend has no opinion.
   */
  batchRows?(options: OptionValues): number;
  /** Whether its transmitters heed `step` of the lists that they get: only then lists are interleaved. */
  readonly interleavedLists?: boolean;
  /** Its interfaces exist in memory only, so that it is never taken for one unless it is asked for. */
  readonly inMemory?: boolean;
  /**
   * Whether its links stay open while another graph replaces the engine's (`SourcePort.rebind`, `PortOpener`, `LinkPlan.before`). Those of
   * other backends are closed and opened again.
   */
  readonly takesOver?: boolean;
  /** In the main thread, for an engine that runs: says which of its interfaces nobody feeds. */
  unfed?(prepared: unknown): readonly string[];
  /** In the main thread, before an engine opens its links; the answer is handed to `ports` in the engine's thread. */
  prepare?(plan: LinkPlan): unknown;
  /** In the main thread, after the engine has closed its links. */
  discard?(prepared: unknown): void;
  /** In the engine's thread. */
  ports(options: OptionValues): PortOpener;
}
