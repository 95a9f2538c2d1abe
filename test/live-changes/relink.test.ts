/** Another graph in place of the one that an engine has, while packets flow: none is lost, none comes twice, and each flow keeps its order. */
import { Dummy, Duplicator, Filter, LoadBalancer, Merge, type BrickClass, type BrickDescription } from 'packet-bricks';
import { closeEngines, flowPacket, injectAll, loopback, newEngine, numbersOf, runningEngine, until } from '../support/loopback-engine';
import { temporaryRunDirectory } from '../pipes/processes';
import { FLOWS, Reader, Traffic, expectEachOnce, expectFlowsInOrder, stopTraffic } from './traffic';

// eslint-disable-next-line @typescript-eslint/no-require-imports -- CommonJS: the thread of a test can load no other
const { Pairer } = require('../support/model-bricks.cjs') as Record<'Pairer', BrickClass>;

let removeDirectory = (): void => undefined;
beforeAll(() => {
  removeDirectory = temporaryRunDirectory();
});
afterEach(async () => {
  await stopTraffic();
  await closeEngines();
});
afterAll(() => removeDirectory());

test('fifty changes under traffic lose no packet, keep the order of each flow, and the sums stay right', async () => {
  const outputs = Array.from({ length: 8 }, (_, index) => `out${index}`);
  const graph = (count: number): BrickDescription => new LoadBalancer().connectInput('in').connectOutput(...outputs.slice(0, count));
  const engine = await runningEngine(graph(1));
  const traffic = new Traffic(outputs).start();
  for (let change = 0; change < 50; change++) {
    await traffic.passed(100);
    await engine.relink(graph(1 + (change * 5) % 8));
    expect(engine.running).toBe(true);
    expect(engine.audit()).toMatchObject({ balanced: true });
  }
  await traffic.end(engine);
  const numbers = [...traffic.received.values()].flat();
  expectEachOnce(numbers, traffic.sent);
  for (const name of outputs) expectFlowsInOrder(traffic.of(name));
  expect(engine.audit()).toMatchObject({ balanced: true, received: traffic.sent, sent: traffic.sent, dropped: 0 });
  expect(engine.stats()).toMatchObject({ packets: traffic.sent, drops: 0 });
});

test('what stays goes on: its counters, what its bricks remember, and what they hold', async () => {
  const first = new Duplicator().connectInput('in').connectOutput('a{0', 'out');
  const counting = new Filter('tcp').connectInput('a}0').connectOutput('tcp');
  const engine = newEngine();
  await engine.link(first.link(counting));
  await engine.start();
  const traffic = new Traffic(['out', 'tcp', 'more']).start();
  await traffic.passed(500);
  const more = new Duplicator().connectInput('in').connectOutput('a{0', 'out', 'more');
  const before = engine.stats().bricks.find(({ id }) => id === counting.id);
  await engine.relink([more, counting]);
  await traffic.passed(500);
  await traffic.end(engine);
  const after = engine.stats();
  expect(after.bricks.find(({ id }) => id === counting.id)?.packetsIn).toBe(traffic.sent);
  expect(before?.packetsIn).toBeGreaterThan(0);
  expect(after.links.find(({ name }) => name === 'in')).toMatchObject({ packets: traffic.sent });
  expect(traffic.of('out')).toEqual(Array.from({ length: traffic.sent }, (_, number) => number));
  expect(traffic.of('more').length).toBeLessThan(traffic.sent);
  expect(engine.audit()).toMatchObject({ balanced: true });
});

test('a brick is put into a chain and taken out again', async () => {
  const balancer = new LoadBalancer().connectInput('in').connectOutput('out0', 'out1');
  const engine = await runningEngine(balancer);
  const traffic = new Traffic(['out0', 'out1']).start();
  await traffic.passed(300);
  for (let round = 0; round < 3; round++) {
    const inner = new LoadBalancer().connectInput('mid}0').connectOutput('out0', 'out1');
    await engine.relink([new Dummy().connectInput('in').connectOutput('mid{0'), inner]);
    await traffic.passed(300);
    await engine.relink(balancer);
    await traffic.passed(300);
  }
  await traffic.end(engine);
  expectEachOnce([...traffic.of('out0'), ...traffic.of('out1')], traffic.sent);
  expect(engine.audit()).toMatchObject({ balanced: true, received: traffic.sent, sent: traffic.sent });
});

