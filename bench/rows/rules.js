/** A Filter with rules beside itself without, and beside C: a hash table, and a list as the original's. */
'use strict';
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { brick, cPeer, openEngine } = require('../lib/engines');
const { openContest, ratio } = require('../lib/contest');
const { FLOWS, rulesFile } = require('../lib/rule-texts');

const SLOTS = 32_768;
const TRAFFIC = { slots: SLOTS, flows: FLOWS };

/** The filter with this many rules beside itself without any. */
const besideNone = (kind, count, hit, least) => ({
  name: `rules-${kind}-${count}${hit ? '-hit' : ''}`,
  title: `Filter with ${count.toLocaleString('en')} rules (${kind}), all packets ${hit ? 'hit' : 'miss'}, beside itself with no rule in place`,
  mark: { least },
  missing: ({ short }) => (short && count > SHORT_COUNT ? 'not with --short' : undefined),
  async run(settings) {
    const folder = mkdtempSync(join(tmpdir(), 'bricks-bench-rules-'));
    try {
      const file = count === 0 ? undefined : rulesFile(folder, kind, count, hit);
      const filter = (options) => () => brick('Filter', options).connectInput('in').connectOutput('out{0');
      const results = await openContest([
        ...(file ? [() => openEngine('with rules', filter({ file }), { backend: TRAFFIC, ...settings.engine })] : []),
        () => openEngine('no rule in place', filter({ rules: true }), { backend: TRAFFIC, ...settings.engine }),
        ...(file ? [] : [() => openEngine('without the option', filter({}), { backend: TRAFFIC, ...settings.engine })]),
        ...(kind === 'address' && count > 0 ? [() => cPeer('C hash table', 'bench_rules', { ...TRAFFIC, rules: count, hit: hit ? 1 : 0 })] : []),
        ...(kind === 'address' && count > 0 && count <= 1000 ? [() => cPeer('C list', 'bench_rules', { ...TRAFFIC, rules: count, hit: hit ? 1 : 0, linear: 1 })] : []),
      ], { rounds: settings.rounds, packets: Math.round(4_000_000 * settings.scale) });
      if (!file) return { results, ratio: ratio(results, 'no rule in place', 'without the option'), beside: 'a Filter that looks at no packet' };
      return { results, ratio: ratio(results, 'with rules', 'no rule in place'), beside: 'no rule in place' };
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
});

/** A million rules take half a minute and 3 GB to load. */
const SHORT_COUNT = 1000;

const COUNTS = [10, 1000, 100_000, 1_000_000];

module.exports = [
  besideNone('address', 0, false, 0.2),
  ...COUNTS.map((count) => besideNone('address', count, false, 0.7)),
  besideNone('address', 100_000, true, 0.5),
  besideNone('address', 1_000_000, true, 0.5),
  ...['subnet', 'connection', 'mac'].flatMap((kind) => COUNTS.map((count) => besideNone(kind, count, false, 0.7))),
];
