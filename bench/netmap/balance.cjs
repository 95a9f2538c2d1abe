/**
 * Our load balancer beside one in C over the same rings, in the same run: packets a CPU second of the
 * balancer alone (its thread, with all system calls), from one pipe to four.
 *
 *     node bench/netmap/balance.cjs [SECONDS] [ROUNDS]
 *
 * Without /dev/netmap it runs over netmap in user space. Generator, balancer and reader share one CPU
 * (BENCH_CPU, 0 otherwise), so that each finds full rings.
 */
const { join, resolve } = require('node:path');
const { setUp } = require('./processes.cjs');

const ROOT = resolve(__dirname, '../..');
const OUTPUTS = 4;

if (process.argv[2] === 'ours') ours();
else main().catch((error) => { console.error(error); process.exitCode = 1; });

/** The child that runs our engine; told when to report. */
async function ours() {
  const { LoadBalancer, PacketEngine } = require(join(ROOT, 'dist/src/index.js'));
  const engine = new PacketEngine('bench', { backend: 'netmap', cpu: Number(process.argv[3]) });
  await engine.link(new LoadBalancer(4).connectInput('bench}0').connectOutput(...Array.from({ length: OUTPUTS }, (_, k) => `bench{${k + 1}`)));
  await engine.start();
  process.send({ ready: true });
  process.on('message', async () => {
    const { user, system } = process.cpuUsage();
    const { packets, drops } = engine.stats();
    process.send({ packets, dropped: drops, cpu: user + system });
  });
}

async function main() {
  const seconds = Number(process.argv[2] ?? 2);
  const rounds = Number(process.argv[3] ?? 5);
  const { cpu, started, forked, ask, end, pause, close } = setUp();

  async function balancer(kind) {
    if (kind !== 'ours') {
      const state = await started(kind, 'bench}0', 'bench', String(OUTPUTS));
      return { ask: () => ask(state), end: () => end(state.child) };
    }
    return forked(__filename, 'ours', cpu);
  }

  async function measure(kind) {
    const { ask: look, end: stop } = await balancer(kind);
    const reader = await started('discard', 'bench', String(OUTPUTS));
    const generator = await started('generate', 'bench{0', '60', '4096');
    await pause(500);
    const before = await look();
    await pause(seconds * 1000);
    const after = await look();
    await end(generator.child);
    await stop();
    await end(reader.child);
    const packets = after.packets - before.packets;
    return { rate: packets / (after.cpu - before.cpu), dropped: (after.dropped - before.dropped) / packets };
  }

  const results = { fold: [], bits: [], ours: [] };
  for (let round = 0; round < rounds; round++) {
    for (const kind of Object.keys(results)) results[kind].push(await measure(kind));
  }
  const median = (kind) => results[kind].map(({ rate }) => rate).sort((a, b) => a - b)[rounds >> 1];
  for (const kind of Object.keys(results)) {
    const name = { fold: 'C, folded hash', bits: 'C, hash bit by bit', ours: 'Packet Bricks' }[kind];
    const rates = results[kind].map(({ rate }) => rate.toFixed(1)).join(' ');
    console.log(`${name.padEnd(20)} ${median(kind).toFixed(1).padStart(6)} M packets a CPU second   (${rates}; dropped ${(100 * Math.max(...results[kind].map(({ dropped }) => dropped))).toFixed(1)} %)`);
  }
  const [fold, bits] = [median('ours') / median('fold'), median('ours') / median('bits')];
  console.log(`of the folded hash in C: ${fold.toFixed(2)} (mark 0.8); times the hash bit by bit: ${bits.toFixed(2)} (mark 3)`);
  close();
}
