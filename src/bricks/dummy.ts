import { defineBrick } from '../plugins/define-brick';
import { ownModule } from '../plugins/load-module';

/** Passes everything on; for measuring what an engine costs without a brick. */
export const Dummy = defineBrick({
  name: 'Dummy',
  summary: 'Passes every packet on. Use it to measure what an engine costs without a brick.',
  description: 'Its one output gets every packet.',
  outputs: 1,
  broadcast: true,
  examples: {
    lua: 'd = Brick.new("Dummy")\nd:connect_input("eth3")\nd:connect_output("eth3{0")',
    typescript: "new Dummy().connectInput('eth3').connectOutput('eth3{0')",
  },
}, ownModule('dummy'));
