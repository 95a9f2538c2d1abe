import type { Brick, BrickModule } from '../core/brick';
import type { PacketBatch } from '../core/packet-batch';
import type { PacketList, PacketLists } from '../core/packet-list';

/** Passes all rows on to output 0. */
export class PassBrick implements Brick {
  process(_batch: PacketBatch, input: PacketList, outputs: PacketLists): void {
    const { rows, counts } = outputs;
    const inputRows = input.rows;
    const count = input.count;
    const first = counts[0];
    for (let i = 0; i < count; i++) rows[first + i] = inputRows[i];
    counts[0] = first + count;
  }
}

export const merge: BrickModule = {
  declaration: {
    name: 'Merge',
    summary: 'Joins all inputs into one output, in order of arrival.',
    description: 'Inputs may be interfaces, pipes, files and outputs of other bricks, mixed.',
    options: [],
    inputs: { minimum: 1, maximum: Infinity },
    outputs: { minimum: 1, maximum: 1 },
    fanout: 'one',
    effect: 'reads',
    counters: [],
    examples: {
      lua: 'm = Brick.new("Merge")\nm:connect_input("eth3", "eth4")\nm:connect_output("eth3{0")',
      typescript: "new Merge().connectInput('eth3', 'eth4').connectOutput('eth3{0')",
    },
  },
  create: () => new PassBrick(),
};
