/** What an engine gives a brick. */
import type { BrickContext, BrickDeclaration, Counter, EngineClock, Gauge, Logger, PacketEdits, PacketMaker, Packets } from '../model/brick';
import { BricksError, nearest } from '../model/errors';
import type { CurrentPackets } from './current-packets';
import type { HoldArea } from '../buffers/hold-area';
import { OwnCounter, OwnGauge, type OwnCounts } from './own-counters';
import type { PacketMemory } from '../model/packet-batch';
import type { SideArea } from '../buffers/side-area';
import type { Token } from '../model/tokens';

export interface NodeSurroundings {
  readonly label: string;
  readonly declaration: BrickDeclaration;
  readonly outputNames: readonly string[];
  readonly level: number;
  readonly clock: EngineClock;
  readonly log: Logger;
  readonly seed: number;
  readonly packets: Packets;
  readonly current: CurrentPackets;
  readonly counts: OwnCounts;
  readonly hold: HoldArea | undefined;
  readonly edit: PacketEdits | undefined;
  readonly made: SideArea | undefined;
  readonly shared: unknown;
  readonly hasReader: (output: number) => boolean | undefined;
  /** Sends the control half a message. */
  readonly post: (message: unknown) => boolean;
  /** Finds what tokens name. */
  readonly resolve: <Value>(token: Token<Value>) => Value;
  /** Takes note of a timer. */
  readonly addTimer: (nanoseconds: number, call: (state: unknown) => void) => void;
}

/** Its functions are bound to it, so that a brick may take those that it needs: `({ hold }) => ...`. */
export class NodeContext implements BrickContext {
  readonly name: string;
  readonly outputs: number;
  readonly outputNames: readonly string[];
  level: number;
  readonly clock: EngineClock;
  readonly log: Logger;
  readonly packets: Packets;
  rehearsing = false;
  private readonly declaration: BrickDeclaration;
  private readonly current: CurrentPackets;
  private readonly counts: OwnCounts;
  private readonly area: HoldArea | undefined;
  private readonly seed: number;
  private readonly editor: PacketEdits | undefined;
  private readonly maker: PacketMaker | undefined;
  private readonly addTimer: NodeSurroundings['addTimer'];
  readonly shared: unknown;
  readonly hasReader: (output: number) => boolean | undefined;
  readonly resolve: <Value>(token: Token<Value>) => Value;
  private readonly send: (message: unknown) => boolean;
  private readonly randomWord = new Uint32Array(new ArrayBuffer(4));

  constructor(around: NodeSurroundings) {
    this.name = around.label;
    this.outputs = around.outputNames.length;
    this.outputNames = around.outputNames;
    this.level = around.level;
    this.clock = around.clock;
    this.log = around.log;
    this.packets = around.packets;
    this.declaration = around.declaration;
    this.current = around.current;
    this.counts = around.counts;
    this.area = around.hold;
    this.editor = around.edit;
    this.maker = around.made && new Maker(around.made, this.outputs, around.counts);
    this.addTimer = around.addTimer;
    this.shared = around.shared;
    this.hasReader = around.hasReader;
    this.resolve = around.resolve;
    this.send = around.post;
    this.seed = (Math.imul(around.seed ^ hashOfText(around.label), 0x9e3779b1) | 1) >>> 0;
    this.restart();
  }

  /** What is made as for a brick at this level, before it is there. */
  atLevel<Made>(level: number, make: () => Made): Made {
    const before = this.level;
    this.level = level;
    try {
      return make();
    } finally {
      this.level = before;
    }
  }

  /** Forgets what a warm-up has left. */
  restart(): void {
    this.randomWord[0] = this.seed;
    this.counts.clear();
    this.area?.clear();
  }

  /** Marsaglia's xorshift with 32 bits: enough to sample by, and no secret. */
  readonly random = (below: number): number => {
    let word = this.randomWord[0];
    word ^= word << 13;
    word ^= word >>> 17;
    word ^= word << 5;
    this.randomWord[0] = word;
    return (word >>> 0) % below;
  };

  get edit(): PacketEdits {
    if (!this.editor) throw new BricksError('E_BRICK_DECLARATION', `The brick ${this.name} changes packets, but does not declare edits: true.`);
    return this.editor;
  }

  get create(): PacketMaker {
    if (!this.maker) throw new BricksError('E_BRICK_DECLARATION', `The brick ${this.name} makes packets, but does not declare creates: true.`);
    return this.maker;
  }

  readonly every = (milliseconds: number, call: (state: unknown) => void): void => {
    if (!(milliseconds >= 1) || typeof call !== 'function') throw new BricksError('E_ARGUMENT', `The brick ${this.name} asks for a timer of ${milliseconds} ms; it must be at least 1, with a function to call.`);
    this.addTimer(milliseconds * 1e6, call);
  };

  readonly post = (message: unknown): boolean => this.send(message);

  readonly counter = (name: string): Counter => new OwnCounter(this.counts.counts, this.indexOf('counter', name));

  readonly gauge = (name: string): Gauge => new OwnGauge(this.counts.gauges, this.indexOf('gauge', name));

  readonly hold = (row: number): number => {
    const { batch } = this.current;
    return this.area && batch ? this.area.keep(batch, row) : -1;
  };

  private indexOf(noun: 'counter' | 'gauge', name: string): number {
    const declared = this.declaration[`${noun}s`].map((own) => own.name);
    const index = declared.indexOf(name);
    if (index >= 0) return index;
    const guess = nearest(name, declared);
    throw new BricksError('E_BRICK_COUNTER', `The brick ${this.name} has not declared the ${noun} "${name}".`, guess ? `Did you mean "${guess}"?` : `Declare it in the definition: ${noun}s: { ${name}: '...' }.`);
  }
}

class Maker implements PacketMaker {
  readonly memory: PacketMemory;

  constructor(private readonly area: SideArea, private readonly outputs: number, private readonly counts: OwnCounts) {
    this.memory = area.outgoing.memory;
  }

  readonly make = (length: number, output: number, linkType = 1): number => {
    if (!(output >= 0 && output < this.outputs && Number.isInteger(output))) throw new Error(`it made a packet for output ${output}; it has ${this.outputs}`);
    if (!(length > 0 && Number.isInteger(length))) throw new Error(`it made a packet of ${length} bytes`);
    if (!(linkType >= 0 && linkType <= 0xffff && Number.isInteger(linkType))) throw new Error(`it made a packet of the link type ${linkType}`);
    const at = this.area.make(length, linkType, output);
    if (at < 0) this.counts.withoutBuffer++;
    return at;
  };
}

function hashOfText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
