/** The loops around bricks' functions keep their optimised code, whatever comes first after the warm-up. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const LOOPS = require.resolve('packet-bricks/src/v8/loops');
const APART = require.resolve('packet-bricks/src/v8/apart');

/** Optimises a loop that was warmed up without DROP, and hands it some; whether the code outlived them, and where the packets went. `pass` runs it over so many rows. */
async function afterFirstDrops(make: string, pass = 'loop(count, undefined)', decisions = '-1, -2'): Promise<{ optimised: boolean; next: number[]; unlisted: number }> {
  const { stdout } = await execute(process.execPath, ['--allow-natives-syntax', '--no-concurrent-recompilation', '-e', `
    const loops = require(${JSON.stringify(LOOPS)});
    const { Apart, callApart } = require(${JSON.stringify(APART)});
    const rows = new Uint16Array(new ArrayBuffer(4096));
    const next = new Uint32Array(new ArrayBuffer(8));
    const tally = new Uint32Array(new ArrayBuffer(8));
    const decided = new Int32Array(new ArrayBuffer(256));
    const refuse = () => { throw new Error('refused'); };
    const view = { at: 0, moveTo(row) { this.at = row; } };
    const loop = ${make};
    const passRows = (count) => ${pass};
    decided[3] = 1;
    %PrepareFunctionForOptimization(loop);
    for (let batch = 0; batch < 20; batch++) {
      next[0] = 0;
      next[1] = 1024;
      passRows(8);
      passRows(9);
    }
    // By meaning: the bits of V8's status are others in each version.
    const isOptimised = () => %ActiveTierIsTurbofan(loop);
    for (let attempt = 0; attempt < 9 && !isOptimised(); attempt++) {
      %OptimizeFunctionOnNextCall(loop);
      passRows(9);
    }
    if (!isOptimised()) throw new Error('V8 has not optimised the loop');
    decided.set([${decisions}], 7);
    next[0] = tally[0] = 0;
    next[1] = 1024;
    passRows(9);
    console.log(JSON.stringify({ optimised: isOptimised(), next: [...next], unlisted: tally[0] }));`]);
  return JSON.parse(stdout) as { optimised: boolean; next: number[]; unlisted: number };
}

const FORMS: [string, string][] = [
  ['choose', 'loops.chooseLoopFor("a long function ".repeat(99))((row) => decided[row], null, rows, next, false, 0, 2, tally, refuse)'],
  ['choose, four rows at a time', 'loops.chooseFourLoop((row) => decided[row], null, rows, next, false, 0, 2, tally, refuse)'],
];

test.each(FORMS)('the first packets that %s drops or holds after a warm-up without such leave its loop optimised', async (_, make) => {
  expect(await afterFirstDrops(make, 'loop(0, count, undefined)')).toEqual({ optimised: true, next: [6, 1025], unlisted: 2 });
});

test.each(FORMS)('so do the first that %s leaves to a slow path', async (_, make) => {
  expect(await afterFirstDrops(make, '{ for (let at = 0; at < count; at++) at = loop(at, count, undefined); }', '-4, -4')).toEqual({ optimised: true, next: [6, 1025], unlisted: 0 });
});

test('so do the first that the packet form drops', async () => {
  const make = 'loops.packetLoop((packet) => (decided[packet.at] < 0 ? -1 : decided[packet.at]), view, null, rows, next, false, 0, 2, tally, new Apart(refuse), callApart)';
  expect(await afterFirstDrops(make)).toEqual({ optimised: true, next: [6, 1025], unlisted: 2 });
});
