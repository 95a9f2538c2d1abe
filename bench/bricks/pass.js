/** Bricks that hand all packets to their only output, with and without flow columns: what an engine costs without a brick to speak of. */
'use strict';
const { defineBrick } = require('../lib/bundled');

exports.BenchPass = defineBrick({
  name: 'BenchPass',
  summary: 'Passes all packets on, and has flow columns filled.',
  outputs: 1,
  choose: ({ flowWord }) => (row) => (flowWord[row] === 1 ? -1 : 0),
});

exports.BenchPlainPass = defineBrick({ name: 'BenchPlainPass', summary: 'Passes all packets on.', outputs: 1, broadcast: true });

/** Looks at nothing: what it was given is counted, as for any brick. */
exports.BenchCount = defineBrick({ name: 'BenchCount', summary: 'Counts packets.', outputs: 0, broadcast: true });
