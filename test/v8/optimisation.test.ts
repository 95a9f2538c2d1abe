/** What is asked of V8 for figures: whatever V8 does with it, an engine goes on. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { BrickClass } from 'packet-bricks';
import { methodsOf, OptimisationProbe, UNKNOWN } from 'packet-bricks/src/v8/optimisation';
import { closeEngines, flowPacket, injectAll, loopback, newEngine, numbersOf } from '../support/loopback-engine';

const execute = promisify(execFile);
const PACKAGE = require.resolve('packet-bricks');
const OPTIMISATION = require.resolve('packet-bricks/src/v8/optimisation');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bricks-v8-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(closeEngines);

/** Runs a program in a V8 with other flags. */
async function run(flags: readonly string[], text: string): Promise<unknown> {
  const { stdout, stderr } = await execute(process.execPath, [...flags, '-e', text]);
  expect(stderr).toBe('');
  return JSON.parse(stdout);
}

test('V8 may drop the compiled code of a probe at any time', async () => {
  const answer = await run(['--expose-gc', '--stress-flush-code'], `
    const { OptimisationProbe } = require(${JSON.stringify(OPTIMISATION)});
    const probe = new OptimisationProbe();
    const tiers = [];
    for (let round = 0; round < 3; round++) {
      for (let collection = 0; collection < 8; collection++) gc();
      tiers.push(probe.tier(run));
    }
    function run() { return 1; }
    console.log(JSON.stringify({ available: probe.available, tiers }));`);
  expect(answer).toEqual({ available: true, tiers: [0, 0, 0] });
});

test.each([
  ['drops compiled code at every collection', ['--stress-flush-code', '--gc-interval=300']],
  ['has its compilers switched off', ['--no-opt', '--no-maglev']],
])('an engine links, works and ends in order where V8 %s', async (_, flags) => {
  const answer = await run(flags, `
    const { LoadBalancer, PacketEngine, resolveBackend } = require(${JSON.stringify(PACKAGE)});
    const loopback = resolveBackend('loopback');
    (async () => {
      const engine = new PacketEngine('e', { backend: 'loopback', warmUpMilliseconds: 60000 });
      await engine.link(new LoadBalancer().connectInput('in').connectOutput('a', 'b'));
      await engine.start();
      for (let number = 0; number < 2000; number++) {
        while (!loopback.inject('in', Buffer.alloc(60, number))) await new Promise(setImmediate);
        if (number % 100 === 0) for (const name of ['a', 'b']) loopback.read(name);
      }
      loopback.end('in');
      const { ok } = await engine.finished();
      const { balanced, received, faults } = engine.audit();
      await engine.delete();
      console.log(JSON.stringify({ ok, balanced, received, faults }));
    })();`);
  expect(answer).toEqual({ ok: true, balanced: true, received: 2000, faults: [] });
});

test('V8 is not asked of what has no JavaScript of its own, by which it would end the process', () => {
  const own = function own(this: unknown): unknown {
    return this;
  };
  class Methods {
    readonly bound = own.bind(1);
    readonly proxy = new Proxy(own, {});
    readonly builtin = Math.max;
    readonly arrow = (): string => '{ [native code] };';
    readonly data = { call: 1 };
    method(): void {
      this.arrow();
    }
  }
  const methods = new Methods();
  expect(new Set(methodsOf(methods))).toEqual(new Set([Methods, methods.arrow, methods.method]));
  const probe = new OptimisationProbe();
  for (const code of methodsOf(methods)) expect(probe.tier(code)).toBeGreaterThan(UNKNOWN);
  expect(methodsOf(new Proxy({}, { getPrototypeOf() { throw new Error('nobody looks'); } }))).toEqual([]);
});

test.each([
  ['does nothing', 'drops', 'process: () => () => {}'],
  ['is a bound function', 'passes', 'choose: () => choose.bind(undefined)'],
  ['is a proxy', 'passes', 'choose: () => new Proxy(choose, {})'],
  ['remembers in an object with bound methods', 'passes', 'state: () => ({ choose: choose.bind(undefined), proxy: new Proxy(choose, {}) }), choose: () => (row, state) => state.choose(row)'],
])('a brick that %s warms up long before the limit, and %s', async (what, does, form) => {
  const file = join(folder, `${what.replaceAll(' ', '-')}.cjs`);
  writeFileSync(file, `
    const choose = () => 0;
    exports.Odd = require(${JSON.stringify(PACKAGE)}).defineBrick({ name: 'Odd', outputs: 1, ${form} });`);
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the module was written a moment ago
  const { Odd } = require(file) as { Odd: BrickClass };
  const engine = newEngine({ warmUpMilliseconds: 60_000 }); // longer than this test may take
  await engine.link(new Odd().connectInput('in').connectOutput('out'));
  await engine.start();
  await injectAll('in', Array.from({ length: 100 }, (_, number) => flowPacket(1, number)));
  loopback.end('in');
  await engine.finished();
  expect(numbersOf(loopback.read('out'))).toHaveLength(does === 'drops' ? 0 : 100);
  expect(engine.audit()).toMatchObject({ balanced: true, received: 100, dropped: does === 'drops' ? 100 : 0, faults: [] });
});

test('an engine that fails is told by finished(), by audit() and by the exit code of a program that listens to nothing', async () => {
  const file = join(folder, 'fragile.cjs');
  writeFileSync(file, `
    const { PacketEngine, defineBrick, resolveBackend } = require(${JSON.stringify(PACKAGE)});
    exports.Fragile = defineBrick({ name: 'Fragile', outputs: 1, choose: () => () => { throw new Error('no such thing'); } });
    if (require.main === module) (async () => {
      const engine = new PacketEngine('e', { backend: 'loopback', warmUpMilliseconds: 0 });
      await engine.link(new exports.Fragile().connectInput('in').connectOutput('out'));
      await engine.start();
      resolveBackend('loopback').inject('in', Buffer.alloc(60));
      const { ok, faults } = await engine.finished();
      console.log(JSON.stringify({ ok, faults, audit: engine.audit() }));
    })();`);
  const { code, stdout, stderr } = await execute(process.execPath, [file]).then(() => ({ code: 0, stdout: '', stderr: '' }), (error: { code: number; stdout: string; stderr: string }) => error);
  const fault = { kind: 'engineFailed', code: 'E_BRICK_FAILED', message: expect.stringContaining('no such thing') };
  expect(JSON.parse(stdout)).toMatchObject({ ok: false, faults: [fault], audit: { balanced: true, received: 1, dropped: 1, faults: [fault] } });
  expect(stderr).toContain('no such thing');
  expect(code).toBe(1);
});
