/** What is done over rings in memory: the engine's speed without any network, beside C of the same work. */
'use strict';
const { brick, cPeer, loadPlugin, openEngine, outputs } = require('../lib/engines');
const { openContest, ratio } = require('../lib/contest');
const { openGenerator } = require('../lib/generator');
const { balancer, chain: chained, duplicator: duplicated } = require('../lib/descriptions')({ brick, outputs });

/** The faster of the C forms: the peer is as strong as we can make it. */
function fastest(results) {
  const peers = results.filter((result) => result.name.startsWith('C'));
  return peers.reduce((best, result) => (result.cpu.median < best.cpu.median ? result : best)).name;
}

/** A row that sets one engine beside C programs. */
function besideC({ name, title, mark, packets = 10_000_000, description, backend = {}, program, options = {}, forms = [{}] }) {
  return {
    name,
    title,
    mark,
    async run(settings) {
      const moved = Math.max(20_000, Math.round(packets * settings.scale));
      const results = await openContest([
        () => openEngine('engine', description, { backend, ...settings.engine }),
        ...forms.map((form) => () => cPeer(`C${Object.entries(form).map(([key, value]) => ` ${key} ${value}`).join('')}`, program, { ...options, ...form })),
      ], { rounds: settings.rounds, packets: moved });
      const peer = fastest(results);
      return { results, ratio: ratio(results, 'engine', peer), beside: peer };
    },
  };
}

/** Ways of the C balancer to an output: hash and modulo, a table, hash and mask. With queues it decides all of a batch first. */
const FORMS = [{ queues: 1, way: 0 }, { queues: 1, way: 1 }, { queues: 1, way: 2 }, { way: 1 }];
const program = 'bench_load_balancer';

function loadBalancerRow(name, title, mark, traffic, { tuple = 4, flowColumns = true, packets } = {}) {
  const { slots = 1024, ...rest } = traffic;
  return besideC({
    name, title, mark, packets, program, forms: FORMS,
    description: balancer(4, { tuple }),
    backend: { slots, flowColumns, ...rest },
    options: { slots, tuple, ...rest },
  });
}

/** Load balancer, merge, load balancer: beside the time of one load balancer and of merge, each alone, all over buffers in no order. */
const chain = {
  name: 'chain',
  title: 'chain: load balancer, merge, load balancer',
  mark: { sum: 1.2 },
  async run(settings) {
    const parts = {
      chain: chained,
      'load balancer': balancer(4),
      merge: () => brick('Merge').connectInput('in').connectOutput('out{0'),
      'ports with flow columns': () => brick('BenchPass').connectInput('in').connectOutput('out{0'),
      'ports alone': () => brick('BenchPlainPass').connectInput('in').connectOutput('out{0'),
    };
    const results = await openContest(
      Object.entries(parts).map(([name, description]) => () => openEngine(name, description, { backend: { scatter: true }, ...settings.engine })),
      { rounds: settings.rounds, packets: Math.round(10_000_000 * settings.scale) },
    );
    const time = (name) => results.find((result) => result.name === name).cpu.median;
    // Receiving and sending is in each part once, and in the chain once: with flow columns, which merge alone does not ask for.
    const sum = 2 * time('load balancer') - time('ports with flow columns') + time('merge') - time('ports alone');
    return { results, ratio: time('chain') / sum, beside: 'sum of its parts, ports counted once' };
  },
};

/** A brick beside the load balancer with four outputs, each packet another flow. `contestant` is its name in the results. */
const besideBalancer = ({ name, title, contestant = name, description, least, prepare, backend = {} }) => ({
  name,
  title,
  mark: { least },
  async run(settings) {
    await prepare?.();
    const results = await openContest([
      () => openEngine(contestant, description, { backend, ...settings.engine }),
      () => openEngine('LoadBalancer', balancer(4), { backend, ...settings.engine }),
    ], { rounds: settings.rounds, packets: Math.round(10_000_000 * settings.scale) });
    return { results, ratio: ratio(results, contestant, 'LoadBalancer'), beside: 'LoadBalancer' };
  },
});

