/** A brick in its engine's thread, apart from where it stands in a graph: what it counts, holds and remembers, and its half of the mailboxes. */
import { HoldArea } from '../buffers/hold-area';
import { PacketEditor } from '../buffers/packet-editor';
import { SideArea } from '../buffers/side-area';
import type { CellClock } from '../context/cell-clock';
import { NotedPackets, type CurrentPackets } from '../context/current-packets';
import { NodeContext } from '../context/node-context';
import type { OutputReaders } from '../context/output-readers';
import { OwnCounts } from '../context/own-counters';
import type { GraphMemory } from '../rows/graph-memory';
import type { AnyDefinition, Packets } from '../model/brick';
import { BricksError, isBricksError, messageOf } from '../model/errors';
import type { CompiledBrick } from '../model/graph';
import type { TellUser } from '../model/outcome';
import type { ColumnName } from '../model/packet-batch';
import type { Token } from '../model/tokens';
import { PacketReader } from '../flow/packet-reader';
import { nativeHeaderCopier } from '../native/system';
import { EngineContainer } from '../plugins/engine-container';
import type { EnginePlan } from './engine-protocol';
import { gatedLogger } from './gated-logger';
import { Mailbox } from './mailbox';

/** Columns that the packet form reads. */
const PACKET_COLUMNS: readonly ColumnName[] = ['offset', 'length', 'wireLength', 'seconds', 'nanoseconds'];

/** Where it stands in the graph of its engine. */
export interface BrickPlace {
  readonly index: number;
  readonly readers: OutputReaders;
}

/** A timer without the place of its brick in a graph. */
export interface OwnTimer {
  readonly nanoseconds: number;
  readonly call: (state: unknown) => void;
}

export class BrickAtWork {
  readonly counts: OwnCounts;
  readonly hold: HoldArea | undefined;
  readonly copies: SideArea | undefined;
  readonly made: SideArea | undefined;
  readonly mail: Mailbox | undefined;
  readonly context: NodeContext;
  readonly noted: NotedPackets;
  private readonly editor: PacketEditor | undefined;
  private readonly current: CurrentPackets;
  private readonly label: string;
  /** Where timers go that are asked for; while packets come, nowhere. */
  private newTimers: OwnTimer[] | undefined;
  private stateTimers: readonly OwnTimer[] = [];
  private resolver: (<Value>(token: Token<Value>) => Value) | undefined;
  private remembered: { readonly state: unknown } | undefined;

  constructor(public place: BrickPlace, brick: CompiledBrick, readonly definition: AnyDefinition, memory: GraphMemory, clock: CellClock, plan: Pick<EnginePlan, 'controls' | 'seed'>, notice: TellUser, container = new EngineContainer()) {
    const { declaration, label, level, outputs } = brick;
    const { current } = memory;
    this.current = current;
    this.label = label;
    this.counts = new OwnCounts(declaration.counters.length, declaration.gauges.length);
    this.hold = declaration.holds ? new HoldArea(memory.columns) : undefined;
    this.noted = new NotedPackets(current, label);
    const rows = memory.columns.length.length;
    this.copies = brick.copiesFirst ? new SideArea(memory.columns, rows, declaration.headroom) : undefined;
    this.made = declaration.creates ? new SideArea(memory.columns, memory.sideRows, 0) : undefined;
    this.editor = declaration.effect === 'edits' ? new PacketEditor(editable(current), label, this.copies) : undefined;
    const link = plan.controls.find(({ node }) => node === place.index);
    const toControl = link && new Mailbox(link.fromEngine);
    this.mail = link && definition.onMessage ? new Mailbox(link.toEngine) : undefined;
    this.context = new NodeContext({
      label, declaration, level, outputNames: outputs, clock, seed: plan.seed, packets: this.noted.packets, current, counts: this.counts, hold: this.hold, made: this.made,
      edit: this.editor, hasReader: (output) => this.place.readers.hasReader(this.place.index, output),
      addTimer: (nanoseconds, call) => {
        if (!this.newTimers) throw new BricksError('E_ARGUMENT', `The brick ${label} asks for a timer while packets come.`, 'Ask for it in choose, onPacket, process or state, before the function of a packet is returned.');
        this.newTimers.push({ nanoseconds, call });
      },
      resolve: (token) => (this.resolver ??= container.forBrick(this.context, brick.options))(token),
      log: gatedLogger((text, level) => notice(`${label}: ${text}`, undefined, level), () => clock.now), shared: link?.shared, post: (message) => toControl?.post(message) ?? false,
    });
  }

  /** What it reads is known once its code was made first. */
  seal(): void {
    if (this.definition.onPacket) for (const column of this.byHeaderBytes ? [...PACKET_COLUMNS, 'headerBytes' as const] : PACKET_COLUMNS) this.noted.reads.add(column);
    this.noted.seal();
  }

  /** Makes what may ask for timers; returns both. */
  collectTimers<Made>(make: () => Made): { readonly made: Made; readonly timers: readonly OwnTimer[] } {
    const timers: OwnTimer[] = [];
    this.newTimers = timers;
    const made = this.guarded(make);
    this.newTimers = undefined;
    return { made, timers };
  }

  /** Its state, made anew: for a warm-up, or for the engine for as long as the brick is at work. */
  makeState(options: CompiledBrick['options']): unknown {
    const { made, timers } = this.collectTimers(() => this.definition.state?.(options, this.context));
    this.stateTimers = timers;
    this.remembered = { state: made };
    return made;
  }

  /** What it remembers. */
  get state(): unknown {
    return this.remembered?.state;
  }

  get timers(): readonly OwnTimer[] {
    return this.stateTimers;
  }

  /** Says whether the packets to come are those of a warm-up. */
  rehearse(rehearsing: boolean): void {
    this.context.rehearsing = rehearsing;
  }

  /** What a warm-up has counted and held is forgotten. */
  restart(): void {
    this.context.restart();
    this.copies?.clear();
    this.made?.clear();
  }

  /** A view for those who only look, and read packets where they lie. */
  makeReader(): PacketReader {
    return new PacketReader(this.current, false);
  }

  /** A view that follows the packet where the brick moves it. */
  makeView(): PacketReader {
    const { editor } = this;
    const view = new PacketReader(this.current, this.byHeaderBytes);
    if (editor) {
      editor.onChange = (row) => {
        if (row === view.row) view.moveTo(row);
      };
    }
    return view;
  }

  close(state: unknown): void {
    this.guarded(() => this.definition.close?.(state), 'failed while it closed');
  }

  /** Whether the packet form reads packets' first bytes from their column: unless it changes them, or nothing native fills it. */
  private get byHeaderBytes(): boolean {
    return this.definition.edits !== true && nativeHeaderCopier() !== undefined;
  }

  private guarded<Made>(make: () => Made, what = 'can\'t be made'): Made {
    try {
      return make();
    } catch (error) {
      if (isBricksError(error)) throw error;
      const failure = new BricksError('E_BRICK_FAILED', `The brick ${this.label} ${what}: ${messageOf(error)}`);
      if (error instanceof Error && error.stack) failure.stack = error.stack;
      throw failure;
    }
  }
}

/** The packets as an editor changes them: without a note of what is read. */
function editable(current: CurrentPackets): Packets {
  return { ...current.columns, memory: current.memory, batch: current.batchInfo };
}
