/** The load balancer while others watch it: what that takes from its thread. */
'use strict';
const { spawn } = require('node:child_process');
const { existsSync, mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { contest, ratio } = require('../lib/contest');
const { brick, openEngine, outputs } = require('../lib/engines');
const { dist } = require('../lib/paths');
const { median } = require('../lib/statistics');
const { otherThreadsCpu, processCpu } = require('../lib/threads');

const ENGINE = 'observed';
const NOBODY = 'nobody looks';
const WATCHED = 'metrics each second, and top';
const TAPPED = 'a tap that takes one packet in 10,000 of all outputs';
const TAPPED_OFTEN = 'a tap that takes one packet in 1,000 of all outputs';
/** Rounds so long that each has what happens every second. */
const PACKETS = 240_000_000;
/** As Prometheus does it: over one connection. (With `fetch` this program takes ten times as long as the daemon.) */
const SCRAPER = `
  const http = require('node:http');
  const agent = new http.Agent({ keepAlive: true });
  const scrape = () => http.get(process.argv[1], { agent }, (answer) => answer.resume().on('end', () => process.stdout.write('.')));
  scrape();
  setInterval(scrape, 1000);`;
/** Gives a program a terminal. */
const TERMINAL = '/usr/bin/script';

/** A process that says something each time it looks; or first, on its standard error, that it is ready to. */
class Looker {
  constructor(name, words, terminal = false) {
    this.name = name;
    this.looks = 0;
    this.said = '';
    const [program, ...more] = terminal ? [TERMINAL, '--quiet', '--flush', '--command', `stty rows 24 cols 80; exec ${[process.execPath, ...words].join(' ')}`, '/dev/null'] : [process.execPath, ...words];
    this.child = spawn(program, more, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child.stdout.on('data', () => {
      this.looks++;
      this.hear?.();
    });
    this.child.stderr.on('data', (text) => {
      this.said += text;
      this.hear?.();
    });
    this.child.once('exit', () => {
      this.over = true;
      this.hear?.();
    });
  }

  async begun() {
    while (this.looks === 0 && this.said === '') {
      if (this.over) throw new Error(`a program that was to look at the engine has ended: ${this.said}`);
      await new Promise((resolve) => { this.hear = resolve; });
    }
  }

  get cpu() {
    return processCpu(this.child.pid);
  }

  async end() {
    if (this.over) return;
    this.child.kill('SIGTERM');
    await new Promise((resolve) => this.child.once('exit', resolve));
  }
}

/** Serves an engine as a daemon does, with what `begin` starts to look at it. */
async function serve(host, folder, begin) {
  const { ControlServer } = require(`${dist}/src/daemon/control-server.js`);
  const socket = join(folder, 'bench.sock');
  const server = await ControlServer.listen(host, { socket });
  const { lookers, close } = await begin(host, (words, terminal) => new Looker(`bricks ${words[0]}`, [join(dist, 'bundle', 'cli', 'bricks.js'), ...words, '-a', socket], terminal));
  return {
    lookers,
    looks: () => Math.min(...lookers.map((looker) => looker.looks)),
    async end() {
      await Promise.all(lookers.map((looker) => looker.end()));
      await server.close();
      await close?.();
    },
  };
}

/** A program that scrapes its metrics, and a `bricks top` on a terminal. */
async function watch(host, bricks) {
  const { serveMetrics } = require(`${dist}/src/observe/metrics-server.js`);
  const metrics = await serveMetrics('127.0.0.1', 0, () => host.registry.all.map((engine) => engine.stats()));
  return { lookers: [new Looker('who scrapes', ['-e', SCRAPER, metrics.url]), bricks(['top'], true)], close: () => metrics.close() };
}

/** A tap on the balancer's outputs, which takes one packet in so many. Of its packets it prints the headers. */
function tap(sample) {
  return (host, bricks) => ({ lookers: [bricks(['tap', 'LoadBalancer', '--sample', String(sample)])] });
}

/** What programs and threads beside the engine's take of a CPU in a round, in ms a second. */
class CpuShares {
  constructor() {
    this.shares = new Map();
  }

  async measure(contestant, lookers, round) {
    const read = () => new Map([['threads beside the engine\'s', otherThreadsCpu(ENGINE)], ...lookers.map((looker) => [looker.name, looker.cpu])]);
    const before = read();
    const result = await round();
    for (const [name, cpu] of read()) {
      const key = `CPU time a second, ${contestant}: ${name}`;
      this.shares.set(key, [...this.shares.get(key) ?? [], (cpu - before.get(name)) / result.wall * 1000]);
    }
    return result;
  }

  get figures() {
    return [...this.shares].map(([name, values]) => ({ name, text: `${median(values).toFixed(1)} ms` }));
  }
}

/** One engine, in turns with nobody and with those who look at it. */
async function compete({ rounds, scale, engine }, name, begin) {
  const { EngineRegistry } = require(`${dist}/src/control/engine-registry.js`);
  const folder = mkdtempSync(join(tmpdir(), 'bricks-bench-'));
  const registry = new EngineRegistry({});
  registry.adoptAll();
  const host = {
    registry,
    information: { version: '0', pid: process.pid, name: 'bench', startedAt: new Date().toISOString(), backend: 'memory-rings' },
    reload: () => Promise.reject(new Error('not here')),
    shutdown: () => undefined,
  };
  const open = await openEngine(ENGINE, () => brick('LoadBalancer').connectInput('in').connectOutput(...outputs(4)), { engine });
  let fewest = Infinity;
  const shares = new CpuShares();
  const contestants = [
    { name: NOBODY, round: (packets) => shares.measure(NOBODY, [], () => open.round(packets)) },
    {
      name,
      async round(packets) {
        const looking = await serve(host, folder, begin);
        try {
          await Promise.all(looking.lookers.map((looker) => looker.begun()));
          const before = looking.looks();
          const round = await shares.measure(name, looking.lookers, () => open.round(packets));
          fewest = Math.min(fewest, looking.looks() - before);
          return round;
        } finally {
          await looking.end();
        }
      },
    },
  ];
  try {
    const results = await contest(contestants, { rounds, packets: Math.round(PACKETS * scale) });
    return {
      results,
      ratio: ratio(results, name, NOBODY),
      beside: NOBODY,
      figures: [{ name: 'looks of those who look in the shortest round (a quarter, not counted)', text: String(fewest) }, ...shares.figures],
    };
  } finally {
    await open.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const observed = {
  name: 'observed',
  title: 'load balancing to 4 outputs while metrics are scraped each second and bricks top runs',
  mark: { least: 0.99 },
  missing: () => (existsSync(TERMINAL) ? undefined : `there is no ${TERMINAL}, which gives bricks top a terminal`),
  run: (settings) => compete(settings, WATCHED, watch),
};

const tapped = {
  name: 'observed-tap',
  title: 'load balancing to 4 outputs while bricks tap takes one packet in 10,000 of all of them',
  mark: { least: 0.97 },
  run: (settings) => compete(settings, TAPPED, tap(10_000)),
};

const tappedOften = {
  name: 'observed-tap-often',
  title: 'load balancing to 4 outputs while bricks tap takes one packet in 1,000 of all of them: some 90,000 a second, all that a terminal prints',
  mark: { least: 0.97 },
  run: (settings) => compete(settings, TAPPED_OFTEN, tap(1000)),
};

module.exports = [observed, tapped, tappedOften];
