/** Whether the outputs of an engine's bricks have readers, by what the ports say to which they lead. */
import type { Transmitter } from '../model/backend';
import type { CompiledGraph } from '../model/graph';

/** Where an output leads: to a brick, to a sink of a transmitter, or to what can't be asked. */
type Target = { readonly brick: number } | { readonly transmitter: Transmitter; readonly sink: number } | undefined;

export class OutputReaders {
  private readonly targets: Target[][];

  constructor({ bricks, edges }: CompiledGraph) {
    this.targets = bricks.map(({ outputs }) => outputs.map(() => undefined));
    for (const { from, output, to } of edges) this.targets[from][output] = { brick: to };
  }

  /** An output's link is open. */
  opened(brick: number, output: number, transmitter: Transmitter, sink: number): void {
    if (transmitter.hasReader) this.targets[brick][output] = { transmitter, sink };
  }

  /** Undefined where it can't be told. */
  hasReader(brick: number, output: number): boolean | undefined {
    const target = this.targets[brick][output];
    if (target === undefined) return undefined;
    return 'brick' in target ? this.anyOutputHasReader(target.brick) : target.transmitter.hasReader?.(target.sink);
  }

  /** One that can't be told of may have one. A brick without outputs takes packets itself. */
  private anyOutputHasReader(brick: number): boolean | undefined {
    const { length } = this.targets[brick];
    let any: boolean | undefined = length === 0;
    for (let output = 0; output < length; output++) {
      const has = this.hasReader(brick, output);
      if (has === true) return true;
      if (has === undefined) any = undefined;
    }
    return any;
  }
}
