/**
 * The benchmark's backend: interfaces are rings in memory, laid out as netmap's, with native ports
 * as thin as a network card allows. `in` is received from, `out{0`, `out{1`, ... are sent to.
 *
 * It moves packets in rounds: `startRound(packets)` from the main thread lets that many come in, and
 * returns their time. Between rounds the engine idles as with a silent network.
 */
'use strict';
const { setTimeout: sleep } = require('node:timers/promises');
const { packetMemory } = require('../lib/bundled');
const { addon } = require('../lib/paths');

const ROUND = 0;
const DONE = 1;
const END = 2;
const PACKETS = 3;
const KIND = 4;
const ANNOUNCE = 5;
const RENEW = 6;
const KINDS = ['', 'ipv4', 'ipv6', 'vlan', 'mixed', 'malformed', 'fragments', 'orphans', 'arp', 'wrapped', 'extensions'];
const RESULTS_OFFSET = 64;
const TIMES_OFFSET = 128;
/** As bench/native/batch_times.h has them. */
const TIME_SLOTS = 4 * 36;
const HISTOGRAMS = ['undisturbed', 'disturbed', 'empty', 'peer'];

/** One for each engine that is open; the last one made is the one that is measured. */
const controls = [];

class Ports {
  constructor(options) {
    this.options = options;
    this.rings = undefined;
  }

  openSinks(requests, context) {
    const { MemoryRings } = addon('bench_rings');
    this.rings = new MemoryRings({ ...this.options, outputs: requests.length, control: new Int32Array(context.prepared) });
    const rings = this.rings;
    for (const { lists, output } of requests) lists.drops.complete[output] = 1;
    rings.bindSinks(requests, requests[0].counters.buffer, context.copies, context.batchRows);
    return {
      reads: [],
      transmit() {
        rings.transmit();
        return 0;
      },
      flush() {},
      refreshCounters: () => void rings.count(),
      close: () => void rings.count(),
    };
  }

  openSource(request) {
    const rings = this.rings;
    const { unread, flowColumns } = request;
    rings.bindSource({
      batch: request.batch,
      flowColumns: flowColumns && this.options.flowColumns,
      flowFields: !unread.has('flowPorts') || !unread.has('flowAddresses'),
      arrival: !unread.has('wireLength') || !unread.has('seconds') || !unread.has('nanoseconds'),
      lookedAt: flowColumns && this.options.flowColumns,
      counters: request.counters.buffer,
      record: request.record,
    });
    const { batch } = request;
    batch.memory = packetMemory(rings.memory());
    return {
      link: request.link,
      descriptor: -1,
      lossless: false,
      receive() {
        const count = rings.receive();
        // One way for packets and for none, as in the backends.
        batch.count = count > 0 ? count : 0;
        return count;
      },
      release() {},
      close() {},
    };
  }
}

exports.memoryRings = {
  name: 'memory-rings',
  summary: 'rings in memory, for benchmarks',
  preference: -1,
  options: [
    { name: 'slots', type: 'integer', default: 1024, description: 'slots of each ring, a power of two' },
    { name: 'kind', type: 'string', default: 'ipv4', description: 'of packets: ipv4, ipv6, vlan, mixed' },
    { name: 'length', type: 'integer', default: 60, description: 'of packets, 0 for a mix' },
    { name: 'flows', type: 'integer', default: 0, description: '0: each packet a flow of its own' },
    { name: 'huge', type: 'boolean', default: false, description: 'huge pages' },
    { name: 'scatter', type: 'boolean', default: false, description: 'buffers in no order from the start' },
    { name: 'flowColumns', type: 'boolean', default: true, description: 'whether flow columns are filled' },
  ],
  status: () => ({ usable: true, reason: 'it needs nothing' }),
  devices: () => Promise.resolve([]),
  handles: () => true,
  interleavedLists: true,
  prepare() {
    const times = exports.batchTimes ? HISTOGRAMS.length * (TIME_SLOTS + 1) * 8 : 0;
    const control = new SharedArrayBuffer(TIMES_OFFSET + times);
    controls.push(control);
    return control;
  },
  flowColumns: (options) => options.flowColumns,
  ports: (options) => new Ports(options),
};

/** Whether engines that are linked from now on measure each batch's time. */
exports.batchTimes = false;

/** The control of the engine that was linked last. */
exports.lastControl = () => new RoundControl(controls[controls.length - 1]);

class RoundControl {
  constructor(buffer) {
    this.words = new Int32Array(buffer);
    this.results = new Float64Array(buffer, RESULTS_OFFSET, 2);
    this.times = new Float64Array(buffer, TIMES_OFFSET);
  }

  /** Lets packets come in, and returns the time that they took in nanoseconds. */
  async round(packets) {
    const { words, results } = this;
    Atomics.store(words, PACKETS, packets);
    const number = Atomics.add(words, ROUND, 1) + 1;
    while (Atomics.load(words, DONE) !== number) await sleep(5);
    return { packets, wall: results[0], cpu: results[1] };
  }

  /** The same without an event loop; `pause` waits for some milliseconds. */
  roundBlocking(packets, pause) {
    const { words, results } = this;
    Atomics.store(words, PACKETS, packets);
    const number = Atomics.add(words, ROUND, 1) + 1;
    while (Atomics.load(words, DONE) !== number) pause(1);
    return { packets, wall: results[0], cpu: results[1] };
  }

  /** An empty loop in place of the last rounds, with the same wait before it. */
  emptyRound(pause) {
    this.roundBlocking(-1, pause);
  }

  /** The hand-written load balancer in the engine's place, over the same rings and in its thread. */
  peerRound(packets, pause) {
    this.roundBlocking(-1 - packets, pause);
  }

  /**
   * From the next round on, other packets: a round of none makes them, so that no batch's time has that in it. And others again each
   * time that `renewed` packets have come; 0 for never.
   */
  changeTraffic(kind, renewed, pause) {
    Atomics.store(this.words, KIND, KINDS.indexOf(kind));
    Atomics.store(this.words, RENEW, renewed);
    this.roundBlocking(0, pause);
  }

  /** Batch times since this was asked last: for each histogram its slots, [below, batches], and the longest time. */
  takeBatchTimes() {
    const { times } = this;
    const taken = HISTOGRAMS.map((name, index) => {
      const slots = [];
      for (let slot = 0; slot < TIME_SLOTS; slot++) {
        const batches = times[index * TIME_SLOTS + slot];
        const below = slot < 4 ? slot + 1 : 2 ** (slot >> 2) / 2 * (5 + (slot & 3));
        if (batches > 0) slots.push({ below, batches });
      }
      return [name, { slots, longest: times[HISTOGRAMS.length * TIME_SLOTS + index] }];
    });
    times.fill(0);
    return Object.fromEntries(taken);
  }

  /** Says on standard output where rounds begin, among what V8 traces there. */
  announce() {
    Atomics.store(this.words, ANNOUNCE, 1);
  }

  end() {
    Atomics.store(this.words, END, 1);
  }
}
