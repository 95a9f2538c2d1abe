/** LoadBalancer with failover: outputs that no reader is attached to are left out until one is. */
import fc from 'fast-check';
import { Dummy, Filter, LoadBalancer, type BrickDescription, type LoadBalancerOptions, type PacketEngine, type PacketEngineOptions } from 'packet-bricks';
import { attach, type PipeReader } from 'packet-bricks/src/pipes';
import { closeEngines, flowPacket, injectAll, newEngine, numberOf, until } from '../support/loopback-engine';
import { Program, temporaryRunDirectory } from './processes';
import { describeNative } from './rings';

let removeDirectory: () => void;
beforeAll(() => (removeDirectory = temporaryRunDirectory()));
afterAll(() => removeDirectory());

const FLOWS = 300;
const PIPES = [0, 1, 2, 3];
let device = 0;

/** Reads pipes as programs do, and takes note of where each flow arrives. */
class Readers {
  readonly pipes = new Map<number, PipeReader>();
  readonly name = `failover${device++}`;
  /** All packets that were ever read. */
  read = 0;

  /** The names of the outputs. */
  get outputs(): string[] {
    return PIPES.map((pipe) => `${this.name}{${pipe}`);
  }

  async attach(pipe: number, onWaiting = (): void => undefined): Promise<void> {
    this.pipes.set(pipe, await attach(`${this.name}}${pipe}`, { wait: true, onWaiting }));
  }

  /** Waits until all wait for their writer; then answers when all are attached. */
  async wait(): Promise<{ readonly attached: Promise<unknown> }> {
    let waiting = 0;
    const attached = Promise.all(PIPES.map((pipe) => this.attach(pipe, () => { waiting++; })));
    await until(() => waiting === PIPES.length);
    return { attached };
  }

  detach(pipe: number): void {
    this.pipes.get(pipe)?.close();
    this.pipes.delete(pipe);
  }

  /** Takes what has come: the pipe of each flow. */
  take(): number[] {
    const pipes = new Array<number>(FLOWS).fill(-1);
    for (const [pipe, reader] of this.pipes) {
      while (reader.receive() > 0) {
        const { batch } = reader;
        for (let row = 0; row < batch.count; row++) pipes[numberOf(batch.memory.bytes.subarray(batch.offset[row], batch.offset[row] + batch.length[row]))] = pipe;
        this.read += batch.count;
      }
      reader.release();
    }
    return pipes;
  }

  close(): void {
    for (const pipe of [...this.pipes.keys()]) this.detach(pipe);
  }
}

interface SetUp {
  readonly engine: PacketEngine;
  readonly readers: Readers;
  /** Sends a packet of each flow, and tells the pipe at which it arrives, -1 for none. */
  round(): Promise<number[]>;
  /** Waits until so many outputs are left out. */
  leftOut(count: number): Promise<void>;
}

/** A load balancer over pipes, all of which are read: from the start, since their readers wait for it. */
async function setUp(options: LoadBalancerOptions): Promise<SetUp> {
  const readers = new Readers();
  const { attached } = await readers.wait();
  const engine = await quietEngine(new LoadBalancer(options).connectInput('in').connectOutput(...readers.outputs));
  await attached;
  const setUp: SetUp = {
    engine, readers,
    async round() {
      const before = engine.stats().packets;
      await injectAll('in', Array.from({ length: FLOWS }, (_, flow) => flowPacket(flow, flow)));
      await until(() => engine.stats().packets === before + FLOWS);
      await until(() => engine.audit().balanced);
      return readers.take();
    },
    leftOut: (count) => until(() => engine.stats().bricks[0].gauges['outputsLeftOut'] === count),
  };
  return setUp;
}

/** One whose notices nobody prints. */
async function quietEngine(brick: BrickDescription, options: PacketEngineOptions = {}): Promise<PacketEngine> {
  const engine = newEngine(options);
  engine.on('notice', () => undefined);
  await engine.link(brick);
  await engine.start();
  return engine;
}

afterEach(closeEngines);

const counter = (engine: PacketEngine): number => engine.stats().bricks[0].counters['failedOver'];
const noReader = (engine: PacketEngine): number => engine.stats().links.reduce((sum, { drops }) => sum + (drops.noReader ?? 0), 0);

