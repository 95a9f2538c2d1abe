import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expectToConserve, expectToLeaveUnchanged, runBrick, writePackets } from 'packet-bricks/testing';
import { FlowMeter } from '../src/index';
import { Nfcapd, hasNfdump, type CollectedFlow } from './nfcapd';
import { countsByTshark, hasTshark, traffic, type Counts } from './traffic';

const folder = mkdtempSync(join(tmpdir(), 'bricks-flow-meter-'));
const file = writePackets(join(folder, 'traffic.pcap'), traffic);
afterAll(() => rmSync(folder, { recursive: true }));

const expected = hasTshark ? countsByTshark(file) : new Map<string, Counts>();
const withNfdump = hasNfdump && hasTshark ? test : test.skip;
const hasSoftflowd = spawnSync('softflowd', ['-h']).error === undefined;
const withSoftflowd = hasNfdump && hasSoftflowd ? test : test.skip;

/** One way each, in an order of their own. */
function oneWay(flows: readonly CollectedFlow[]): string[] {
  return flows.flatMap(({ flow, packets, bytes, backwardPackets, backwardBytes, vlan }) => {
    const [protocol, source, destination] = flow.split(' ');
    return [`${flow} ${packets} ${bytes} ${vlan}`, ...(backwardPackets > 0 ? [`${protocol} ${destination} ${source} ${backwardPackets} ${backwardBytes} ${vlan}`] : [])];
  }).sort();
}

describe.each(['netflow9', 'ipfix'] as const)('%s', (protocol) => {
  withNfdump('nfdump reads the same flows as tshark counts: packets, bytes, first and last packet', async () => {
    const collector = await Nfcapd.start();
    // 576: many datagrams, some that hold templates alone.
    const run = await runBrick(new FlowMeter({ collector: collector.address, protocol, mtu: 576 }), traffic, { outputs: 1 });
    const { flows, summary } = await collector.end();
    expect(Object.fromEntries(flows.map(({ flow, packets, bytes, start, end }) => [flow, { packets, bytes, start, end }]))).toEqual(Object.fromEntries(expected));
    expect(flows).toHaveLength(expected.size);
    expect(summary).toMatch(/Sequence Errors: 0, Bad Packets: 0/);
    expect(flows.filter(({ vlan }) => vlan === 7)).toHaveLength(14);
    expect(run.counters).toMatchObject({ flows: expected.size, records: expected.size, lost: 0, evicted: 0, others: 1 });
    for (const check of [expectToConserve, expectToLeaveUnchanged]) check(run);
  });

  withNfdump('both directions as one flow: the same counts, from who began the connection', async () => {
    const collector = await Nfcapd.start();
    const run = await runBrick(new FlowMeter({ collector: collector.address, protocol, bidirectional: true }), traffic, { outputs: 1 });
    const { flows, summary } = await collector.end();
    const sums = (of: readonly { packets: number; bytes: number }[]): number[] => [of.reduce((sum, { packets }) => sum + packets, 0), of.reduce((sum, { bytes }) => sum + bytes, 0)];
    expect(sums(oneWay(flows).map((text) => ({ packets: Number(text.split(' ')[3]), bytes: Number(text.split(' ')[4]) })))).toEqual(sums([...expected.values()]));
    expect(summary).toMatch(/Sequence Errors: 0, Bad Packets: 0/);
    const connections = flows.filter(({ flow }) => flow.startsWith('6 '));
    expect(connections).toHaveLength(protocol === 'ipfix' ? 40 : 80);
    if (protocol === 'ipfix') expect(connections.every(({ flow, backwardPackets }) => /:(80|443)$/.test(flow) && backwardPackets > 0)).toBe(true);
    expect(run.counters).toMatchObject({ flows: run.counters['records'] });
  });
});

withSoftflowd('softflowd reports the same flows, packets and bytes of the same capture', async () => {
  const [ours, theirs] = [await Nfcapd.start(), await Nfcapd.start()];
  await runBrick(new FlowMeter({ collector: ours.address, protocol: 'netflow9', active: 86_400, idle: 3600, closed: 300 }), traffic, { outputs: 1 });
  execFileSync('softflowd', ['-r', file, '-n', theirs.address, '-v', '9', '-d', '-6', '-c', 'none', '-p', join(folder, 'softflowd.pid')], { stdio: 'ignore', timeout: 20_000 });
  // It reads neither VLANs, nor ports of SCTP, nor types of ICMPv6.
  const alike = (flows: readonly CollectedFlow[]): string[] => oneWay(flows.map((flow) => ({ ...flow, vlan: 0, flow: flow.flow.replace(/^(132|58) .*/, '$1') })));
  expect(alike((await ours.end()).flows)).toEqual(alike((await theirs.end()).flows));
});

withNfdump('in an engine: bricks run reads a capture, exports its flows and passes it on unchanged; tshark counts the same conversations', async () => {
  const collector = await Nfcapd.start();
  const copy = join(folder, 'copy.pcap');
  const plugins = join(__dirname, '..', '..');
  execFileSync(process.execPath, [join(plugins, '..', 'dist', 'bundle', 'cli', 'bricks.js'), 'run', '--plugin', plugins, `${file} -> FlowMeter(collector = "${collector.address}", bidirectional = true) -> ${copy}`], { stdio: 'ignore', timeout: 30_000 });
  const { flows, summary } = await collector.end();
  expect(summary).toMatch(/Sequence Errors: 0, Bad Packets: 0/);
  expect(readFileSync(copy).equals(readFileSync(file))).toBe(true);
  const conversations = execFileSync('tshark', ['-n', '-r', file, '-q', '-z', 'conv,tcp'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split('\n').flatMap((line) => {
    const [, from, to, back, there] = /^(\S+) +<-> (\S+) +(\d+) \d+ (?:bytes|kB) +(\d+) \d+ (?:bytes|kB) /.exec(line) ?? [];
    return from === undefined ? [] : [[`${from} ${there}`, `${to} ${back}`].sort().join(' <-> ')];
  });
  const ours = flows.filter(({ flow }) => flow.startsWith('6 ')).map(({ flow, packets, backwardPackets }) => {
    const [, from, to] = flow.split(' ');
    return [`${from} ${packets}`, `${to} ${backwardPackets}`].sort().join(' <-> ');
  });
  expect(ours.sort()).toEqual(conversations.sort());
});
