/** Live capture over a pair of interfaces in a namespace of its own, to four pipes, beside C; and the first second of it. */
'use strict';
const { join } = require('node:path');
const { missingLink, runInNamespace } = require('../lib/namespace');
const { summary } = require('../lib/statistics');

const child = (name) => join(__dirname, '..', 'children', name);
const EVEN_RATE = 250_000;
const BESIDE = 'C on libpcap';

const thousands = (rate) => `${(rate / 1000).toFixed(0)},000/s`;

/** The share of the generator in what limits: with nothing lost at its full speed, it is all. */
function limitText(rounds) {
  const byGenerator = rounds.filter((round) => round.limitedBy === 'generator').length;
  if (byGenerator === rounds.length) return 'the generator (one CPU, at its end: nothing was lost at its full speed)';
  return `in ${byGenerator} of ${rounds.length} rounds the generator; in the others up to ${Math.max(...rounds.map((round) => round.full.missing))} packets were lost at its full speed`;
}

const live = {
  name: 'live',
  title: 'live capture on veth to 4 pipes, 64 bytes, highest rate without loss',
  mark: { least: 0.95 },
  missing: missingLink,
  async run({ rounds, scale, short }) {
    const contestants = ['engine', BESIDE, 'C on AF_PACKET fanout'];
    const milliseconds = short ? 100 : Math.round(1000 * Math.max(0.2, scale));
    const measured = await runInNamespace(child('live.js'), { contestants, rounds, milliseconds, rate: short ? 20_000 : EVEN_RATE });
    const rates = Object.fromEntries(contestants.map((name) => [name, summary(measured[name].map(({ rate }) => rate))]));
    const evenLost = (name) => measured[name].reduce((sum, { even }) => sum + even.missing, 0);
    const results = contestants.map((name) => ({ name, cpu: summary(measured[name].map(({ even }) => even.cpu)), fullCpu: summary(measured[name].map(({ full }) => full.cpu)), rate: rates[name] }));
    const cpu = (name) => results.find((result) => result.name === name);
    const cpuRatio = (which) => (cpu(BESIDE)[which].median / cpu('engine')[which].median).toFixed(2);
    // Two rates that only the generator limits say nothing of those who capture: their CPU times do.
    const byGenerator = ['engine', BESIDE].every((name) => measured[name].every(({ limitedBy }) => limitedBy === 'generator'));
    const evenRate = thousands(short ? 20_000 : EVEN_RATE);
    return {
      results,
      rounds: measured,
      ratio: rates.engine.median / rates[BESIDE].median,
      beside: `${BESIDE}, of the highest rates without loss${byGenerator ? ': both took all that the generator makes, whose ups and downs are all that they differ by; their own limits are not known, but what they spend, by the ratios of CPU times' : ''}`,
      figures: [
        ...contestants.map((name) => ({ name: `${name}: highest rate without loss`, text: `${thousands(rates[name].median)} (${thousands(rates[name].least)} to ${thousands(rates[name].most)}); limited by: ${limitText(measured[name])}` })),
        { name: `lost at ${evenRate}, where the CPU times above were taken`, text: contestants.map((name) => `${name} ${evenLost(name)}`).join(', ') },
        { name: "CPU a packet at the generator's full speed", text: contestants.map((name) => `${name} ${cpu(name).fullCpu.median.toFixed(0)} ns`).join(', ') },
        { name: `ratio of CPU times a packet, ${BESIDE} : engine`, text: `${cpuRatio('fullCpu')} at full speed, ${cpuRatio('cpu')} at ${evenRate}` },
      ],
    };
  },
};

const firstSecond = {
  name: 'first-second',
  title: 'packets lost in the first second after a start amid traffic, at 80 % of the highest rate',
  missing: missingLink,
  async run({ rounds, short }) {
    const contestants = ['engine', BESIDE];
    const { rate, starts } = await runInNamespace(child('first-second.js'), { contestants, rounds, milliseconds: short ? 200 : 1000, rate: short ? 20_000 : 0 });
    const lost = (name) => starts[name].reduce((sum, start) => sum + start.lost, 0);
    return {
      counts: { rate, starts },
      figures: [
        { name: 'offered', text: `${thousands(rate)}, from before the start` },
        ...contestants.map((name) => ({
          name: `${name}: packets lost between the first and the last that came${name === 'engine' ? ' (mark: none)' : ''}`,
          text: `${lost(name)} of ${starts[name].reduce((sum, start) => sum + start.packets + start.lost, 0)}, in ${rounds} starts (${starts[name].map((start) => start.lost).join(', ')})`,
        })),
      ],
    };
  },
};

module.exports = [live, firstSecond];
