import { defineBrick } from '../plugins/define-brick';
import { ownModule } from '../plugins/load-module';

/** Gives every output a copy of every packet. */
export const Duplicator = defineBrick({
  name: 'Duplicator',
  summary: 'Sends a copy of every packet to every output.',
  description: 'If the backend can move packets, the last output gets the packet itself; the others get copies.',
  broadcast: true,
  explain: (_packets, _options, { outputs }) => () => (outputs === 1 ? 'its only output' : `each of its ${outputs} outputs gets it`),
  examples: {
    lua: 'd = Brick.new("Duplicator")\nd:connect_input("eth3")\nd:connect_output("eth3{0", "eth3{1")',
    typescript: "new Duplicator().connectInput('eth3').connectOutputs('eth3', 2)",
  },
}, ownModule('duplicator'));
