/**
 * In a namespace: what the kernel needs for a packet that comes in on a veth and is dropped there, with rules that it looks up first and without: nftables' sets
 * in a chain at the ingress hook, eBPF maps asked by a program in the same place. Each has a pair of interfaces of its own, so that all are in place while they take turns.
 */
'use strict';
const { execFileSync } = require('node:child_process');
const { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const { join } = require('node:path');
const { makeLink } = require('../lib/namespace');
const { Program, runProgram } = require('../lib/programs');
const { FLOWS, KINDS } = require('../lib/rule-texts');
const { summary } = require('../lib/statistics');

/** Sends and, as the kernel does it there and then, receives. */
const CPU = 0;
/** As many as the rings of the other rows hold. */
const PREPARED = 32_768;

/** What a set of nftables is of, how a rule stands in it, and the conditions that ask it: either address, both directions. */
const SETS = {
  address: { type: 'ipv4_addr', elements: (texts) => texts, conditions: ['ip saddr @rules', 'ip daddr @rules'] },
  mac: { type: 'ether_addr', elements: (texts) => texts, conditions: ['ether saddr @rules', 'ether daddr @rules'] },
  subnet: { type: 'ipv4_addr', flags: 'flags interval; auto-merge;', elements: (texts) => texts, conditions: ['ip saddr @rules', 'ip daddr @rules'] },
  connection: {
    type: 'ipv4_addr . inet_service . ipv4_addr . inet_service . inet_proto',
    elements: (texts) => texts.map((text) => text.split(' ').join(' . ')),
    conditions: ['ip saddr . th sport . ip daddr . th dport . meta l4proto @rules', 'ip daddr . th dport . ip saddr . th sport . meta l4proto @rules'],
  },
};

/** To tell of one counter, nft reads all elements of all sets first: with more than this it takes half a minute. */
const MOST_WITH_COUNTS = 100_000;

const counterOf = (table, name) => JSON.parse(execFileSync('nft', ['-j', 'list', 'counter', 'netdev', table, name], { encoding: 'utf8' })).nftables.find(({ counter }) => counter).counter.packets;
const arrivedOn = (device) => Number(new RegExp(`^ *${device}: *\\d+ +(\\d+)`, 'm').exec(readFileSync('/proc/self/net/dev', 'utf8'))[1]);

/** What the kernel holds by itself, in bytes. */
function kernelMemory() {
  const text = readFileSync('/proc/meminfo', 'utf8');
  return ['Slab', 'VmallocUsed', 'Percpu'].reduce((sum, name) => sum + 1024 * Number(new RegExp(`^${name}: +(\\d+)`, 'm').exec(text)?.[1] ?? 0), 0);
}

/** A chain that drops and counts what comes in on `device`, with a set of rules first if there are any. */
function nftables(name, device, { kind, count, hit }, folder) {
  const table = `t${device}`;
  const lines = [`table netdev ${table} {`, 'counter ruled { }'];
  const before = kernelMemory();
  if (count > 0) {
    const { type, flags = 'counter;', elements, conditions } = SETS[kind];
    const texts = elements(Array.from({ length: count }, (_, index) => KINDS[kind](index, hit)));
    lines.push(`set rules { type ${type}; ${flags} elements = { ${[...new Set(texts)].join(', ')} } }`);
    lines.push(`chain c { type filter hook ingress device "${device}" priority 0; ${conditions.map((condition) => `${condition} counter name ruled drop;`).join(' ')} drop; }`);
  } else {
    lines.push(`chain c { type filter hook ingress device "${device}" priority 0; drop; }`);
  }
  const file = join(folder, `${device}.nft`);
  writeFileSync(file, [...lines, '}', ''].join('\n'));
  execFileSync('nft', ['-f', file], { maxBuffer: 1 << 30 });
  return { name, device, bytes: Math.max(0, kernelMemory() - before), hits: () => (count > MOST_WITH_COUNTS ? undefined : counterOf(table, 'ruled')), close: () => undefined };
}

/** The same by an eBPF program; `map` is `none` for one without rules. */
async function ebpf(name, device, map, { kind, count, hit }) {
  const program = new Program('bench_ebpf_rules', ['--interface', device, '--map', map, '--rules', count, '--hit', hit ? 1 : 0, '--flows', FLOWS, '--subnets', kind === 'subnet' ? 1 : 0]);
  const { bytes } = await program.line();
  return { name, device, bytes, hits: async () => (await program.ask()).hits, close: () => program.end() };
}

/** Nanoseconds that the kernel's own thread for what comes in has run on this CPU: where the sender leaves it to that. */
function softirqTime() {
  softirqTime.process ??= readdirSync('/proc').find((entry) => /^\d+$/.test(entry) && nameOf(entry) === `ksoftirqd/${CPU}`);
  return softirqTime.process === undefined ? 0 : Number(readFileSync(`/proc/${softirqTime.process}/schedstat`, 'utf8').split(' ')[0]);
}

function nameOf(entry) {
  try {
    return readFileSync(`/proc/${entry}/comm`, 'utf8').trim();
  } catch {
    return '';
  }
}

/** One turn: nanoseconds for each packet that came. */
async function turn({ device }, milliseconds) {
  const [before, softirqBefore] = [arrivedOn(device), softirqTime()];
  const { cpu, wall } = await runProgram('bench_send_frames', ['--interface', `s${device}`, '--milliseconds', milliseconds, '--flows', FLOWS, '--prepared', PREPARED], { cpu: CPU });
  const packets = arrivedOn(device) - before;
  if (packets === 0) throw new Error(`Nothing has come in on ${device}.`);
  return { cpu: (cpu + softirqTime() - softirqBefore) / packets, wall: wall / packets };
}

async function main() {
  const { rules, rounds, milliseconds } = JSON.parse(process.argv[2]);
  const folder = mkdtempSync(join(tmpdir(), 'bricks-bench-kernel-'));
  const open = [];
  const add = async (make) => {
    const device = `k${open.length}`;
    makeLink(`s${device}`, device);
    open.push(await make(device));
  };
  try {
    await add((device) => nftables('nftables, no rule', device, { count: 0 }, folder));
    await add((device) => nftables('nftables, a set', device, rules, folder));
    if (rules.kind === 'address' || rules.kind === 'subnet') {
      await add((device) => ebpf('eBPF, no rule', device, 'none', rules));
      await add((device) => ebpf('eBPF, LPM map', device, 'lpm', rules));
      if (rules.kind === 'address') await add((device) => ebpf('eBPF, hash map', device, 'hash', rules));
    }
    const turns = open.map(() => []);
    for (const each of open) await turn(each, milliseconds / 4);
    for (let round = 0; round < rounds; round++) for (const [index, each] of open.entries()) turns[index].push(await turn(each, milliseconds));
    const report = [];
    for (const [index, { name, device, bytes, hits }] of open.entries()) {
      const hitCount = await hits();
      report.push({
        name, bytes, cpu: summary(turns[index].map(({ cpu }) => cpu)), wall: summary(turns[index].map(({ wall }) => wall)),
        ...(hitCount === undefined ? {} : { hits: hitCount / arrivedOn(device) }),
      });
    }
    console.log(`REPORT ${JSON.stringify(report)}`);
  } finally {
    for (const each of open) await each.close();
    rmSync(folder, { recursive: true });
  }
}

main().catch((error) => {
  console.error(error instanceof Error ? error.message.slice(0, 2000) : error);
  process.exitCode = 1;
});
