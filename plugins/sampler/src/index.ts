import { DROP, defineBrick } from 'packet-bricks';

const { imul } = Math;
const MOST = 65_536;

/** Passes one in so many packets or flows. */
export const Sampler = defineBrick({
  name: 'Sampler',
  summary: 'Passes one in so many packets, or all packets of one in so many flows.',
  description: [
    'The choice is deterministic: the same input gives the same sample. By packets, the first one passes and then every n-th. By flows, a packet passes if its addresses and ports do, in both directions',
    'and in every engine with the same `seed`. What does not pass goes to output 1 if there is one, and is dropped otherwise, with the reason `decision`.',
    '',
    'By flows, packets whose flow is not found in their first headers (later fragments, tunnels, frames without IP) are counted as `withoutFlow`, and `others` says what becomes of them.',
  ].join('\n'),
  options: {
    n: { type: 'integer', default: 100, minimum: 1, maximum: MOST, description: 'one in so many passes' },
    by: { type: 'string', oneOf: ['packets', 'flows'], default: 'packets', description: 'what is counted' },
    others: { type: 'string', oneOf: ['pass', 'drop'], default: 'pass', description: 'by flows: what becomes of packets without a known flow' },
    seed: { type: 'integer', default: 1, minimum: 0, maximum: 4_294_967_295, description: 'by flows: another seed passes other flows' },
  },
  shorthand: 'n',
  outputs: { minimum: 1, maximum: 2 },
  counters: { withoutFlow: 'packets without a known flow' },
  state: () => ({ left: 1 }),
  choose: ({ flowWord, flowAddresses, flowPorts }, { n, by, others, seed }, context) => {
    const rest = context.outputs > 1 ? 1 : DROP;
    if (by === 'packets') {
      return (_row, state) => {
        if (--state.left > 0) return rest;
        state.left = n;
        return 0;
      };
    }
    const withoutFlow = context.counter('withoutFlow');
    const other = others === 'pass' ? 0 : rest;
    // Below this is one in n of all hashes, as numbers with a sign: a division would take longer than all the rest.
    const limit = Math.ceil(2 ** 32 / n) - 2 ** 31;
    const salt = imul(seed + 1, 0x9e3779b1);
    return (row) => {
      if (flowWord[row] === 0) {
        withoutFlow.add(1);
        return other;
      }
      // The same for both directions: addresses are folded by XOR, and of the ports sum and XOR are taken.
      const ports = flowPorts[row];
      const source = ports >>> 16;
      const destination = ports & 0xffff;
      let hash = imul(flowAddresses[row] ^ salt, 0x85ebca6b) ^ imul(source + destination, 0xc2b2ae35) ^ imul((source ^ destination) + 1, 0x27d4eb2f);
      hash = imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
      hash = imul(hash ^ (hash >>> 12), 0x297a2d39);
      return (hash ^ (hash >>> 15)) < limit ? 0 : rest;
    };
  },
  examples: {
    lua: 's = Brick.new("Sampler", {n = 10, by = "flows"})\ns:connect_input("eth3")\ns:connect_output("eth3{0")',
    typescript: "new Sampler({ n: 10, by: 'flows' }).connectInput('eth3').connectOutput('eth3{0')",
  },
});