describeNative('failover', () => {
  test.each<[string, LoadBalancerOptions]>([
    ['by the hash', {}],
    ['by the hash, with weights', { weights: [3, 1, 2, 2] }],
    ['consistent', { balance: 'consistent' }],
    ['consistent, with weights, by addresses', { balance: 'consistent', weights: [1, 2, 3, 4], tuple: 2 }],
  ])('%s: the flows of an output whose reader goes move, no other does, and they come back with a reader', async (_, options) => {
    const { engine, readers, round, leftOut } = await setUp({ ...options, failover: true });
    const before = await round();
    expect(before).not.toContain(-1);
    expect(new Set(before)).toEqual(new Set(PIPES));
    readers.detach(2);
    await leftOut(1);
    const counted = counter(engine);
    const without = await round();
    expect(without.every((pipe, flow) => (before[flow] === 2 ? pipe >= 0 && pipe !== 2 : pipe === before[flow]))).toBe(true);
    expect(counter(engine) - counted).toBe(before.filter((pipe) => pipe === 2).length);
    readers.detach(0);
    await leftOut(2);
    const less = await round();
    expect(less.every((pipe, flow) => (without[flow] === 0 ? pipe === 1 || pipe === 3 : pipe === without[flow]))).toBe(true);
    await readers.attach(0);
    await readers.attach(2);
    await leftOut(0);
    expect(await round()).toEqual(before);
    expect(noReader(engine)).toBe(0);
    expect(engine.audit()).toMatchObject({ balanced: true, sent: readers.read });
    readers.close();
  });

  test('is off unless it is asked for: what nobody reads is dropped, and counted', async () => {
    const { engine, readers, round } = await setUp({ balance: 'consistent' });
    const before = await round();
    readers.detach(2);
    const after = await round();
    expect(after).toEqual(before.map((pipe) => (pipe === 2 ? -1 : pipe)));
    expect(noReader(engine)).toBe(before.filter((pipe) => pipe === 2).length);
    expect(engine.stats().bricks[0]).toMatchObject({ counters: { failedOver: 0 }, gauges: { outputsLeftOut: 0 } });
    readers.close();
  });

  test('without any reader nothing is moved: all is dropped, and counted', async () => {
    const { engine, readers, round } = await setUp({ failover: true });
    readers.close();
    for (let rounds = 0; rounds < 3; rounds++) expect(await round()).toEqual(new Array(FLOWS).fill(-1));
    expect(engine.audit()).toMatchObject({ balanced: true, sent: 0 });
    await readers.attach(3);
    await until(() => engine.stats().bricks[0].gauges['outputsLeftOut'] === 3);
    expect(await round()).toEqual(new Array(FLOWS).fill(3));
    readers.close();
  });

  test('a reader that takes nothing is a reader: what its full pipe does not take is dropped', async () => {
    const readers = new Readers();
    const { attached } = await readers.wait();
    const engine = await quietEngine(new LoadBalancer({ failover: true }).connectInput('in').connectOutput(...readers.outputs), { ringSize: 4096 });
    await attached;
    await injectAll('in', Array.from({ length: 1000 }, (_, flow) => flowPacket(flow, flow)));
    await until(() => engine.stats().packets === 1000);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(engine.stats().bricks[0]).toMatchObject({ counters: { failedOver: 0 }, gauges: { outputsLeftOut: 0 } });
    expect(engine.stats().links.every(({ role, drops }) => role !== 'sink' || drops.ringFull > 0)).toBe(true);
    expect(engine.audit().balanced).toBe(true);
    readers.close();
  });

  test('sees through other bricks: an output counts as read while any output behind it is', async () => {
    const readers = new Readers();
    const filters = PIPES.map((pipe) => new Filter('ip or ip6').connectInput(`inner}${pipe}`).connectOutput(readers.outputs[pipe]));
    const engine = await quietEngine(new LoadBalancer({ failover: true }).connectInput('in').connectOutputs('inner', PIPES.length).link(...filters));
    await readers.attach(1);
    await until(() => engine.stats().bricks[0].gauges['outputsLeftOut'] === 3);
    await injectAll('in', Array.from({ length: FLOWS }, (_, flow) => flowPacket(flow, flow)));
    await until(() => engine.stats().packets === FLOWS);
    expect(readers.take()).toEqual(new Array(FLOWS).fill(1));
    readers.close();
  });

  test('goes on where its engine gets another graph', async () => {
    const readers = new Readers();
    const { attached } = await readers.wait();
    const balancer = new LoadBalancer({ failover: true, balance: 'consistent', weights: [1, 2, 3, 4] }).connectInput('in').connectOutput(...readers.outputs);
    const engine = await quietEngine(balancer);
    await attached;
    const leftOut = (count: number): Promise<void> => until(() => engine.stats().bricks.some(({ gauges }) => gauges['outputsLeftOut'] === count));
    readers.detach(2);
    await leftOut(1);
    // Behind another brick it is the same one, at another level.
    balancer.inputs.splice(0, 1, 'mid}0');
    await engine.relink([new Dummy().connectInput('in').connectOutput('mid{0'), balancer]);
    readers.detach(0);
    await leftOut(2);
    await injectAll('in', Array.from({ length: FLOWS }, (_, flow) => flowPacket(flow, flow)));
    await until(() => engine.stats().packets === FLOWS);
    expect(new Set(readers.take())).toEqual(new Set([1, 3]));
    expect(noReader(engine)).toBe(0);
    await readers.attach(0);
    await leftOut(1);
    expect(engine.audit()).toMatchObject({ balanced: true, sent: FLOWS });
    readers.close();
  });

  test('a reader that is killed is noticed, and one in a pipe that was made anew', async () => {
    // It owns the pipe: killed, its writer goes on without, and the next reader makes it anew.
    const name = `failover${device}`;
    const owner = new Program('engine-reader', `${name}}2`);
    await owner.says('opened');
    const readers = new Readers();
    const engine = await quietEngine(new LoadBalancer({ failover: true, balance: 'consistent' }).connectInput('in').connectOutput(...readers.outputs));
    const leftOut = (count: number): Promise<void> => until(() => engine.stats().bricks[0].gauges['outputsLeftOut'] === count);
    await leftOut(3);
    for (const pipe of [0, 1, 3]) await readers.attach(pipe);
    await leftOut(0);
    await owner.kill();
    await leftOut(1);
    await injectAll('in', Array.from({ length: FLOWS }, (_, flow) => flowPacket(flow, flow)));
    await until(() => engine.stats().packets === FLOWS);
    expect(readers.take()).not.toContain(-1);
    expect(noReader(engine)).toBe(0);
    const next = new Program('engine-reader', `${name}}2`);
    await next.says('opened');
    await leftOut(0);
    await injectAll('in', Array.from({ length: FLOWS }, (_, flow) => flowPacket(flow, flow)));
    await until(() => engine.stats().packets === 2 * FLOWS);
    const late = readers.take();
    expect(late.filter((pipe) => pipe === -1).length).toBeGreaterThan(FLOWS / 8);
    expect(engine.audit()).toMatchObject({ balanced: true, sent: 2 * FLOWS });
    await next.kill();
    readers.close();
  });

  test('whatever readers come and go: only flows of outputs without a reader are elsewhere, and nothing is lost uncounted', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 8 }), fc.constantFrom<LoadBalancerOptions>({}, { balance: 'consistent' }), async (changes, options) => {
      const { engine, readers, round, leftOut } = await setUp({ ...options, failover: true });
      const usual = await round();
      for (const pipe of changes) {
        if (!readers.pipes.has(pipe)) await readers.attach(pipe);
        else if (readers.pipes.size > 1) readers.detach(pipe);
        await leftOut(PIPES.length - readers.pipes.size);
        const now = await round();
        expect(now.every((at, flow) => (readers.pipes.has(usual[flow]) ? at === usual[flow] : readers.pipes.has(at)))).toBe(true);
      }
      expect(noReader(engine)).toBe(0);
      expect(engine.audit()).toMatchObject({ balanced: true, sent: readers.read });
      readers.close();
      await closeEngines();
    }), { numRuns: 6 });
  });
});

test('failover over interfaces has no effect, and says so', async () => {
  const engine = newEngine();
  const notices: string[] = [];
  engine.on('notice', (text: string) => notices.push(text));
  await engine.link(new LoadBalancer({ failover: true }).connectInput('in').connectOutput('o0', 'o1'));
  await engine.start();
  await until(() => notices.length > 0);
  expect(notices).toEqual(['LoadBalancer: failover has no effect: whether anybody reads these outputs can\'t be told']);
});
