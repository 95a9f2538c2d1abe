/** In a namespace: captures that start while packets come, and how many of their first second's packets they miss. */
'use strict';
const { setTimeout: sleep } = require('node:timers/promises');
const { makeLink } = require('../lib/namespace');
const { send, startCapture, startSending } = require('../lib/captures');

const PART = 0.8;
/** More than what the kernel gathers, and what the reader of the pipes sleeps. */
const QUIET_MILLISECONDS = 100;

/** Frames are numbered: what is missing from the first that came to the last that was sent was lost, in the kernel's buffer or in the pipes. */
async function start(name, rate, milliseconds) {
  const stopSending = startSending(rate);
  const capture = await startCapture(name);
  await sleep(milliseconds);
  const sent = await stopSending();
  await sleep(QUIET_MILLISECONDS);
  const seen = await capture.drained();
  await capture.end();
  return { packets: seen.packets, lost: sent.packets - seen.least - seen.packets };
}

async function main() {
  const { contestants, rounds, milliseconds, rate: given } = JSON.parse(process.argv[2]);
  makeLink();
  let rate = given;
  if (rate === 0) {
    const full = await send(0, milliseconds);
    rate = PART * (full.packets / full.wall) * 1e9;
  }
  const starts = Object.fromEntries(contestants.map((name) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const name of contestants) starts[name].push(await start(name, rate, milliseconds));
  }
  console.log(`REPORT ${JSON.stringify({ rate, starts })}`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
