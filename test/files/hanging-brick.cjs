/** Hands packets on until one begins with 0xee: then it does not return. */
const { defineBrick } = require('../../dist/src/index.js');

exports.Hanging = defineBrick({
  name: 'Hanging',
  outputs: 1,
  choose: ({ memory, offset }) => (row) => {
    while (memory.bytes[offset[row]] === 0xee);
    return 0;
  },
});
