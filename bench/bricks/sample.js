/** A brick as someone outside writes it: some ten lines a packet, on the packet's bytes. */
'use strict';

exports.sampleBrick = {
  declaration: {
    name: 'BenchSample',
    summary: 'Splits by the last bits of both addresses, and drops what is not IPv4.',
    description: 'For benchmarks.',
    options: [],
    inputs: { minimum: 1, maximum: 1 },
    outputs: { minimum: 1, maximum: Infinity },
    fanout: 'one',
    effect: 'reads',
    counters: [{ name: 'large', description: 'packets longer than 1,000 bytes' }],
    examples: { lua: '', typescript: '' },
  },
  create(_options, context) {
    const large = context.counterIndex('large');
    return {
      reads: ['offset', 'length'],
      process(batch, input, outputs) {
        const { offset, length, memory } = batch;
        const { bytes } = memory;
        const { rows, counts, shift } = outputs;
        for (let i = 0; i < input.count; i++) {
          const row = input.rows[i];
          const at = offset[row];
          if (length[row] < 34 || bytes[at + 12] !== 8 || bytes[at + 13] !== 0) continue;
          if (length[row] > 1000) context.countAt(large, 1);
          const output = ((bytes[at + 29] ^ bytes[at + 33]) >>> 1) % outputs.outputs;
          rows[(output << shift) + counts[output]++] = row;
        }
      },
    };
  },
};
