/** A real NATS server, and the Kafka broker that librdkafka brings for tests, as independent receivers. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { connect, type NatsConnection } from '@nats-io/transport-node';
import { TestBrick, expectToConserve, runBrick } from 'packet-bricks/testing';
import { traffic } from '../../flow-meter/test/traffic';
import { FlowLog } from '../src/index';

const NATS_SERVER = existsSync('/usr/sbin/nats-server') ? '/usr/sbin/nats-server' : 'nats-server';
const withNats = spawnSync(NATS_SERVER, ['--version']).error === undefined ? test : test.skip;
const withKafka = spawnSync('kcat', ['-V']).error === undefined ? test : test.skip;

const folder = mkdtempSync(join(tmpdir(), 'bricks-flow-servers-'));
const programs: ChildProcess[] = [];
afterAll(async () => {
  for (const program of programs) {
    program.kill('SIGKILL');
    if (program.exitCode === null && program.signalCode === null) await once(program, 'exit');
  }
  rmSync(folder, { recursive: true });
});

interface Line {
  readonly community_id: string;
  readonly orig_pkts: number;
  readonly resp_pkts: number;
}

const packetsOf = (lines: readonly string[]): number => lines.map((line) => JSON.parse(line) as Line).reduce((sum, line) => sum + line.orig_pkts + line.resp_pkts, 0);
/** One packet is not IP. */
const EXPECTED = traffic.length - 1;

async function natsServer(): Promise<string> {
  const program = spawn(NATS_SERVER, ['-a', '127.0.0.1', '-p', '-1', '--ports_file_dir', folder, '--user', 'flows', '--pass', 'secret'], { stdio: 'ignore' });
  programs.push(program);
  for (let tries = 0; tries < 500; tries++) {
    const name = readdirSync(folder).find((file) => file.endsWith('.ports'));
    const text = name === undefined ? '' : readFileSync(join(folder, name), 'utf8');
    if (text !== '') return (JSON.parse(text) as { nats: string[] }).nats[0].replace('nats://', '');
    await wait(20);
  }
  throw new Error('nats-server has not started');
}

withNats('NATS: a subscriber gets each flow as a message; a wrong password is reported at the start', async () => {
  const address = await natsServer();
  const subscriber: NatsConnection = await connect({ servers: address, user: 'flows', pass: 'secret' });
  const lines: string[] = [];
  const subscription = subscriber.subscribe('net.*', { callback: (_error, message) => void lines.push(message.string()) });
  await subscriber.flush();
  const run = await runBrick(new FlowLog({ to: `nats://flows:secret@${address}/net.flows`, flows: 4096 }), traffic, { outputs: 1 });
  await subscriber.flush();
  expect([run.counters['records'], packetsOf(lines), run.log]).toEqual([lines.length, EXPECTED, []]);
  expectToConserve(run);
  subscription.unsubscribe();
  await subscriber.close();
  await expect(TestBrick.open(new FlowLog({ to: `nats://flows:wrong@${address}/net.flows` }))).rejects.toThrow(/[Aa]uthorization/);
});

withKafka('Kafka: a consumer gets each flow as a message with its Community ID as key', async () => {
  // kcat holds the broker and consumes from it: librdkafka's, which is independent of kafkajs.
  const kcat = spawn('kcat', ['-C', '-X', 'test.mock.num.brokers=1', '-b', 'none:1', '-t', 'flows', '-d', 'mock', '-u', '-K', '\t'], { stdio: ['ignore', 'pipe', 'pipe'] });
  programs.push(kcat);
  let notes = '';
  const broker = await new Promise<string>((resolve, reject) => {
    kcat.stderr.on('data', (text) => {
      notes += String(text);
      const [, address] = /bootstrap\.servers=(\S+)/.exec(notes) ?? [];
      if (address !== undefined) resolve(address);
    });
    kcat.once('exit', () => reject(new Error(notes)));
  });
  let output = '';
  const all = new Promise<void>((resolve) => kcat.stdout.on('data', (text) => {
    output += String(text);
    if (output.endsWith('\n') && packetsOf(output.trimEnd().split('\n').map((row) => row.split('\t')[1])) === EXPECTED) resolve();
  }));
  const run = await runBrick(new FlowLog({ to: `kafka://${broker}/flows`, flows: 4096 }), traffic, { outputs: 1 });
  await all;
  const rows = output.trimEnd().split('\n').map((row) => row.split('\t'));
  expect([rows.length, run.log]).toEqual([run.counters['records'], []]);
  expect(rows.every(([key, text]) => key === (JSON.parse(text) as Line).community_id)).toBe(true);
  expectToConserve(run);
});
