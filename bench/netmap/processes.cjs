/**
 * What the benchmarks over netmap share: the programs in netmap-balance.c, an engine in a process of its
 * own, all on one CPU (BENCH_CPU, 0 otherwise), over netmap in user space where there is no /dev/netmap.
 */
const { spawn, execFileSync } = require('node:child_process');
const { existsSync, mkdtempSync, rmSync } = require('node:fs');
const { join, resolve } = require('node:path');
const { tmpdir } = require('node:os');

const ROOT = resolve(__dirname, '../..');

function setUp() {
  const cpu = process.env.BENCH_CPU ?? '0';
  const directory = mkdtempSync(join(tmpdir(), 'bricks-bench-'));
  const program = join(directory, 'netmap-balance');
  execFileSync('cc', ['-O2', '-march=native', '-o', program, join(__dirname, 'netmap-balance.c')]);
  const environment = { ...process.env };
  if (!existsSync('/dev/netmap')) {
    const { netmapRunEnvironment } = require(join(ROOT, 'dist/backends/netmap/index.js'));
    Object.assign(environment, netmapRunEnvironment(), {
      NETMAP_USERSPACE_DIR: mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'bricks-bench-')),
      NETMAP_USERSPACE_RING_NUM: '200', NETMAP_USERSPACE_IF_NUM: '100', NETMAP_USERSPACE_BUF_NUM: '102400',
    });
  }
  const end = (child) => new Promise((done) => { child.once('exit', done); child.kill('SIGTERM'); });
  return {
    cpu,
    /** One of the programs, ready. */
    started: (...args) => new Promise((done, fail) => {
      const child = spawn('taskset', ['-c', cpu, program, ...args], { env: environment, stdio: ['ignore', 'pipe', 'inherit'] });
      const state = { child, heard: undefined };
      child.stdout.on('data', (data) => {
        if (data.includes('ready')) done(state);
        const json = /\{.*\}/.exec(data.toString());
        if (json && state.heard) state.heard(JSON.parse(json[0]));
      });
      child.on('exit', (code) => fail(new Error(`${args.join(' ')}: ${code}`)));
    }),
    /** Packets and CPU time of such a program so far. */
    ask: (state) => new Promise((done) => {
      state.heard = done;
      state.child.kill('SIGUSR1');
    }),
    /** A script of node that says when it is ready, and answers each message with its numbers. */
    async forked(...args) {
      const child = spawn('taskset', ['-c', cpu, process.execPath, ...args], { env: environment, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      await new Promise((done) => child.once('message', done));
      return { ask: () => new Promise((done) => { child.once('message', done); child.send({}); }), end: () => end(child) };
    },
    end,
    pause: (milliseconds) => new Promise((done) => setTimeout(done, milliseconds)),
    close() {
      rmSync(directory, { recursive: true, force: true });
      if (environment.NETMAP_USERSPACE_DIR) rmSync(environment.NETMAP_USERSPACE_DIR, { recursive: true, force: true });
    },
  };
}

module.exports = { setUp };
