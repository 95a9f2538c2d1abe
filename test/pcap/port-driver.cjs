// Opens ports of the pcap backend in a network namespace, and does what the test tells it by messages.
'use strict';
const fs = require('node:fs');
const { join } = require('node:path');

// As if this native part had not been built.
const without = process.env.PORT_DRIVER_WITHOUT;
const { existsSync } = fs;
if (without) fs.existsSync = (path) => !String(path).endsWith(without) && existsSync(path);

const dist = join(__dirname, '../../dist');
const { PcapBackend } = require(join(dist, 'backends/pcap'));
const { createPacketBatch, packetMemory } = require(join(dist, 'src/model/packet-batch'));
const { createPacketLists } = require(join(dist, 'src/model/packet-list'));
const { createCounterBlock, readCounter, readDrops, LINK_DROPS, LINK_RECORD } = require(join(dist, 'src/model/counters'));
const { parseLinkName } = require(join(dist, 'src/model/link-name'));

const backend = new PcapBackend();
const backendOptions = JSON.parse(process.env.PORT_DRIVER_OPTIONS ?? '{}');
const notices = [];
const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const context = (batches, prepared) => ({ batchRows: 256, prepared, batches, copies: false, notice: (text) => notices.push(text) });
const linkCounts = (words, record) => ({ packets: readCounter(words, record), bytes: readCounter(words, record + 1), drops: readDrops(words, record + LINK_DROPS) });

const sources = new Map();
let sinks;
let prepared;

const commands = {
  status: () => backend.status(),
  devices: () => backend.devices(),
  openSource({ device, id = 0, queue = -1, options = {}, flowColumns = false, alsoSink = false, rows = 256 }) {
    const link = parseLinkName(device);
    prepared = backend.prepare({ engine: 'test', sources: [{ link, options }], sinks: [], bufferSize: 0 });
    const counters = createCounterBlock(LINK_RECORD);
    const batch = createPacketBatch(rows);
    const port = backend.ports(backendOptions).openSource({ link, options, queue, batch, flowColumns, alsoSink, counters, record: 0 }, context([batch], prepared));
    sources.set(id, { port, batch, counters });
    return { notices: id > 0 || queue >= 0 ? notices.splice(0) : [], kind: port.constructor.name, descriptor: port.descriptor, linkType: batch.linkType, receiveRing: port.receiveRing };
  },
  // Takes packets until there are `expected` of them, the source ends, or the time is over.
  async collect({ id = 0, expected = Infinity, milliseconds = 3000, keep = true }) {
    const { port, batch, counters } = sources.get(id);
    const until = Date.now() + milliseconds;
    const packets = [];
    let received = 0;
    let ended = false;
    while (received < expected && !ended && Date.now() < until) {
      const count = port.receive();
      if (count < 0) ended = true;
      if (count > 0) received += count;
      for (let row = 0; keep && row < count; row++) {
        packets.push({
          bytes: Buffer.from(batch.memory.bytes.subarray(batch.offset[row], batch.offset[row] + batch.length[row])),
          aligned: batch.offset[row] % 4 === 0, wireLength: batch.wireLength[row], seconds: batch.seconds[row], nanoseconds: batch.nanoseconds[row],
          flowKind: batch.flowWord[row] >>> 16, flowPorts: batch.flowPorts[row], flowAddresses: batch.flowAddresses[row],
        });
      }
      if (count > 0) port.release();
      else await sleep(1);
    }
    port.refreshCounters();
    return { packets, received, ended, linkType: batch.linkType, counts: linkCounts(counters.words, 0), notices: notices.splice(0) };
  },
  // The same of several sources in turn, which have `expected` together.
  async collectAll({ ids, expected, milliseconds }) {
    const parts = ids.map(() => []);
    let left = expected;
    for (const until = Date.now() + milliseconds; left > 0 && Date.now() < until;) {
      for (const [index, id] of ids.entries()) {
        const part = await commands.collect({ id, milliseconds: 1 });
        parts[index].push(part);
        left -= part.received;
      }
    }
    return parts.map((each) => ({ ...each.at(-1), packets: each.flatMap(({ packets }) => packets), received: each.reduce((sum, { received }) => sum + received, 0) }));
  },
  // Takes one batch and answers what it held at once, and what it holds after a while, or after the source was closed.
  async hold({ milliseconds = 300, close = false }) {
    const { port, batch } = sources.get(0);
    let count = 0;
    for (const until = Date.now() + 3000; count === 0 && Date.now() < until;) {
      count = port.receive();
      if (count === 0) await sleep(1);
    }
    const bytes = () => Array.from({ length: count }, (_, row) => Buffer.from(batch.memory.bytes.subarray(batch.offset[row], batch.offset[row] + batch.length[row])).toString('hex'));
    const before = bytes();
    if (close) port.close();
    await sleep(milliseconds);
    return { before, after: bytes() };
  },
  openSinks({ devices, options = {} }) {
    const counters = createCounterBlock(devices.length * LINK_RECORD);
    const lists = createPacketLists(devices.length, 256);
    const batch = createPacketBatch(256);
    const requests = devices.map((device, output) => ({ link: parseLinkName(device), options, lists, output, counters, record: output * LINK_RECORD }));
    sinks = { transmitter: backend.ports({}).openSinks(requests, context([batch])), counters, lists, batch, count: devices.length };
  },
  // Sends frames out of all sinks, 256 a batch; `times` over.
  async send({ frames, linkType = 1, times = 1, pause = 0 }) {
    const { transmitter, lists, batch, counters } = sinks;
    batch.linkType = linkType;
    for (let time = 0; time < times; time++) {
      for (let first = 0; first < frames.length; first += 256) {
        const part = frames.slice(first, first + 256);
        const memory = packetMemory(new ArrayBuffer(part.reduce((sum, frame) => sum + ((frame.length + 3) & ~3), 4)));
        let at = 0;
        part.forEach((frame, row) => {
          memory.bytes.set(frame, at);
          batch.offset[row] = at;
          batch.length[row] = batch.wireLength[row] = frame.length;
          at += (frame.length + 3) & ~3;
          for (let output = 0; output < sinks.count; output++) lists.rows[(output << lists.shift) + row] = row;
        });
        batch.memory = memory;
        batch.count = part.length;
        lists.counts.fill(part.length);
        for (let tries = 0; transmitter.transmit(batch, tries < 1000) > 0; tries++) await sleep(1);
        transmitter.flush();
      }
      if (pause > 0) await sleep(pause);
    }
    await sleep(260);
    transmitter.refreshCounters();
    return { links: Array.from({ length: sinks.count }, (_, output) => linkCounts(counters.words, output * LINK_RECORD)), left: Array.from(lists.counts), notices: notices.splice(0) };
  },
  // One source, or everything.
  close({ id } = {}) {
    for (const [key, { port }] of sources) {
      if (id !== undefined && key !== id) continue;
      port.close();
      sources.delete(key);
    }
    if (id !== undefined) return;
    sinks?.transmitter.close();
    backend.discard(prepared);
    sinks = prepared = undefined;
  },
};

process.on('message', async ({ command, argument }) => {
  try {
    process.send({ result: await commands[command](argument ?? {}) });
  } catch (error) {
    process.send({ error: { code: error.code, message: error.message } });
  }
});
