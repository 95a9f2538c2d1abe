/** Calls every function of the native part with what makes no sense. Argument: the module that loads it. Ends well if nothing but exceptions came of it. */
const { openSync } = require('node:fs');
const { dirname, join } = require('node:path');
const [, , filesModule] = process.argv;
const model = join(dirname(filesModule), '..', 'model');
const { createPacketBatch } = require(join(model, 'packet-batch.js'));
const { createPacketLists } = require(join(model, 'packet-list.js'));
const files = require(filesModule).nativeFiles();

const batch = createPacketBatch(16);
const lists = createPacketLists(1, 16);
const states = (edit = () => undefined) => {
  const state = new Float64Array(13);
  [state[1], state[2], state[3], state[4], state[6]] = [1, 262144, Infinity, Infinity, -1];
  edit(state);
  return [state];
};
const recorderOf = (edit = {}) => {
  const all = { batches: [batch], lists: [lists], outputs: new Uint32Array(1), rings: [new Uint8Array(65536)], controls: [new Uint32Array(80)], states: states(), maps: [new Uint32Array(64)], counters: new Uint32Array(64), records: new Uint32Array(1), ...edit };
  return files.bindRecorder(...Object.values(all));
};
const readerOf = (edit) => {
  const state = new Uint32Array(32 + 512);
  [state[4], state[5], state[13], state[14]] = [0xffffffff, 0xffffffff, 1000000, 16];
  edit?.(state);
  return files.bindReader(batch, new Uint8Array(4096), state);
};

const mustThrow = {
  'a parser whose words are all zero': () => files.parseRecords(readerOf((state) => state.fill(0))),
  'an end beyond the window': () => files.parseRecords(readerOf((state) => { state[1] = 0x7fffffff; })),
  'a position beyond the end': () => files.parseRecords(readerOf((state) => { state[0] = 1; })),
  'more rows than the batch has': () => files.parseRecords(readerOf((state) => { state[7] = 17; })),
  'more interfaces than the table has': () => files.parseRecords(readerOf((state) => { state[2] = 1; state[16] = 65; })),
  'a parser that is a recorder': () => files.parseRecords(recorderOf()),
  'a recorder that is a parser': () => files.encodeLists(readerOf(), 0, new Uint8Array(64), 0, false),
  'a batch that there is not': () => files.encodeLists(recorderOf(), 5, new Uint8Array(64), 0, false),
  'a record that is not among the counters': () => recorderOf({ records: new Uint32Array([0x7fffffff]) }),
  'a record that is not whole': () => recorderOf({ records: new Uint32Array([17]) }),
  'an output without a list': () => recorderOf({ outputs: new Uint32Array([1]) }),
  'a ring whose length is no power of two': () => recorderOf({ rings: [new Uint8Array(65000)] }),
  'an empty ring': () => recorderOf({ rings: [new Uint8Array(0)] }),
  'fewer rings than lists': () => recorderOf({ rings: [] }),
  'counters between two numbers': () => recorderOf({ counters: new Uint32Array(new ArrayBuffer(260), 4) }),
  'lists with an impossible shift': () => recorderOf({ lists: [{ ...lists, shift: 32 }] }),
  'lists that are shorter than they say': () => recorderOf({ lists: [{ ...lists, outputs: 1000 }], outputs: new Uint32Array([999]) }),
  'fewer maps than lists': () => recorderOf({ maps: [] }),
  'a map that is too short': () => recorderOf({ maps: [new Uint32Array(63)] }),
  'notes that are too short': () => files.encodeLists(recorderOf(), 0, new Uint8Array(64), 0, false, new Uint32Array(47)),
  'notes without a place for them': () => files.parseRecords(readerOf((state) => { state[19] = 1; })),
  'a batch of nothing': () => recorderOf({ batches: [{}] }),
  'memory of another kind': () => files.mapGuardian(openSync('/dev/null'), 1000),
  'more memory than the guardian has': () => files.mapGuardian(files.startGuardian('', 1).memory, 1000),
  'a program that there is not': () => files.startGuardian('/there/is/none', 1),
  'a path with a zero byte': () => files.openTarget('a\0b'),
  'a descriptor of nobody': () => files.takeFile(1),
};
for (const [name, call] of Object.entries(mustThrow)) {
  let threw = false;
  try {
    call();
  } catch (error) {
    threw = error instanceof Error;
  }
  if (!threw) {
    process.stdout.write(`no exception: ${name}\n`);
    process.exit(1);
  }
}

// What a brick may get wrong costs packets and nothing else.
lists.counts[0] = 0xffffffff;
lists.rows.fill(9999);
files.encodeLists(recorderOf(), 0, new Uint8Array(64), 0, false);
batch.offset.fill(0xf0000000);
lists.counts[0] = 16;
lists.rows.fill(1);
files.encodeLists(recorderOf({ controls: [new Uint32Array(80).fill(0xffffffff)], states: states((state) => state.fill(NaN)) }), 0, new Uint8Array(64), 0, false);

// Notes are not believed either.
batch.offset.fill(0);
lists.counts[0] = 16;
files.encodeLists(recorderOf({ states: states((state) => { state[0] = 1; }) }), 0, new Uint8Array(64), 0, false, new Uint32Array(48).fill(0xfffffff0));
lists.counts[0] = 16;
files.encodeLists(recorderOf({ states: states((state) => { state[0] = 1; }) }), 0, new Uint8Array(64), 0, false, new Uint32Array(48).fill(64, 32));

const values = [undefined, null, true, -1, 0.5, NaN, 1e30, 'text', Symbol('nothing'), [], [{}], {}, () => 1, new Uint8Array(3), new Uint32Array(600), new Float64Array(1), readerOf(), recorderOf(), 2 ** 31];
let seed = 1;
for (const call of Object.values(files)) {
  for (let round = 0; round < 400; round++) {
    const given = Array.from({ length: round % 10 }, () => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return values[seed % values.length];
    });
    try {
      call(...given);
    } catch {
      continue;
    }
  }
}
process.stdout.write('only exceptions\n');
