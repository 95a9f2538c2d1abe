/** The long run, in a process of its own whose V8 says what it collects and deoptimises. */
'use strict';
const { setTimeout: sleep } = require('node:timers/promises');
const { brick, openEngine, outputs } = require('../lib/engines');

const KINDS = ['ipv4', 'mixed', 'ipv6', 'vlan', 'malformed'];
const ROUND = 20_000_000;

async function main() {
  const packets = Number(process.argv[2]);
  const contestant = await openEngine('steady', brick('LoadBalancer').connectInput('in').connectOutput(...outputs(4)));
  const { control, engine } = contestant;
  control.announce();
  let nanoseconds = 0;
  let moved = 0;
  for (let round = 0; moved < packets; round++) {
    control.changeTraffic(KINDS[round % KINDS.length]);
    const result = await contestant.round(Math.min(ROUND, packets - moved));
    nanoseconds += result.cpu;
    moved += result.packets;
    // Silence, now and then.
    if (round % 10 === 9) await sleep(1000);
  }
  await sleep(1200);
  const statistics = engine.stats();
  console.log(`REPORT ${JSON.stringify({
    packets: moved,
    nanoseconds,
    batches: statistics.batches,
    warmUpMicroseconds: statistics.warmUpMicroseconds,
    batchTimes: statistics.batchTimes,
    counted: { collections: statistics.collections, deoptimisations: statistics.deoptimisations },
  })}`);
  await contestant.close();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
