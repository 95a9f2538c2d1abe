import { writeFileSync } from 'node:fs';
import { writeFlows } from '../support/loopback-engine';
import { Workplace } from '../support/program';

let place: Workplace;
let capture: string;
beforeAll(() => {
  place = new Workplace();
  capture = writeFlows(place.path('trace.pcap'), 500, 40);
});
afterAll(() => place.dispose());

describe('scripts in other languages', () => {
  const body = (typed: boolean): string => `
    import { LoadBalancer, PacketEngine${typed ? ', type EngineStatistics' : ''} } from 'packet-bricks';
    const [, , input] = process.argv;
    const engine = new PacketEngine('ts', { backend: 'loopback' });
    await engine.link(new LoadBalancer({ tuple: 4 }).connectInput(input).connectOutput('ts-0.pcap', 'ts-1.pcap'));
    await engine.start();
    await engine.finished();
    const statistics${typed ? ': EngineStatistics' : ''} = engine.stats();
    console.log(statistics.packets, engine.audit().balanced);
  `;
  test.each([['x.ts', true], ['x.mts', true], ['x.mjs', false]])('%s imports packet-bricks from anywhere', async (name, typed) => {
    const { code, stdout, stderr } = await place.run(['-f', place.script(name, body(typed)), '--', capture]);
    expect(stdout).toBe('500 true\n');
    expect(stderr).toMatch(/ts: 500 packets received, 0 dropped/);
    expect(code).toBe(0);
  });

  test('a CommonJS script does, too', async () => {
    const text = `
      const { PacketEngine, Dummy } = require('packet-bricks');
      new PacketEngine('js', { backend: 'loopback' }).link(new Dummy().connectInput(process.argv[2]).connectOutput('js.pcap')).then((engine) => engine.start());
    `;
    const { code, stderr } = await place.run(['-f', place.script('x.cjs', text), '--', capture]);
    expect(stderr).toMatch(/js: 500 packets received, 0 dropped/);
    expect(code).toBe(0);
  });

  test.each<[string, string, RegExp]>([
    ['a promise that nobody waits for', 'async function setUp() { await new PacketEngine("late").link(new Dummy().connectInput("none.pcap").connectOutput("x.pcap")); } setUp();', /^bricks: late\.cjs:2: Cannot read the capture file .*none\.pcap: .* \[E_FILE\]\n/],
    ['a command that nobody waits for', 'new PacketEngine("late").start(); setInterval(() => {}, 1000);', /^bricks: .*has no brick.* \[E_ENGINE_NOT_LINKED\]\n$/],
    ['a timer', 'setTimeout(() => { throw new Error("no such luck"); }, 10);', /^bricks: late\.cjs:2: no such luck \[E_SCRIPT_FAILED\]\n/],
  ])('what %s fails of is told as any error, without the inside of the program, and with 1 at the end', async (_, text, message) => {
    const { code, stderr } = await place.run(['--backend', 'loopback', '-f', place.script('late.cjs', `const { Dummy, PacketEngine } = require('packet-bricks');\n${text}\n`)]);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/node:|dist\//);
    expect(code).toBe(1);
  });

  test('a script may take its late errors itself', async () => {
    const text = 'process.on("uncaughtException", (error) => { console.log("mine:", error.message); process.exit(5); });\nsetTimeout(() => { throw new Error("x"); }, 10);';
    expect(await place.run(['--backend', 'loopback', '-f', place.script('takes.cjs', text)])).toMatchObject({ code: 5, stdout: 'mine: x\n', stderr: '' });
  });

  test.each<[string, string]>([
    ['at once', "throw new Error('late');"],
    ['later', "setTimeout(() => { throw new Error('late'); }, 50);"],
  ])('a failure after the start, %s, ends the engines in order', async (_, failure) => {
    const text = `
      import { PacketEngine, PcapReader } from 'packet-bricks';
      const engine = new PacketEngine('going', { backend: 'loopback' });
      await engine.link(new PcapReader({ loop: 0 }).connectInput(process.argv[2]).connectOutput('/dev/null'));
      await engine.start();
      ${failure}
    `;
    const { code, stderr } = await place.run(['-f', place.script('going.ts', text), '--', capture]);
    expect(stderr).toMatch(/going\.ts:6: late \[E_SCRIPT_FAILED\]\n[^]*going: \d+ packets received, 0 dropped\n$/);
    expect(code).toBe(1);
  });

  test('a brick from a module of its own kind, and a running engine that keeps the program alive', async () => {
    writeFileSync(place.path('own.mjs'), `
      import { DROP, defineBrick } from 'packet-bricks';
      export const Own = defineBrick({ name: 'Own', choose: () => (row) => (row % 2 === 0 ? 0 : DROP) });
    `);
    const text = `
      import { PacketEngine } from 'packet-bricks';
      import { Own } from './own.mjs';
      const engine = new PacketEngine('own', { backend: 'loopback' });
      await engine.link(new Own().connectInput(process.argv[2]).connectOutput('own.pcap'));
      await engine.start();
    `;
    const { code, stderr } = await place.run(['-f', place.script('own.ts', text), '--', capture]);
    expect(stderr).toMatch(/own: 500 packets received, 2\d\d dropped: 2\d\d because a brick chose to drop them/);
    expect(code).toBe(0);
  });
});
