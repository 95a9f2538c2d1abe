/** Bricks that read header columns, in engines: behind bricks that change, copy, hold and make packets. HeaderChecker throws where a column is not what the parser finds. */
import { Duplicator, LoadBalancer, Merge, type BrickClass } from 'packet-bricks';
import { copyHeadersByByte } from 'packet-bricks/src/core/header-bytes';
import { ColumnStages } from 'packet-bricks/src/flow/column-stages';
import { compileGraph } from 'packet-bricks/src/model/graph';
import { HEADER_COLUMN_NAMES, type ColumnName } from 'packet-bricks/src/model/packet-batch';
import { GraphMemory } from 'packet-bricks/src/rows/graph-memory';
import { SAMPLES } from 'packet-bricks/src/testing/frames/samples';
import { closeEngines, injectAll, loopback, runningEngine, until } from '../support/loopback-engine';
import { outside, removeBricks } from '../support/outside-brick';
import { bytesOf, ethernet, ipv4Fragments, udp } from '../support/packets';

// eslint-disable-next-line @typescript-eslint/no-require-imports -- engines load it as a CommonJS module
const { HeaderChecker } = require('../support/header-checker.cjs') as Record<'HeaderChecker', BrickClass>;
// eslint-disable-next-line @typescript-eslint/no-require-imports -- as above
const { Cutter, Maker, Tagger } = require('../support/model-bricks.cjs') as Record<'Cutter' | 'Maker' | 'Tagger', BrickClass>;

afterEach(closeEngines);
afterAll(removeBricks);

/** Some three hundred frames of every kind, whole and cut. */
const FRAMES = SAMPLES.map(bytesOf).flatMap((bytes) => [bytes, bytes.subarray(0, 20), bytes.subarray(0, 40), bytes.subarray(0, bytes.length - 1)]).filter(({ length }) => length >= 14);

async function play(names: readonly string[], packets: readonly Uint8Array[]): Promise<void> {
  for (const name of names) await injectAll(name, packets.map((bytes) => Buffer.from(bytes)));
  for (const name of names) loopback.end(name);
}

test('header columns are right for packets as they come, and behind bricks that change, copy and make them', async () => {
  const checker = (): InstanceType<typeof HeaderChecker> => new HeaderChecker();
  const engine = await runningEngine(new Duplicator().connectInput('in').connectOutput('a{0', 'a{1', 'a{2').link(
    checker().connectInput('a}0').connectOutput('plain'),
    new Tagger().connectInput('a}1').connectOutput('b{0'), checker().connectInput('b}0').connectOutput('c{0'),
    new Cutter().connectInput('c}0').connectOutput('d{0'), checker().connectInput('d}0').connectOutput('cut'),
    new Maker().connectInput('a}2').connectOutput('e{0', 'e{1'), new Merge().connectInput('e}0', 'e}1').connectOutput('f{0'), checker().connectInput('f}0').connectOutput('made'),
  ));
  await play(['in'], FRAMES);
  await engine.finished();
  expect(loopback.read('plain')).toHaveLength(FRAMES.length);
  expect(engine.stats().bricks.filter(({ kind }) => kind === 'HeaderChecker').map(({ counters: { sum } }) => sum > 0)).toEqual([true, true, true, true]);
  expect(engine.stats().bricks.find(({ kind }) => kind === 'Maker')?.created).toBeGreaterThan(0);
  expect(engine.audit().balanced).toBe(true);
});

test('a tag that a brick adds is seen behind it, and not by the brick that gets the other copy', async () => {
  const byVlan = (name: string): BrickClass<unknown> => outside(name, { definition: 'outputs: 2,', form: 'choose: ({ vlan }) => (row) => (vlan[row] === 7 ? 0 : 1),' });
  const adder = outside('Adder', {
    definition: 'edits: true, headroom: 4, outputs: 1,',
    form: `choose: ({ memory, offset }, options, { edit }) => (row) => {
      if (!edit.insert(row, 12, 4)) return DROP;
      memory.view.setUint32(offset[row] + 12, 0x81000007);
      return 0;
    },`,
  });
  const engine = await runningEngine(new Duplicator().connectInput('in').connectOutput('x{0', 'y{0').link(
    new adder().connectInput('x}0').connectOutput('z{0'), new (byVlan('Behind'))().connectInput('z}0').connectOutput('tagged', 'lost'),
    new (byVlan('Beside'))().connectInput('y}0').connectOutput('strange', 'plain'),
  ));
  const untagged = FRAMES.filter((bytes) => bytes[12] !== 0x81);
  await play(['in'], untagged);
  await engine.finished();
  expect(['tagged', 'lost', 'strange', 'plain'].map((name) => loopback.read(name).length)).toEqual([untagged.length, 0, 0, untagged.length]);
});

test('they are right for packets that were held, too', async () => {
  const behind = new HeaderChecker().connectInput('x}0').connectOutput('out');
  const engine = await runningEngine(new LoadBalancer({ fragmentWait: 10_000 }).connectInput('in').connectOutput('x{0', 'other').link(behind));
  const datagrams = Array.from({ length: 20 }, (_, number) => (
    ipv4Fragments({ source: `10.3.0.${number}`, destination: '10.4.0.1', identification: number }, udp({ sourcePort: 1000 + number, destinationPort: 53 }, Buffer.alloc(120, number)), 64)
      .reverse().map((part) => bytesOf(ethernet({}, part)))
  ));
  await injectAll('in', datagrams.map(([last]) => last));
  await until(() => engine.stats().bricks[0].counters['fragmentsHeld'] === 20);
  await play(['in'], datagrams.flatMap(([, ...others]) => others));
  await engine.finished();
  const counts = ['out', 'other'].map((name) => loopback.read(name).length);
  expect([counts[0] > 0, counts[0] + counts[1]]).toEqual([true, datagrams.flat().length]);
});

test('an engine whose bricks read no header columns has no stage for them', () => {
  const graph = compileGraph(new Duplicator().connectInput('in').connectOutput('out').collect(), () => (Duplicator as unknown as BrickClass).declaration);
  const stages = (...reads: ColumnName[]): number[] => {
    const { onEntry, afterEdits } = new ColumnStages(new GraphMemory(graph, 64), { reads: new Set(['offset', 'length', ...reads]), sourcesFillFlow: true, edits: true, copier: copyHeadersByByte });
    return [onEntry.length, afterEdits.length];
  };
  expect(stages()).toEqual([0, 0]);
  // Header bytes and flow columns, where packets were changed.
  expect(stages('flowWord')).toEqual([0, 2]);
  // Header bytes and header columns.
  for (const column of HEADER_COLUMN_NAMES) expect(stages(column)).toEqual([2, 2]);
});
