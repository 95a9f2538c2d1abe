/** Hands packets on until one begins with 0xee: then it does not return. */
exports.Hanging = {
  declaration: { name: 'Hanging', summary: '', description: '', options: [], inputs: { minimum: 1, maximum: 1 }, outputs: { minimum: 1, maximum: 1 }, fanout: 'one', effect: 'reads', counters: [], examples: { lua: '', typescript: '' } },
  create: () => ({
    process(batch, input, outputs) {
      for (let at = 0; at < input.count; at++) {
        const row = input.rows[at];
        while (batch.memory.bytes[batch.offset[row]] === 0xee);
        outputs.rows[outputs.counts[0]++] = row;
      }
    },
  }),
};
