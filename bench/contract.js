/**
 * The study behind docs/decisions/0002-batch-contract.md: forms in which a brick could get packets and
 * hand them on, on one thread, without the engine. `node bench/contract.js [ROUNDS]`; needs what
 * `npm run bench` builds. Each form does the same work: to one of four outputs by the flow word.
 */
'use strict';
const { dist, addon } = require('./lib/paths');
const { summary } = require('./lib/statistics');
const { createPacketBatch, packetMemory } = require(`${dist}/src/model/packet-batch.js`);
const { createPacketLists } = require(`${dist}/src/model/packet-list.js`);
const { flowHash } = require(`${dist}/src/flow/hash.js`);
const { parseFlow } = require(`${dist}/src/flow/parse.js`);
const { FlowFields } = require(`${dist}/src/flow/flow-fields.js`);

const ROWS = 256;
const OUTPUTS = 4;
const PACKETS = 2_000_000;
const SEED = 1;
const { MemoryRings } = addon('bench_rings');
const table = Uint16Array.from({ length: 65_536 }, (_, word) => flowHash(word) % OUTPUTS);
const table32 = Uint32Array.from(table);
const high = Uint32Array.from({ length: 256 }, (_, byte) => flowHash(byte << 8));
const low = Uint32Array.from({ length: 256 }, (_, byte) => flowHash(byte));
const parse = parseFlow;
const fields = new FlowFields();

const input = { rows: Uint16Array.from({ length: ROWS }, (_, row) => row), count: ROWS };

function nothing(_batch, lists) {
  lists.counts.fill(ROWS / OUTPUTS);
}

function blockWithHash(batch, lists) {
  const { flowAddresses, flowPorts } = batch;
  const { rows, counts, shift, outputs } = lists;
  for (let i = 0; i < input.count; i++) {
    const row = input.rows[i];
    const ports = flowPorts[row];
    const word = (flowAddresses[row] ^ ((ports >>> 16) + SEED) ^ (ports + SEED)) & 0xffff;
    const output = ((high[word >>> 8] ^ low[word & 255]) >>> 0) % outputs;
    rows[(output << shift) + counts[output]++] = row;
  }
}

function blockWithTable(batch, lists) {
  const { flowAddresses, flowPorts } = batch;
  const { rows, counts, shift } = lists;
  const inputRows = input.rows;
  const count = input.count;
  for (let i = 0; i < count; i++) {
    const row = inputRows[i];
    const ports = flowPorts[row];
    const output = table[(flowAddresses[row] ^ ((ports >>> 16) + SEED) ^ (ports + SEED)) & 0xffff];
    rows[(output << shift) + counts[output]++] = row;
  }
}

function blockWithWideTable(batch, lists) {
  const { flowAddresses, flowPorts } = batch;
  const { rows, counts, shift } = lists;
  const inputRows = input.rows;
  const count = input.count;
  for (let i = 0; i < count; i++) {
    const row = inputRows[i];
    const ports = flowPorts[row];
    const output = table32[(flowAddresses[row] ^ ((ports >>> 16) + SEED) ^ (ports + SEED)) & 0xffff];
    rows[(output << shift) + counts[output]++] = row;
  }
}

class Outputs {
  constructor(lists) {
    this.rows = lists.rows;
    this.counts = lists.counts;
    this.shift = lists.shift;
  }

  append(output, row) {
    this.rows[(output << this.shift) + this.counts[output]++] = row;
  }
}
let appender;

function appendMethod(batch) {
  const { flowAddresses, flowPorts } = batch;
  for (let i = 0; i < input.count; i++) {
    const row = input.rows[i];
    const ports = flowPorts[row];
    appender.append(table[(flowAddresses[row] ^ ((ports >>> 16) + SEED) ^ (ports + SEED)) & 0xffff], row);
  }
}

let objects;

function objectLists(batch, lists) {
  const { flowAddresses, flowPorts } = batch;
  for (let i = 0; i < input.count; i++) {
    const row = input.rows[i];
    const ports = flowPorts[row];
    const list = objects[table[(flowAddresses[row] ^ ((ports >>> 16) + SEED) ^ (ports + SEED)) & 0xffff]];
    list.rows[list.count++] = row;
  }
  for (let output = 0; output < OUTPUTS; output++) {
    lists.counts[output] = objects[output].count;
    objects[output].count = 0;
  }
}

const choice = new Uint16Array(ROWS);

