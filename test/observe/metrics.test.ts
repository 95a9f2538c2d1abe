/** Metrics by HTTP, as Prometheus and promtool read them. */
import { execFile, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { flowPacket } from '../support/loopback-engine';
import { Workplace, type Running } from '../support/program';
import { writeCapture } from '../support/write-capture';

const PACKETS = 120;
const OPEN_METRICS = { Accept: 'application/openmetrics-text' };
const contrib = join(__dirname, '../../contrib');

function installed(program: string): boolean {
  return spawnSync(program, ['--version']).status === 0;
}
const withPromtool = installed('promtool') ? test : test.skip;
const withPrometheus = installed('prometheus') ? test : test.skip;

const workplace = new Workplace();
let program: Running;
let url = '';
const children: ChildProcess[] = [];

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function metrics(headers: Record<string, string> = {}): Promise<string> {
  return (await fetch(url, { headers })).text();
}

/** The value of a metric with these labels, in the order in which they are written. */
function valueOf(text: string, name: string): number | undefined {
  const line = text.split('\n').find((each) => each.startsWith(`${name} `));
  return line === undefined ? undefined : Number(line.slice(name.length + 1));
}

const PIPE = '{engine="piped",link="pipe{0",role="sink"}';

/** Whether the script has done all it does, and the file has been played. */
function isSetUp(text: string): boolean {
  return valueOf(text, 'bricks_engine_running{engine="played"}') === 0 && valueOf(text, 'bricks_engine_running{engine="waiting"}') === 1 && valueOf(text, `bricks_link_ring_bytes${PIPE}`) !== undefined;
}

/** Three engines: one has played a capture file to its end, one waits for packets, one is linked to a pipe only. */
beforeAll(async () => {
  const capture = writeCapture(workplace.path('in.pcap'), Array.from({ length: PACKETS }, (_, number) => flowPacket(number, number)));
  const script = workplace.path('set-up.lua');
  writeFileSync(script, `
    PktEngine.new("played"):link(Brick.new("LoadBalancer"):connect_input("${capture}"):connect_output("${workplace.path('a.pcap')}", "${workplace.path('b.pcap')}")):start()
    PktEngine.new("waiting"):link(Brick.new("Dummy"):connect_input("in"):connect_output("out")):start()
    PktEngine.new("piped"):link(Brick.new("Dummy"):connect_input("in2"):connect_output("pipe{0"))`);
  const port = await freePort();
  program = workplace.start(['--backend', 'loopback', '--metrics', String(port), '-f', script]);
  url = `http://127.0.0.1:${port}/metrics`;
  await program.says(/metrics at /);
  let text = '';
  do text = await metrics(); while (!isSetUp(text));
}, 60_000);

afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  workplace.dispose();
});

test('metrics tell exactly what engines have counted', async () => {
  const text = await metrics();
  expect(valueOf(text, 'bricks_engine_packets_total{engine="played"}')).toBe(PACKETS);
  const sent = ['a', 'b'].map((name) => valueOf(text, `bricks_link_packets_total{engine="played",link="${workplace.path(`${name}.pcap`)}",role="sink"}`) ?? 0);
  expect(Math.min(...sent)).toBeGreaterThan(0);
  expect(sent[0] + sent[1]).toBe(PACKETS);
  expect(valueOf(text, 'bricks_brick_packets_in_total{engine="played",brick="LoadBalancer",kind="LoadBalancer"}')).toBe(PACKETS);
  expect(valueOf(text, 'bricks_engine_busy_seconds_total{engine="played"}')).toBeGreaterThan(0);
  const batches = valueOf(text, 'bricks_engine_batch_duration_seconds_count{engine="played"}');
  expect(batches).toBeGreaterThan(0);
  expect(valueOf(text, 'bricks_engine_batch_duration_seconds_bucket{engine="played",le="+Inf"}')).toBe(batches);
  expect(valueOf(text, 'process_resident_memory_bytes')).toBeGreaterThan(0);
});