test('sources come and go', async () => {
  const engine = await runningEngine(new Merge().connectInput('in').connectOutput('out'));
  const traffic = new Traffic(['out']).start();
  for (let round = 0; round < 5; round++) {
    await traffic.passed(200);
    await engine.relink(new Merge().connectInput('in', 'other').connectOutput('out'));
    await traffic.passed(200);
    await engine.relink(new Merge().connectInput('in').connectOutput('out'));
  }
  await traffic.end(engine);
  expect(traffic.of('out')).toEqual(Array.from({ length: traffic.sent }, (_, number) => number));
});

test('a change that fails leaves all as it was, and packets flow on', async () => {
  const engine = await runningEngine(new Dummy().connectInput('in').connectOutput('out'));
  const other = await runningEngine(new Dummy().connectInput('x').connectOutput('taken'));
  const traffic = new Traffic(['out']).start();
  await traffic.passed(200);
  await expect(engine.relink(new Duplicator().connectInput('in').connectOutput('out', 'taken'))).rejects.toMatchObject({ code: 'E_LINK_BUSY' });
  await expect(engine.relink(new Dummy().connectInput('in'))).rejects.toMatchObject({ code: 'E_NO_OUTPUT' });
  await expect(engine.relink(new Duplicator().connectInput('in').connectOutput('out', '/no/such/directory/x.pcap'))).rejects.toMatchObject({ code: 'E_FILE' });
  await traffic.passed(200);
  await traffic.end(engine);
  expect(traffic.of('out')).toEqual(Array.from({ length: traffic.sent }, (_, number) => number));
  expect(engine.audit()).toMatchObject({ balanced: true, sent: traffic.sent });
  await other.stop();
});

test('readers of pipes that both graphs have see no end: of an engine that is stopped, and of one that runs', async () => {
  const graph = (...outputs: string[]): BrickDescription => new LoadBalancer().connectInput('in').connectOutput(...outputs);
  const engine = newEngine({ whenFull: 'wait' });
  await engine.link(graph('p{0', 'p{1'));
  const kept = await Reader.of('p}0');
  const leaving = await Reader.of('p}1');
  await engine.relink(graph('p{0', 'p{2'));
  await leaving.done;
  const coming = await Reader.of('p}2');
  await engine.start();
  const traffic = new Traffic([]).start();
  await until(() => kept.numbers.length > 200);
  for (let round = 0; round < 10; round++) {
    await engine.relink(graph('p{0', 'p{2', `out${round}`));
    await engine.relink(graph('p{0', 'p{2'));
    const before = kept.numbers.length;
    await until(() => kept.numbers.length > before + 50);
  }
  expect([kept.ended, coming.ended, leaving.ended]).toEqual([false, false, true]);
  await traffic.end(engine);
  const { sent, received, balanced } = engine.audit();
  await engine.delete();
  await Promise.all([kept.done, coming.done]);
  expect(balanced).toBe(true);
  expect(received).toBe(traffic.sent);
  const others = Array.from({ length: 10 }, (_, round) => numbersOf(loopback.read(`out${round}`))).flat();
  expectEachOnce([...kept.numbers, ...coming.numbers, ...others], sent);
  expectFlowsInOrder(kept.numbers);
  expectFlowsInOrder(coming.numbers);
});

