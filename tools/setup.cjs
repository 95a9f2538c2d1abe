'use strict';
/**
 * Set-up from a fresh clone: Debian packages (as root), npm packages, native parts, TypeScript.
 * Does only what is missing. `node tools/setup.cjs [test|demo|bench]` names what it is for.
 */
const { execFileSync, spawnSync } = require('node:child_process');
const { closeSync, existsSync, fstatSync, mkdirSync, openSync, readSync, readdirSync, statSync, writeFileSync } = require('node:fs');
const { availableParallelism } = require('node:os');
const { dirname, join } = require('node:path');

const root = dirname(__dirname);

/** A package with what shows that it is there: a program, or a header. */
const BUILD_PACKAGES = [
  ['g++', 'g++'],
  ['make', 'make'],
  ['cmake', 'cmake'],
  ['pkg-config', 'pkg-config'],
  ['libpcap-dev', '/usr/include/pcap/pcap.h'],
  ['liblua5.1-0-dev', '/usr/include/lua5.1/lua.h'],
];
const PACKAGES_FOR = {
  build: [],
  demo: [['tcpdump', 'tcpdump'], ['iproute2', 'ip']],
  test: [['tcpdump', 'tcpdump'], ['iproute2', 'ip'], ['tshark', 'tshark'], ['tcpreplay', 'tcpreplay'], ['ethtool', 'ethtool'], ['nftables', 'nft'], ['util-linux', 'setpriv'], ['iputils-ping', 'ping'], ['nfdump', 'nfcapd'], ['softflowd', 'softflowd'], ['nats-server', 'nats-server'], ['kcat', 'kcat'], ['chromium', 'chromium']],
  bench: [['tcpdump', 'tcpdump'], ['iproute2', 'ip'], ['tshark', 'capinfos']],
};

/** What a registry that does not answer is waited for. */
const NODES_MILLISECONDS = 300_000;

function say(text) {
  process.stderr.write(`set-up: ${text}\n`);
}

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], ...options });
  if (result.error) throw result.error;
  return result.status === 0;
}

function isThere(sign) {
  if (sign.startsWith('/')) return existsSync(sign);
  return (process.env.PATH ?? '').split(':').concat('/usr/sbin', '/sbin').some((directory) => existsSync(join(directory, sign)));
}

function systemPackages(purpose) {
  const missing = [...BUILD_PACKAGES, ...PACKAGES_FOR[purpose]].filter(([, sign]) => !isThere(sign)).map(([name]) => name);
  if (missing.length === 0) return;
  const command = `apt-get install ${missing.join(' ')}`;
  if (process.getuid?.() !== 0 || !isThere('apt-get')) {
    say(`these system packages are missing: ${missing.join(' ')}. Install them (on Debian, as root: ${command}); going on without.`);
    return;
  }
  say(`installing system packages: ${missing.join(' ')}`);
  // Tests need programs, not the services that some packages would start.
  const environment = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', SYSTEMD_OFFLINE: '1' };
  run('apt-get', ['update', '-qq'], { env: environment });
  if (!run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], { env: environment })) {
    say(`that failed; going on without. To see why: ${command}`);
  }
}

function npmPackages() {
  const installed = join(root, 'node_modules', '.package-lock.json');
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(join(root, 'package-lock.json')).mtimeMs) return;
  say('installing npm packages');
  // node-gyp takes the headers that came with this Node, and downloads none.
  const prefix = dirname(dirname(process.execPath));
  const headers = existsSync(join(prefix, 'include', 'node', 'node.h')) ? prefix : '/usr';
  const ok = run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { env: { ...process.env, npm_config_nodedir: headers } });
  if (!ok) throw new Error('npm ci failed; its own message stands above');
}

