/** Hands all packets to its only output: what an engine costs without a brick to speak of. */
'use strict';

exports.passBrick = {
  declaration: {
    name: 'BenchPass',
    summary: 'Passes all packets on.',
    description: 'For benchmarks.',
    options: [],
    inputs: { minimum: 1, maximum: 1 },
    outputs: { minimum: 1, maximum: 1 },
    fanout: 'one',
    effect: 'reads',
    flowColumns: true,
    counters: [],
    examples: { lua: '', typescript: '' },
  },
  create: () => ({
    process(_batch, input, outputs) {
      outputs.rows.set(input.rows.subarray(0, input.count), 0);
      outputs.counts[0] = input.count;
    },
  }),
};

/** Looks at nothing: what it was given is counted, as for any brick. */
exports.countBrick = {
  declaration: {
    ...exports.passBrick.declaration,
    name: 'BenchCount',
    summary: 'Counts packets.',
    outputs: { minimum: 0, maximum: 0 },
    flowColumns: false,
  },
  create: () => ({ process() {} }),
};
