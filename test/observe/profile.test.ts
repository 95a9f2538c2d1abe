/** Profiles of engines: where the time of their threads goes, while packets flow and none is lost. */
import { BricksError, LoadBalancer, PcapReader, type PacketEngine } from 'packet-bricks';
import { timeByPart } from 'packet-bricks/src/control/profile-parts';
import { closeEngines, flowPacket, newEngine, runningEngine } from '../support/loopback-engine';
import { Workplace } from '../support/program';
import { writeCapture } from '../support/write-capture';

const place = new Workplace();
const CAPTURE = place.path('in.pcap');

beforeAll(() => writeCapture(CAPTURE, Array.from({ length: 4000 }, (_, number) => ({ bytes: flowPacket(number % 97, number).bytes }))));
afterEach(closeEngines);
afterAll(() => place.dispose());

function busyEngine(): Promise<PacketEngine> {
  const reader = new PcapReader({ loop: 0 }).connectInput(CAPTURE).connectOutput('in{0');
  reader.link(new LoadBalancer(4).connectInput('in}0').connectOutput('w{0', 'w{1'));
  return runningEngine(reader);
}

test('samples belong to the part that the loop called first', () => {
  const names = ['(root)', '(idle)', '(garbage collector)', 'run', 'loop', 'round', 'receive', 'read', 'process', 'send', 'send', 'transmit', 'countRound', 'rest', 'wait', 'receive'];
  const children: Readonly<Record<number, readonly number[]>> = { 1: [2, 3, 4], 4: [5], 5: [6, 13, 14], 6: [7, 9, 11], 7: [8], 9: [10], 11: [12], 14: [15], 15: [16] };
  const nodes = names.map((functionName, index) => ({ id: index + 1, callFrame: { functionName, scriptId: '1', url: '', lineNumber: 0, columnNumber: 0 }, ...(children[index + 1] && { children: children[index + 1] }) }));
  const samples = [2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 99];
  const times = timeByPart({ nodes, startTime: 0, endTime: 1, samples, timeDeltas: samples.map(() => 10) });
  // The first three and the last are the profiler's own.
  expect(times).toEqual({ elsewhere: 0, collector: 0, engine: 30, receive: 20, bricks: 20, send: 20, waiting: 20 });
  expect(timeByPart({ nodes, startTime: 0, endTime: 1, samples: [5, 3, 2, 5], timeDeltas: [1, 2, 4, 8] })).toMatchObject({ engine: 9, collector: 2, elsewhere: 4 });
  expect(timeByPart({ nodes: [], startTime: 0, endTime: 0 }).engine).toBe(0);
});

test('where V8 has compiled the loop into its caller, and the graph into the loop, samples belong to the same parts', () => {
  const names = ['(root)', 'runGuarded', 'run', 'run', 'receive', 'transmit', 'readClock'];
  const children: Readonly<Record<number, readonly number[]>> = { 1: [2], 2: [3], 3: [4, 5, 6, 7] };
  const nodes = names.map((functionName, index) => ({ id: index + 1, callFrame: { functionName, scriptId: '1', url: '', lineNumber: 0, columnNumber: 0 }, ...(children[index + 1] && { children: children[index + 1] }) }));
  const times = timeByPart({ nodes, startTime: 0, endTime: 1, samples: [3, 4, 5, 6, 7], timeDeltas: [1, 2, 4, 8, 16] });
  expect(times).toMatchObject({ engine: 17, bricks: 2, receive: 4, send: 8, elsewhere: 0 });
});

test('an engine goes on while it is profiled, every packet is accounted for, and the parts make up its time', async () => {
  const engine = await busyEngine();
  const before = engine.stats();
  const profiling = engine.profile(0.4, { every: 200 });
  await expect(engine.profile(0.1)).rejects.toMatchObject({ code: 'E_PROFILE' });
  const profile = await profiling;
  expect(engine.running).toBe(true);
  expect(engine.audit().balanced).toBe(true);
  expect(profile).toMatchObject({ engine: engine.name, packets: expect.any(Number), limit: expect.stringMatching(/The engine is (?:not )?at its limit/) });
  expect(profile.packets).toBeGreaterThan(0);
  expect(profile.packets).toBeLessThanOrEqual(engine.stats().packets - before.packets);
  expect(profile.parts.map(({ part, label }) => [part, label])).toEqual([
    ['receive', 'receive'], ['brick', 'PcapReader'], ['brick', 'LoadBalancer'], ['send', 'send'], ['engine', 'the loop itself'], ['collector', 'garbage collections'],
  ]);
  expect(profile.parts.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1);
  expect(profile.parts.reduce((sum, { nanosecondsPerPacket }) => sum + nanosecondsPerPacket, 0)).toBeCloseTo(profile.nanosecondsPerPacket);
  expect(profile.parts[0].share).toBeGreaterThan(0);
  const { nodes, samples = [], timeDeltas = [] } = profile.cpuProfile;
  expect(samples.length).toBeGreaterThan(0);
  expect(timeDeltas).toHaveLength(samples.length);
  expect(nodes[0].callFrame.functionName).toBe('(root)');
  // A second one, and commands meanwhile.
  const second = engine.profile(0.2);
  await engine.stop();
  await engine.start();
  expect((await second).engine).toBe(engine.name);
});

test('an engine that does not run, and one that is closed meanwhile, are refused', async () => {
  await expect(newEngine().profile(0.1)).rejects.toMatchObject({ code: 'E_ENGINE_NOT_RUNNING' });
  const engine = await busyEngine();
  await expect(engine.profile(0)).rejects.toBeInstanceOf(BricksError);
  await expect(engine.profile(1, { every: 3 })).rejects.toMatchObject({ code: 'E_ARGUMENT' });
  await expect(engine.profile(60, { every: 50 })).rejects.toMatchObject({ code: 'E_ARGUMENT', message: expect.stringContaining('samples') });
  const profiling = engine.profile(0.2);
  profiling.catch(() => undefined);
  await engine.stop();
  await engine.unlink();
  await expect(profiling).rejects.toMatchObject({ code: 'E_ENGINE_NOT_RUNNING', message: expect.stringContaining('was closed while it was profiled') });
});
