/**
 * What a user waits for: whole processes on both sides, from start to exit, at several sizes, taken in turn. By the clock on the wall, and by the
 * CPU time of all threads. BRICKS_OTHER_PROGRAM, the main file of another build, is run beside this one's.
 */
'use strict';
const { execFile } = require('node:child_process');
const { existsSync, rmSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { promisify } = require('node:util');
const { installed } = require('../lib/installed');
const { makeMemoryDirectory } = require('../lib/memory');
const { dist, peer } = require('../lib/paths');
const { summary } = require('../lib/statistics');

const execute = promisify(execFile);
const PROGRAM = join(dist, 'bundle', 'cli', 'bricks.js');
const SIZES = [10, 200_000, 1_000_000, 2_000_000, 5_000_000, 10_000_000];
const LEAST_SCALE = 0.02;

const SCRIPTS = {
  split: `local stem = arg[2]
    PktEngine.new("e0"):link(Brick.new("LoadBalancer", 4):connect_input(arg[1]):connect_output(stem .. "0.pcap", stem .. "1.pcap", stem .. "2.pcap", stem .. "3.pcap")):start()`,
  read: 'PktEngine.new("e0"):link(Brick.new("Dummy"):connect_input(arg[1]):connect_output("/dev/null")):start()',
};

/** One run of a command; the shell tells what CPU time it took. */
async function runOnce(words) {
  const begin = process.hrtime.bigint();
  const { stderr } = await execute('bash', ['-c', 'TIMEFORMAT="%3U %3S"; time "$@" > /dev/null 2>&1', 'bash', ...words]);
  const wall = Number(process.hrtime.bigint() - begin) / 1e6;
  const [user, system] = stderr.trim().split(' ').map(Number);
  return { wall, cpu: (user + system) * 1000 };
}

/** With its own native parts. */
function otherBuild(program) {
  return ['env', '-u', 'BRICKS_NATIVE_DIR', process.execPath, program];
}

function ours(job, directory, file) {
  const words = ['--backend', 'loopback', '-f', join(directory, `${job}.lua`), '--', file, join(directory, 'engine')];
  const other = process.env.BRICKS_OTHER_PROGRAM;
  return [
    { name: 'bricks', words: [process.execPath, PROGRAM, ...words] },
    ...(other ? [{ name: 'bricks, the other build', words: [...otherBuild(other), ...words] }] : []),
  ];
}

const JOBS = [
  {
    name: 'split to 4 files',
    contestants: (directory, file) => [...ours('split', directory, file), { name: 'C on libpcap', words: [peer('bench_capture'), '--read', file, '--write', join(directory, 'c')] }],
  },
  {
    name: 'read, written to /dev/null',
    contestants: (directory, file) => [
      ...ours('read', directory, file),
      ...(installed('tcpdump') ? [{ name: 'tcpdump -r FILE -w /dev/null', words: ['tcpdump', '-r', file, '-w', '/dev/null'] }] : []),
      ...(installed('capinfos') ? [{ name: 'capinfos -c (counts only)', words: ['capinfos', '-c', file] }] : []),
    ],
  },
];

async function inTurn(contestants, rounds) {
  const times = contestants.map(() => ({ wall: [], cpu: [] }));
  for (let round = 0; round < rounds; round++) {
    for (const [index, { words }] of contestants.entries()) {
      const { wall, cpu } = await runOnce(words);
      times[index].wall.push(wall);
      times[index].cpu.push(cpu);
    }
  }
  return contestants.map(({ name }, index) => ({ name, wall: summary(times[index].wall).median, cpu: summary(times[index].cpu).median }));
}

/** From how many packets on the first is done sooner than the other, by a straight line between two sizes; none where it never is. */
function overtakes(sizes, mine, other) {
  for (let index = 0; index < sizes.length; index++) {
    if (mine[index] > other[index]) continue;
    if (index === 0) return sizes[0];
    const before = mine[index - 1] - other[index - 1];
    const after = other[index] - mine[index];
    return Math.round(sizes[index - 1] + ((sizes[index] - sizes[index - 1]) * before) / (before + after));
  }
  return undefined;
}

function milliseconds({ wall, cpu }) {
  return `${wall.toFixed(0).padStart(6)} ms, CPU ${cpu.toFixed(0).padStart(5)} ms`;
}

async function runJob(job, directory, files, rounds) {
  const tables = [];
  for (const { file } of files) tables.push(await inTurn(job.contestants(directory, file), rounds));
  const figures = files.flatMap(({ packets }, index) => tables[index].map((result) => ({ name: `${job.name}, ${packets} packets: ${result.name}`, text: milliseconds(result) })));
  const sizes = files.map(({ packets }) => packets);
  const told = (from) => (from === undefined ? 'at none of these sizes' : `from about ${from} packets on`);
  for (const [index, { name }] of tables[0].entries()) {
    if (name.startsWith('bricks')) continue;
    for (const [what, kind] of [['done sooner', 'wall'], ['less CPU time', 'cpu']]) {
      const times = (contestant) => tables.map((results) => results[contestant][kind]);
      figures.push({ name: `${job.name}: ${what} than ${name}`, text: told(overtakes(sizes, times(0), times(index))) });
    }
  }
  return { figures, tables };
}

module.exports = [{
  name: 'start',
  title: 'whole processes, start to exit, by size',
  missing: () => (existsSync(peer('bench_capture')) ? undefined : 'the C peers on libpcap were not built (Debian: libpcap-dev)'),
  async run(settings) {
    const directory = makeMemoryDirectory();
    try {
      for (const [name, text] of Object.entries(SCRIPTS)) writeFileSync(join(directory, `${name}.lua`), text);
      const files = [];
      for (const size of SIZES) {
        const packets = Math.max(10, Math.round(size * Math.max(settings.scale, LEAST_SCALE)));
        const file = join(directory, `${packets}.pcap`);
        if (files.some((known) => known.packets === packets)) continue;
        await execute(peer('bench_make_capture'), ['--packets', String(packets), '--length', '60', '--write', file]);
        files.push({ packets, file });
      }
      const bare = await inTurn([
        { name: 'node -e 0', words: [process.execPath, '-e', '0'] },
        { name: 'bricks --version', words: [process.execPath, PROGRAM, '--version'] },
        ...(process.env.BRICKS_OTHER_PROGRAM ? [{ name: 'bricks --version, the other build', words: [...otherBuild(process.env.BRICKS_OTHER_PROGRAM), '--version'] }] : []),
      ], settings.rounds);
      const jobs = [];
      for (const job of JOBS) jobs.push(await runJob(job, directory, files, settings.rounds));
      return { figures: [...bare.map((result) => ({ name: result.name, text: milliseconds(result) })), ...jobs.flatMap(({ figures }) => figures)], bare, jobs: jobs.map(({ tables }) => tables) };
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
}];
