/** In a namespace: what waiting costs, and how soon a packet after a pause has come out of the other end. */
'use strict';
const { setTimeout: sleep } = require('node:timers/promises');
const { SENDING, makeLink } = require('../lib/namespace');
const { AT_ONCE, GENERATOR_CPU, pipeFiles, pipeWords, startEngine, startProgram } = require('../lib/captures');
const { runProgram } = require('../lib/programs');

const FROM_INTERFACE = () => ['--interface', SENDING];
const FROM_PIPE = () => ['--into', pipeFiles(['wake{0'])];

const WAITING = {
  'pipe': { start: () => startEngine({ backend: 'loopback', input: 'wake}0', outputs: 1 }), from: FROM_PIPE },
  'pcap, latency 0': { start: () => startEngine({ options: AT_ONCE, outputs: 1 }), from: FROM_INTERFACE },
  'pcap, latency 4 ms (its default)': { start: () => startEngine({ outputs: 1 }), from: FROM_INTERFACE },
  'C on libpcap, latency 0': { start: () => startProgram('bench_live_peer', [...pipeWords(1), '--latency', 0, '--snap', 2048]), from: FROM_INTERFACE },
};
/** What a start costs is over by then. */
const SETTLE_MILLISECONDS = 700;

async function measure({ start, from }, milliseconds, times) {
  const waiting = await start();
  try {
    await sleep(SETTLE_MILLISECONDS);
    const before = await waiting.ask();
    const begin = performance.now();
    await sleep(milliseconds);
    const after = await waiting.ask();
    const idle = (after.cpu - before.cpu) / 1e6 / (performance.now() - begin);
    const { microseconds } = await runProgram('bench_wake', [...from(), ...pipeWords(1), '--times', times], { cpu: GENERATOR_CPU });
    return { idle, microseconds };
  } finally {
    await waiting.end();
  }
}

async function main() {
  const { milliseconds, times } = JSON.parse(process.argv[2]);
  makeLink();
  const results = {};
  for (const [name, waiting] of Object.entries(WAITING)) results[name] = await measure(waiting, milliseconds, times);
  console.log(`REPORT ${JSON.stringify(results)}`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
