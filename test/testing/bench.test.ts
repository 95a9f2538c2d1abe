/** `benchBrick`: figures, and what makes a brick slow with its line. No figure is asserted. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { benchBrick } from 'packet-bricks/src/testing';
import { deoptimisationWarnings } from 'packet-bricks/src/testing/bench-brick';
import { DEOPTIMISATION_MARK } from 'packet-bricks/src/testing/bench-protocol';
import { brickFolder, brickOf, removeBricks } from '../support/outside-brick';

afterAll(removeBricks);

test('a good brick gets figures and no warning', async () => {
  const report = await benchBrick(new (brickOf('Good', 'outputs: 2, choose: ({ flowWord }) => (row) => flowWord[row] & 1'))(), { quiet: true });
  expect(report).toEqual({ nanosecondsPerPacket: expect.any(Number), nanosecondsPerPacketInEngine: expect.any(Number), warnings: [] });
  expect(report.nanosecondsPerPacketInEngine).toBeGreaterThan(0);
});

test('a brick that allocates for each packet is told the line', async () => {
  const Wasteful = brickOf('Wasteful', `outputs: 1, state: () => ({ last: null }), choose: ({ length }) => {
    const note = (row) => ({ length: length[row] });
    return (row, state) => {
      state.last = note(row);
      return 0;
    };
  }`);
  const { warnings } = await benchBrick(new Wasteful(), { quiet: true, packets: [Buffer.alloc(60)] });
  expect(warnings).toContainEqual({ kind: 'allocation', line: `${join(brickFolder(), 'Wasteful.cjs')}:5`, text: expect.stringMatching(/^note allocates \d+\.\d bytes a packet$/) });
});

test('one that fails says so', async () => {
  const Failing = brickOf('Failing', "outputs: 1, choose: () => { throw new Error('not here'); }");
  await expect(benchBrick(new Failing(), { quiet: true })).rejects.toThrow('Failing can\'t be measured: The brick Failing can\'t be made: not here');
});

test('of V8\'s log, what was thrown away after the warm-up and is of the brick', () => {
  const file = join(brickFolder(), 'shapes.cjs');
  writeFileSync(file, '');
  const log = [
    `code-deopt,1,704,0x1,0,38,deopt-eager,<${file}:1:39>,wrong map`,
    `code-deopt,2,704,0x1,0,38,deopt-eager,<${DEOPTIMISATION_MARK}:1:39>,wrong map`,
    `code-deopt,3,704,0x1,0,38,deopt-eager,<file://${file}?instance=1:8:39> inlined at <${require.resolve('packet-bricks')}:2:68>,not a Smi`,
    `code-deopt,4,704,0x1,0,38,deopt-eager,<${require.resolve('packet-bricks')}:2:68>,wrong map`,
    'new,MemoryChunk,0x1,262144',
  ].join('\n');
  expect(deoptimisationWarnings(log)).toEqual([{ kind: 'deoptimisation', line: `${file}:8`, text: 'V8 throws the compiled code away: not a Smi' }]);
});
