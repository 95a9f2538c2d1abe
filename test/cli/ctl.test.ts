import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { TestDaemon } from '../daemon/support';
import { until } from '../support/loopback-engine';
import { Workplace, type Outcome } from '../support/program';
import { COMMANDS, TOPICS } from 'packet-bricks/src/protocol/commands';

const place = new Workplace();
let daemon: TestDaemon;
beforeAll(async () => { daemon = await TestDaemon.start(); });
afterAll(async () => {
  await daemon.stop();
  place.dispose();
});

const ctl = (...words: string[]): Promise<Outcome> => place.run(['ctl', ...words], { environment: { BRICKS_RUN_DIR: daemon.folder, BRICKS_NAME: 'bricks' } });
const graph = JSON.stringify([{ kind: 'LoadBalancer', inputs: ['in'], outputs: ['a', 'b'] }]);

test('an engine is created, linked, started, looked at, stopped and deleted', async () => {
  expect(await ctl('engine.create', 'e0', '--warm-up-milliseconds', '0', '--seed=3')).toMatchObject({ code: 0, stdout: '', stderr: '' });
  const linked = await ctl('engine.link', 'e0', graph, '--batch', '64', '--json');
  const [brick] = JSON.parse(linked.stdout) as number[];
  expect([(await ctl('engine.start', 'e0')).code, (await ctl('engine.list')).stdout]).toEqual([0, 'NAME  RUNNING  LINKED\ne0    yes      yes\n']);
  const { stdout } = await ctl('engine.stats', 'e0');
  expect(stdout.split('\n')).toEqual([
    'e0: running, 0 packets (0 bytes) received, 0 dropped',
    '  LINK  ROLE    PACKETS  BYTES  DROPPED  WHY', '  in    source  0        0      0', '  a     sink    0        0      0', '  b     sink    0        0      0',
    expect.stringMatching(/^ {2}BRICK +NUMBER +IN +OUT +HELD +DROPPED +COUNTERS$/), expect.stringMatching(new RegExp(`^ {2}LoadBalancer +${brick} +0 +0 +0 +0`)), '',
  ]);
  expect(JSON.parse((await ctl('--json', 'engine.stats')).stdout)).toMatchObject([{ name: 'e0', running: true, bricks: [{ id: brick }] }]);
  expect(await ctl('engine.audit')).toMatchObject({ code: 0, stdout: expect.stringContaining('e0: every packet is accounted for\n  ok  inputs of LoadBalancer: ') as string });
  expect(await ctl('engine.exists', 'e0')).toMatchObject({ code: 0, stdout: 'yes\n' });
  expect((await ctl('engine.stop', 'e0')).code + ((await ctl('engine.delete', 'e0')).code as number)).toBe(0);
  expect(await ctl('engine.exists', 'e0')).toMatchObject({ code: 1, stdout: 'no\n' });
});

test('a command that fails says why, with its code, and exits with 1', async () => {
  expect(await ctl('engine.start', 'nobody')).toEqual({ code: 1, signal: null, stdout: '', stderr: 'bricks: There is no engine nobody. Create one with PktEngine.new. [E_NO_ENGINE]\n' });
  expect(await ctl('-a', join(daemon.folder, 'no.sock'), 'engine.list')).toMatchObject({ code: 1, stderr: expect.stringContaining('No daemon listens on unix:') as string });
});

test('mistakes on the command line are told before any daemon is asked, and exit with 2', async () => {
  const mistakes: [string[], string][] = [
    [['engine.lnik'], 'There is no command "engine.lnik". Did you mean engine.link?'],
    [['engine.start'], 'engine.start needs the parameter "name", a string (the name of the engine).'],
    [['engine.start', 'e0', 'e1'], 'Unexpected argument "e1" for engine.start.'],
    [['engine.create', 'e0', '--sed', '1'], 'There is no option of engine.create "--sed". Did you mean --seed?'],
    [['engine.create', 'e0', '--seed', 'x'], 'engine.create: the option "seed" is "x"; it must be an integer from 0 to 4294967295.'],
    [['engine.create', 'e0', '--seed'], 'The option --seed needs a value.'],
    [['engine.create', 'e0', '--seed', '1', '--seed', '2'], '--seed is given twice.'],
    [['engine.link', 'e0', 'eth3'], 'BRICKS is not JSON: eth3. It must be a list, such as [1, 2].'],
    [['subscribe', 'statistic'], 'There is no topic "statistic". Did you mean statistics?'],
    [['authenticate', 'x'], 'There is no command "authenticate". '],
    [['--json'], 'bricks ctl needs a command.'],
  ];
  const outcomes = await Promise.all(mistakes.map(([words]) => place.run(['ctl', '-a', '/nowhere/x.sock', ...words])));
  expect(outcomes.map(({ code, stderr, stdout }) => [code, stdout, stderr])).toEqual(mistakes.map(([, text]) => [2, '', expect.stringContaining(`bricks: ${text}`)]));
});

test('a subscription prints until a signal ends it', async () => {
  const running = place.start(['ctl', '-a', daemon.socket, 'subscribe', 'notices', '--json']);
  await until(() => daemon.registry.listenerCount('ended') === 1);
  daemon.registry.emit('ended', 'e7');
  await running.says(/\n/);
  running.signal('SIGTERM');
  expect(await running.ended).toMatchObject({ code: 0, stdout: '{"engine":"e7","kind":"ended","text":"all sources have ended"}\n', stderr: '' });
});

test('help comes from the declarations: all commands, and each with its arguments and options', async () => {
  const [all, create, topic, short] = await Promise.all([ctl('help'), ctl('engine.create', '--help'), ctl('help', 'subscribe', 'statistics'), place.run(['ctl', '--help'])]);
  for (const [name, { summary, connection }] of Object.entries(COMMANDS)) {
    if (connection !== true || name === 'subscribe') expect(all.stdout).toMatch(new RegExp(`^ {2}${name.replace('.', '\\.')} +${summary.replace(/[.()]/g, '\\$&')}$`, 'm'));
  }
  expect(create.stdout).toContain('Usage:\n  bricks ctl engine.create NAME [OPTIONS]\n');
  expect(create.stdout).toMatch(/^ {2}--warm-up-milliseconds +.*\(an integer from 0 to 60000\)$/m);
  expect(topic.stdout).toContain(TOPICS.statistics.summary);
  expect(short.stdout).toContain('bricks ctl [-a ADDRESS | --name NAME]');
  expect([all, create, topic, short].map(({ code }) => code)).toEqual([0, 0, 0, 0]);
});

test('a file is that of the caller, wherever the daemon runs', async () => {
  writeFileSync(place.path('brick.cjs'), `exports.Mine = require(${JSON.stringify(require.resolve('packet-bricks'))}).defineBrick({ name: 'Mine', onPacket: () => () => 0 });\n`);
  expect(await ctl('brick.load', 'brick.cjs')).toMatchObject({ code: 0, stdout: 'Mine\n' });
  expect((await ctl('brick.describe', 'Mine')).stdout).toContain('Mine: ');
});
