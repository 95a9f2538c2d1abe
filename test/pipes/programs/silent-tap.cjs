// Makes a tap interface, gives it packets that ask for an answer, and prints what the system sends by it within three seconds.
const { readFileSync, readSync, writeSync } = require('node:fs');
const { coreAddon } = require('../../../dist/src/native/core-addon');

const name = 'silent0';
const hex = (text) => Buffer.from(text.replace(/\s/g, ''), 'hex');
const QUESTIONS = [
  // Who has 192.0.2.1?
  hex('ffffffffffff 020000000002 0806 0001 0800 06 04 0001 020000000002 c0000202 000000000000 c0000201'),
  // A neighbour solicitation for 2001:db8::1 (to its multicast address, without a right checksum), and an MLD query.
  hex('3333ff000001 020000000002 86dd 60000000 0018 3a ff fe800000000000000000000000000002 ff0200000000000000000001ff000001 8700 0000 00000000 20010db8000000000000000000000001'),
  hex('333300000001 020000000002 86dd 60000000 0018 3a 01 fe800000000000000000000000000002 ff020000000000000000000000000001 8200 0000 27100000 00000000000000000000000000000000'),
  // An IGMP query.
  hex('01005e000001 020000000002 0800 46c00020 0000 0000 0102 0000 c0000202 e0000001 94040000 1164ee9b 00000000'),
];
const tap = coreAddon().tapOpen(name);
for (const question of QUESTIONS) writeSync(tap, question);
const sent = [];
const block = Buffer.alloc(2048);
// What the system sends by the interface is what its descriptor gives.
const looking = setInterval(() => {
  if (coreAddon().waitReadable(Int32Array.of(tap), 1, 0) === 0) return;
  sent.push(block.subarray(0, readSync(tap, block)).toString('hex'));
}, 5);
setTimeout(() => {
  clearInterval(looking);
  const received = Number(readFileSync(`/proc/net/dev`, 'utf8').split('\n').find((line) => line.includes(name)).trim().split(/\s+/)[2]);
  console.log(JSON.stringify({ received, sent }));
  process.exit(0);
}, 3000);
