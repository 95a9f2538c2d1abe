/** The load balancer while others watch it: what that takes from its thread. */
'use strict';
const { spawn } = require('node:child_process');
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { contest, ratio } = require('../lib/contest');
const { brick, openEngine, outputs } = require('../lib/engines');
const { dist } = require('../lib/paths');

const NOBODY = 'nobody looks';
const WATCHED = 'metrics each second, and top';
/** Rounds so long that each has what happens every second. */
const PACKETS = 240_000_000;
const SCRAPER = `
  const scrape = () => fetch(process.argv[1]).then((answer) => answer.text()).then(() => process.stdout.write('.'));
  scrape();
  setInterval(scrape, 1000);`;

/** A process that says something each time it looks. */
class Looker {
  constructor(words) {
    this.looks = 0;
    this.child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.child.stdout.on('data', () => {
      this.looks++;
      this.hear?.();
    });
    this.child.once('exit', () => {
      this.over = true;
      this.hear?.();
    });
  }

  async begun() {
    while (this.looks === 0) {
      if (this.over) throw new Error('a program that was to look at the engine has ended');
      await new Promise((resolve) => { this.hear = resolve; });
    }
  }

  async end() {
    if (this.over) return;
    this.child.kill('SIGTERM');
    await new Promise((resolve) => this.child.once('exit', resolve));
  }
}

/** Serves an engine as a daemon does, with a program that scrapes its metrics and a `bricks top`. */
async function watch(host, folder) {
  const { ControlServer } = require(`${dist}/src/daemon/control-server.js`);
  const { serveMetrics } = require(`${dist}/src/observe/metrics-server.js`);
  const socket = join(folder, 'bench.sock');
  const server = await ControlServer.listen(host, { socket });
  const metrics = await serveMetrics('127.0.0.1', 0, () => host.registry.all.map((engine) => engine.stats()));
  const lookers = [new Looker(['-e', SCRAPER, metrics.url]), new Looker([join(dist, 'bundle', 'cli', 'bricks.js'), 'top', '--json', '-a', socket])];
  await Promise.all(lookers.map((looker) => looker.begun()));
  return {
    looks: () => Math.min(...lookers.map((looker) => looker.looks)),
    async end() {
      await Promise.all(lookers.map((looker) => looker.end()));
      await server.close();
      await metrics.close();
    },
  };
}

const observed = {
  name: 'observed',
  title: 'load balancing to 4 outputs while metrics are scraped each second and bricks top runs',
  mark: { least: 0.99 },
  async run({ rounds, scale, engine }) {
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
    const open = await openEngine('observed', () => brick('LoadBalancer').connectInput('in').connectOutput(...outputs(4)), { engine });
    let fewest = Infinity;
    const contestants = [
      { name: NOBODY, round: (packets) => open.round(packets) },
      {
        name: WATCHED,
        async round(packets) {
          const watching = await watch(host, folder);
          const before = watching.looks();
          try {
            return await open.round(packets);
          } finally {
            fewest = Math.min(fewest, watching.looks() - before);
            await watching.end();
          }
        },
      },
    ];
    try {
      const results = await contest(contestants, { rounds, packets: Math.round(PACKETS * scale) });
      return {
        results,
        ratio: ratio(results, WATCHED, NOBODY),
        beside: NOBODY,
        figures: [{ name: 'looks of each of the two in the shortest round (a quarter, not counted)', text: String(fewest) }],
      };
    } finally {
      await open.close();
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

module.exports = [observed];