const described = (kind, options, count) => () => brick(kind, options).connectInput('in').connectOutput(...outputs(count));

const generatorRow = {
  name: 'plugin-traffic-generator',
  title: 'plugin: packets made by the traffic generator (1,000 flows, IMIX)',
  mark: { least: 0.03 },
  async run(settings) {
    const results = await openContest([
      () => openGenerator('traffic-generator'),
      () => openEngine('LoadBalancer', balancer(4), settings.engine),
    ], { rounds: settings.rounds, packets: Math.round(5_000_000 * settings.scale) });
    return { results, ratio: ratio(results, 'traffic-generator', 'LoadBalancer'), beside: 'LoadBalancer' };
  },
};

/** A brick from outside at the work of the load balancer. */
const outside = (kind, name, title, least) => besideBalancer({ name, title, contestant: kind, description: described(kind, {}, 4), least });

/** A brick of a plugin, with so many outputs. */
const plugin = (name, title, kind, options, { least, count = 1, backend }) => besideBalancer({ name, title, contestant: kind, description: described(kind, options, count), least, backend, prepare: () => loadPlugin(kind) });

/** Another way to split. */
const split = (name, title, options, least) => besideBalancer({ name, title, description: balancer(4, options), least });

/** Two engines at once, each on a thread of its own: packets a second of both over those of one. */
const twoEngines = {
  name: 'two-engines',
  title: '2 engines on 2 cores, beside 1',
  mark: { least: 1.8 },
  async run(settings) {
    const packets = Math.round(20_000_000 * settings.scale);
    const first = await openEngine('first', balancer(4), { engine: { cpu: 0 } });
    const second = await openEngine('second', balancer(4), { engine: { cpu: 1 } });
    const { summary } = require('../lib/statistics');
    const alone = [];
    const both = [];
    try {
      for (let round = 0; round < settings.rounds; round++) {
        const one = round % 2 === 0 ? first : second;
        alone.push((await one.round(packets)).wall / packets);
        const times = await Promise.all([first.round(packets), second.round(packets)]);
        both.push(Math.max(...times.map((time) => time.wall)) / packets / 2);
      }
    } finally {
      await first.close();
      await second.close();
    }
    const results = [{ name: '1 engine', wall: summary(alone) }, { name: '2 engines', wall: summary(both) }];
    return { results, ratio: results[0].wall.median / results[1].wall.median, beside: '1 engine, both by the clock on the wall' };
  },
};

const duplicator = (length) => besideC({
  name: `duplicator-${length + 4}`,
  title: `duplicator to 4 outputs, ${length + 4} bytes`,
  mark: { least: 0.9 },
  packets: length > 1000 ? 1_500_000 : 4_000_000,
  description: duplicated,
  backend: { length },
  program: 'bench_duplicator',
  options: { length },
});

