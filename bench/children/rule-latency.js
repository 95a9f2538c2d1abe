/**
 * In a namespace: a filter under live traffic, and a client that adds a rule and removes it again, as Zeek does over its WebSocket. What passes the filter is recorded
 * with the kernel's time of arrival: so it is known to one packet when the rule began to drop.
 */
'use strict';
const { execFileSync } = require('node:child_process');
const { mkdtempSync, readFileSync, rmSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { setTimeout: sleep } = require('node:timers/promises');
const { WebSocket } = require('ws');
const { RECEIVING, makeLink } = require('../lib/namespace');
const { AT_ONCE, startSending } = require('../lib/captures');
const { Filter, PacketEngine, PcapWriter } = require('../lib/bundled');

const PORT = 9997;
const TOPIC = 'bricks/netcontrol';
/** How long a rule stands, and how long it is gone. */
const MILLISECONDS = 25;
const SILENCE_NANOSECONDS = 10e6;
const FILE_HEADER = 24;
const RECORD_HEADER = 16;

const value = (type, data) => ({ '@data-type': type, data });
const vector = (...data) => value('vector', data);
const none = value('none', {});
const name = (text) => value('enum-value', `NetControl::${text}`);

/** A message about a rule that drops everything. */
function messageOf(kind, id, ...more) {
  const entity = vector(name('ADDRESS'), none, none, value('subnet', '0.0.0.0/0'), none);
  const rule = vector(name('DROP'), name('FORWARD'), entity, none, value('integer', 0), none, none, none, value('string', String(id)), value('count', id));
  return JSON.stringify({ type: 'data-message', topic: TOPIC, ...vector(value('count', 1), value('count', 1), vector(value('string', `NetControl::${kind}`), vector(value('count', 7), rule, ...more))) });
}

/** Now, in nanoseconds since 1970, as the kernel's time stamps. */
const now = () => (performance.timeOrigin + performance.now()) * 1e6;

class Client {
  constructor(socket) {
    this.socket = socket;
    this.waiting = [];
    socket.on('message', () => this.waiting.shift()?.());
  }

  static async connect() {
    const socket = new WebSocket(`ws://127.0.0.1:${PORT}/v1/messages/json`);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const client = new Client(socket);
    await client.ask(JSON.stringify([TOPIC]));
    return client;
  }

  /** Sends a message and waits for its answer. */
  ask(message) {
    const answered = new Promise((resolve) => { this.waiting.push(resolve); });
    this.socket.send(message);
    return answered;
  }
}

/** Times of arrival in a capture file with nanoseconds. */
function arrivals(file) {
  const bytes = readFileSync(file);
  const times = [];
  for (let at = FILE_HEADER; at + RECORD_HEADER <= bytes.length; at += RECORD_HEADER + bytes.readUInt32LE(at + 8)) times.push(bytes.readUInt32LE(at) * 1e9 + bytes.readUInt32LE(at + 4));
  return times;
}

async function main() {
  const { changes, rate } = JSON.parse(process.argv[2]);
  makeLink();
  execFileSync('ip', ['link', 'set', 'lo', 'up']);
  const folder = mkdtempSync(join(tmpdir(), 'bricks-bench-'));
  const file = join(folder, 'passed.pcap');
  try {
    const engine = new PacketEngine('bench-rules', { backend: 'pcap', backendOptions: AT_ONCE });
    const writer = new PcapWriter().connectInput('passed}0').connectOutput(file);
    await engine.link(new Filter({ listen: `127.0.0.1:${PORT}` }).connectInput(RECEIVING).connectOutput('passed{0').link(writer));
    await engine.start();
    const client = await Client.connect();
    const endSending = startSending(rate);
    await sleep(500);
    const rules = [];
    for (let id = 0; id < changes; id++) {
      const sent = now();
      await client.ask(messageOf('broker_add_rule', id));
      const answered = now();
      await sleep(MILLISECONDS);
      rules.push({ sent, answered });
      await client.ask(messageOf('broker_remove_rule', id, value('string', 'done')));
      await sleep(MILLISECONDS);
    }
    await endSending();
    client.socket.close();
    await engine.stop();
    await engine.delete();
    const passed = arrivals(file);
    const gap = 1e9 / rate;
    const times = rules.map(({ sent, answered }) => {
      // The last one before the silence that the rule brings.
      let last = passed.findLastIndex((time) => time <= sent);
      while (last + 1 < passed.length && passed[last + 1] - passed[last] < SILENCE_NANOSECONDS) last++;
      return { dropped: Math.max(0, passed[last] - sent) + gap, answered: answered - sent };
    });
    console.log(`REPORT ${JSON.stringify(times)}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
