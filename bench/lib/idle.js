/** An engine on loopback that waits: what that costs, and how soon it is awake. */
'use strict';
const { setTimeout: sleep } = require('node:timers/promises');
const { dist } = require('./paths');
const { LoadBalancer, PacketEngine, resolveBackend } = require(`${dist}/src/index.js`);

exports.loopbackIdle = async (milliseconds, times) => {
  const loopback = resolveBackend('loopback');
  const engine = new PacketEngine('idle', { backend: 'loopback' });
  await engine.link(new LoadBalancer().connectInput('idle-in').connectOutput('idle-out'));
  await engine.start();
  try {
    await sleep(500);
    const before = process.cpuUsage();
    const begin = performance.now();
    await sleep(milliseconds);
    const { user, system } = process.cpuUsage(before);
    const idleCpu = (user + system) / 1000 / (performance.now() - begin);
    const wakeUps = [];
    for (let time = 0; time < times; time++) {
      await sleep(25);
      const from = performance.now();
      loopback.inject('idle-in', new Uint8Array(60));
      while (loopback.read('idle-out').length === 0 && performance.now() - from < 1000);
      wakeUps.push((performance.now() - from) * 1000);
    }
    return { idleCpu, wakeUps };
  } finally {
    await engine.stop();
    await engine.delete();
  }
};
