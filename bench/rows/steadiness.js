/** What must not happen, counted: collections, deoptimisations, long batches, an idle engine at work. */
'use strict';
const { execFile } = require('node:child_process');
const { join } = require('node:path');
const { promisify } = require('node:util');
const { dist, peer } = require('../lib/paths');
const { summary } = require('../lib/statistics');

const execute = promisify(execFile);
const child = join(__dirname, '..', 'children', 'steady.js');

/** A figure of many values. */
function figure(name, value) {
  return { name, text: String(value) };
}

/** The value below which this part of a histogram of powers of two lies: the upper end of its slot. */
function percentile(slots, part) {
  const total = slots.reduce((sum, slot) => sum + slot.batches, 0);
  let seen = 0;
  for (const { below, batches } of slots) {
    seen += batches;
    if (seen >= part * total) return below;
  }
  return 0;
}

/** Some of them in words. */
function quantiles(slots, most) {
  const parts = [0.5, 0.99, 0.999, 0.9999].map((part) => `${part * 100} % under ${percentile(slots, part)}`);
  return `${parts.join(', ')}; the longest ${most} ns`;
}

const steadiness = {
  name: 'steadiness',
  title: 'a long run with the traffic changed again and again',
  async run(settings) {
    const packets = Math.round(1_000_000_000 * settings.scale * (settings.short ? 0.05 : 1));
    const { stdout } = await execute(process.execPath, ['--trace-deopt', child, String(packets)], { maxBuffer: 1 << 28 });
    // From the first packet to the last.
    const running = stdout.split(/^\[round \d+\]$/m).slice(1).join('').split('REPORT')[0];
    const deoptimised = [...running.matchAll(/\[bailout \(kind: ([^,]+), reason: ([^)]+)\).*?<JSFunction ([^ >]*)/g)].map(([, , reason, code]) => `${code}: ${reason}`);
    const report = JSON.parse(/^REPORT (.*)$/m.exec(stdout)[1]);
    const step = Math.max(1000, Math.round(report.nanoseconds / report.batches));
    const stalls = JSON.parse((await execute(peer('bench_stalls'), ['--step', String(step), '--milliseconds', settings.short ? '100' : '3000'])).stdout);
    return {
      counts: { packets: report.packets, collections: report.counted.collections, deoptimisations: deoptimised.length, counted: report.counted },
      figures: [
        figure('packets', report.packets),
        figure("collections in the engine's thread, from its start on, by its own counter", report.counted.collections),
        figure('deoptimisations in the whole process, from the first packet on, by V8’s trace', `${deoptimised.length}${deoptimised.length > 0 ? ` (${[...new Set(deoptimised)].join('; ')})` : ''}`),
        figure('deoptimisations by the engine’s own counter', report.counted.deoptimisations),
        figure('batches, and waits for packets', `${report.batches}, ${report.waits}`),
        figure('warm-up before the first packet', `${(report.warmUpMicroseconds / 1000).toFixed(0)} ms`),
        figure('time a batch', quantiles(report.batchTimes, report.longest)),
        figure(`an empty loop in steps of ${step} ns`, quantiles(stalls.histogram.map((batches, slot) => ({ below: 2 ** (slot + 1), batches })), stalls.most)),
        figure('what a ring of 1,024 slots holds at 10 M packets/s', '102400 ns'),
      ],
    };
  },
};

const idle = {
  name: 'idle',
  title: 'an engine without packets, and the first packet after a pause',
  async run(settings) {
    const { loopbackIdle } = require('../lib/idle');
    const { idleCpu, wakeUps } = await loopbackIdle(settings.short ? 200 : 3000, settings.short ? 5 : 100);
    const microseconds = summary(wakeUps);
    return {
      figures: [
        figure('CPU of an idle engine (mark: under 1 %)', `${(idleCpu * 100).toFixed(2)} %`),
        figure('from injecting a packet to its being sent, by loopback (mark: under 100 µs)', `median ${microseconds.median.toFixed(0)} µs, ${microseconds.least.toFixed(0)} to ${microseconds.most.toFixed(0)} µs`),
      ],
    };
  },
};

const memory = {
  name: 'memory',
  title: "memory of an engine with 4 outputs over node's own",
  async run() {
    const program = (work) => `
      const print = () => console.log(process.memoryUsage.rss());
      ${work}`;
    const engine = `
      const { PacketEngine, LoadBalancer } = require(${JSON.stringify(`${dist}/src/index.js`)});
      (async () => {
        const engine = new PacketEngine('memory', { backend: 'loopback' });
        await engine.link(new LoadBalancer().connectInput('in').connectOutput('a', 'b', 'c', 'd'));
        await engine.start();
        setTimeout(async () => { print(); await engine.stop(); await engine.delete(); }, 500);
      })();`;
    const measure = async (work) => Number((await execute(process.execPath, ['-e', program(work)])).stdout);
    const own = await measure('setTimeout(print, 500);');
    const whole = await measure(engine);
    return { figures: [figure('megabytes over those of node (mark: under 100)', ((whole - own) / 1e6).toFixed(1)), figure('of node by itself', (own / 1e6).toFixed(1))] };
  },
};

module.exports = [steadiness, idle, memory];