/** Other versions of Node, under which test/versions runs a part of the suite; without them it skips that. */
function otherNodes() {
  const folder = join(root, 'tools', 'nodes');
  if (upToDate(join(folder, 'node_modules', '.package-lock.json'), statSync(join(folder, 'package-lock.json')).mtimeMs)) return;
  say('installing other versions of Node, for tests only');
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error', '--fetch-retries=1'], { cwd: folder, stdio: ['ignore', 2, 2], timeout: NODES_MILLISECONDS });
  if (status !== 0) say('that failed; going on without: the tests under other versions of Node are skipped.');
}

/** The newest change below some folders, of files with these endings. */
function newest(folders, endings) {
  let latest = 0;
  const visit = (path) => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const child = join(path, entry.name);
      if (entry.isDirectory()) visit(child);
      else if (endings.some((ending) => entry.name.endsWith(ending))) latest = Math.max(latest, statSync(child).mtimeMs);
    }
  };
  for (const folder of folders) if (existsSync(join(root, folder))) visit(join(root, folder));
  return latest;
}

function upToDate(stamp, time) {
  return existsSync(stamp) && statSync(stamp).mtimeMs > time;
}

function nativeParts() {
  require('./native-contract.cjs').writeHeaders();
  const stamp = join(root, 'build', '.built');
  const time = Math.max(newest(['src', 'backends', 'bench'], ['.c', '.cpp', '.h', '.hpp', 'CMakeLists.txt']), statSync(join(root, 'CMakeLists.txt')).mtimeMs);
  if (upToDate(stamp, time)) return;
  say('building the native parts (about a minute)');
  mkdirSync(dirname(stamp), { recursive: true });
  const log = join(root, 'build', 'build.log');
  const output = openSync(log, 'w+');
  const builder = join(root, 'node_modules', 'cmake-js', 'bin', 'cmake-js');
  const ok = run(process.execPath, [builder, 'compile', '--parallel', String(availableParallelism())], { stdio: ['ignore', output, output] });
  // Where it fails, cmake-js begins again with an empty folder: the file is gone then, but not what was written to it.
  const text = Buffer.alloc(ok ? 0 : fstatSync(output).size);
  readSync(output, text, 0, text.length, 0);
  closeSync(output);
  if (!ok) {
    mkdirSync(dirname(log), { recursive: true });
    writeFileSync(log, text);
    process.stderr.write(`${text.toString().split('\n').slice(-30).join('\n')}\n`);
    say(`the native parts were not built: see above, and ${log}. Going on; what needs them will say so.`);
    return;
  }
  writeFileSync(stamp, '');
}

function typeScript() {
  const stamp = join(root, 'dist', '.built');
  if (upToDate(stamp, Math.max(newest(['src', 'backends', 'plugins'], ['.ts', '.lua', '.json', '.html', '.css']), ...['tsconfig.json', 'tools/bundle.cjs', 'tools/code-cache.cjs', 'tools/reference.cjs', 'tools/completion.cjs', ...['model', 'bash', 'zsh', 'fish'].map((name) => `tools/completion/${name}.cjs`)].map((file) => statSync(join(root, file)).mtimeMs)))) return;
  say('compiling TypeScript');
  execFileSync(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', root], { stdio: ['ignore', 2, 2] });
  execFileSync(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', join(root, 'src', 'web')], { stdio: ['ignore', 2, 2] });
  execFileSync(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-b', join(root, 'plugins')], { stdio: ['ignore', 2, 2] });
  require('./bundle.cjs').bundle();
  require('./code-cache.cjs').tryToWriteCaches();
  writeFileSync(stamp, '');
}

function setUp(purpose) {
  systemPackages(purpose);
  npmPackages();
  nativeParts();
  typeScript();
  if (purpose === 'test') otherNodes();
}

module.exports = { setUp };

if (require.main === module) {
  const purpose = process.argv[2] ?? 'build';
  if (!(purpose in PACKAGES_FOR)) {
    say(`there is no set-up for "${purpose}"; there are: ${Object.keys(PACKAGES_FOR).join(', ')}`);
    process.exit(2);
  }
  try {
    setUp(purpose);
  } catch (error) {
    say(error.message);
    process.exit(1);
  }
}
