import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LoadBalancer, PacketEngine } from 'packet-bricks';
import { EXIT_CODES } from 'packet-bricks/src/cli/exit-codes';
import { exitCodeOf } from 'packet-bricks/src/model/outcome';
import { writeFlows } from '../support/loopback-engine';
import { Workplace, type Outcome } from '../support/program';

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
  const sound = writeFlows(place.path('sound.pcap'), 100, 10);
  const bytes = readFileSync(sound);
  writeFileSync(place.path('cut.pcap'), bytes.subarray(0, -5));
  const lie = Buffer.from(bytes);
  lie.writeUInt32LE(0x7fffffff, 24 + 8);
  writeFileSync(place.path('lie.pcap'), lie);
  mkdirSync(place.path('mixed'));
  writeFileSync(place.path('mixed', '1.pcap'), bytes);
  writeFileSync(place.path('mixed', '2.pcap'), 'this is text');
  writeFileSync(place.path('set-up.lua'), `
    local writer = Brick.new("PcapWriter"):connect_input(arg[1]):connect_output(arg[2])
    PktEngine.new("e0"):link(writer):start()
  `);
  writeFileSync(place.path('set-up.ts'), `
    import { PacketEngine, PcapWriter } from 'packet-bricks';
    const engine = new PacketEngine('e0');
    await engine.link(new PcapWriter().connectInput(process.argv[2]).connectOutput(process.argv[3]));
    await engine.start();
    const { ok, faults } = await engine.finished();
    console.log(ok, faults.map((fault) => fault.kind + ' ' + fault.link).join());
  `);
});
afterAll(() => place.dispose());

const run = (script: string, input: string, output = './out.pcap'): Promise<Outcome> => place.run(['-f', script, '--', input, output]);

describe('the exit code says that', () => {
  test.each(['set-up.lua', 'set-up.ts'])('all work was done, or that the input was damaged or packets were not written (%s)', async (script) => {
    expect((await run(script, './sound.pcap')).code).toBe(0);
    expect((await run(script, './cut.pcap')).code).toBe(3);
    expect((await run(script, './lie.pcap')).code).toBe(3);
    expect((await run(script, './mixed/')).code).toBe(3);
    expect((await run(script, './sound.pcap', '/dev/full')).code).toBe(4);
  });

  test('what Lua on standard input set up met a damaged file', async () => {
    const input = 'PktEngine.new("e0"):link(Brick.new("PcapWriter"):connect_input("./cut.pcap"):connect_output("./typed.pcap")):start()\n';
    expect((await place.run([], { input })).code).toBe(3);
  });

  test('an engine that was deleted since had met a damaged file', async () => {
    writeFileSync(place.path('deleted.lua'), `
      local pe = PktEngine.new("e0")
      pe:link(Brick.new("PcapWriter"):connect_input("./cut.pcap"):connect_output("./deleted.pcap")):start()
      while pe:stats().running do BRICKS.sleep(0.01) end
      local fault = pe:stats().faults[1]
      print(fault.kind, fault.link, pe:audit().faults[1].kind, pe:audit().balanced)
      pe:unlink() pe:delete()
    `);
    expect(await place.run(['-f', 'deleted.lua'])).toMatchObject({ code: 3, stdout: 'inputDamaged\t./cut.pcap\tinputDamaged\ttrue\n' });
  });

  test('a module wants another one', async () => {
    const text = readFileSync(place.path('set-up.ts'), 'utf8');
    writeFileSync(place.path('own.ts'), `${text}\nprocess.exitCode = 0;\n`);
    expect(await run('own.ts', './cut.pcap')).toMatchObject({ code: 0, stdout: 'false inputDamaged ./cut.pcap\n' });
    writeFileSync(place.path('nine.ts'), `${text}\nprocess.exitCode = 9;\n`);
    expect((await run('nine.ts', './sound.pcap')).code).toBe(9);
  });
});

const namespace = `bricks-exit-${process.pid}`;
const canMakeNamespaces = spawnSync('ip', ['netns', 'add', namespace]).status === 0;

(canMakeNamespaces ? describe : describe.skip)('in a network namespace (needs root)', () => {
  afterAll(() => void spawnSync('ip', ['netns', 'del', namespace]));

  test('the exit code says that an interface was deleted', async () => {
    const ip = (...words: string[]): void => void execFileSync('ip', ['-n', namespace, ...words]);
    ip('link', 'add', 'va', 'type', 'veth', 'peer', 'name', 'vb');
    for (const device of ['va', 'vb']) ip('link', 'set', device, 'up');
    writeFileSync(place.path('live.lua'), `${readFileSync(place.path('set-up.lua'), 'utf8')}\nprint("started")`);
    const running = place.start(['--backend', 'pcap', '-f', 'live.lua', '--', 'va', './live.pcap'], { wrap: ['ip', 'netns', 'exec', namespace], input: '' });
    await running.says(/started/);
    ip('link', 'del', 'va');
    expect((await running.ended).code).toBe(5);
  });
});

test('an engine tells what kept it from doing all of its work, and forgets it when it is linked anew', async () => {
  const engine = new PacketEngine('told', { warmUpMilliseconds: 0 });
  engine.on('notice', () => undefined);
  const brick = (path: string): LoadBalancer => new LoadBalancer().connectInput(path).connectOutput(place.path('told.pcap'));
  await engine.link(brick(place.path('cut.pcap')));
  await engine.start();
  const outcome = await engine.finished();
  expect(outcome).toMatchObject({ ok: false, faults: [{ kind: 'inputDamaged', link: place.path('cut.pcap'), code: '' }] });
  expect(outcome.faults[0].message).toMatch(/cut\.pcap ends in the middle of packet 100/);
  await engine.unlink();
  expect(engine.outcome).toEqual(outcome);
  expect(engine.audit()).toMatchObject({ balanced: true, faults: outcome.faults });
  await engine.link(brick(place.path('sound.pcap')));
  expect(engine.outcome).toEqual({ ok: true, faults: [] });
  await engine.delete();
});

test('of several faults the gravest decides', () => {
  expect(exitCodeOf([])).toBe(0);
  expect(exitCodeOf(['inputDamaged', 'outputLost'])).toBe(4);
  expect(exitCodeOf(['outputLost', 'engineFailed', 'interfaceGone'])).toBe(1);
});

test('the manual page lists the exit codes', () => {
  const page = readFileSync(join(__dirname, '../../man/bricks.1'), 'utf8');
  const listed = page.slice(page.indexOf('.Sh EXIT STATUS'), page.indexOf('.Sh EXAMPLES'));
  for (const { code } of EXIT_CODES) expect(listed).toMatch(new RegExp(`^\\.It ${code}$`, 'm'));
});
