/** Small changes of a graph while packets flow: outputs, options, bricks in and out of a chain; by TypeScript, by Lua and by commands. */
import { Dummy, Duplicator, EngineRegistry, Filter, LoadBalancer, type BrickDescription } from 'packet-bricks';
import { editGraph, type DeclaredOptions, type GraphEdit } from 'packet-bricks/src/model/graph-edits';
import type { BrickSpecification } from 'packet-bricks/src/model/graph';
import { closeEngines, flowPacket, loopback, runningEngine } from '../support/loopback-engine';
import { Traffic, expectEachOnce, expectFlowsInOrder, stopTraffic } from './traffic';

afterEach(async () => {
  await stopTraffic();
  await closeEngines();
});

test('outputs come and go', async () => {
  const balancer = new LoadBalancer().connectInput('in').connectOutput('out0', 'out1');
  const engine = await runningEngine(balancer);
  const traffic = new Traffic(['out0', 'out1', 'out2', 'out3']).start();
  for (let round = 0; round < 3; round++) {
    await traffic.passed(200);
    await engine.addOutputs(balancer, 'out2', 'out3');
    expect(balancer.outputs).toEqual(['out0', 'out1', 'out2', 'out3']);
    await traffic.passed(200);
    await engine.removeOutputs(balancer, 'out3');
    await engine.removeOutputs(balancer, 'out2');
    expect(balancer.outputs).toEqual(['out0', 'out1']);
  }
  await traffic.end(engine);
  expectEachOnce([...traffic.received.values()].flat(), traffic.sent);
  for (const name of traffic.received.keys()) expectFlowsInOrder(traffic.of(name));
  expect(traffic.of('out2').length).toBeGreaterThan(0);
  const { bricks: [{ packetsIn, packetsOut }] } = engine.stats();
  expect([packetsIn, packetsOut]).toEqual([traffic.sent, traffic.sent]);
  expect(engine.audit()).toMatchObject({ balanced: true, sent: traffic.sent });
});

test('the expression of a Filter is replaced, and each packet meets the old one or the new one', async () => {
  const filter = new Filter('ip').connectInput('a}0').connectOutput('yes');
  const engine = await runningEngine(new Duplicator().connectInput('in').connectOutput('a{0', 'all').link(filter));
  const traffic = new Traffic(['yes', 'all']).start();
  for (const expression of ['ip6', { expression: 'udp' }, 'tcp']) {
    await traffic.passed(300);
    await engine.setOptions(filter, expression);
  }
  expect(filter.options['expression']).toBe('tcp');
  await traffic.passed(300);
  await expect(engine.setOptions(filter, 'tcp prot 80')).rejects.toMatchObject({ code: 'E_FILTER' });
  expect(filter.options['expression']).toBe('tcp');
  await traffic.passed(100);
  await traffic.end(engine);
  expect(traffic.of('all')).toEqual(Array.from({ length: traffic.sent }, (_, number) => number));
  const { balanced, received, dropped } = engine.audit();
  expect({ balanced, received, dropped }).toEqual({ balanced: true, received: traffic.sent, dropped: traffic.sent - traffic.of('yes').length });
  const last = traffic.of('yes').slice(-20);
  expect(last.every((number) => number % 20 % 3 !== 0)).toBe(true); // flow f is UDP where 3 divides it
});

test('a brick is put in front of another one, and taken out again', async () => {
  const balancer = new LoadBalancer().connectInput('in').connectOutput('out0', 'out1');
  const engine = await runningEngine(balancer);
  const traffic = new Traffic(['out0', 'out1']).start();
  for (let round = 0; round < 3; round++) {
    await traffic.passed(200);
    const filter: BrickDescription = new Filter('tcp');
    await engine.insert(filter, balancer);
    expect(filter.inputs).toEqual(['in']);
    await traffic.passed(200);
    await engine.setOptions(filter, 'tcp or not tcp');
    await traffic.passed(100);
    await engine.remove(filter);
  }
  await traffic.passed(100);
  await traffic.end(engine);
  const { dropped, balanced, sent } = engine.audit();
  expect(balanced).toBe(true);
  expect(sent + dropped).toBe(traffic.sent);
  expect(engine.stats().bricks.map(({ kind }) => kind)).toEqual(['LoadBalancer']);
  const all = [...traffic.received.values()].flat();
  expectEachOnce(all, sent);
});

