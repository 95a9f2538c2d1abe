/** Engines in a process of their own, which netmap in user space may have been loaded into; told what to do by messages. */
const { PacketEngine, ...bricks } = require('../../dist/src/index.js');

const engines = new Map();
const notices = [];
const taps = [];

/** [kind, options, inputs, outputs] */
function describe([kind, options, inputs, outputs]) {
  return new bricks[kind](options ?? undefined).connectInput(...inputs).connectOutput(...outputs);
}

const verbs = {
  async open({ name, graph, options, link }) {
    const engine = new PacketEngine(name, { backend: 'netmap', warmUpMilliseconds: 0, ...options });
    engine.on('notice', (text) => notices.push(text));
    engine.on('error', (error) => notices.push(error.message));
    const [first, ...rest] = graph.map(describe);
    await engine.link(first.link(...rest), link);
    engines.set(name, engine);
  },
  async relink({ name, graph, link }) {
    await engines.get(name).relink(graph.map(describe), link);
  },
  start: async ({ name }) => void (await engines.get(name).start()),
  stop: async ({ name }) => void (await engines.get(name).stop()),
  async close({ name }) {
    await engines.get(name).stop();
    await engines.get(name).delete();
    const statistics = engines.get(name).stats();
    engines.delete(name);
    return statistics;
  },
  stats: async ({ name }) => engines.get(name).stats(),
  audit: async ({ name }) => engines.get(name).audit(),
  notices: async () => notices,
  async tap({ name, settings }) {
    const tap = engines.get(name).watches.tap(settings, () => undefined);
    // An engine that has not been started takes the order along.
    if (engines.get(name).running) await tap.begun;
    return taps.push(tap) - 1;
  },
  async tapped({ tap }) {
    const packets = taps[tap].read(1e6).map(({ data, reason, place }) => ({ data: Buffer.from(data).toString('hex'), reason, link: place.link }));
    return { packets, lost: taps[tap].lost };
  },
  async status() {
    const { NetmapBackend } = require('../../dist/backends/netmap/index.js');
    return new NetmapBackend().status();
  },
};

process.on('message', async ({ id, verb, request }) => {
  try {
    process.send({ id, result: await verbs[verb](request ?? {}) });
  } catch (error) {
    process.send({ id, error: { code: error.code, message: error.message } });
  }
});
process.on('disconnect', () => process.exit(0));
