/** How soon a rule drops that a program such as Zeek sends, while packets flow. */
'use strict';
const { join } = require('node:path');
const { missingLink, runInNamespace } = require('../lib/namespace');
const { percentile } = require('../lib/statistics');

const CHILD = join(__dirname, '..', 'children', 'rule-latency.js');
const RATE = 20_000;
const CHANGES_A_ROUND = 40;

const milliseconds = (nanoseconds) => `${(nanoseconds / 1e6).toFixed(2)} ms`;

function spread(times) {
  const at = (part) => milliseconds(percentile(times, part));
  return `${at(0.5)} in the median, ${at(0.9)} in nine of ten, at most ${at(1)}`;
}

module.exports = [{
  name: 'rule-latency',
  title: "from a client's message with a rule to the first packet that it drops, on veth",
  missing: missingLink,
  async run({ rounds, short }) {
    const changes = short ? 5 : rounds * CHANGES_A_ROUND;
    const times = await runInNamespace(CHILD, { changes, rate: short ? 5000 : RATE });
    return {
      counts: { changes, times },
      figures: [
        { name: `to the first dropped packet of ${RATE.toLocaleString('en')} a second (mark: 10 ms), ${changes} rules`, text: spread(times.map(({ dropped }) => dropped)) },
        { name: 'to the answer that the rule is in place', text: spread(times.map(({ answered }) => answered)) },
      ],
    };
  },
}];
