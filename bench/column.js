/**
 * The study behind docs/decisions/0044-lists-or-a-column.md: a list of rows for each output, as the engine keeps, beside one column
 * that holds the output of each row. One thread, receiving and sending included, without the engine: `node bench/column.js [ROUNDS]`;
 * needs what `npm run bench` builds.
 */
'use strict';
const { dist, addon } = require('./lib/paths');
const { summary } = require('./lib/statistics');
const { createPacketBatch, createPacketColumns, packetMemory } = require(`${dist}/src/model/packet-batch.js`);
const { createPacketLists } = require(`${dist}/src/model/packet-list.js`);
const { flowHash } = require(`${dist}/src/flow/hash.js`);
const { beginRows, chooseFourLoop, endRows } = require(`${dist}/src/v8/loops.js`);
const { numberer } = require(`${dist}/src/v8/repeat-loops.js`);
const { Specialiser, callLoop } = require(`${dist}/src/v8/specialise.js`);
const { uint16Array, uint32Array } = require(`${dist}/src/model/typed-arrays.js`);

const PACKETS = 2_000_000;
const { MemoryRings } = addon('bench_rings');
const high = Uint32Array.from({ length: 256 }, (_, byte) => flowHash(byte << 8));
const low = Uint32Array.from({ length: 256 }, (_, byte) => flowHash(byte));

/** What a brick says of a row: the load balancer's function, at any level. */
const chooser = (flowWord, high, low, outputs, level) => (row) => {
  const word = flowWord[row] ^ (level << 3);
  return ((high[(word >>> 8) & 0xff] ^ low[word & 0xff]) >>> 0) % outputs;
};

/** The loop of the column form. Rows are looked at four at a time, as in the engine's loop. */
function columnLoop(choose, output) {
  return function passColumn(count) {
    let i = 0;
    for (const last = count - 4; i <= last; i = (i + 4) | 0) {
      output[i] = choose(i);
      output[(i + 1) | 0] = choose((i + 1) | 0);
      output[(i + 2) | 0] = choose((i + 2) | 0);
      output[(i + 3) | 0] = choose((i + 3) | 0);
    }
    for (; i < count; i = (i + 1) | 0) output[i] = choose(i);
  };
}

/** The same for some rows of a batch. */
function columnListLoop(choose, rows, output, first) {
  return function passRows(count) {
    let i = 0;
    for (const last = count - 4; i <= last; i = (i + 4) | 0) {
      const row0 = rows[i];
      const row1 = rows[(i + 1) | 0];
      const row2 = rows[(i + 2) | 0];
      const row3 = rows[(i + 3) | 0];
      output[row0] = (first + choose(row0)) | 0;
      output[row1] = (first + choose(row1)) | 0;
      output[row2] = (first + choose(row2)) | 0;
      output[row3] = (first + choose(row3)) | 0;
    }
    for (; i < count; i = (i + 1) | 0) output[rows[i]] = (first + choose(rows[i])) | 0;
  };
}

/** The rows of one output, in order, without a branch to guess. */
function collector(output, rows, wanted) {
  return function collect(count) {
    let n = 0;
    for (let row = 0; row < count; row = (row + 1) | 0) {
      rows[n] = row;
      n = (n + (output[row] === wanted ? 1 : 0)) | 0;
    }
    return n;
  };
}

/** Packets and bytes of each inner link. */
function linkCounter(output, length, packets, bytes) {
  return function countLinks(count) {
    for (let row = 0; row < count; row = (row + 1) | 0) {
      const link = output[row];
      packets[link]++;
      bytes[link] += length[row];
    }
  };
}

function bytesOf(length, rows) {
  return function bytes(count) {
    let sum = 0;
    for (let i = 0; i < count; i = (i + 1) | 0) sum = (sum + length[rows[i]]) | 0;
    return sum;
  };
}

/** For each row three more over the same bytes, for outputs 1 to 3; the row itself goes to output 0. */
function copier(output, slot, offset, length, capacity) {
  return function copy(count) {
    let to = capacity;
    for (let row = 0; row < count; row = (row + 1) | 0) {
      output[row] = 0;
      for (let copied = 1; copied < 4; copied = (copied + 1) | 0) {
        slot[to] = slot[row];
        offset[to] = offset[row];
        length[to] = length[row];
        output[to] = copied;
        to = (to + 1) | 0;
      }
    }
  };
}

