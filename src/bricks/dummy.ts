import type { BrickModule } from '../core/brick';
import { DuplicatorBrick } from './duplicator';

export const dummy: BrickModule = {
  declaration: {
    name: 'Dummy',
    summary: 'Passes everything on; for measuring what an engine costs without a brick.',
    description: 'Its one output gets every packet.',
    options: [],
    inputs: { minimum: 1, maximum: 1 },
    outputs: { minimum: 1, maximum: 1 },
    fanout: 'one',
    effect: 'reads',
    counters: [],
    examples: {
      lua: 'd = Brick.new("Dummy")\nd:connect_input("eth3")\nd:connect_output("eth3{0")',
      typescript: "new Dummy().connectInput('eth3').connectOutput('eth3{0')",
    },
  },
  create: (_options, context) => new DuplicatorBrick(context),
};
