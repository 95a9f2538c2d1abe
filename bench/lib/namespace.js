/** A network namespace that lives as long as the process in it, with a pair of interfaces: nothing to clean up. */
'use strict';
const { execFileSync, spawn, spawnSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const { peer } = require('./paths');

/** What goes out of one comes in at the other. */
const SENDING = 'lva';
const RECEIVING = 'lvb';

/** Without root the kernel gives a namespace where it gives user namespaces. */
function unshareWords() {
  return process.getuid?.() === 0 ? ['--net'] : ['--net', '--user', '--map-root-user'];
}

/** Why there can be no such link here, or nothing. */
function missingLink() {
  if (process.platform !== 'linux') return 'needs veth, which only Linux has';
  if (!existsSync(peer('bench_live_peer'))) return 'the C peers on libpcap were not built (Debian: libpcap-dev)';
  const { status } = spawnSync('unshare', [...unshareWords(), 'ip', 'link', 'add', SENDING, 'type', 'veth', 'peer', 'name', RECEIVING]);
  return status === 0 ? undefined : 'needs ip and unshare, with the right to make a network namespace';
}

/** Runs a program of bench/children in a namespace of its own, with these variables too; returns what it reports. */
function runInNamespace(file, options, environment = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn('unshare', [...unshareWords(), process.execPath, file, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
    let output = '';
    let errors = '';
    child.stdout.on('data', (data) => { output += data; });
    child.stderr.on('data', (data) => { errors += data; });
    child.on('error', reject);
    child.on('close', () => {
      const report = /^REPORT (.*)$/m.exec(output);
      if (report) resolve(JSON.parse(report[1]));
      else reject(new Error(errors.trim() || output.trim() || 'no report'));
    });
  });
}

/** In the namespace: a pair, up, with nothing on it but what is sent. */
function makeLink(sending = SENDING, receiving = RECEIVING) {
  const ip = (...words) => execFileSync('ip', words);
  ip('link', 'add', sending, 'type', 'veth', 'peer', 'name', receiving);
  for (const name of [sending, receiving]) {
    execFileSync('sysctl', ['-qw', `net.ipv6.conf.${name}.disable_ipv6=1`]);
    ip('link', 'set', name, 'up');
  }
}

module.exports = { RECEIVING, SENDING, makeLink, missingLink, runInNamespace };
