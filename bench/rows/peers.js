/** With --peer: the installed tools of others at what an engine does too. By the clock on the wall. */
'use strict';
const { execFile } = require('node:child_process');
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { promisify } = require('node:util');
const { installed } = require('../lib/installed');
const { missingLink, runInNamespace } = require('../lib/namespace');
const { peer } = require('../lib/paths');
const { summary } = require('../lib/statistics');

const execute = promisify(execFile);
const child = join(__dirname, '..', 'children', 'peers.js');
const TOOLS = ['tcpdump', 'tcpreplay', 'editcap', 'suricata'];

/** What each of them is measured at. */
function row({ name, title, tools, packets }) {
  return {
    name,
    title,
    missing: ({ peer: asked }) => (asked ? missingLink() : 'only with --peer'),
    async run({ rounds, scale }) {
      const present = tools.filter(installed);
      const directory = mkdtempSync(join(tmpdir(), 'bricks-bench-'));
      try {
        const count = Math.max(2000, Math.round(packets * scale));
        const file = join(directory, 'in.pcap');
        await execute(peer('bench_make_capture'), ['--packets', String(count), '--length', '60', '--write', file]);
        const measured = await runInNamespace(child, { work: name, file, directory, packets: count, rounds, tools: present });
        const results = Object.entries(measured).map(([contestant, walls]) => ({ name: contestant, wall: summary(walls.map((wall) => wall / count)) }));
        const engine = results[0].wall.median;
        return {
          results,
          figures: [
            ...results.slice(1).map((result) => ({ name: `beside ${result.name}`, text: `${(result.wall.median / engine).toFixed(2)} times as fast` })),
            ...tools.filter((tool) => !present.includes(tool)).map((tool) => ({ name: tool, text: 'not installed' })),
          ],
        };
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  };
}

module.exports = [
  row({ name: 'peer-read', title: 'a capture file read and written again, beside tools', tools: TOOLS.filter((tool) => tool !== 'tcpreplay'), packets: 1_000_000 }),
  row({ name: 'peer-replay', title: 'a capture file sent out of an interface as fast as it goes, beside tcpreplay', tools: ['tcpreplay'], packets: 300_000 }),
];