/** Rings, columns and lists of one contestant. */
function surroundings({ outputs, slots, batchRows, scatter, copies }) {
  const words = new Int32Array(new SharedArrayBuffer(128));
  const rings = new MemoryRings({ outputs, slots, huge: false, scatter, kind: 'ipv4', length: 60, flows: 0, control: words });
  const batch = createPacketBatch(batchRows, createPacketColumns(copies ? batchRows * 4 : batchRows));
  batch.memory = packetMemory(rings.memory());
  const lists = createPacketLists(outputs, batchRows, outputs > 64);
  const counters = new ArrayBuffer(16 * 8 * (outputs + 1));
  rings.bindSource({ batch, flowColumns: !copies, flowFields: false, arrival: false, lookedAt: !copies, counters, record: 0 });
  rings.bindSinks(Array.from({ length: outputs }, (_, output) => ({ lists, output, record: 16 * (output + 1) })), counters, copies, batchRows);
  const output = uint16Array(copies ? batchRows * 4 : batchRows);
  rings.bindColumn(output);
  return { words, rings, batch, lists, output, outputs, batchRows, counters, specialise: new Specialiser().specialise };
}

const refuse = () => {
  throw new Error('no output');
};

/** The engine's loop into lists: `first` is where a group of outputs begins. */
function listStep({ batch, specialise }, lists, level, inputRows = null) {
  const { rows, counts, shift, step, outputs } = lists;
  const next = step > 0 ? counts : uint32Array(outputs);
  const begin = step > 0 ? () => undefined : specialise(beginRows, next, counts, shift, outputs);
  const end = step > 0 ? () => undefined : specialise(endRows, next, counts, shift, outputs);
  const loop = specialise(chooseFourLoop, specialise(chooser, batch.flowWord, high, low, outputs, level), inputRows, rows, next, step > 0, step, outputs, refuse);
  return (count) => {
    callLoop(begin);
    callLoop(loop, count);
    callLoop(end);
  };
}

const FORMS = {
  lists(around) {
    const choose = listStep(around, around.lists, 1);
    return (count) => {
      choose(count);
      around.rings.transmit();
    };
  },
  column(around) {
    const { specialise, batch, output, outputs, rings } = around;
    const loop = specialise(columnLoop, specialise(chooser, batch.flowWord, high, low, outputs, 1), output);
    return (count) => {
      callLoop(loop, count);
      rings.transmitColumn(count, 0);
    };
  },
  /** A load balancer, a Merge of all its outputs, and another load balancer. */
  'chain, lists'(around) {
    const { specialise, batch, lists, rings, batchRows } = around;
    const inner = createPacketLists(4, batchRows);
    const first = listStep(around, inner, 1);
    const second = listStep(around, lists, 2);
    const links = Array.from({ length: 4 }, (_, link) => specialise(bytesOf, batch.length, inner.rows.subarray(link << inner.shift, (link + 1) << inner.shift)));
    const bytes = uint32Array(4);
    return (count) => {
      first(count);
      for (let link = 0; link < 4; link++) bytes[link] += callLoop(links[link], inner.counts[link]);
      inner.counts.fill(0);
      second(count);
      rings.transmit();
    };
  },
  'chain, column'(around) {
    const { specialise, batch, output, outputs, rings, batchRows } = around;
    const inner = uint16Array(batchRows);
    const first = specialise(columnLoop, specialise(chooser, batch.flowWord, high, low, 4, 1), inner);
    const counting = specialise(linkCounter, inner, batch.length, uint32Array(4), uint32Array(4));
    const second = specialise(columnLoop, specialise(chooser, batch.flowWord, high, low, outputs, 2), output);
    return (count) => {
      callLoop(first, count);
      callLoop(counting, count);
      callLoop(second, count);
      rings.transmitColumn(count, 0);
    };
  },
  /** A load balancer whose four outputs go to a load balancer each, with four outputs. */
  'tree, lists'(around) {
    const { specialise, batch, lists, rings, batchRows } = around;
    const inner = createPacketLists(4, batchRows);
    const first = listStep(around, inner, 1);
    const parts = Array.from({ length: 4 }, (_, link) => {
      const rows = inner.rows.subarray(link << inner.shift, (link + 1) << inner.shift);
      const part = { ...lists, outputs: 4, rows: lists.rows.subarray((link * 4) << lists.shift, (link * 4 + 4) << lists.shift), counts: lists.counts.subarray(link * 4, link * 4 + 4) };
      return [specialise(bytesOf, batch.length, rows), listStep(around, part, 2, rows)];
    });
    const bytes = uint32Array(4);
    return (count) => {
      first(count);
      for (let link = 0; link < 4; link++) {
        bytes[link] += callLoop(parts[link][0], inner.counts[link]);
        parts[link][1](inner.counts[link]);
      }
      inner.counts.fill(0);
      rings.transmit();
    };
  },
  'tree, column'(around) {
    const { specialise, batch, output, rings, batchRows } = around;
    const inner = uint16Array(batchRows);
    const first = specialise(columnLoop, specialise(chooser, batch.flowWord, high, low, 4, 1), inner);
    const counting = specialise(linkCounter, inner, batch.length, uint32Array(4), uint32Array(4));
    const parts = Array.from({ length: 4 }, (_, link) => {
      const rows = uint16Array(batchRows);
      return [specialise(collector, inner, rows, link), specialise(columnListLoop, specialise(chooser, batch.flowWord, high, low, 4, 2), rows, output, link * 4)];
    });
    return (count) => {
      callLoop(first, count);
      callLoop(counting, count);
      for (let link = 0; link < 4; link++) callLoop(parts[link][1], callLoop(parts[link][0], count));
      rings.transmitColumn(count, 0);
    };
  },
  'copies, lists'(around) {
    const { specialise, lists, rings } = around;
    const { rows, counts, shift } = lists;
    const repeat = specialise(numberer, new Uint32Array(rows.buffer), rows, counts, shift);
    return (count) => {
      for (let output = 0; output < 4; output++) callLoop(repeat, output, count);
      rings.transmit();
    };
  },
  'copies, column'(around) {
    const { specialise, batch, output, rings, batchRows } = around;
    const copy = specialise(copier, output, batch.slot, batch.offset, batch.length, batchRows);
    return (count) => {
      callLoop(copy, count);
      rings.transmitColumn(count, count * 3);
    };
  },
};

