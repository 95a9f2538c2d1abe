import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bytesOf, ethernet, expectToConserve, expectToKeepOrder, fuzzBrick, ipv4, runBrick, udp, vlan, writePackets, type Layered } from 'packet-bricks/testing';
import { Duplicator } from 'packet-bricks';
import { Tagger } from '../src/index';

const inner = ipv4({}, udp({ destinationPort: 9 }, 'content'));
const plain = ethernet({}, inner);
const one = ethernet({}, vlan({ id: 5, priority: 3 }, inner));
const two = ethernet({}, vlan({ id: 6, tag: 0x88a8 }, vlan({ id: 5 }, inner)));

async function tagged(options: object, frames: readonly Layered[]): Promise<{ bytes: Buffer[]; counters: Readonly<Record<string, number>> }> {
  const run = await runBrick(new Tagger(options), frames);
  expectToConserve(run);
  expectToKeepOrder(run);
  return { bytes: run.outputs[0].map(({ bytes }) => bytes), counters: Object.fromEntries(Object.entries(run.counters).filter(([, count]) => count > 0)) };
}

test('add puts a tag in front of all others', async () => {
  expect(await tagged({ vlan: 7, priority: 2 }, [plain, one])).toEqual({
    bytes: [vlan({ id: 7, priority: 2 }, inner), vlan({ id: 7, priority: 2 }, vlan({ id: 5, priority: 3 }, inner))].map((packet) => bytesOf(ethernet({}, packet))), counters: { tagged: 2 },
  });
  expect((await tagged({ vlan: 7, service: true }, [plain])).bytes).toEqual([bytesOf(ethernet({}, vlan({ id: 7, tag: 0x88a8 }, inner)))]);
});

test('set changes the outermost tag, keeps its priority unless told otherwise, and adds one where there is none', async () => {
  expect(await tagged({ action: 'set', vlan: 8 }, [plain, one, two])).toEqual({
    bytes: [vlan({ id: 8 }, inner), vlan({ id: 8, priority: 3 }, inner), vlan({ id: 8, tag: 0x88a8 }, vlan({ id: 5 }, inner))].map((packet) => bytesOf(ethernet({}, packet))),
    counters: { tagged: 1, changed: 2 },
  });
  expect((await tagged({ action: 'set', vlan: 8, priority: 1 }, [one])).bytes).toEqual([bytesOf(ethernet({}, vlan({ id: 8, priority: 1 }, inner)))]);
});

test('remove takes one tag off, or all', async () => {
  expect(await tagged({ action: 'remove' }, [plain, one, two])).toEqual({ bytes: [plain, plain, ethernet({}, vlan({ id: 5 }, inner))].map(bytesOf), counters: { removed: 2, others: 1 } });
  expect(await tagged({ action: 'remove', all: true }, [two])).toEqual({ bytes: [bytesOf(plain)], counters: { removed: 2 } });
});

test('other outputs keep the packet as it was', async () => {
  const run = await runBrick(new Duplicator().connectInput('in').connectOutput('plain', 'a{0').link(new Tagger(9).connectInput('a}0').connectOutput('tagged')), [plain]);
  expect([run.output('plain')[0].bytes, run.output('tagged')[0].bytes]).toEqual([bytesOf(plain), bytesOf(ethernet({}, vlan({ id: 9 }, inner)))]);
});

test('no frame makes it fail', () => {
  for (const options of [{}, { action: 'set', vlan: 9 }, { action: 'remove', all: true }] as const) fuzzBrick(() => new Tagger(options), { frames: 4000 });
});

const withTshark = spawnSync('tshark', ['--version']).status === 0 ? test : test.skip;

withTshark('tshark reads the tags', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bricks-tagger-'));
  try {
    const run = await runBrick(new Tagger({ vlan: 103, priority: 5 }), [plain, one, two]);
    const file = writePackets(join(folder, 'tagged.pcap'), run.outputs[0]);
    const rows = execFileSync('tshark', ['-n', '-r', file, '-T', 'fields', ...['vlan.id', 'vlan.priority', 'ip.dst', '_ws.malformed'].flatMap((field) => ['-e', field])], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    const address = '198.51.100.2';
    expect(rows.trimEnd().split('\n').map((row) => row.trimEnd())).toEqual([`103\t5\t${address}`, `103,5\t5,3\t${address}`, expect.stringMatching(new RegExp(`103.*5.*${address}`))]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
