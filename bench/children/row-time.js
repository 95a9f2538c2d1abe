/** Times one engine's work in a checkout: node row-time.js ROOT ROW ROUNDS PACKETS. Prints the median, in ns of CPU time a packet. */
'use strict';
const { join } = require('node:path');
const describe = require('../lib/descriptions');
const { median } = require('../lib/statistics');

const [root, name, rounds, packets] = [process.argv[2], process.argv[3], Number(process.argv[4]), Number(process.argv[5])];
// Each checkout's own: its engine, its ports.
const { openEngine, brick, outputs } = require(join(root, 'bench', 'lib', 'engines.js'));

const { balancer, chain, duplicator } = describe({ brick, outputs });

const ROWS = {
  'load-balancer': [balancer(4), {}],
  'load-balancer-ts': [balancer(4), { flowColumns: false }],
  'load-balancer-2-tuple': [balancer(4, { tuple: 2 }), {}],
  'load-balancer-ipv6': [balancer(4), { kind: 'ipv6' }],
  'load-balancer-vlan': [balancer(4), { kind: 'vlan' }],
  'load-balancer-imix': [balancer(4), { length: 0 }],
  'load-balancer-flows': [balancer(4), { flows: 100_000, slots: 32_768 }],
  'outputs-1000': [balancer(1000), { slots: 128 }],
  duplicator: [duplicator, {}],
  chain: [chain, { scatter: true }],
};

async function main() {
  const row = ROWS[name];
  if (row === undefined) throw new Error(`There is no row ${name}. There are: ${Object.keys(ROWS).join(', ')}.`);
  const [description, backend] = row;
  const engine = await openEngine(name, description, { backend: { slots: 1024, length: 60, ...backend } });
  await engine.round(packets);
  const times = [];
  for (let round = 0; round < rounds; round++) times.push((await engine.round(packets)).cpu / packets);
  await engine.close();
  console.log(String(median(times)));
}

main().then(() => process.exit(0), (error) => {
  console.error(error.message);
  process.exit(1);
});