test('an engine that reads a pipe goes on with it while its own graph changes', async () => {
  const writer = newEngine({ whenFull: 'wait' });
  await writer.link(new Dummy().connectInput('in').connectOutput('q{0'));
  const reader = await runningEngine(new Dummy().connectInput('q}0').connectOutput('out'));
  await writer.start();
  const traffic = new Traffic(['out']).start();
  for (let round = 0; round < 10; round++) {
    await traffic.passed(100);
    await reader.relink(round % 2 === 0 ? new LoadBalancer().connectInput('q}0').connectOutput('out') : new Dummy().connectInput('q}0').connectOutput('out'));
    await writer.relink(new Dummy().connectInput('in').connectOutput('q{0'));
  }
  await traffic.end(writer);
  await until(() => reader.stats().packets === traffic.sent);
  await reader.stop();
  traffic.take();
  expect(traffic.of('out')).toEqual(Array.from({ length: traffic.sent }, (_, number) => number));
});

test('engines come, change, stop and go while another one runs, which does not notice', async () => {
  const steady = await runningEngine(new LoadBalancer().connectInput('in').connectOutput('out0', 'out1'));
  const traffic = new Traffic(['out0', 'out1']).start();
  for (let round = 0; round < 5; round++) {
    await traffic.passed(100);
    const other = newEngine();
    await other.link(new Dummy().connectInput('x').connectOutput('y'));
    await other.start();
    await other.relink(new LoadBalancer().connectInput('x').connectOutput('y', 'z'));
    await other.stop();
    await other.unlink();
    await other.link(new Dummy().connectInput('z').connectOutput('x'));
    await other.delete();
  }
  await traffic.end(steady);
  expectEachOnce([...traffic.of('out0'), ...traffic.of('out1')], traffic.sent);
  expect(steady.audit()).toMatchObject({ balanced: true, sent: traffic.sent });
});

test('a brick that keeps packets keeps them while others change, and sends them on later; one that leaves sends them first', async () => {
  const engine = newEngine();
  const root = new Duplicator().connectInput('in').connectOutput('a{0', 'out');
  const pairer = new Pairer().connectInput('a}0').connectOutput('pairs');
  await engine.link(root.link(pairer));
  await engine.start();
  await injectAll('in', [flowPacket(0, 0)]);
  await until(() => engine.audit().held === 1);
  const more = new Duplicator().connectInput('in').connectOutput('a{0', 'out', 'more');
  await engine.relink([more, pairer]);
  expect(engine.audit()).toMatchObject({ balanced: true, held: 1 });
  expect(numbersOf(loopback.read('pairs'))).toEqual([]);
  await injectAll('in', [flowPacket(0, 1), flowPacket(0, 2)]);
  await until(() => engine.stats().packets === 3 && engine.audit().held === 1);
  expect(numbersOf(loopback.read('pairs'))).toEqual([0, 1]);
  await engine.relink(new Dummy().connectInput('in').connectOutput('out'));
  expect(numbersOf(loopback.read('pairs'))).toEqual([2]);
  expect(engine.audit()).toMatchObject({ balanced: true, held: 0, received: 3 });
});

test('a brick that goes on at another level reads what it needs there', async () => {
  for (const options of [{}, { balance: 'consistent' }] as const) {
    const balancer = new LoadBalancer(options).connectInput('in').connectOutput('out0', 'out1');
    const engine = await runningEngine(balancer);
    const traffic = new Traffic(['out0', 'out1']).start();
    await traffic.passed(300);
    balancer.inputs.splice(0, 1, 'mid}0');
    await engine.relink([new Dummy().connectInput('in').connectOutput('mid{0'), balancer]);
    await traffic.passed(300);
    await traffic.end(engine);
    expectEachOnce([...traffic.of('out0'), ...traffic.of('out1')], traffic.sent);
    // As from the start there.
    const last = new Map<number, string>();
    for (const name of ['out0', 'out1']) for (const number of traffic.of(name).slice(-150)) last.set(number % FLOWS, name);
    await closeEngines();
    const fresh = new LoadBalancer(options).connectInput('mid}0').connectOutput('out0', 'out1');
    const other = await runningEngine(new Dummy().connectInput('in').connectOutput('mid{0').link(fresh));
    const again = new Traffic(['out0', 'out1']).start();
    await again.passed(300);
    await again.end(other);
    for (const name of ['out0', 'out1']) expect(again.of(name).every((number) => last.get(number % FLOWS) === name)).toBe(true);
    await closeEngines();
  }
});
