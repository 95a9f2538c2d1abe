/** Rules of the benchmarks, as text: the same that bench/native/rules.c and ebpf_rules.c make. */
'use strict';
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');

/** Different packets. */
const FLOWS = 100_000;

/** As bench_random in bench/native/traffic.h. */
function random(number) {
  const wrap = (value) => BigInt.asUintN(64, value);
  let made = wrap(BigInt(number) + 0x9e3779b97f4a7c15n);
  made = wrap((made ^ (made >> 30n)) * 0xbf58476d1ce4e5b9n);
  made = wrap((made ^ (made >> 27n)) * 0x94d049bb133111ebn);
  return made ^ (made >> 31n);
}

/** The first four bytes that a random number has in memory, as an address. */
function address(number) {
  const made = random(number);
  return [0, 1, 2, 3].map((byte) => Number((made >> BigInt(8 * byte)) & 255n)).join('.');
}

/** Text of rules of one kind; with `hit` the first are those of the packets' flows. */
const KINDS = {
  address: (index, hit) => (hit && index < FLOWS ? address(index * 4 + 1) : address(index * 4 + 0x100000000)),
  subnet: (index, hit) => `${KINDS.address(index, hit)}/${17 + (index % 15)}`,
  connection: (index) => `${address(index * 4 + 0x100000000)} ${index % 65_536} ${address(index * 4 + 0x100000002)} 80 ${index % 2 ? 'tcp' : 'udp'}`,
  mac: (index) => `02:aa:${[24, 16, 8, 0].map((shift) => ((index >>> shift) & 255).toString(16).padStart(2, '0')).join(':')}`,
};

function rulesFile(folder, kind, count, hit) {
  const file = join(folder, `${kind}-${count}-${hit}`);
  const lines = [];
  for (let index = 0; index < count; index++) lines.push(KINDS[kind](index, hit));
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

module.exports = { FLOWS, KINDS, rulesFile };
