import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import fc from 'fast-check';
import { DROP_REASONS } from 'packet-bricks';
import { BRICK_DROPS, BRICK_OWN, CounterPublisher, LINK_DROPS, LINK_RECORD, addToCounter, createCounterBlock, createSharedCounters, readCounter, readDrops, setCounter, snapshotCounters, sumOfDrops } from 'packet-bricks/src/model/counters';

const BUILT = require.resolve('packet-bricks/src/model/counters');

test('a counter carries from its low into its high half', () => {
  const { words } = createCounterBlock(3);
  setCounter(words, 1, 0xffff_fff0);
  addToCounter(words, 1, 0x20);
  expect(readCounter(words, 1)).toBe(0x1_0000_0010);
  addToCounter(words, 1, 0xffff_ffff);
  expect(readCounter(words, 1)).toBe(0x2_0000_000f);
  expect([readCounter(words, 0), readCounter(words, 2)]).toEqual([0, 0]);
});

test('sums of any amounts are exact up to 2^53', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 52 }), fc.array(fc.integer({ min: 0, max: 0xffff_ffff }), { maxLength: 200 }), (start, amounts) => {
    const { words } = createCounterBlock(1);
    setCounter(words, 0, start);
    for (const amount of amounts) addToCounter(words, 0, amount);
    expect(readCounter(words, 0)).toBe(amounts.reduce((sum, amount) => sum + amount, start));
  }));
});

test('every reason to drop has room in the records of links and bricks', () => {
  expect(LINK_DROPS + DROP_REASONS.length).toBeLessThanOrEqual(LINK_RECORD);
  expect(BRICK_DROPS + DROP_REASONS.length).toBeLessThanOrEqual(BRICK_OWN);
});

test('drops are read by their reasons, and only those there were', () => {
  const { words } = createCounterBlock(LINK_RECORD);
  const last = DROP_REASONS.length - 1;
  addToCounter(words, LINK_DROPS, 3);
  addToCounter(words, LINK_DROPS + last, 4);
  expect(readDrops(words, LINK_DROPS)).toEqual({ [DROP_REASONS[0].name]: 3, [DROP_REASONS[last].name]: 4 });
  expect(sumOfDrops(readDrops(words, LINK_DROPS))).toBe(7);
});

test('a snapshot has what was published last', () => {
  const block = createCounterBlock(2);
  const shared = createSharedCounters(2);
  const publisher = new CounterPublisher(block, shared);
  addToCounter(block.words, 1, 5);
  expect(readCounter(snapshotCounters(shared), 1)).toBe(0);
  publisher.publish();
  addToCounter(block.words, 1, 1);
  expect(readCounter(snapshotCounters(shared), 1)).toBe(5);
});

test('a snapshot is whole while another thread writes', async () => {
  const slots = 4096;
  const shared = createSharedCounters(slots);
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const writer = new Worker(`
    const { workerData, parentPort } = require('node:worker_threads');
    const { CounterPublisher, createCounterBlock, setCounter } = require(workerData.counters);
    const block = createCounterBlock(workerData.slots);
    const publisher = new CounterPublisher(block, workerData.shared);
    for (let round = 1; Atomics.load(workerData.stop, 0) === 0; round++) {
      for (let slot = 0; slot < workerData.slots; slot++) setCounter(block.words, slot, round);
      publisher.publish();
      if (round === 1) parentPort.postMessage('writing');
    }
  `, { eval: true, workerData: { counters: BUILT, shared, stop, slots } });
  try {
    await once(writer, 'message');
    let last = 0;
    let changes = 0;
    for (let reads = 0; changes < 200 && reads < 200_000; reads++) {
      const words = snapshotCounters(shared);
      const value = readCounter(words, 0);
      for (let slot = 1; slot < slots; slot += 17) {
        if (readCounter(words, slot) !== value) throw new Error(`slot ${slot} is ${readCounter(words, slot)}, slot 0 is ${value}`);
      }
      expect(value).toBeGreaterThanOrEqual(last);
      if (value !== last) changes++;
      last = value;
    }
    expect(changes).toBeGreaterThanOrEqual(50);
  } finally {
    Atomics.store(stop, 0, 1);
    await writer.terminate();
  }
});
