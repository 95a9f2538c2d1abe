/** Bricks that hand all packets to their only output, with and without flow columns: what an engine costs without a brick to speak of. */
'use strict';

function passer(rows, counts) {
  return function pass(count) {
    for (let row = 0; row < count; row++) rows[row] = row;
    counts[0] = count;
  };
}

exports.passBrick = {
  reads: ['flowWord'],
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
  /** Only behind a source, whose batches are whole. */
  create(_options, context) {
    const pass = context.specialise(passer, context.lists.rows, context.lists.counts);
    return { reads: this.reads, process: (_batch, input) => pass(input.count) };
  },
};

exports.plainPassBrick = {
  ...exports.passBrick,
  reads: [],
  declaration: { ...exports.passBrick.declaration, name: 'BenchPlainPass', flowColumns: false },
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
  create: () => ({ reads: [], process() {} }),
};