const CONTESTS = [
  ['4 outputs', { outputs: 4, slots: 1024, batchRows: 512 }, ['lists', 'column']],
  ['4 outputs, buffers scattered', { outputs: 4, slots: 1024, batchRows: 512, scatter: true }, ['lists', 'column']],
  ['1,000 outputs', { outputs: 1000, slots: 128, batchRows: 1024 }, ['lists', 'column']],
  ['1,000 outputs, rings of 1,024', { outputs: 1000, slots: 1024, batchRows: 1024 }, ['lists', 'column']],
  ['chain: split, merge, split', { outputs: 4, slots: 1024, batchRows: 512, scatter: true }, ['chain, lists', 'chain, column']],
  ['tree: split, four times split', { outputs: 16, slots: 1024, batchRows: 512, scatter: true }, ['tree, lists', 'tree, column']],
  ['copies to 4 outputs', { outputs: 4, slots: 1024, batchRows: 512, copies: true }, ['copies, lists', 'copies, column']],
];

/** Nanoseconds of CPU of this process. */
function cpuNanoseconds() {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

function prepare(name, settings) {
  const around = surroundings({ scatter: false, copies: false, ...settings });
  const pass = FORMS[name](around);
  const { rings, words, batch } = around;
  const round = (packets) => {
    words[3] = packets;
    words[0]++;
    const begin = cpuNanoseconds();
    let moved = 0;
    while (moved < packets) {
      const count = rings.receive();
      batch.count = count;
      if (count > 0) pass(count);
      moved += count;
    }
    const time = (cpuNanoseconds() - begin) / moved;
    rings.receive();
    return time;
  };
  const sent = () => {
    rings.count();
    const counted = new BigUint64Array(around.counters);
    return Array.from({ length: around.outputs }, (_, output) => Number(counted[16 * (output + 1)])).reduce((sum, packets) => sum + packets, 0) / Number(counted[0]);
  };
  return { name, round, sent, times: [] };
}

const rounds = Number(process.argv[2] || 9);
const wanted = process.argv[3] ?? '';
for (const [title, settings, names] of CONTESTS.filter(([title]) => title.includes(wanted))) {
  const contestants = names.map((name) => prepare(name, settings));
  for (let round = -2; round < rounds; round++) {
    for (const contestant of contestants) {
      const time = contestant.round(PACKETS);
      if (round >= 0) contestant.times.push(time);
    }
  }
  const line = contestants.map(({ name, times, sent }) => {
    const { median, least } = summary(times);
    return `${name.split(', ').pop()} ${median.toFixed(1)} (${least.toFixed(1)}; ${sent().toFixed(2)} sent of each)`;
  });
  console.log(`${title.padEnd(34)} ${line.join('   ')}`);
}
