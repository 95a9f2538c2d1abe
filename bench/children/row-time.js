/**
 * Times one engine's work in a checkout: node row-time.js ROOT ROW ROUNDS PACKETS. Prints the median, in ns a packet: of CPU time; for capture files by the clock
 * on the wall, from linking to the last file closed.
 */
'use strict';
const { execFileSync } = require('node:child_process');
const { existsSync, rmSync } = require('node:fs');
const { join } = require('node:path');
const describe = require('../lib/descriptions');
const { makeMemoryDirectory } = require('../lib/memory');
const { median } = require('../lib/statistics');

const [root, name, rounds, packets] = [process.argv[2], process.argv[3], Number(process.argv[4]), Number(process.argv[5])];
// Each checkout's own: its engine, its ports.
const { openEngine, brick, outputs } = require(join(root, 'bench', 'lib', 'engines.js'));
const { peer } = require(join(root, 'bench', 'lib', 'paths.js'));
const bundled = join(root, 'bench', 'lib', 'bundled.js');
const { PacketEngine } = require(existsSync(bundled) ? bundled : join(root, 'dist', 'src'));

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

/** Lengths of their packets, 0 for IMIX. */
const FILE_ROWS = { 'files-64': 60, 'files-imix': 0 };

async function timeFiles(length) {
  const directory = makeMemoryDirectory();
  try {
    const file = join(directory, 'in.pcap');
    execFileSync(peer('bench_make_capture'), ['--packets', String(packets), '--length', String(length), '--write', file]);
    const times = [];
    for (let round = 0; round < rounds; round++) {
      const engine = new PacketEngine('bench', { backend: 'loopback' });
      const begin = process.hrtime.bigint();
      await engine.link(brick('LoadBalancer').connectInput(file).connectOutput(...[0, 1, 2, 3].map((output) => join(directory, `${output}.pcap`))));
      await engine.start();
      await engine.finished();
      await engine.delete();
      times.push(Number(process.hrtime.bigint() - begin) / packets);
    }
    return median(times);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function timeRow([description, backend]) {
  const engine = await openEngine(name, description, { backend: { slots: 1024, length: 60, ...backend } });
  await engine.round(packets);
  const times = [];
  for (let round = 0; round < rounds; round++) times.push((await engine.round(packets)).cpu / packets);
  await engine.close();
  return median(times);
}

async function main() {
  const rows = [...Object.keys(ROWS), ...Object.keys(FILE_ROWS)];
  if (!rows.includes(name)) throw new Error(`There is no row ${name}. There are: ${rows.join(', ')}.`);
  console.log(String(await (name in ROWS ? timeRow(ROWS[name]) : timeFiles(FILE_ROWS[name]))));
}

main().then(() => process.exit(0), (error) => {
  console.error(error.message);
  process.exit(1);
});
