/** A brick as a program describes it, before an engine makes it: its kind, options and links. */
import type { BrickDeclaration } from './brick';
import type { ModuleReference } from './define-brick';
import type { BrickSpecification } from './graph';
import { BricksError } from './errors';
import { parseLinkName } from './link-name';
import { checkOptions, type OptionValue } from './options';

let lastId = 0;
/** Those with links that no engine was given yet. Enough to name what was forgotten: they stay in memory. */
const loose = new Set<BrickDescription>();
const MOST_LOOSE = 64;

/** Bricks that were given links and no engine, as `LoadBalancer from eth3`: what a set-up has forgotten. */
export function looseBricks(): string[] {
  return [...loose].map(({ kind, inputs }) => (inputs.length > 0 ? `${kind} from ${inputs.join(', ')}` : kind));
}

/** A brick as a program describes it: its kind, options and links. `engine.link` gives it to an engine. */
export class BrickDescription {
  private number = ++lastId;
  /** What is known of its kind. */
  readonly declaration: BrickDeclaration;
  /** The name of its kind: `LoadBalancer`. */
  readonly kind: string;
  /** Its options, checked, with their defaults. */
  options: Readonly<Record<string, OptionValue>>;
  /** Names of the links where its packets come from. */
  readonly inputs: string[] = [];
  /** Names of the links where its packets go to, in the order of its outputs. */
  readonly outputs: string[] = [];
  private readonly below: BrickDescription[] = [];

  /** @throws BricksError E_OPTION */
  constructor(declaration: BrickDeclaration, options: unknown, private readonly module: ModuleReference) {
    this.declaration = declaration;
    this.kind = declaration.name;
    this.options = checkOptions(declaration.name, declaration.options, options, declaration.shorthand);
  }

  /** Unique in this process. */
  get id(): number {
    return this.number;
  }

  /** It stands for a brick that is there already, and goes by its number from now on. */
  renumber(id: number): void {
    this.number = id;
  }

  /** Names where its packets come from. @throws BricksError E_LINK_NAME */
  connectInput(...links: string[]): this {
    for (const link of links) parseLinkName(link);
    this.inputs.push(...links);
    this.noteLoose();
    return this;
  }

  /** Names where its packets go to; may be called again to add more. @throws BricksError E_LINK_NAME */
  connectOutput(...links: string[]): this {
    for (const link of links) parseLinkName(link, this.declaration.files === 'sink' ? 'file' : undefined);
    this.outputs.push(...links);
    this.noteLoose();
    return this;
  }

  private noteLoose(): void {
    if (loose.size < MOST_LOOSE) loose.add(this);
  }

  /** Short for `device{0` to `device{count - 1`. */
  connectOutputs(device: string, count: number): this {
    if (!Number.isInteger(count) || count < 1 || count > 65_536) {
      throw new BricksError('E_ARGUMENT', `connectOutputs takes a number of outputs from 1 to 65536, got ${count}.`);
    }
    return this.connectOutput(...Array.from({ length: count }, (_, index) => `${device}{${index}`));
  }

  /**
   * Calls a method of its control half, which may be asynchronous; resolves with what it returns.
   * @throws BricksError E_BRICK_CALL, or what the method says
   */
  call(method: string, ...values: unknown[]): Promise<unknown> {
    const { caller } = this;
    if (!caller) return Promise.reject(new BricksError('E_BRICK_CALL', `This ${this.kind} is not linked to an engine.`, 'Link it first: engine.link(brick).'));
    return caller(method, values);
  }
  private caller: ((method: string, values: readonly unknown[]) => Promise<unknown>) | undefined;

  /** Says how its methods are called, and those of all bricks below it. */
  reachBy(call: (brick: BrickDescription, method: string, values: readonly unknown[]) => Promise<unknown>): void {
    this.visit((brick) => {
      brick.caller = (method, values) => call(brick, method, values);
    });
  }

  /** Puts other bricks below this one: they belong to the same engine. */
  link(...others: BrickDescription[]): this {
    this.below.push(...others);
    return this;
  }

  /** Takes over what was changed of it while its engine ran. */
  adopt({ options, inputs, outputs }: BrickSpecification): void {
    this.options = options as Readonly<Record<string, OptionValue>>;
    this.inputs.splice(0, this.inputs.length, ...inputs);
    this.outputs.splice(0, this.outputs.length, ...outputs);
  }

  /** This brick and all below it, as an engine gets them. */
  collect(): BrickSpecification[] {
    const { all } = this;
    for (const brick of all) loose.delete(brick);
    return all.map((brick) => ({
      id: brick.id,
      kind: brick.kind,
      options: brick.options,
      inputs: [...brick.inputs],
      outputs: [...brick.outputs],
      module: brick.module,
    }));
  }

  /** This brick and all below it. */
  get all(): BrickDescription[] {
    const seen: BrickDescription[] = [];
    this.visit((brick) => seen.push(brick));
    return seen;
  }

  private visit(each: (brick: BrickDescription) => void): void {
    const seen = new Set<BrickDescription>();
    const visit = (brick: BrickDescription): void => {
      if (seen.has(brick)) return;
      seen.add(brick);
      each(brick);
      brick.below.forEach(visit);
    };
    visit(this);
  }
}
