/** In a namespace: the highest rates without loss, and the CPU time a packet at one rate that all can bear. */
'use strict';
const { setTimeout: sleep } = require('node:timers/promises');
const { makeLink } = require('../lib/namespace');
const { startCapture, trial } = require('../lib/captures');

const STEPS = 5;
/** What a start costs is over by then. */
const SETTLE_MILLISECONDS = 300;

/** The generator's full speed where nothing is lost then; otherwise half the way up or down, some times. */
async function highestRate(capture, milliseconds) {
  const full = await trial(capture, 0, milliseconds);
  if (full.missing === 0) return { rate: full.offered, full, limitedBy: 'generator' };
  let [least, most] = [0, full.offered];
  for (let step = 0; step < STEPS; step++) {
    const { offered, missing } = await trial(capture, (least + most) / 2, milliseconds);
    if (missing === 0) least = offered;
    else most = Math.min(most, offered);
  }
  return { rate: least, full, limitedBy: 'capture' };
}

async function main() {
  const { contestants, rounds, milliseconds, rate } = JSON.parse(process.argv[2]);
  makeLink();
  const results = Object.fromEntries(contestants.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of contestants) {
      const capture = await startCapture(name);
      try {
        await sleep(SETTLE_MILLISECONDS);
        const even = await trial(capture, rate, milliseconds);
        results[name].push({ ...await highestRate(capture, milliseconds), even });
      } finally {
        await capture.end();
      }
    }
  }
  console.log(`REPORT ${JSON.stringify(results)}`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
