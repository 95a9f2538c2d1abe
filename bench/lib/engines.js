/** Engines over rings in memory, and the C peers of the same work. */
'use strict';
const { execFile } = require('node:child_process');
const { promisify } = require('node:util');
const { join } = require('node:path');
const { PacketEngine, brickClass } = require('./bundled');
const { dist, peer } = require('./paths');

const { knownBrick } = require(`${dist}/src/plugins/container.js`);
const { configurePlugins } = require(`${dist}/src/plugins/find.js`);
const own = { ...require('../bricks/pass'), ...require('../bricks/sample') };

const execute = promisify(execFile);
const backendFile = join(__dirname, '..', 'backends', 'memory-rings.js');
const { lastControl } = require(backendFile);

/** Describes a brick by its kind: one of the package's, of bench/bricks, or of a plugin that was loaded. */
function brick(kind, options = {}) {
  const Class = knownBrick(kind) ?? own[kind];
  return new Class(options);
}

/** Loads a brick of the plugins in plugins/. */
async function loadPlugin(kind) {
  configurePlugins({ paths: [join(__dirname, '..', '..', 'plugins')], trustedOnly: false });
  own[kind] ??= await brickClass(kind);
}

/** `out{0` and so on, as many as wanted. */
function outputs(count, first = 0) {
  return Array.from({ length: count }, (_, index) => `out{${first + index}`);
}

/** Opens an engine for the brick that `description` returns (with those below it); returns what a contest needs. */
async function openEngine(name, description, { backend = {}, batch, engine: engineOptions = {} } = {}) {
  const open = {
    name,
    round: (packets) => open.control.round(packets),
    async renew() {
      await open.close();
      await begin();
    },
    async close() {
      const { engine } = open;
      open.control.end();
      await engine.finished();
      const audit = engine.audit();
      if (!audit.balanced) throw new Error(`${name} has not kept its books: ${JSON.stringify(audit)}`);
      await engine.delete();
    },
  };
  async function begin() {
    open.engine = new PacketEngine(name, { backend: { url: backendFile, name: 'memoryRings' }, backendOptions: backend, hangMilliseconds: 0, ...engineOptions });
    await open.engine.link(description(), batch ? { batch } : {});
    open.control = lastControl();
    await open.engine.start();
  }
  await begin();
  return open;
}

/** A C program that measures itself; it is started anew for each round. */
function cPeer(name, program, options) {
  const words = Object.entries(options).flatMap(([key, value]) => [`--${key}`, String(value)]);
  return {
    name,
    async round(packets) {
      const { stdout } = await execute(peer(program), [...words, '--packets', String(packets)]);
      const result = JSON.parse(stdout);
      if (result.check !== undefined && result.check === 0) throw new Error(`${name} moved nothing`);
      return result;
    },
    close: () => Promise.resolve(),
  };
}

module.exports = { brick, cPeer, loadPlugin, openEngine, outputs };
