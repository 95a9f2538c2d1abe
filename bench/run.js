/**
 * The benchmarks, by one command:
 *
 *     npm run bench                  every row
 *     npm run bench -- NAME ...      these rows (a part of a name is enough)
 *     npm run bench -- --list        what there is
 *     npm run bench -- --short       proves that all of it works, in a minute; its times mean nothing
 *     npm run bench -- --peer        also the installed tools of others
 *     --rounds N --scale F           more or fewer rounds, more or fewer packets a round
 *     --node VERSION|PATH            under another Node: a major version that `node tools/setup.cjs test` installs, or a program
 *
 * Prints a table and writes bench/results/*.json. Times are of the thread's own CPU unless a row says
 * otherwise, so that they hold on a machine that has other things to do; medians of rounds taken in turn.
 */
'use strict';
const { spawnSync } = require('node:child_process');
const { mkdirSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { parseArgs } = require('node:util');
const { MAJORS, nodeOf } = require('../tools/nodes/index.cjs');
const { build } = require('./lib/build');
const { machine } = require('./lib/machine');
const { results: resultDirectory } = require('./lib/paths');
const { printRow, printSummary } = require('./lib/table');

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: 'boolean', default: false },
    peer: { type: 'boolean', default: false },
    list: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    scale: { type: 'string' },
    node: { type: 'string' },
  },
});

function loadRows() {
  return ['rings', 'files', 'start', 'live', 'pipes', 'steadiness', 'waking', 'observed', 'rules', 'rule-latency', 'kernel-rules', 'peers'].flatMap((name) => require(`./rows/${name}`));
}

/** The program that --node names. */
function otherNode(wanted) {
  if (!/^\d+$/.test(wanted)) return wanted;
  const node = nodeOf(Number(wanted));
  if (node === undefined) throw new Error(`There is no Node ${wanted} here: there are ${MAJORS.join(', ')} after node tools/setup.cjs test. Or name a program: --node PATH.`);
  return node;
}

/** Runs the same rows under another Node. */
function runUnder(node) {
  const own = process.argv.slice(2);
  const at = own.findIndex((word) => word === '--node' || word.startsWith('--node='));
  own.splice(at, own[at] === '--node' ? 2 : 1);
  const { status, error } = spawnSync(node, [__filename, ...own], { stdio: 'inherit' });
  if (error) throw new Error(`${node} can't be run: ${error.message}`);
  process.exitCode = status ?? 1;
}

async function main() {
  if (flags.node !== undefined) return runUnder(otherNode(flags.node));
  build();
  const rows = loadRows();
  if (flags.list) {
    for (const row of rows) console.log(`${row.name.padEnd(26)} ${row.title}`);
    return;
  }
  const unknown = positionals.filter((wanted) => !rows.some((row) => row.name.includes(wanted)));
  if (unknown.length > 0) throw new Error(`There is no row ${unknown.join(', ')}; npm run bench -- --list shows them.`);
  const chosen = positionals.length === 0 ? rows : rows.filter((row) => positionals.includes(row.name) || positionals.some((wanted) => row.name.includes(wanted)));
  const settings = {
    short: flags.short,
    peer: flags.peer,
    rounds: Number(flags.rounds ?? (flags.short ? 1 : 7)),
    scale: Number(flags.scale ?? (flags.short ? 0.02 : 1)),
    engine: {},
  };
  const report = { date: new Date().toISOString(), machine: machine(), settings, rows: [] };
  let failures = 0;
  for (const row of chosen) {
    const missing = row.missing?.(settings);
    let outcome;
    try {
      outcome = missing ? { missing } : await row.run(settings);
    } catch (error) {
      outcome = { failed: error instanceof Error ? error.message : String(error) };
      failures++;
    }
    const line = { name: row.name, title: row.title, mark: row.mark, ...outcome };
    report.rows.push(line);
    printRow(line, settings);
  }
  mkdirSync(resultDirectory, { recursive: true });
  const file = join(resultDirectory, `${flags.short ? 'short' : report.date.replace(/[:.]/g, '-')}.json`);
  writeFileSync(file, `${JSON.stringify(report, undefined, 1)}\n`);
  printSummary(report, file);
  process.exitCode = failures > 0 ? 1 : 0;
}

main().catch((error) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
