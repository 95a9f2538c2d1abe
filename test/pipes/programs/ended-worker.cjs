// A worker waits for packets and is ended, three times; or (`once`) waits, gets one, and closes.
const { Worker, isMainThread } = require('node:worker_threads');
const { attach } = require('../../../dist/src/pipes');
const { openWriter } = require('./open-writer.cjs');

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Sends a packet into the pipe that the workers read. */
function openSender() {
  const writer = openWriter('worker{0');
  return () => {
    writer.send();
    writer.flush();
  };
}

async function wait() {
  const reader = await attach('worker}0');
  while (await reader.next());
}

async function endWorkers() {
  const send = openSender();
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
  const send = openSender();
  const reader = await attach('worker}0');
  const next = reader.next();
  setTimeout(send, 50);
  console.log(`read ${(await next).count}`);
  reader.close();
}

if (!isMainThread) void wait();
else if (process.argv[2] === 'once') void readOnce();
else void endWorkers();
