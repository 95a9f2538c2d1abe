/** Engines that wait for a link with a descriptor: what that costs, and how soon they are awake. */
'use strict';
const { rmSync } = require('node:fs');
const { join } = require('node:path');
const { makeMemoryDirectory } = require('../lib/memory');
const { missingLink, runInNamespace } = require('../lib/namespace');
const { dist } = require('../lib/paths');
const { percentile } = require('../lib/statistics');

const child = join(__dirname, '..', 'children', 'wake.js');

/** Over netmap in user space, in a directory of its own. */
async function overNetmap(options) {
  const { netmapRunEnvironment, netmapUserSpaceLibrary } = require(`${dist}/backends/netmap/user-space.js`);
  if (netmapUserSpaceLibrary() === undefined) return {};
  const directory = makeMemoryDirectory();
  try {
    return await runInNamespace(child, { ...options, netmap: true }, { ...netmapRunEnvironment(), NETMAP_USERSPACE_DIR: directory });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const waking = {
  name: 'waking',
  title: 'an engine that waits for a link, and the first packet after 25 ms',
  missing: missingLink,
  async run({ short }) {
    const options = { milliseconds: short ? 200 : 3000, times: short ? 5 : 200 };
    const measured = { ...await runInNamespace(child, options), ...await overNetmap(options) };
    const figures = Object.entries(measured).map(([name, { idle, microseconds }]) => {
      const come = microseconds.filter((value) => value >= 0);
      const times = come.length === 0 ? 'none came' : `median ${percentile(come, 0.5).toFixed(0)} µs, 99 % under ${percentile(come, 0.99).toFixed(0)} µs, the quickest ${Math.min(...come).toFixed(0)} µs`;
      return { name, text: `${(idle * 100).toFixed(2)} % of a core idle; ${times}${come.length < microseconds.length ? `, ${microseconds.length - come.length} lost` : ''}` };
    });
    return { counts: measured, figures: [{ name: 'marks', text: 'under 1 % of a core, under 100 µs' }, ...figures] };
  },
};

module.exports = [waking];
