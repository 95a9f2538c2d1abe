import type { BrickModule } from '../core/brick';
import { DuplicatorBrick } from './duplicator';

/** The graph has merged the lists already; what is left to do is what a Duplicator with one output does. */
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
  create: (_options, context) => new DuplicatorBrick(context),
};
