/** What must not happen, counted: collections, deoptimisations, long batches, an idle engine at work. */
'use strict';
const { execFile } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { join } = require('node:path');
const { promisify } = require('node:util');
const { LIMIT, addSlots, addTimes, longerThan, percentile, percentileWithout, total } = require('../lib/histograms');
const { dist } = require('../lib/paths');
const { summary } = require('../lib/statistics');

const execute = promisify(execFile);
const child = join(__dirname, '..', 'children', 'steady.js');

/** A figure of many values. */
function figure(name, value) {
  return { name, text: String(value) };
}

/** The last of the CPUs that this process may use: the first one has most interrupts. */
function lastCpu() {
  const allowed = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  return Number(allowed.split(/[-,]/).pop());
}

const microseconds = (nanoseconds) => (nanoseconds < 10_000 ? (nanoseconds / 1000).toFixed(1) : (nanoseconds / 1000).toFixed(0));

function quantiles(percent) {
  return [0.5, 0.99, 0.999, 0.9999].map((part) => microseconds(percent(part))).join(', ');
}

/** One kind of traffic: all its batches, those during which no other thread was put in the engine's place, what the machine itself takes, and what C takes. */
function batchFigures(name, { undisturbed, disturbed, empty, peer }, withPeer = peer.slots.length > 0) {
  const all = addSlots(undisturbed.slots, disturbed.slots);
  const over = (slots) => `${longerThan(slots, LIMIT)} over 102`;
  return [
    figure(`${name}: ${total(all)} batches, 50, 99, 99.9, 99.99 % under`, `${quantiles((part) => percentile(all, part))} µs; ${over(all)}; the longest ${microseconds(Math.max(undisturbed.longest, disturbed.longest))}`),
    figure(`  ${total(undisturbed.slots)} of them not interrupted`, `${quantiles((part) => percentile(undisturbed.slots, part))} µs; ${over(undisturbed.slots)}; the longest ${microseconds(undisturbed.longest)}`),
    figure('  an empty loop in their place', `${quantiles((part) => percentile(empty.slots, part))} µs; ${over(empty.slots)}; the longest ${microseconds(empty.longest)}`),
    figure('  without as many long ones as it has', `${quantiles((part) => percentileWithout(all, empty.slots, part))} µs`),
    ...(!withPeer ? [] : [figure(`  ${total(peer.slots)} batches of C in the engine's place`, `${quantiles((part) => percentile(peer.slots, part))} µs; ${over(peer.slots)}; the longest ${microseconds(peer.longest)}`)]),
  ];
}

function sumOf(times) {
  return times.reduce((sum, one) => addTimes(sum, one), undefined);
}

const steadinessOn = (name, title, huge) => ({
  name,
  title,
  async run(settings) {
    const packets = Math.round(1_000_000_000 * settings.scale * (settings.short ? 0.05 : 1));
    const words = ['--trace-deopt', child, packets, settings.short ? 20 : 1000, lastCpu(), huge ? 1 : 0];
    const { stdout } = await execute(process.execPath, words.map(String), { maxBuffer: 1 << 28 });
    // From the first packet to the last.
    const running = stdout.split(/^\[round \d+\]$/m).slice(1).join('').split('REPORT')[0];
    const deoptimised = [...running.matchAll(/\[bailout \(kind: ([^,]+), reason: ([^)]+)\).*?<JSFunction ([^ >]*)/g)].map(([, , reason, code]) => `${code}: ${reason}`);
    const report = JSON.parse(/^REPORT (.*)$/m.exec(stdout)[1]);
    const rounds = sumOf(report.kinds.map((kind) => kind.rounds));
    const bursts = sumOf(report.kinds.map((kind) => kind.bursts));
    const plain = report.kinds.filter((kind) => kind.rounds.peer.slots.length > 0);
    return {
      counts: { packets: report.packets, collections: report.collections, deoptimisations: deoptimised.length, counted: report.deoptimisations },
      figures: [
        figure('packets', report.packets),
        figure("collections in the engine's thread, from its start on, by its own counter", report.collections),
        figure('deoptimisations in the whole process, from the first packet on, by V8’s trace', `${deoptimised.length}${deoptimised.length > 0 ? ` (${[...new Set(deoptimised)].join('; ')})` : ''}`),
        figure('deoptimisations by the engine’s own counter', report.deoptimisations),
        figure('batches, and waits for packets', `${report.batches}, ${report.waits}`),
        figure('warm-up before the first packet', `${(report.warmUpMicroseconds / 1000).toFixed(0)} ms`),
        figure('what a ring of 1,024 slots holds at 10 M packets/s', '102 µs'),
        ...batchFigures('all', addTimes(rounds, bursts), false),
        ...batchFigures('bursts of IPv4, IPv6 and tags, which C takes as the engine does', sumOf(plain.map((kind) => kind.bursts))),
        ...batchFigures('rounds of the same', sumOf(plain.map((kind) => kind.rounds))),
        ...batchFigures('rounds of all kinds', rounds, false),
        ...batchFigures('bursts after silence, of all kinds', bursts, false),
        ...report.kinds.flatMap((kind) => batchFigures(kind.name, kind.rounds)),
      ],
    };
  },
});

const steadiness = steadinessOn('steadiness', 'a long run with the traffic changed again and again', false);
const steadinessHuge = steadinessOn('steadiness-huge', 'the same with packets in huge pages', true);

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
      const { PacketEngine, LoadBalancer } = require(${JSON.stringify(`${dist}/bundle/index.js`)});
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

module.exports = [steadiness, steadinessHuge, idle, memory];
