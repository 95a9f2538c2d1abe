import { Dummy, Duplicator, LoadBalancer, PacketEngine } from 'packet-bricks';
import { closeEngines, flowPacket, injectAll, loopback, newEngine, numbersOf, runningEngine, until } from '../support/loopback-engine';

afterEach(closeEngines);

const packets = (count: number, first = 0): ReturnType<typeof flowPacket>[] => Array.from({ length: count }, (_, index) => flowPacket(index % 30, first + index));
const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

test('a stopped engine has lost nothing, and goes on where it stopped', async () => {
  const engine = await runningEngine(new Dummy().connectInput('in').connectOutput('out'), { batch: 16 });
  const got: number[] = [];
  for (let round = 0; round < 10; round++) {
    await injectAll('in', packets(1000, round * 1000));
    await engine.stop();
    expect(engine.running).toBe(false);
    const { received, sent, balanced } = engine.audit();
    got.push(...numbersOf(loopback.read('out')));
    expect({ balanced, received, sent }).toEqual({ balanced: true, received: got.length, sent: got.length });
    await engine.start();
    expect(engine.running).toBe(true);
  }
  loopback.end('in');
  await engine.finished();
  got.push(...numbersOf(loopback.read('out')));
  expect(got).toEqual(numbers(10_000));
});

test('an engine ends by itself when all its sources have, and says so once', async () => {
  const engine = newEngine();
  let ended = 0;
  engine.on('ended', () => ended++);
  await engine.link(new Dummy().connectInput('in').connectOutput('out'));
  loopback.end('in');
  await engine.start();
  await engine.finished();
  expect([engine.running, ended]).toEqual([false, 1]);
});

test('start and stop may be said twice', async () => {
  const engine = await runningEngine(new Dummy().connectInput('in').connectOutput('out'));
  await engine.start();
  await engine.stop();
  await engine.stop();
  await injectAll('in', packets(10));
  await Promise.all([engine.start(), engine.stop(), engine.start(), engine.stop(), engine.start()]);
  await until(() => engine.stats().packets === 10);
});

test('unlink closes the links, and the engine can be linked anew', async () => {
  const engine = await runningEngine(new Dummy().connectInput('in').connectOutput('out'));
  await injectAll('in', packets(100));
  await until(() => engine.stats().packets === 100);
  await expect(engine.unlink()).rejects.toMatchObject({ code: 'E_ENGINE_RUNNING' });
  await engine.stop();
  await engine.unlink();
  expect(engine.linked).toBe(false);
  expect(engine.stats()).toMatchObject({ running: false, packets: 100 });
  expect(engine.audit()).toMatchObject({ balanced: true, received: 100, sent: 100 });
  await expect(engine.start()).rejects.toMatchObject({ code: 'E_ENGINE_NOT_LINKED' });
  await engine.link(new LoadBalancer().connectInput('in').connectOutput('a', 'b'));
  await engine.start();
  await injectAll('in', packets(50));
  await until(() => engine.stats().packets === 50);
  expect(engine.stats().links.map(({ name }) => name)).toEqual(['in', 'a', 'b']);
});

test('a second link adds to the first', async () => {
  const engine = newEngine();
  await engine.link(new Duplicator().connectInput('in').connectOutput('x{0', 'x{1', 'out'));
  await engine.link(new Dummy().connectInput('x}0').connectOutput('more'));
  expect(engine.stats().links.map(({ name, role }) => `${role} ${name}`)).toEqual(['source in', 'inner x}0', 'sink x{1', 'sink out', 'sink more']);
  await engine.start();
  await injectAll('in', packets(100));
  loopback.end('in');
  await engine.finished();
  expect(numbersOf(loopback.read('more'))).toEqual(numbers(100));
  expect(numbersOf(loopback.read('out'))).toEqual(numbers(100));
});

test('a link that fails leaves what was linked before as it was', async () => {
  const engine = newEngine();
  await engine.link(new Dummy().connectInput('in').connectOutput('out'));
  await expect(engine.link(new LoadBalancer().connectInput('other').connectOutput('out'))).rejects.toMatchObject({ code: 'E_LINK_TWICE', message: expect.stringContaining('Dummy') });
  await engine.start();
  await injectAll('in', packets(10));
  loopback.end('in');
  await engine.finished();
  expect(numbersOf(loopback.read('out'))).toEqual(numbers(10));
});

test('one engine reads an interface and one sends to it; who comes second is told', async () => {
  const first = await runningEngine(new Dummy().connectInput('in').connectOutput('out'));
  await expect(newEngine().link(new Dummy().connectInput('in').connectOutput('other'))).rejects.toMatchObject({ code: 'E_LINK_BUSY', message: expect.stringContaining(`Engine "${first.name}" already reads in`) });
  await expect(newEngine().link(new Dummy().connectInput('other').connectOutput('out'))).rejects.toMatchObject({ code: 'E_LINK_BUSY' });
  await first.stop();
  await first.delete();
  await newEngine().link(new Dummy().connectInput('in').connectOutput('out'));
});

test('an engine without a brick says so', async () => {
  const engine = newEngine();
  await expect(engine.start()).rejects.toMatchObject({ code: 'E_ENGINE_NOT_LINKED' });
  expect(() => engine.stats()).toThrow(expect.objectContaining({ code: 'E_ENGINE_NOT_LINKED' }));
  expect(() => engine.audit()).toThrow(expect.objectContaining({ code: 'E_ENGINE_NOT_LINKED' }));
  await engine.stop();
  await engine.delete();
});

test('a running engine is neither unlinked nor deleted', async () => {
  const engine = await runningEngine(new Dummy().connectInput('in').connectOutput('out'));
  await expect(engine.unlink()).rejects.toMatchObject({ code: 'E_ENGINE_RUNNING' });
  await expect(engine.delete()).rejects.toMatchObject({ code: 'E_ENGINE_RUNNING' });
  expect(engine.running).toBe(true);
});

test.each([0, 5000, 1.5])('a batch of %d packets is refused', async (batch) => {
  await expect(newEngine().link(new Dummy().connectInput('in').connectOutput('out'), { batch })).rejects.toMatchObject({ code: 'E_OPTION', message: expect.stringContaining('4096') });
});

test('a backend that there is not is named, with one that there is', async () => {
  await expect(new PacketEngine('e0', { backend: 'lopback' }).link(new Dummy().connectInput('in').connectOutput('out'))).rejects.toMatchObject({ code: 'E_BACKEND', message: expect.stringContaining('Did you mean "loopback"?') });
});

test('an idle engine rests: it waits in the system, and looks only a few times before', async () => {
  const engine = await runningEngine(new Dummy().connectInput('in').connectOutput('out'));
  await until(() => engine.stats().waits >= 20); // by then it has learned that nothing comes
  const before = engine.stats();
  await until(() => engine.stats().waits >= before.waits + 20);
  const after = engine.stats();
  expect((after.emptyPolls - before.emptyPolls) / (after.waits - before.waits)).toBeLessThan(10);
});