test('a brick at the end of a chain is taken out too; one that branches is not', async () => {
  const first = new Duplicator().connectInput('in').connectOutput('a{0', 'b');
  const last = new Dummy().connectInput('a}0').connectOutput('c');
  const engine = await runningEngine(first.link(last));
  await expect(engine.remove(first)).rejects.toMatchObject({ code: 'E_ARGUMENT' });
  await engine.remove(last);
  expect(engine.stats().links.map(({ role, name }) => `${role} ${name}`)).toEqual(['source in', 'sink c', 'sink b']);
  await expect(engine.remove(last)).rejects.toMatchObject({ code: 'E_ARGUMENT', message: expect.stringContaining('has no brick') });
  await expect(engine.removeOutputs(first, 'x')).rejects.toMatchObject({ code: 'E_ARGUMENT', message: expect.stringContaining('no output x') });
  await expect(engine.removeOutputs(first, 'a{0', 'b')).rejects.toMatchObject({ code: 'E_ARGUMENT' });
  expect(engine.running).toBe(true);
});

test('commands change graphs, and answer what they are then', async () => {
  const registry = new EngineRegistry({ backend: 'loopback' });
  const command = async (value: Parameters<EngineRegistry['execute']>[0]): Promise<unknown> => {
    const answer = await registry.execute(value);
    if (!answer.ok) throw new Error(`${answer.code}: ${answer.message}`);
    return answer.value;
  };
  await command({ command: 'engine.create', name: 'e0', options: { warmUpMilliseconds: 0 } });
  await command({ command: 'engine.link', name: 'e0', bricks: [{ id: 1, kind: 'LoadBalancer', options: {}, inputs: ['in'], outputs: ['a', 'b'] }] });
  await command({ command: 'engine.start', name: 'e0' });
  expect(await command({ command: 'engine.edit', name: 'e0', edit: { edit: 'addOutputs', brick: 1, links: ['c'] } })).toMatchObject([{ id: 1, outputs: ['a', 'b', 'c'] }]);
  const inserted = { id: 2, kind: 'Filter', options: { expression: 'tcp' }, inputs: [], outputs: [] };
  expect(await command({ command: 'engine.edit', name: 'e0', edit: { edit: 'insert', brick: inserted, before: 1 } })).toMatchObject([{ id: 2, inputs: ['in'] }, { id: 1, inputs: ['inserted-1}0'] }]);
  expect(await command({ command: 'engine.edit', name: 'e0', edit: { edit: 'setOptions', brick: 2, options: 'udp' } })).toMatchObject([{ id: 2, options: { expression: 'udp' } }, { id: 1 }]);
  await expect(command({ command: 'engine.edit', name: 'e0', edit: { edit: 'remove', brick: 7 } })).rejects.toThrow(/E_ARGUMENT: The engine has no brick 7/);
  expect(await command({ command: 'engine.edit', name: 'e0', edit: { edit: 'remove', brick: 2 } })).toMatchObject([{ id: 1, inputs: ['in'] }]);
  await command({ command: 'engine.relink', name: 'e0', bricks: [{ id: 3, kind: 'Dummy', options: {}, inputs: ['in'], outputs: ['a'] }] });
  loopback.inject('in', flowPacket(0, 0).bytes);
  loopback.end('in');
  await registry.close();
});

