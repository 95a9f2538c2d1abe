/** How LoadBalancer shares flows out: weights, and balance = "consistent" when outputs come and go. */
import fc from 'fast-check';
import { LoadBalancer, type BrickDescription, type LoadBalancerOptions } from 'packet-bricks';
import { closeEngines, flowPacket, injectAll, loopback, newEngine, numbersOf, runningEngine, until } from '../support/loopback-engine';

afterEach(closeEngines);

const FLOWS = 1500;
const outputNames = (count: number): string[] => Array.from({ length: count }, (_, output) => `o${output}`);

/** Sends both directions of each flow; the output of each, by its name. None may be torn apart. */
async function outputsOfFlows(options: LoadBalancerOptions, names: readonly string[]): Promise<string[]> {
  const engine = await runningEngine(new LoadBalancer(options).connectInput('in').connectOutput(...names));
  await injectAll('in', Array.from({ length: 2 * FLOWS }, (_, number) => flowPacket(number >> 1, number >> 1, number % 2 === 1)));
  loopback.end('in');
  await engine.finished();
  expect(engine.audit()).toMatchObject({ balanced: true, sent: 2 * FLOWS });
  const outputs = new Array<string>(FLOWS);
  let torn = 0;
  for (const name of names) {
    for (const flow of numbersOf(loopback.read(name))) {
      if (outputs[flow] !== undefined && outputs[flow] !== name) torn++;
      outputs[flow] = name;
    }
  }
  expect(torn).toBe(0);
  await closeEngines();
  return outputs;
}

function sharesOf(outputs: readonly string[], names: readonly string[]): number[] {
  return names.map((name) => outputs.filter((output) => output === name).length / outputs.length);
}

test('equal weights change nothing: flows go by the hash modulo the number of outputs', async () => {
  const names = outputNames(3);
  const plain = await outputsOfFlows({}, names);
  expect(await outputsOfFlows({ weights: [5, 5, 5] }, names)).toEqual(plain);
  expect(await outputsOfFlows({ balance: 'hash' }, names)).toEqual(plain);
});

test.each(['hash', 'consistent'] as const)('weights share flows out, both directions of each to the same output, balance = "%s"', async (balance) => {
  const names = outputNames(3);
  const shares = sharesOf(await outputsOfFlows({ balance, weights: [2, 1, 1] }, names), names);
  [0.5, 0.25, 0.25].forEach((share, output) => expect(Math.abs(shares[output] - share)).toBeLessThan(0.06));
});

test.each([['by addresses and ports', {}], ['by addresses', { tuple: 2 }], ['by the inner flow', { inner: true }]] as const)('consistent, %s: only the flows of the output move that goes, or comes', async (_, options) => {
  const names = outputNames(5);
  const before = await outputsOfFlows({ balance: 'consistent', ...options }, names);
  for (const gone of ['o0', 'o2']) {
    const after = await outputsOfFlows({ balance: 'consistent', ...options }, names.filter((name) => name !== gone));
    expect(after.every((output, flow) => output === before[flow] || before[flow] === gone)).toBe(true);
  }
  expect(new Set(before).size).toBe(names.length);
});

test('consistent: an output that a running engine gets takes flows from the others, and no other flow moves', async () => {
  const names = outputNames(4);
  const balancer = (count: number): BrickDescription => new LoadBalancer({ balance: 'consistent' }).connectInput('in').connectOutput(...names.slice(0, count));
  const engine = await runningEngine(balancer(3));
  const round = async (): Promise<string[]> => {
    const before = engine.stats().packets;
    await injectAll('in', Array.from({ length: FLOWS }, (_, flow) => flowPacket(flow, flow)));
    await until(() => engine.stats().packets === before + FLOWS);
    const outputs = new Array<string>(FLOWS);
    for (const name of names) for (const flow of numbersOf(loopback.read(name))) outputs[flow] = name;
    return outputs;
  };
  const before = await round();
  await engine.relink(balancer(4));
  const after = await round();
  expect(after.every((output, flow) => output === before[flow] || output === 'o3')).toBe(true);
  expect(Math.abs(sharesOf(after, names)[3] - 0.25)).toBeLessThan(0.06);
  await engine.relink(balancer(3));
  expect(await round()).toEqual(before);
});

test('behind another load balancer it splits again', async () => {
  const engine = newEngine();
  const second = ['a', 'b'].map((name) => new LoadBalancer({ balance: 'consistent' }).connectInput(`${name}}0`).connectOutput(`${name}0`, `${name}1`));
  await engine.link(new LoadBalancer({ balance: 'consistent' }).connectInput('in').connectOutput('a{0', 'b{0').link(...second));
  await engine.start();
  await injectAll('in', Array.from({ length: FLOWS }, (_, flow) => flowPacket(flow, flow)));
  loopback.end('in');
  await engine.finished();
  const counts = ['a0', 'a1', 'b0', 'b1'].map((name) => loopback.read(name).length);
  for (const count of counts) expect(Math.abs(count / FLOWS - 0.25)).toBeLessThan(0.07);
});

test('whatever the weights, every packet arrives once, in order within its flow', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 6 }), fc.constantFrom('hash' as const, 'consistent' as const), async (weights, balance) => {
    const names = outputNames(weights.length);
    const engine = await runningEngine(new LoadBalancer({ balance, weights }).connectInput('in').connectOutput(...names), { batch: 64 });
    const packets = Array.from({ length: 300 }, (_, number) => flowPacket(number % 37, number, number % 2 === 1));
    await injectAll('in', packets);
    await until(() => engine.stats().packets === packets.length);
    const all = names.map((name) => numbersOf(loopback.read(name)));
    for (const numbers of all) expect(numbers).toEqual([...numbers].sort((one, other) => one - other));
    expect(all.flat().sort((one, other) => one - other)).toEqual(packets.map(({ number }) => number));
    await closeEngines();
  }), { numRuns: 5 });
});

test.each([
  [{ weights: [2, 1] }, 'LoadBalancer: the option "weights" has 2 values; LoadBalancer has 3 outputs. Give one value for each output, in the order of the outputs.'],
])('weights for another number of outputs are refused when the engine is linked', async (options, message) => {
  const engine = newEngine();
  await expect(engine.link(new LoadBalancer(options).connectInput('in').connectOutput(...outputNames(3)))).rejects.toThrow(expect.objectContaining({ code: 'E_OPTION', message }));
});
