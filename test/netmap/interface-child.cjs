/** Runs in a network namespace of its own, with va and vb, the ends of a cable: prints what became of an engine on va. */
const { spawn, execSync } = require('node:child_process');
const { PacketEngine, LoadBalancer } = require('../../dist/src/index.js');
const { lookAtInterface } = require('../../dist/backends/netmap/native.js').netmapAddon();

const PACKETS = 500;

/** A program at the other end of a link, of which `says` resolves when it has said a word. */
function peer(...parameters) {
  const child = spawn(process.argv[2], parameters, { stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  const waiting = [];
  child.stdout.on('data', (data) => {
    output += data;
    for (const look of waiting.splice(0)) look();
  });
  const says = (word) => new Promise((done) => {
    const look = () => (output.includes(word) ? done(JSON.parse(/\{.*\}/.exec(output)?.[0] ?? '{}')) : waiting.push(look));
    look();
  });
  return { child, says, end: () => { child.stdin.end(); return says('}'); } };
}

const promiscuity = () => Number(/promiscuity (\d+)/.exec(execSync('ip -d link show va', { env: { ...process.env, LD_PRELOAD: '' } }).toString())[1]);
const state = () => ({ offloads: lookAtInterface('va').offloads, promiscuity: promiscuity() });

async function main() {
  const notices = [];
  const before = state();
  const engine = new PacketEngine('e', { backend: 'netmap', backendOptions: { offloads: process.argv[3] } });
  engine.on('notice', (text) => notices.push(text));
  await engine.link(new LoadBalancer(4).connectInput('va').connectOutput('va{1', 'va{2'));
  const during = state();
  const readers = ['va}1', 'va}2'].map((link) => peer('receive', link, '0'));
  await Promise.all(readers.map(({ says }) => says('ready')));
  await engine.start();
  const sender = peer('send', 'vb', String(PACKETS), '50', '100');
  while (engine.stats().packets < PACKETS) await new Promise(setImmediate);
  await engine.stop();
  const { balanced } = engine.audit();
  const received = await Promise.all(readers.map((reader) => reader.end()));
  await sender.end();
  await engine.delete();
  console.log(JSON.stringify({ before, during, after: state(), balanced, received, notices }));
  process.exit(0);
}
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