test('edits of descriptions', () => {
  const brick = (id: number, inputs: string[], outputs: string[]): BrickSpecification => ({ id, kind: 'Dummy', options: { a: 1, b: 2 }, inputs, outputs, module: { url: 'x', name: '' } });
  const chain = [brick(1, ['in'], ['m{0']), brick(2, ['m}0'], ['n{0']), brick(3, ['n}0'], ['out'])];
  const links = (bricks: readonly BrickSpecification[]): string[] => bricks.map(({ id, inputs, outputs }) => `${inputs.join()} ${id} ${outputs.join()}`);
  const declared: DeclaredOptions = { name: 'Dummy', options: [{ name: 'a', type: 'integer', description: '' }, { name: 'w', type: 'integer', list: 'outputs', forNewOutput: 1, description: '' }, { name: 'v', type: 'integer', list: 'outputs', description: '' }], shorthand: 'a' };
  const none = (): undefined => undefined;
  expect(links(editGraph(chain, { edit: 'remove', brick: 2 }, none))).toEqual(['in 1 m{0', 'm}0 3 out']);
  expect(links(editGraph(chain, { edit: 'remove', brick: 1 }, none))).toEqual(['in 2 n{0', 'n}0 3 out']);
  expect(links(editGraph(chain, { edit: 'remove', brick: 3 }, none))).toEqual(['in 1 m{0', 'm}0 2 out']);
  expect(links(editGraph(chain, { edit: 'insert', brick: brick(4, [], ['x']), before: 2 }, none))).toEqual(['in 1 m{0', 'm}0 4 inserted-1{0,x', 'inserted-1}0 2 n{0', 'n}0 3 out']);
  expect(editGraph(chain, { edit: 'setOptions', brick: 2, options: { b: 3 } }, none)[1].options).toEqual({ a: 1, b: 3 });
  expect(editGraph(chain, { edit: 'setOptions', brick: 2, options: 5 }, () => declared)[1].options).toEqual({ a: 5, b: 2 });
  expect(() => editGraph(chain, { edit: 'setOptions', brick: 2, options: 5 }, none)).toThrow('must be a table');
  expect(() => editGraph(chain, { edit: 'insert', brick: brick(4, ['y'], []), before: 2 }, none)).toThrow('has an input, y');

  // Lists over the outputs follow them.
  const lists = (options: Record<string, unknown>, edit: Exclude<GraphEdit, { brick: BrickSpecification } | { edit: 'remove' }>): unknown =>
    editGraph([{ ...brick(1, ['in'], ['p', 'q']), options }], edit, () => declared)[0].options;
  const add = (links: string[], options?: unknown): GraphEdit & { edit: 'addOutputs' } => ({ edit: 'addOutputs', brick: 1, links, options });
  expect(lists({}, add(['r']))).toEqual({});
  expect(lists({ a: 3, w: [2, 3] }, add(['r', 's']))).toEqual({ a: 3, w: [2, 3, 1, 1] });
  expect(lists({ w: [2, 3] }, add(['r', 's'], { w: 7 }))).toEqual({ w: [2, 3, 7, 7] });
  expect(lists({}, add(['r', 's'], { w: [7, 8] }))).toEqual({ w: [1, 1, 7, 8] });
  expect(lists({ w: [2, 3], v: [4, 5] }, { edit: 'removeOutputs', brick: 1, links: ['p'] })).toEqual({ w: [3], v: [5] });
  expect(() => lists({ w: [2, 3] }, add(['r', 's'], { w: [7] }))).toThrow('has 1 value for 2 new outputs');
  expect(() => lists({ v: [4, 5] }, add(['r']))).toThrow('needs a value for each output');
  expect(() => lists({}, add(['r'], { a: 7 }))).toThrow('has no option "a" that is a list over its outputs');
  expect(() => lists({}, add(['r'], 7))).toThrow('must be a table, got 7');
});

test('weights of a LoadBalancer follow its outputs: by TypeScript and by commands', async () => {
  const balancer = new LoadBalancer({ weights: [2, 1] }).connectInput('in').connectOutput('out0', 'out1');
  const engine = await runningEngine(balancer);
  const traffic = new Traffic(['out0', 'out1', 'out2', 'out3']).start();
  await traffic.passed(200);
  await engine.addOutputs(balancer, 'out2');
  expect(balancer.options['weights']).toEqual([2, 1, 1]);
  await engine.addOutputs(balancer, 'out3', { weights: 4 });
  expect(balancer.options['weights']).toEqual([2, 1, 1, 4]);
  await traffic.passed(200);
  await engine.removeOutputs(balancer, 'out0');
  expect(balancer.options['weights']).toEqual([1, 1, 4]);
  await expect(engine.addOutputs(balancer, 'out0', { weights: 2000 })).rejects.toMatchObject({ code: 'E_OPTION', message: expect.stringContaining('1 to 1000') });
  await traffic.passed(200);
  await traffic.end(engine);
  expectEachOnce([...traffic.received.values()].flat(), traffic.sent);

  const registry = new EngineRegistry({ backend: 'loopback' });
  await registry.execute({ command: 'engine.create', name: 'w0', options: { warmUpMilliseconds: 0 } });
  await registry.execute({ command: 'engine.link', name: 'w0', bricks: [{ id: 1, kind: 'LoadBalancer', options: { weights: [3, 2] }, inputs: ['w'], outputs: ['wa', 'wb'] }] });
  expect(await registry.execute({ command: 'engine.edit', name: 'w0', edit: { edit: 'addOutputs', brick: 1, links: ['wc'], options: { weights: [5] } } })).toMatchObject({ ok: true, value: [{ options: { weights: [3, 2, 5] } }] });
  await registry.close();
});