module.exports = [
  loadBalancerRow('load-balancer', 'load balancer, 4 outputs, 64 bytes, flow columns', { least: 0.8 }, {}),
  loadBalancerRow('load-balancer-ts', 'the same, all parsing and hashing in TypeScript', { least: 0.5 }, {}, { flowColumns: false }),
  loadBalancerRow('load-balancer-2-tuple', 'the same by addresses alone', { least: 0.75 }, {}, { tuple: 2 }),
  loadBalancerRow('load-balancer-ipv6', 'the same with IPv6', { least: 0.75 }, { kind: 'ipv6', length: 62 }),
  loadBalancerRow('load-balancer-vlan', 'the same with VLAN tags', { least: 0.75 }, { kind: 'vlan' }),
  loadBalancerRow('load-balancer-imix', 'the same with mixed sizes (IMIX)', { least: 0.75 }, { length: 0 }),
  loadBalancerRow('load-balancer-flows', 'the same with 100,000 flows', { least: 0.75 }, { flows: 100_000, slots: 32_768 }),
  besideC({
    name: 'outputs-1000', title: 'load balancer with 1,000 outputs', mark: { least: 0.7 }, packets: 5_000_000,
    description: balancer(1000), backend: { slots: 128 }, program, options: { outputs: 1000, slots: 128 }, forms: [{ way: 1 }, { way: 0 }],
  }),
  split('consistent', 'load balancer with balance = "consistent", beside the default', { balance: 'consistent' }, 0.85),
  split('failover', 'load balancer with balance = "consistent" and failover, beside the default', { balance: 'consistent', failover: true }, 0.75),
  split('weights', 'load balancer with weights, beside the default', { weights: [3, 2, 2, 1] }, 0.85),
  duplicator(60),
  duplicator(1510),
  chain,
  outside('BenchThreeLines', 'outside', 'a brick of three lines, beside the load balancer', 0.95),
  outside('BenchByProtocol', 'outside-headers', 'a brick of three lines that chooses by protocol and VLAN, beside the load balancer', 0.8),
  outside('BenchPacketForm', 'outside-packet', 'a brick of the packet form, beside the load balancer', 0.33),
  twoEngines,
  plugin('plugin-sampler', 'plugin: one in 10 packets', 'Sampler', { n: 10 }, { least: 0.62 }),
  plugin('plugin-sampler-flows', 'plugin: one in 4 flows, the others to a second output', 'Sampler', { n: 4, by: 'flows' }, { least: 0.62, count: 2 }),
  plugin('plugin-slicer', 'plugin: packets cut to 40 bytes', 'Slicer', { length: 40 }, { least: 0.62 }),
  plugin('plugin-header-slicer', 'plugin: packets cut behind their headers, packet form', 'HeaderSlicer', {}, { least: 0.3 }),
  plugin('plugin-deduplicator', 'plugin: duplicates dropped, packet form, each packet another one', 'Deduplicator', {}, { least: 0.1 }),
  plugin('plugin-tagger', 'plugin: a tag added to each packet, which is copied for it', 'Tagger', { vlan: 7 }, { least: 0.07 }),
  plugin('plugin-decapsulator', 'plugin: frames out of VXLAN', 'Decapsulator', {}, { least: 0.08, backend: { kind: 'vxlan', length: 110 } }),
  plugin('plugin-encapsulator', 'plugin: frames put into VXLAN to one of 4 destinations, each packet copied for it', 'Encapsulator', {
    destinations: ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'], source: '10.0.0.9', sourceMac: '02:00:00:00:00:01', nextHopMac: '02:00:00:00:00:02',
  }, { least: 0.04 }),
  plugin('plugin-rate-limiter', 'plugin: packets and bits of each flow limited, packet form', 'RateLimiter', { packets: 1000, kilobits: 8000, by: 'flow' }, { least: 0.17 }),
  plugin('plugin-flow-cutoff', 'plugin: the first 2 packets of each connection, packet form, each packet a connection', 'FlowCutoff', { kilobytes: 0, packets: 2 }, { least: 0.18 }),
  besideBalancer({
    // It changes packets where they lie, which come round again: behind a duplicator it gets copies, always the same.
    name: 'plugin-anonymizer', title: 'plugin: addresses replaced and payloads cut off, of a copy of each packet', contestant: 'Duplicator, Anonymizer', least: 0.02, prepare: () => loadPlugin('Anonymizer'),
    description: () => brick('Duplicator').connectInput('in').connectOutput('out{0', 'a{0').link(brick('Anonymizer', { key: '01'.repeat(32) }).connectInput('a}0').connectOutput('out{1')),
  }),
  generatorRow,
  plugin('plugin-flow-log', 'plugin: flows logged as JSON lines, packet form', 'FlowLog', { to: '/dev/null' }, { least: 0.05 }),
  plugin('plugin-flow-meter', 'plugin: packets and bytes of each connection counted, packet form', 'FlowMeter', { collector: '127.0.0.1:9', bidirectional: true }, { least: 0.05 }),
];