/** The brick only says each packet's output; who sends distributes (here in TypeScript, as a native loop would). */
function choiceColumn(batch, lists) {
  const { flowAddresses, flowPorts } = batch;
  for (let row = 0; row < input.count; row++) {
    const ports = flowPorts[row];
    choice[row] = table[(flowAddresses[row] ^ ((ports >>> 16) + SEED) ^ (ports + SEED)) & 0xffff];
  }
  const { rows, counts, shift } = lists;
  for (let row = 0; row < input.count; row++) {
    const output = choice[row];
    rows[(output << shift) + counts[output]++] = row;
  }
}

function parseInBrick(batch, lists) {
  const { offset, length, memory, linkType } = batch;
  const { rows, counts, shift } = lists;
  const inputRows = input.rows;
  for (let i = 0; i < input.count; i++) {
    const row = inputRows[i];
    parse(memory, offset[row], length[row], linkType, 4, false, fields);
    const output = table[(fields.addresses ^ ((fields.ports >>> 16) + SEED) ^ (fields.ports + SEED)) & 0xffff];
    rows[(output << shift) + counts[output]++] = row;
  }
}

const FORMS = [
  ['receive and send, no brick', false, nothing],
  ['receive with flow columns and send, no brick', true, nothing],
  ['block of lists, hash and modulo in the brick', true, blockWithHash],
  ['block of lists, table of outputs', true, blockWithTable],
  ['block of lists, table with 32-bit entries', true, blockWithWideTable],
  ['outputs.append(output, row)', true, appendMethod],
  ['an object { rows, count } for each output', true, objectLists],
  ['a column of choices, distributed by a second loop', true, choiceColumn],
  ['block of lists, parsed in the brick', false, parseInBrick],
];

/** Lists as a load balancer leaves them, for the forms without a brick: else buffers would stay in their order. */
function scatter({ rows, shift }) {
  const filled = new Uint32Array(OUTPUTS);
  for (let row = 0, left = ROWS; row < ROWS; row++, left--) {
    let wanted = Math.random() * left;
    let output = 0;
    while (wanted >= ROWS / OUTPUTS - filled[output]) wanted -= ROWS / OUTPUTS - filled[output++];
    rows[(output << shift) + filled[output]++] = row;
  }
}

/** Each form has rings, batch, lists and code of its own, as if it were alone. */
function prepare([name, flowColumns, process]) {
  const control = new SharedArrayBuffer(128);
  const words = new Int32Array(control);
  const rings = new MemoryRings({ outputs: OUTPUTS, slots: 1024, huge: false, kind: 'ipv4', length: 60, flows: 0, control: words });
  const batch = createPacketBatch(ROWS);
  batch.memory = packetMemory(rings.memory());
  const lists = createPacketLists(OUTPUTS, ROWS);
  scatter(lists);
  const counters = new ArrayBuffer(16 * 8 * (OUTPUTS + 1));
  rings.bindSource({ batch, flowColumns, flowFields: true, arrival: true, lookedAt: true, counters, record: 0 });
  rings.bindSinks(Array.from({ length: OUTPUTS }, (_, output) => ({ lists, output, record: 16 * (output + 1) })), counters, false, ROWS);
  const round = (packets) => {
    words[3] = packets;
    words[0]++;
    appender = new Outputs(lists);
    objects = Array.from({ length: OUTPUTS }, (_, output) => ({ rows: lists.rows.subarray(output << lists.shift, (output + 1) << lists.shift), count: 0 }));
    const begin = cpuNanoseconds();
    for (let moved = 0; moved < packets; moved += ROWS) {
      batch.count = rings.receive();
      process(batch, lists);
      rings.transmit();
    }
    rings.receive();
    return (cpuNanoseconds() - begin) / packets;
  };
  return { name, round, times: [] };
}

/** Nanoseconds of CPU of this process. */
function cpuNanoseconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

const rounds = Number(process.argv[2] || 9);
const contestants = FORMS.map(prepare);
for (let round = -2; round < rounds; round++) {
  for (const contestant of contestants) {
    const time = contestant.round(PACKETS);
    if (round >= 0) contestant.times.push(time);
  }
}
for (const { name, times } of contestants) {
  const { median, least, most } = summary(times);
  console.log(`${name.padEnd(52)} ${median.toFixed(1).padStart(6)} ns a packet (${least.toFixed(1)} to ${most.toFixed(1)})`);
}