test('pipes report how full they are and whether they are read; other links do not', async () => {
  const text = await metrics();
  expect(valueOf(text, `bricks_link_ring_bytes${PIPE}`)).toBe(4 << 20);
  expect(valueOf(text, `bricks_link_ring_used_bytes${PIPE}`)).toBe(0);
  expect(valueOf(text, `bricks_link_has_reader${PIPE}`)).toBe(0);
  expect(text).not.toMatch(/bricks_link_ring_bytes\{engine="played"/);
});

test('whoever asks for OpenMetrics gets it, and others the text format, with the same names', async () => {
  const open = await fetch(url, { headers: OPEN_METRICS });
  expect(open.headers.get('content-type')).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
  const text = await open.text();
  expect(text.endsWith('# EOF\n')).toBe(true);
  const plain = await fetch(url);
  expect(plain.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  const names = (from: string) => new Set(from.split('\n').flatMap((line) => /^(bricks_\w+)/.exec(line)?.[1] ?? []));
  expect(names(await plain.text())).toEqual(names(text));
});

test('no metric stands twice', async () => {
  for (const headers of [{}, OPEN_METRICS]) {
    const types = (await metrics(headers)).split('\n').filter((line) => line.startsWith('# TYPE ')).map((line) => line.split(' ')[2]);
    expect(types.filter((name, at) => types.indexOf(name) !== at)).toEqual([]);
  }
});

test('anything but a GET of /metrics is refused', async () => {
  expect((await fetch(new URL('/', url))).status).toBe(404);
  expect((await fetch(url, { method: 'POST', body: 'x' })).status).toBe(405);
});

test('an address that is in use, or none, ends the start with its reason', async () => {
  const busy = await workplace.run(['--backend', 'loopback', '--metrics', new URL(url).port], { input: 'x = 1\n' });
  expect(busy).toMatchObject({ code: 1, stderr: expect.stringMatching(/Cannot serve metrics on 127\.0\.0\.1 port \d+: .*in use.*\[E_METRICS\]/) });
  const path = await workplace.run(['--backend', 'loopback', '--metrics', '/tmp/x'], { input: '' });
  expect(path).toMatchObject({ code: 2, stderr: expect.stringContaining('HOST:PORT') });
});

withPromtool('promtool finds nothing wrong with the metrics', async () => {
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: await metrics(), encoding: 'utf8' });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
});

withPromtool('the alert rules are valid and fire when they should', async () => {
  await promisify(execFile)('promtool', ['test', 'rules', 'bricks-alerts-test.yml'], { cwd: join(contrib, 'prometheus') });
});

test('the dashboard and the alert rules ask only for metrics that there are', async () => {
  const text = (await metrics()) + ['noReader'].map((reason) => `bricks_link_drops_total{reason="${reason}"}\nbricks_brick_drops_total{reason="${reason}"}`).join('\n');
  const asked = [...readdirSync(join(contrib, 'grafana')).map((name) => join(contrib, 'grafana', name)), join(contrib, 'prometheus', 'bricks-alerts.yml')]
    .flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/\bbricks_[a-z_]+\b/g)].map(([name]) => name));
  expect(asked.length).toBeGreaterThan(10);
  for (const name of new Set(asked)) expect(text).toContain(name);
});

withPrometheus('Prometheus scrapes them', async () => {
  const port = await freePort();
  const configuration = workplace.path('prometheus.yml');
  writeFileSync(configuration, `global: { scrape_interval: 1s }\nscrape_configs: [{ job_name: bricks, static_configs: [{ targets: ['${new URL(url).host}'] }] }]\n`);
  const prometheus = spawn('prometheus', [`--config.file=${configuration}`, `--storage.tsdb.path=${workplace.path('series')}`, `--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
  children.push(prometheus);
  const query = encodeURIComponent('bricks_engine_packets_total{engine="played"}');
  let found: string | undefined;
  while (found === undefined) {
    if (prometheus.exitCode !== null) throw new Error(`Prometheus ended with ${prometheus.exitCode}.`);
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${query}`).then((response) => (response.ok ? response.json() : undefined) as Promise<{ data?: { result: { value: [number, string] }[] } }>, () => undefined);
    found = answer?.data?.result[0]?.value[1];
    if (found === undefined) await new Promise((resolve) => setTimeout(resolve, 100)); // Prometheus tells nobody when it has scraped
  }
  expect(found).toBe(String(PACKETS));
}, 60_000);
