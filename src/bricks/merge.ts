import { defineBrick } from '../plugins/define-brick';
import { ownModule } from '../plugins/load-module';

/** The graph merges the inputs of any brick; nothing is left to do here. */
export const Merge = defineBrick({
  name: 'Merge',
  summary: 'Joins all inputs into one output, in order of arrival.',
  description: 'Inputs may be any mix of interfaces, pipes, files and outputs of other bricks.',
  inputs: { minimum: 1, maximum: Infinity },
  outputs: 1,
  broadcast: true,
  explain: () => () => 'all inputs join',
  examples: {
    lua: 'm = Brick.new("Merge")\nm:connect_input("eth3", "eth4")\nm:connect_output("eth3{0")',
    typescript: "new Merge().connectInput('eth3', 'eth4').connectOutput('eth3{0')",
  },
}, ownModule('merge'));
