'use strict';
/**
 * npm run demo: real connections over a veth pair, split over four pipes by `bricks` and a Lua script,
 * each pipe read by a tcpdump of its own. Without root, or with --file: the same from a capture file made on the spot.
 */
const { spawn, spawnSync } = require('node:child_process');
const { mkdtempSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { dirname, join } = require('node:path');
const readline = require('node:readline');
const { setUp } = require('./setup.cjs');

const root = dirname(__dirname);
const bricks = join(root, 'dist', 'src', 'cli', 'main.js');
const OUTPUTS = 4;
const CONNECTIONS = 4000;
const folder = mkdtempSync(join(tmpdir(), 'bricks-demo-'));
const namespaces = [`bricks-demo-${process.pid}-client`, `bricks-demo-${process.pid}-server`];
const children = new Set();

function say(text) {
  process.stdout.write(`${text}\n`);
}

function ip(...args) {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr.trim()}`);
}

function start(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], ...options });
  children.add(child);
  child.ended = new Promise((resolve) => child.on('close', (code) => {
    children.delete(child);
    resolve(code);
  }));
  return child;
}

/** Two namespaces with a veth pair between them. Returns how to run a program in each. */
function makeNetwork() {
  const [client, server] = namespaces;
  ip('netns', 'add', client);
  ip('netns', 'add', server);
  ip('-n', client, 'link', 'add', 'veth0', 'type', 'veth', 'peer', 'name', 'veth1', 'netns', server);
  for (const [namespace, device, number] of [[client, 'veth0', 1], [server, 'veth1', 2]]) {
    ip('-n', namespace, 'addr', 'add', `10.99.0.${number}/24`, 'dev', device);
    ip('-n', namespace, 'addr', 'add', `fd99::${number}/64`, 'dev', device, 'nodad');
    ip('-n', namespace, 'link', 'set', device, 'up');
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
  }
}

function removeNetwork() {
  for (const namespace of namespaces) spawnSync('ip', ['netns', 'delete', namespace], { stdio: 'ignore' });
}

function cleanUp() {
  for (const child of children) child.kill('SIGKILL');
  if (process.getuid?.() === 0) removeNetwork();
  rmSync(folder, { recursive: true, force: true });
}

/** A tcpdump on a pipe, whose text is counted: packets, and in which output each connection was seen. */
function readPipe(inside, link, output, flows) {
  const reader = start(...inside([process.execPath, bricks, 'attach', link, '--exec', 'tcpdump', '-nn', '-q', '-t', '-r', '-']), { stdio: ['ignore', 'pipe', 'pipe'] });
  const count = { packets: 0, flows: new Set() };
  let problems = '';
  reader.stderr.on('data', (text) => (problems += text));
  const lines = readline.createInterface({ input: reader.stdout });
  const finished = new Promise((resolve) => lines.on('close', resolve));
  lines.on('line', (line) => {
    if (line.startsWith(' ') || line.startsWith('\t')) return;
    count.packets++;
    const found = /^IP6? (\S+) > (\S+): (tcp|UDP)/i.exec(line);
    if (!found) return;
    const key = `${[found[1], found[2]].sort().join(' ')} ${found[3].toLowerCase()}`;
    count.flows.add(key);
    const seen = flows.get(key) ?? new Set();
    flows.set(key, seen.add(output));
  });
  return { count, done: Promise.all([finished, reader.ended]).then(([, code]) => {
    if (code !== 0) throw new Error(`the reader of ${link} ended with ${code}: ${problems.trim()}`);
  }) };
}

/** `bricks` with the demonstration's Lua script; `ask` gets one line of statistics. */
function startBricks(inside, input, stem) {
  const program = start(...inside([process.execPath, bricks, '--backend', 'pcap', '-f', join(__dirname, 'demo.lua'), '--', input, stem, String(OUTPUTS)]));
  const lines = [];
  const waiting = [];
  readline.createInterface({ input: program.stdout }).on('line', (line) => {
    const next = waiting.shift();
    if (next) next(line.split('\t'));
    else lines.push(line.split('\t'));
  });
  const next = () => (lines.length > 0 ? Promise.resolve(lines.shift()) : Promise.race([
    new Promise((resolve) => waiting.push(resolve)),
    program.ended.then((code) => {
      throw new Error(`bricks ended early (exit code ${code})`);
    }),
  ]));
  program.ended.catch(() => undefined);
  return { program, lines, next, ask: () => {
    program.stdin.write('\n');
    return next();
  } };
}

async function liveTraffic() {
  say(`1. Two network namespaces with a veth pair between them: ${namespaces.join(', ')}`);
  makeNetwork();
  const inServer = (command) => ['ip', ['netns', 'exec', namespaces[1], ...command]];
  const inClient = (command) => ['ip', ['netns', 'exec', namespaces[0], ...command]];
  const server = start(...inServer([process.execPath, join(__dirname, 'demo-traffic.cjs'), 'serve']));
  await new Promise((resolve) => server.stdout.once('data', resolve));
  let distinct = '';
  const result = await split(inServer, 'veth1', 'veth1', async (session) => {
    say(`4. ${CONNECTIONS} connections: TCP and UDP, IPv4 and IPv6`);
    const client = start(...inClient([process.execPath, join(__dirname, 'demo-traffic.cjs'), 'connect', String(CONNECTIONS)]), { stdio: ['ignore', 'pipe', 'inherit'] });
    client.stdout.on('data', (text) => (distinct += text));
    const progress = setInterval(() => void session.ask().then(([, packets]) => say(`   ${packets} packets so far`)), 1000);
    const code = await client.ended;
    clearInterval(progress);
    if (code !== 0) throw new Error('the traffic generator failed');
    // What is still on its way shows in the count; rest when it rests.
    for (let before = -1, [, now] = await session.ask(); before !== now || now === '0'; [, now] = await session.ask()) {
      before = now;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  });
  server.kill();
  return { ...result, distinct: Number(distinct) };
}

async function fromFile() {
  say(`1. ${process.argv.includes('--file') ? 'As asked for' : 'No root, so no network of our own'}: a capture file with ${CONNECTIONS} connections, made on the spot`);
  const file = join(folder, 'demo.pcap');
  const maker = spawnSync(process.execPath, [join(__dirname, 'demo-traffic.cjs'), 'write', file, String(CONNECTIONS)], { stdio: 'inherit' });
  if (maker.status !== 0) throw new Error('the capture file could not be made');
  const here = ([command, ...args]) => [command, args];
  return split(here, file, 'demo', async (session) => {
    say('4. Playing the file');
    for (let before = -1, [, now] = await session.ask(); before !== now || now === '0'; [, now] = await session.ask()) {
      before = now;
      say(`   ${now} packets so far`);
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  });
}

async function split(inside, input, stem, traffic) {
  const flows = new Map();
  say(`2. ${OUTPUTS} readers, each: bricks attach '${stem}}N' --exec tcpdump -r -`);
  const readers = Array.from({ length: OUTPUTS }, (_, output) => readPipe(inside, `${stem}}${output}`, output, flows));
  say(`3. bricks --backend pcap -f tools/demo.lua -- ${input} ${stem} ${OUTPUTS}`);
  const session = startBricks(inside, input, stem);
  await session.next();
  await traffic(session);
  session.program.stdin.end();
  const report = [];
  for (let line = await session.next(); ; line = await session.next()) {
    report.push(line);
    if (line[0] === 'audit') break;
  }
  await session.program.ended;
  await Promise.all(readers.map((reader) => reader.done));
  return { report, readers: readers.map((reader) => reader.count), flows };
}

function show({ report, readers, flows, distinct = CONNECTIONS }, seconds) {
  const sinks = report.filter(([kind, role]) => kind === 'link' && role === 'sink');
  const [, balanced, received, sent, dropped] = report.find(([kind]) => kind === 'audit');
  say('\nOUTPUT      PACKETS       BYTES   FLOWS  READ BY TCPDUMP  DROPPED');
  sinks.forEach(([, , name, packets, bytes, drops], output) => {
    say([name.padEnd(8), packets.padStart(10), bytes.padStart(11), String(readers[output].flows.size).padStart(7), String(readers[output].packets).padStart(16), `  ${drops}`].join(' '));
  });
  const torn = [...flows.values()].filter((outputs) => outputs.size > 1).length;
  const read = readers.reduce((sum, reader) => sum + reader.packets, 0);
  const checks = [
    [torn === 0, `no flow was split: each of the ${flows.size} connections is in one output only`],
    [balanced === 'true' && Number(received) === Number(sent) + Number(dropped), `received ${received} = delivered ${sent} + dropped ${dropped}`],
    [read === Number(sent), `the tcpdumps read ${read} of the ${sent} delivered packets`],
  ];
  say('');
  const again = CONNECTIONS - distinct;
  if (again > 0) say(`note ${again} of the ${CONNECTIONS} connections reused the port of an earlier one that was closed, so by addresses and ports there are ${distinct}`);
  for (const [ok, text] of checks) say(`${ok ? 'ok  ' : 'FAIL'} ${ok ? text : `not so: ${text}`}`);
  say(`\nDone in ${seconds} s. What to try next:
  ./bricks devices                                                interfaces of this machine
  ./bricks --backend pcap -f scripts/load-balance.lua -- IFACE 4  split one of them
  ./bricks attach 'IFACE}0' | tcpdump -r -                        read the first output
  ./bricks                                                        a shell; type help
  docs/guide/                                                                      guides, task by task`);
  return checks.every(([ok]) => ok) && flows.size > 0;
}

async function main() {
  setUp('demo');
  const begin = Date.now();
  const live = !process.argv.includes('--file') && process.platform === 'linux' && process.getuid() === 0 && spawnSync('ip', ['netns', 'list'], { stdio: 'ignore' }).status === 0;
  const result = live ? await liveTraffic() : await fromFile();
  return show(result, Math.round((Date.now() - begin) / 1000)) ? 0 : 1;
}

for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
process.on('exit', cleanUp);
main().then((code) => process.exit(code), (error) => {
  process.stderr.write(`demo: ${error.message}\n`);
  process.exit(1);
});
