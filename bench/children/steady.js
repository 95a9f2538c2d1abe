/** The long run, in a process of its own whose V8 says what it collects and deoptimises: PACKETS MILLISECONDS-A-KIND CPU HUGE-PAGES [KINDS]. */
'use strict';
const { setTimeout: sleep } = require('node:timers/promises');
const backend = require('../backends/memory-rings');
const { brick, openEngine, outputs } = require('../lib/engines');
const { addTimes } = require('../lib/histograms');

const KINDS = ['ipv4', 'mixed', 'ipv6', 'vlan', 'malformed', 'fragments', 'arp', 'wrapped', 'extensions', 'orphans'];
/** Some times round the rings; then datagrams are to be other ones. */
const DATAGRAMS = { fragments: 20_480, orphans: 20_480 };
/** Packets of a first round; those after it take a quarter of a second, since each begins with a silence, which is what bursts are for. */
const ROUND = 1_000_000;
const ROUND_MILLISECONDS = 250;
const BURSTS = 200;
/** What the hand-written loop takes as the engine does. The others it only counts. */
const PLAIN = ['ipv4', 'ipv6', 'vlan'];
/** How much of a kind's time it gets. */
const PEER_PART = 0.5;
const nap = new Int32Array(new SharedArrayBuffer(4));

/** Waits without an event loop, whose own functions V8 would optimise and deoptimise too. */
function pause(milliseconds) {
  Atomics.wait(nap, 0, 0, milliseconds);
}

/** Rounds for so long, each as long as the last one's speed makes it take `ROUND_MILLISECONDS`; `left` says how many packets there may be yet. */
function eachRound(milliseconds, left, move) {
  const begin = performance.now();
  for (let round = ROUND; performance.now() - begin < milliseconds && left() > 0; ) {
    const packets = Math.min(round, left());
    const roundBegin = performance.now();
    move(packets);
    round = Math.max(ROUND, Math.round((packets * ROUND_MILLISECONDS) / (performance.now() - roundBegin)));
  }
}

/** Bursts of any length, and silence now and then. */
function eachBurst(move) {
  for (let burst = 1; burst <= BURSTS; burst++) move((burst * 7919) % 1500 + 1);
}

async function main() {
  const [packets, millisecondsAKind, cpu, huge] = process.argv.slice(2).map(Number);
  backend.batchTimes = true;
  const balancer = brick('LoadBalancer').connectInput('in').connectOutput(...outputs(4));
  const contestant = await openEngine('steady', () => balancer, { engine: { cpu }, backend: { huge: huge === 1 } });
  const { control, engine } = contestant;
  const kinds = (process.argv[6]?.split(',') ?? KINDS).map((name) => ({ name, rounds: undefined, bursts: undefined }));
  let nanoseconds = 0;
  let moved = 0;
  const move = (packets) => {
    nanoseconds += control.roundBlocking(packets, pause).cpu;
    moved += packets;
    control.emptyRound(pause);
  };
  const runPeer = (kind) => {
    const movePeer = (packets) => {
      control.peerRound(packets, pause);
      control.emptyRound(pause);
    };
    eachRound(millisecondsAKind * PEER_PART, () => Infinity, movePeer);
    kind.rounds = addTimes(kind.rounds, control.takeBatchTimes());
    eachBurst(movePeer);
    kind.bursts = addTimes(kind.bursts, control.takeBatchTimes());
  };
  control.announce();
  for (let second = 0; moved < packets; second++) {
    const kind = kinds[second % kinds.length];
    control.changeTraffic(kind.name, DATAGRAMS[kind.name] ?? 0, pause);
    eachRound(millisecondsAKind, () => packets - moved, move);
    kind.rounds = addTimes(kind.rounds, control.takeBatchTimes());
    eachBurst(move);
    kind.bursts = addTimes(kind.bursts, control.takeBatchTimes());
    if (PLAIN.includes(kind.name)) runPeer(kind);
    if (second % 10 === 9) pause(1000);
  }
  await sleep(1200);
  const { batches, warmUpMicroseconds, longestBatchNanoseconds, waits, collections, deoptimisations } = engine.stats();
  const report = { packets: moved, nanoseconds, batches, waits, warmUpMicroseconds, longestBatchNanoseconds, collections, deoptimisations };
  console.log(`REPORT ${JSON.stringify({ ...report, kinds: kinds.filter(({ rounds }) => rounds !== undefined) })}`);
  await contestant.close();
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
