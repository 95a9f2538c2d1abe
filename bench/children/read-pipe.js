/** Reads a pipe in TypeScript's way, by attach(): counts packets and bytes, and looks at each packet's first bytes. */
'use strict';
const { dist } = require('../lib/paths');
const { attach } = require(`${dist}/src/index.js`);
const { Specialiser } = require(`${dist}/src/v8/specialise.js`);

/** What is done with a batch: a function of its own, over arrays that never change (decision 0015). */
function makeLook(offset, length, words, sums) {
  return function look(count) {
    let bytes = 0;
    let first = 0;
    for (let row = 0; row < count; row++) {
      const size = length[row];
      // Whole numbers of 32 bits, as far as a batch goes: they are added faster than fractions.
      bytes = (bytes + size) | 0;
      if (size >= 4) first ^= words[offset[row] >>> 2];
    }
    sums[0] += bytes;
    sums[1] ^= first;
  };
}

async function read(link, wanted) {
  const reader = await attach(link, { wait: true, batchRows: 256 });
  const { batch } = reader;
  const sums = new Float64Array(2);
  // A pipe has one reader at a time, so that each round attaches anew; a program does so once, and its closure is the only one of its code.
  const look = new Specialiser().specialise(makeLook, batch.offset, batch.length, batch.memory.words, sums);
  let waits = 0;
  let packets = 0;
  const begin = process.hrtime.bigint();
  const cpuBegin = process.cpuUsage();
  while (packets < wanted && !reader.ended) {
    const count = reader.receive();
    if (count > 0) {
      look(count);
      packets += count;
    }
    reader.release();
    if (count === 0) {
      waits++;
      await reader.ready();
    }
  }
  const { user, system } = process.cpuUsage(cpuBegin);
  reader.close();
  return { packets, wall: Number(process.hrtime.bigint() - begin), cpu: (user + system) * 1000, waits, check: sums[0] + (sums[1] & 1) };
}

process.on('message', async ({ link, packets }) => {
  try {
    process.send({ result: await read(link, packets) });
  } catch (error) {
    process.send({ error: String(error) });
  }
});
