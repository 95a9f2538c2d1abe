/** Files of an engine whose graph changes: those that both graphs have go on, others are whole when the change is done. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplicator, LoadBalancer, PcapReader, PcapWriter, readCaptureFile, writeCaptureFile, type BrickDescription } from 'packet-bricks';
import { closeEngines, flowPacket, newEngine, numbersOf, runningEngine, until } from '../support/loopback-engine';
import { Traffic, expectEachOnce, stopTraffic } from './traffic';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bricks-live-files-'));
});
afterEach(async () => {
  await stopTraffic();
  await closeEngines();
  rmSync(folder, { recursive: true, force: true });
});

const file = (name: string): string => join(folder, name);
const numbersIn = (name: string): number[] => numbersOf([...readCaptureFile(file(name))]);

/** Copies of what arrives, to files. */
const recording = (...names: string[]): BrickDescription[] => [
  new Duplicator().connectInput('in').connectOutput('out', ...names.map((_, index) => `copy{${index}`)),
  ...names.map((name, index) => new PcapWriter().connectInput(`copy}${index}`).connectOutput(file(name))),
];

test('a file that both graphs have goes on; one that was taken out is whole at once, one that was added begins then', async () => {
  const engine = newEngine({ whenFull: 'wait' });
  const [root, ...writers] = recording('kept.pcapng', 'first.pcap');
  await engine.link(root.link(...writers));
  await engine.start();
  const traffic = new Traffic(['out']).start();
  await traffic.passed(200);
  await engine.relink(recording('kept.pcapng'));
  const first = numbersIn('first.pcap');
  expect(first).toEqual(Array.from({ length: first.length }, (_, number) => number));
  expect(first.length).toBeGreaterThanOrEqual(200);
  await traffic.passed(200);
  for (let round = 0; round < 3; round++) {
    await engine.relink(recording('kept.pcapng', `more-${round}.pcap`));
    await traffic.passed(100);
    await engine.relink(recording('kept.pcapng'));
    const more = numbersIn(`more-${round}.pcap`);
    expect(more).toEqual(Array.from({ length: more.length }, (_, index) => more[0] + index));
  }
  await traffic.end(engine);
  expect(engine.audit()).toMatchObject({ balanced: true, received: traffic.sent });
  await engine.unlink();
  expect(numbersIn('kept.pcapng')).toEqual(Array.from({ length: traffic.sent }, (_, number) => number));
});

test('of an engine that is stopped too, and after it went on', async () => {
  const engine = newEngine({ whenFull: 'wait' });
  const [root, ...writers] = recording('kept.pcap');
  await engine.link(root.link(...writers));
  await engine.relink(recording('kept.pcap', 'more.pcap'));
  await engine.start();
  const traffic = new Traffic(['out']).start();
  await traffic.passed(100);
  await engine.stop();
  await engine.relink(recording('kept.pcap'));
  await engine.start();
  await traffic.passed(100);
  await traffic.end(engine);
  await engine.unlink();
  expect(numbersIn('kept.pcap')).toEqual(Array.from({ length: traffic.sent }, (_, number) => number));
});

test('a file can\'t get other options while it is open, and nothing has changed', async () => {
  const graph = (options: object): BrickDescription => new PcapWriter(options).connectInput('in').connectOutput(file('one.pcap'));
  const engine = await runningEngine(graph({}));
  await expect(engine.relink(graph({ snapLength: 64 }))).rejects.toMatchObject({ code: 'E_FILE', message: expect.stringContaining('other options') });
  expect(engine.running).toBe(true);
  const traffic = new Traffic([]).start();
  await until(() => traffic.sent > 100);
  await traffic.end(engine);
  await engine.unlink();
  expect(numbersIn('one.pcap').length).toBe(traffic.sent);
});

test('a capture file that is being read goes on where it was', async () => {
  const count = 60_000;
  writeCaptureFile(file('source.pcap'), Array.from({ length: count }, (_, number) => ({ bytes: flowPacket(number % 20, number).bytes })));
  const graph = (outputs: number): BrickDescription => new PcapReader().connectInput(file('source.pcap')).connectOutput('rest{0').link(
    new LoadBalancer().connectInput('rest}0').connectOutput(...Array.from({ length: outputs }, (_, index) => `out${index}`)));
  const engine = newEngine({ whenFull: 'wait' });
  const traffic = new Traffic(['out0', 'out1', 'out2', 'out3'], 'nothing');
  traffic.take();
  await engine.link(graph(2));
  await engine.start();
  traffic.start();
  let changes = 0;
  for (; engine.running; changes++) await engine.relink(graph(1 + changes % 4));
  await traffic.stop();
  traffic.take();
  expect(changes).toBeGreaterThan(1);
  expectEachOnce([...traffic.received.values()].flat(), count);
  expect(engine.audit()).toMatchObject({ balanced: true, received: count, sent: count });
});
