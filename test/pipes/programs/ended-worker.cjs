// A worker waits for packets and is ended, three times; or (`once`) waits, gets one, and closes.
const { Worker, isMainThread } = require('node:worker_threads');
const { parseLinkName } = require('../../../dist/src/core/link-name');
const { createCounterBlock, LINK_RECORD } = require('../../../dist/src/core/counters');
const { createPacketBatch, packetMemory } = require('../../../dist/src/core/packet-batch');
const { createPacketLists } = require('../../../dist/src/core/packet-list');
const { attach, PipePorts, preparePipes } = require('../../../dist/src/pipes');

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

function openWriter() {
  const link = parseLinkName('worker{0');
  const prepared = preparePipes({ engine: 'writer', sources: [], sinks: [{ link, options: {} }], backendOptions: {} });
  const batch = createPacketBatch(1);
  batch.memory = packetMemory(new ArrayBuffer(64));
  batch.length[0] = batch.wireLength[0] = 60;
  const lists = createPacketLists(1, 1);
  const transmitter = new PipePorts().openSinks(
    [{ link, options: {}, lists, output: 0, counters: createCounterBlock(LINK_RECORD), record: 0 }],
    { batchRows: 1, prepared, batches: [batch], copies: false, notice: () => undefined },
  );
  return () => {
    lists.rows[0] = 0;
    lists.counts[0] = 1;
    transmitter.transmit(batch, false);
    transmitter.flush();
  };
}

async function wait() {
  const reader = await attach('worker}0');
  while (await reader.next());
}

async function endWorkers() {
  const send = openWriter();
  for (let round = 1; round <= 3; round++) {
    const worker = new Worker(__filename);
    await sleep(300);
    await worker.terminate();
    for (let packet = 0; packet < 5; packet++) send();
    await sleep(100);
    const reader = await attach('worker}0');
    console.log(`attached after ${round}`);
    while (reader.receive() > 0) reader.release();
    reader.close();
  }
  console.log('alive');
  process.exit(0);
}

async function readOnce() {
  const send = openWriter();
  const reader = await attach('worker}0');
  const next = reader.next();
  setTimeout(send, 50);
  console.log(`read ${(await next).count}`);
  reader.close();
}

if (!isMainThread) void wait();
else if (process.argv[2] === 'once') void readOnce();
else void endWorkers();
