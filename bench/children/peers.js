/** In a namespace: an engine and installed tools, one after the other, at the same work on the same file. */
'use strict';
const { execFile } = require('node:child_process');
const { mkdirSync, rmSync } = require('node:fs');
const { join } = require('node:path');
const { promisify } = require('node:util');
const { SENDING, makeLink } = require('../lib/namespace');
const { Dummy, PacketEngine } = require('../lib/bundled');

const execute = promisify(execFile);

/** From start to the last packet written; linking, which warms up, is not in it. */
async function engine(file, target, packets) {
  const made = new PacketEngine('peers', { backend: 'pcap' });
  await made.link(new Dummy().connectInput(file).connectOutput(target));
  const begin = performance.now();
  await made.start();
  await made.finished();
  const wall = performance.now() - begin;
  const sent = made.stats().links.filter((link) => link.role === 'sink').reduce((sum, link) => sum + link.packets, 0);
  await made.delete();
  if (sent !== packets) throw new Error(`the engine has sent ${sent} of ${packets} packets`);
  return wall * 1e6;
}

async function tool(command, words) {
  const begin = performance.now();
  await execute(command, words, { maxBuffer: 1 << 26 });
  return (performance.now() - begin) * 1e6;
}

function contestants({ work, file, directory, packets, tools }) {
  const out = join(directory, 'out.pcap');
  const logs = join(directory, 'logs');
  mkdirSync(logs, { recursive: true });
  const known = work === 'peer-replay'
    ? { tcpreplay: () => tool('tcpreplay', ['--topspeed', '--quiet', '--intf1', SENDING, file]) }
    : {
      tcpdump: () => tool('tcpdump', ['-r', file, '-w', out]),
      editcap: () => tool('editcap', ['-F', 'pcap', file, out]),
      // Reads and looks into each; writes its own logs instead of packets.
      suricata: () => tool('suricata', ['-r', file, '-l', logs]),
    };
  return [
    ['engine', () => engine(file, work === 'peer-replay' ? SENDING : out, packets)],
    ...tools.map((name) => [name, known[name]]),
  ];
}

async function main() {
  const settings = JSON.parse(process.argv[2]);
  makeLink();
  const all = contestants(settings);
  const walls = Object.fromEntries(all.map(([name]) => [name, []]));
  for (let round = 0; round < settings.rounds; round++) {
    for (const [name, run] of all) {
      walls[name].push(await run());
      rmSync(join(settings.directory, 'out.pcap'), { force: true });
    }
  }
  console.log(`REPORT ${JSON.stringify(walls)}`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
