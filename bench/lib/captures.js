/** Those who capture a link and split what comes to four: our engine, and its peers in C. All in a namespace. */
'use strict';
const { setTimeout: sleep } = require('node:timers/promises');
const { LoadBalancer, PacketEngine } = require('./bundled');
const { dist } = require('./paths');
const { RECEIVING, SENDING } = require('./namespace');
const { Program, runProgram } = require('./programs');
const { threadCpu } = require('./threads');
const { parseLinkName } = require(`${dist}/src/model/link-name.js`);
const { pipeDirectory, pipeFileName } = require(`${dist}/src/pipes/pipe-name.js`);
const { coreAddon } = require(`${dist}/src/native/core-addon.js`);

const OUTPUTS = 4;
const GENERATOR_CPU = 0;
const CAPTURE_CPU = 1;
const NAME = 'bench-live';
/** A capture that gets no CPU for so long has lost nothing yet. */
const LOOK_MILLISECONDS = 50;
const QUIET_LOOKS = 40;
/** Each packet is handed up at once. A slot of the kernel's buffer has the snap length then. */
const AT_ONCE = { latency: 0, snapLength: 2048 };

const directory = () => pipeDirectory(coreAddon());
const pipes = (first, count) => Array.from({ length: count }, (_, k) => `live{${first + k}`);
const pipeFiles = (names) => names.map((name) => pipeFileName(parseLinkName(name))).join(',');

/** What the engine's books say, and the time that its thread has had. */
function engineAccount(engine) {
  const { links } = engine.stats();
  const sum = (role, what) => links.filter((link) => link.role === role).reduce((total, link) => total + link[what], 0);
  return { received: sum('source', 'packets'), lost: sum('source', 'dropped'), sent: sum('sink', 'packets'), dropped: sum('sink', 'dropped'), cpu: threadCpu(NAME) };
}

/** An engine that splits what comes from a link to so many pipes. */
async function startEngine({ input = RECEIVING, outputs = OUTPUTS, backend = 'pcap', options = {} } = {}) {
  const engine = new PacketEngine(NAME, { backend, backendOptions: options, cpu: CAPTURE_CPU });
  await engine.link(new LoadBalancer().connectInput(input).connectOutput(...pipes(0, outputs)));
  await engine.start();
  return {
    ask: () => Promise.resolve(engineAccount(engine)),
    async end() {
      await engine.stop();
      await engine.delete();
    },
  };
}

async function startProgram(name, words) {
  const program = new Program(name, ['--interface', RECEIVING, ...words], { cpu: CAPTURE_CPU });
  await program.line();
  return program;
}

const pipeWords = (outputs = OUTPUTS) => ['--directory', directory(), '--pipes', pipeFiles(pipes(0, outputs))];

/** `drained`: it sends to pipes, which someone must read. */
const CAPTURES = {
  engine: { drained: true, start: () => startEngine() },
  'C on libpcap': { drained: true, start: () => startProgram('bench_live_peer', pipeWords()) },
  'C on AF_PACKET fanout': { drained: false, start: () => startProgram('bench_fanout_peer', []) },
};

/** Starts one with its reader. */
async function startCapture(name) {
  const { drained, start } = CAPTURES[name];
  const drain = drained ? new Program('bench_pipe', ['drain', ...pipeWords()], { cpu: CAPTURE_CPU }) : undefined;
  let capture;
  try {
    capture = await start();
    await drain?.line();
  } catch (error) {
    await drain?.end();
    throw error;
  }
  return {
    ask: () => capture.ask(),
    drained: () => drain?.ask(),
    async end() {
      await capture.end();
      await drain?.end();
    },
  };
}

const sendWords = (rate, milliseconds) => ['--interface', SENDING, '--rate', Math.round(rate), '--milliseconds', milliseconds];

/** `rate` 0: as fast as it goes. Answers { packets, wall, cpu }. */
function send(rate, milliseconds) {
  return runProgram('bench_send_frames', sendWords(rate, milliseconds), { cpu: GENERATOR_CPU });
}

/** The same, until it is told to stop; that answers. */
function startSending(rate) {
  const program = new Program('bench_send_frames', sendWords(rate, 60_000), { cpu: GENERATOR_CPU });
  return async () => {
    program.child.kill('SIGTERM');
    const sent = await program.line();
    await program.ended;
    return sent;
  };
}

/** Sends at a rate, waits until no more comes, and tells what was lost on the way. */
async function trial(capture, rate, milliseconds) {
  const before = await capture.ask();
  const sent = await send(rate, milliseconds);
  let after = await capture.ask();
  for (let quiet = 0; quiet < QUIET_LOOKS && after.received - before.received < sent.packets; quiet++) {
    await sleep(LOOK_MILLISECONDS);
    const now = await capture.ask();
    if (now.received > after.received) quiet = 0;
    after = now;
  }
  const received = after.received - before.received;
  const missing = sent.packets - received + after.dropped - before.dropped;
  return { offered: (sent.packets / sent.wall) * 1e9, sent: sent.packets, received, missing, cpu: (after.cpu - before.cpu) / Math.max(1, received), generator: sent.cpu / sent.wall };
}

module.exports = { AT_ONCE, GENERATOR_CPU, pipeFiles, pipeWords, send, startCapture, startEngine, startProgram, startSending, trial };
