/** The traffic generator of plugins/traffic-generator, without an engine. */
'use strict';
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { dist, root } = require('./paths');

/** Its source: each packet is newly made. */
async function openGenerator(name) {
  const { createCounterBlock } = require(`${dist}/src/model/counters.js`);
  const { createPacketBatch } = require(`${dist}/src/model/packet-batch.js`);
  const { loadModule } = require(`${dist}/src/plugins/load-module.js`);
  const built = (file) => loadModule(pathToFileURL(join(root, 'plugins', 'traffic-generator', 'dist', file)).href);
  const [{ GeneratorSource }, { GENERATOR_OPTIONS }] = [await built('source.js'), await built('options.js')];
  const options = Object.fromEntries(Object.entries(GENERATOR_OPTIONS).map(([option, declared]) => [option, declared.default]));
  const source = new GeneratorSource({ link: { text: 'eth0' }, batch: createPacketBatch(), counters: createCounterBlock(64), record: 0 }, options, () => undefined);
  return {
    name,
    round(packets) {
      const [wall, cpu] = [process.hrtime.bigint(), process.cpuUsage()];
      let made = 0;
      while (made < packets) made += source.receive();
      const { user, system } = process.cpuUsage(cpu);
      return { packets: made, wall: Number(process.hrtime.bigint() - wall), cpu: (user + system) * 1000 };
    },
    close: () => source.close(),
  };
}

module.exports = { openGenerator };
