/** In a namespace: what waiting costs, and how soon a packet after a pause has come out of the other end. */
'use strict';
const { join } = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { SENDING, makeLink } = require('../lib/namespace');
const { AT_ONCE, GENERATOR_CPU, pipeFiles, pipeWords, startEngine, startProgram } = require('../lib/captures');
const { native } = require('../lib/paths');
const { runProgram } = require('../lib/programs');

const FROM_INTERFACE = () => ['bench_wake', ['--interface', SENDING, ...pipeWords(1), '--times']];
const FROM_PIPE = () => ['bench_wake', ['--into', pipeFiles(['wake{0']), ...pipeWords(1), '--times']];
const FROM_NETMAP = () => [join(native, '..', 'netmap-wake'), ['-o', 'wake{0', '-i', 'live}0', '-n']];

const WAITING = {
  'pipe': { start: () => startEngine({ backend: 'loopback', input: 'wake}0', outputs: 1 }), from: FROM_PIPE },
  'pcap, latency 0': { start: () => startEngine({ options: AT_ONCE, outputs: 1 }), from: FROM_INTERFACE },
  'pcap, latency 4 ms (its default)': { start: () => startEngine({ outputs: 1 }), from: FROM_INTERFACE },
  'C on libpcap, latency 0': { start: () => startProgram('bench_live_peer', [...pipeWords(1), '--latency', 0, '--snap', 2048]), from: FROM_INTERFACE },
};
const WAITING_ON_NETMAP = {
  'netmap in user space': { start: () => startEngine({ backend: 'netmap', input: 'wake}0', outputs: 1 }), from: FROM_NETMAP },
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
    const [program, words] = from();
    const { microseconds } = await runProgram(program, [...words, times], { cpu: GENERATOR_CPU });
    return { idle, microseconds };
  } finally {
    await waiting.end();
  }
}

async function main() {
  const { milliseconds, times, netmap } = JSON.parse(process.argv[2]);
  if (!netmap) makeLink();
  const results = {};
  for (const [name, waiting] of Object.entries(netmap ? WAITING_ON_NETMAP : WAITING)) results[name] = await measure(waiting, milliseconds, times);
  console.log(`REPORT ${JSON.stringify(results)}`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
