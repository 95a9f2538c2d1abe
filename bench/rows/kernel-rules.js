/** Rules in the kernel, for comparison with those of a Filter: sets of nftables, and maps of eBPF. What they cost a packet that is looked up and dropped where it comes in. */
'use strict';
const { spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const { join } = require('node:path');
const { runInNamespace } = require('../lib/namespace');
const { peer } = require('../lib/paths');
const { ratio } = require('../lib/contest');

const CHILD = join(__dirname, '..', 'children', 'kernel-rules.js');
const SHORT_COUNT = 1000;

function missing() {
  if (process.platform !== 'linux') return 'needs nftables and eBPF, which only Linux has';
  if (process.getuid() !== 0) return 'needs root, for nftables and eBPF';
  if (!existsSync(peer('bench_ebpf_rules'))) return 'bench_ebpf_rules was not built';
  const { status } = spawnSync('unshare', ['--net', 'nft', 'add', 'table', 'netdev', 'probe']);
  return status === 0 ? undefined : 'needs nft and unshare (Debian: nftables, util-linux), and a kernel with nf_tables';
}

const row = (kind, count, hit = false) => ({
  name: `kernel-rules-${kind}-${count}${hit ? '-hit' : ''}`,
  title: `the kernel with ${count.toLocaleString('en')} rules (${kind}), all packets ${hit ? 'hit' : 'miss'}: sent over veth, looked up, dropped`,
  missing: ({ short }) => missing() ?? (short && count !== SHORT_COUNT ? 'not with --short' : undefined),
  async run({ rounds, scale, short }) {
    const results = await runInNamespace(CHILD, { rules: { kind, count, hit }, rounds, milliseconds: short ? 60 : Math.round(1000 * Math.max(0.1, scale)) });
    const base = (name) => results.find((one) => one.name === `${name.split(',')[0]}, no rule`);
    return {
      results,
      ratio: ratio(results, 'nftables, a set', 'nftables, no rule'),
      beside: 'the same path without a rule, sending included',
      figures: results.filter((one) => one !== base(one.name)).map((one) => ({
        name: one.name,
        text: `${(one.cpu.median - base(one.name).cpu.median).toFixed(0)} ns a packet more than without, ${ratio(results, one.name, base(one.name).name).toFixed(2)} of its speed${one.hits === undefined ? '' : `; ${(100 * one.hits).toFixed(0)} % hit`}${count < 1000 ? '' : `; ${(one.bytes / count).toFixed(0)} bytes a rule`}`,
      })),
    };
  },
});

const COUNTS = [10, 1000, 100_000, 1_000_000];

module.exports = [
  ...COUNTS.map((count) => row('address', count)),
  row('address', 100_000, true),
  row('address', 1_000_000, true),
  ...['subnet', 'connection', 'mac'].flatMap((kind) => COUNTS.map((count) => row(kind, count))),
];
