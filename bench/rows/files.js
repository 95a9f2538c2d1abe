/** Capture files, in memory (/dev/shm where there is one): split to four, and read. By the clock on the wall. */
'use strict';
const { execFile } = require('node:child_process');
const { existsSync, rmSync, statSync } = require('node:fs');
const { join } = require('node:path');
const { promisify } = require('node:util');
const { Worker } = require('node:worker_threads');
const { PacketEngine } = require('../lib/bundled');
const { brick } = require('../lib/engines');
const { installed } = require('../lib/installed');
const { makeMemoryDirectory } = require('../lib/memory');
const { peer } = require('../lib/paths');
const { summary } = require('../lib/statistics');

const execute = promisify(execFile);

async function makeCapture(directory, packets, length) {
  const file = join(directory, 'in.pcap');
  await execute(peer('bench_make_capture'), ['--packets', String(packets), '--length', String(length), '--write', file]);
  return file;
}

/** When an engine's thread was last told to end: that is once its files are closed. */
let filesClosed = { wall: 0n, cpu: process.cpuUsage() };
const { terminate } = Worker.prototype;
Worker.prototype.terminate = function terminateMeasured() {
  filesClosed = { wall: process.hrtime.bigint(), cpu: process.cpuUsage() };
  return terminate.call(this);
};

/**
 * From start to the last file closed. Linking, which starts threads, is only in `whole`; the end of the threads is in neither,
 * as the start and the end of its process are not in the C peer's time.
 */
async function runEngine(description) {
  const engine = new PacketEngine('bench', { backend: 'loopback' });
  const linked = process.hrtime.bigint();
  await engine.link(description);
  const begin = process.hrtime.bigint();
  const cpuBegin = process.cpuUsage();
  await engine.start();
  await engine.finished();
  const audit = engine.audit();
  await engine.delete();
  if (!audit.balanced) throw new Error('the engine has not kept its books');
  const { wall, cpu } = filesClosed;
  return { wall: Number(wall - begin), whole: Number(wall - linked), cpu: (cpu.user + cpu.system - cpuBegin.user - cpuBegin.system) * 1000 };
}

async function runProgram(command, words) {
  const begin = process.hrtime.bigint();
  await execute(command, words, { maxBuffer: 1 << 26 });
  return { wall: Number(process.hrtime.bigint() - begin) };
}

async function compare(contestants, rounds, packets) {
  const walls = contestants.map(() => []);
  const cpus = contestants.map(() => []);
  const wholes = contestants.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (let index = 0; index < contestants.length; index++) {
      const { wall, whole, cpu } = await contestants[index].run();
      walls[index].push(wall / packets);
      if (whole !== undefined) wholes[index].push(whole / packets);
      if (cpu !== undefined) cpus[index].push(cpu / packets);
    }
  }
  return contestants.map(({ name }, index) => ({
    name,
    wall: summary(walls[index]),
    ...(cpus[index].length > 0 ? { cpu: summary(cpus[index]) } : {}),
    ...(wholes[index].length > 0 ? { whole: summary(wholes[index]) } : {}),
  }));
}

async function cProgram(words, program = 'bench_capture') {
  const { stdout } = await execute(peer(program), words);
  const { wall, cpu } = JSON.parse(stdout);
  return { wall, cpu };
}

function fileRow({ name, title, mark, length, contestants, beside }) {
  return {
    name,
    title,
    mark,
    missing: () => (existsSync(peer('bench_capture')) ? undefined : 'the C peers on libpcap were not built (Debian: libpcap-dev)'),
    async run(settings) {
      const directory = makeMemoryDirectory();
      try {
        const packets = Math.max(10_000, Math.round((length === 60 ? 2_000_000 : 500_000) * settings.scale));
        const file = await makeCapture(directory, packets, length);
        const results = await compare(contestants(file, directory, settings), settings.rounds, packets);
        const time = (wanted) => results.find((result) => result.name === wanted)?.wall.median;
        const figures = results.slice(1).map((result) => ({ name: `beside ${result.name}`, text: `${(result.wall.median / time('engine')).toFixed(2)} times as fast` }));
        const cpu = (wanted) => results.find((result) => result.name === wanted)?.cpu.median;
        figures.push({ name: `beside ${beside}, by CPU time of all threads`, text: `${(cpu(beside) / cpu('engine')).toFixed(2)} times` });
        const { whole } = results.find((result) => result.name === 'engine');
        figures.push({ name: `beside ${beside}, linking included`, text: `${(time(beside) / whole.median).toFixed(2)} times as fast (${whole.median.toFixed(1)} ns)` });
        figures.push({ name: 'file', text: `${packets} packets, ${(statSync(file).size / 1e6).toFixed(0)} MB` });
        return { results, figures, ratio: time(beside) / time('engine'), beside };
      } finally {
        rmSync(directory, { recursive: true });
      }
    },
  };
}

function split(file, directory) {
  const targets = [0, 1, 2, 3].map((output) => join(directory, `engine${output}.pcap`));
  return [
    { name: 'engine', run: () => runEngine(brick('LoadBalancer').connectInput(file).connectOutput(...targets)) },
    { name: 'C on libpcap', run: () => cProgram(['--read', file, '--write', join(directory, 'c')]) },
    // What nobody who writes such files can be faster than on one thread.
    { name: 'bare writes', run: () => cProgram(['--bytes', String(statSync(file).size), '--write', join(directory, 'floor')], 'bench_write_floor') },
  ];
}

function count(file) {
  const found = [
    { name: 'engine', run: () => runEngine(brick('BenchCount', {}, { url: join(__dirname, '..', 'bricks', 'pass.js'), name: 'countBrick' }).connectInput(file)) },
    { name: 'C on libpcap', run: () => cProgram(['--read', file]) },
  ];
  if (installed('tcpdump')) found.push({ name: 'tcpdump -r', run: () => runProgram('tcpdump', ['-r', file, '-w', '/dev/null']) });
  if (installed('capinfos')) found.push({ name: 'capinfos -c', run: () => runProgram('capinfos', ['-c', file]) });
  return found;
}

module.exports = [
  fileRow({ name: 'files-64', title: 'capture file to 4 capture files, 64 bytes', mark: { least: 1.5 }, length: 60, contestants: split, beside: 'C on libpcap' }),
  fileRow({ name: 'files-imix', title: 'capture file to 4 capture files, IMIX', mark: { least: 1.5 }, length: 0, contestants: split, beside: 'C on libpcap' }),
  fileRow({ name: 'count', title: 'reading a capture and counting', mark: { least: 1.5 }, length: 60, contestants: count, beside: 'C on libpcap' }),
];
