'use strict';
/**
 * Puts what V8 compiles of each bundle beside it, so that it is not compiled at each start: runs the program once, with a Lua script that
 * splits a capture file over four files, and takes what was compiled by then. `node tools/code-cache.cjs`; also run by npm when it installs
 * the package, for that is when Node's version is known. Where it fails the program only starts more slowly.
 */
const { spawnSync } = require('node:child_process');
const { existsSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { dirname, join } = require('node:path');
const { BroadcastChannel, isMainThread, Worker } = require('node:worker_threads');
const vm = require('node:vm');

const bundle = join(dirname(__dirname), 'dist', 'bundle');
/** What the script runs, and what a program that imports the package does. */
const PROGRAM = ['cli/main', 'control/engine-worker', 'lua/lua-worker', 'files/recorder-worker'];
const LIBRARY = ['library/index'];
const DAEMON = ['cli/daemon-programs'];
const LIMIT_MILLISECONDS = 20_000;
const LOOK_MILLISECONDS = 10;

function cachesOf(name) {
  const [folder, file] = name.split('/');
  return readdirSync(join(bundle, folder)).filter((entry) => entry.startsWith(`${file}.`) && entry.endsWith(`.${process.version}-${process.arch}.cache`));
}

function missing(names = PROGRAM) {
  return names.filter((name) => cachesOf(name).length === 0);
}

const SCRIPT = `
local balancer = Brick.new("LoadBalancer", 2)
balancer:connect_input(arg[1] .. "/in.pcap")
balancer:connect_output(arg[1] .. "/a.pcap", arg[1] .. "/b.pcap", arg[1] .. "/c.pcap", arg[1] .. "/d.pcapng")
local engine = PktEngine.new("e0")
engine:link(balancer)
engine:start()
`;

/** Ten UDP packets of 60 bytes. */
function capture() {
  const packet = Buffer.alloc(60);
  packet.write('020000000002020000000001080045000026000100004011000a0a0000010a00000203e80035', 'hex');
  const record = Buffer.from('00f15365000000003c0000003c000000', 'hex');
  return Buffer.concat([Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex'), ...Array.from({ length: 10 }, () => [record, packet]).flat()]);
}

function run(words, names) {
  const { status, stderr } = spawnSync(process.execPath, ['--require', __filename, ...words], { encoding: 'utf8', timeout: LIMIT_MILLISECONDS, env: { ...process.env, NODE_OPTIONS: '', BRICKS_CODE_CACHE: 'write' } });
  const left = missing(names);
  if (status !== 0 || left.length > 0) throw new Error(`no code cache for ${left.join(', ') || 'the program'}, which starts more slowly for it: ${stderr.trim().split('\n')[0] || `exit code ${status}`}`);
}

function writeCaches() {
  for (const name of [...PROGRAM, ...LIBRARY, ...DAEMON]) for (const file of cachesOf(name)) rmSync(join(bundle, dirname(name), file));
  const folder = mkdtempSync(join(tmpdir(), 'bricks-cache-'));
  try {
    writeFileSync(join(folder, 'in.pcap'), capture());
    writeFileSync(join(folder, 'script.lua'), SCRIPT);
    run([join(bundle, 'index.js')], LIBRARY);
    run([join(bundle, 'cli', 'main.js'), '--backend', 'loopback', '-f', join(folder, 'script.lua'), '--', folder], PROGRAM);
    writeFileSync(join(folder, 'daemon.lua'), `${SCRIPT}BRICKS.shutdown()\n`);
    run([join(bundle, 'cli', 'bricks-server.js'), '--foreground', '--run-dir', join(folder, 'run'), '--backend', 'loopback', '-f', join(folder, 'daemon.lua'), '--', folder], DAEMON);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** In each thread of that run: remembers its bundle, and writes what was compiled of it before the thread ends. */
function takePart() {
  const scripts = [];
  const { cacheOf } = require(join(bundle, 'launch.js'));
  vm.Script = class extends vm.Script {
    constructor(source, options) {
      super(source, options);
      scripts.push({ script: this, file: options.filename });
    }
  };
  const write = () => {
    for (const { script, file } of scripts.splice(0)) {
      const cache = cacheOf(file);
      writeFileSync(`${cache}.new`, script.createCachedData());
      renameSync(`${cache}.new`, cache);
    }
  };
  process.on('exit', write);
  const channel = new BroadcastChannel('bricks-code-cache');
  channel.unref();
  if (!isMainThread) {
    channel.onmessage = write;
    // An engine's thread would take its recorder along before that has written.
    Worker.prototype.unref = function stay() {
      return this;
    };
    return;
  }
  // Threads end by themselves, and so in a way that they see; those that do not are told.
  Worker.prototype.terminate = function ended() {
    return new Promise((resolve) => this.once('exit', resolve));
  };
  const { exit } = process;
  process.exit = (code) => {
    channel.postMessage('end');
    const end = Date.now() + LIMIT_MILLISECONDS / 2;
    const look = () => {
      write();
      if (missing().length === 0 || Date.now() > end) exit(code);
      else setTimeout(look, LOOK_MILLISECONDS);
    };
    look();
  };
}

/** Says what is wrong, if something is: all works without. */
function tryToWriteCaches() {
  if (!existsSync(bundle)) return;
  try {
    writeCaches();
  } catch (error) {
    process.stderr.write(`packet-bricks: ${error.message}\n`);
  }
}

module.exports = { tryToWriteCaches };

if (process.env.BRICKS_CODE_CACHE === 'write') takePart();
else if (require.main === module) tryToWriteCaches();
