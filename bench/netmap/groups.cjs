/**
 * What a second group of pipes costs, by copy and chained: CPU time of the engine's process a packet
 * received, from one pipe to four, and to four and two more.
 *
 *     node bench/netmap/groups.cjs [SECONDS] [ROUNDS] [FRAME BYTES]
 */
const { join, resolve } = require('node:path');
const { setUp } = require('./processes.cjs');

const ROOT = resolve(__dirname, '../..');
const KINDS = { one: 'one group', copy: 'two groups, by copy', chain: 'two groups, chained' };

if (process.argv[2] === 'engine') engine(process.argv[3], Number(process.argv[4]));
else main().catch((error) => { console.error(error); process.exitCode = 1; });

/** The child that runs our engine; told when to report. */
async function engine(kind, cpu) {
  const { Duplicator, LoadBalancer, PacketEngine } = require(join(ROOT, 'dist/src/index.js'));
  const pe = new PacketEngine('bench', { backend: 'netmap', cpu, backendOptions: { groups: kind === 'chain' ? 'chain' : 'copy' } });
  const duplicator = new Duplicator().connectInput('bench}0').connectOutput('bench{a', 'bench{b');
  const first = new LoadBalancer(4).connectInput(kind === 'one' ? 'bench}0' : 'bench}a').connectOutput('bench{1', 'bench{2', 'bench{3', 'bench{4');
  const second = new LoadBalancer(4).connectInput('bench}b').connectOutput('bench{5', 'bench{6');
  await pe.link(kind === 'one' ? first : duplicator.link(first, second));
  await pe.start();
  process.send({ ready: true });
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    const { packets, drops } = pe.stats();
    process.send({ packets, dropped: drops, cpu: user + system });
  });
}

async function main() {
  const seconds = Number(process.argv[2] ?? 1);
  const rounds = Number(process.argv[3] ?? 5);
  const bytes = process.argv[4] ?? '60';
  const { cpu, started, forked, end, pause, close } = setUp();

  async function measure(kind) {
    const ours = await forked(__filename, 'engine', kind, cpu);
    const reader = await started('discard', 'bench', kind === 'one' ? '4' : '6');
    const generator = await started('generate', 'bench{0', bytes, '4096');
    await pause(500);
    const before = await ours.ask();
    await pause(seconds * 1000);
    const after = await ours.ask();
    await end(generator.child);
    await ours.end();
    await end(reader.child);
    const packets = after.packets - before.packets;
    return { nanoseconds: (after.cpu - before.cpu) * 1000 / packets, dropped: (after.dropped - before.dropped) / packets };
  }

  const results = Object.fromEntries(Object.keys(KINDS).map((kind) => [kind, []]));
  for (let round = 0; round < rounds; round++) {
    for (const kind of Object.keys(KINDS)) results[kind].push(await measure(kind));
  }
  for (const [kind, name] of Object.entries(KINDS)) {
    const times = results[kind].map(({ nanoseconds }) => nanoseconds).sort((a, b) => a - b);
    console.log(`${name.padEnd(20)} ${times[rounds >> 1].toFixed(1).padStart(6)} ns a packet   (${times.map((time) => time.toFixed(1)).join(' ')}; dropped ${(100 * Math.max(...results[kind].map(({ dropped }) => dropped))).toFixed(1)} %)`);
  }
  close();
}
