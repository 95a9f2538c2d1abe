/** The long run, in a process of its own whose V8 says what it collects and deoptimises. */
'use strict';
const { setTimeout: sleep } = require('node:timers/promises');
const { brick, openEngine, outputs } = require('../lib/engines');

const KINDS = ['ipv4', 'mixed', 'ipv6', 'vlan', 'malformed'];
const ROUND = 1_000_000;
const KIND_MILLISECONDS = 1000;
const BURSTS = 200;
const nap = new Int32Array(new SharedArrayBuffer(4));

/** Waits without an event loop, whose own functions V8 would optimise and deoptimise too. */
function pause(milliseconds) {
  Atomics.wait(nap, 0, 0, milliseconds);
}

async function main() {
  const packets = Number(process.argv[2]);
  const contestant = await openEngine('steady', brick('LoadBalancer').connectInput('in').connectOutput(...outputs(4)));
  const { control, engine } = contestant;
  control.announce();
  let nanoseconds = 0;
  let moved = 0;
  const move = (packets) => {
    const result = control.roundBlocking(packets, pause);
    nanoseconds += result.cpu;
    moved += packets;
  };
  for (let second = 0; moved < packets; second++) {
    control.changeTraffic(KINDS[second % KINDS.length]);
    const begin = performance.now();
    while (performance.now() - begin < KIND_MILLISECONDS && moved < packets) move(Math.min(ROUND, packets - moved));
    // Bursts of any length, and silence now and then.
    for (let burst = 1; burst <= BURSTS; burst++) move((burst * 7919) % 1500 + 1);
    if (second % 10 === 9) pause(1000);
  }
  await sleep(1200);
  const statistics = engine.stats();
  console.log(`REPORT ${JSON.stringify({
    packets: moved,
    nanoseconds,
    batches: statistics.batches,
    warmUpMicroseconds: statistics.warmUpMicroseconds,
    batchTimes: statistics.batchTimes,
    longest: statistics.longestBatchNanoseconds,
    waits: statistics.waits,
    counted: { collections: statistics.collections, deoptimisations: statistics.deoptimisations },
  })}`);
  await contestant.close();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
