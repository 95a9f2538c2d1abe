/** Generated requests: none kills the daemon, none leaks, each gets an answer or a clean close. */
import * as fc from 'fast-check';
import { BricksError } from 'packet-bricks';
import { COMMANDS, TOPICS, type CommandName } from 'packet-bricks/src/protocol/commands';
import { depthOf, parseFromServer, parseRequests } from 'packet-bricks/src/protocol/json-rpc';
import { LIMITS } from 'packet-bricks/src/protocol/limits';
import { LineSplitter } from 'packet-bricks/src/protocol/lines';
import { listParameters, type ParameterDeclaration } from 'packet-bricks/src/protocol/parameters';
import { until } from '../support/loopback-engine';
import { TestDaemon, request } from './support';

const BATCHES = 500;
const REQUESTS_OF_A_BATCH = 20;
/** A batch that is not done by then is shown, instead of a test that ran out of time. */
const BATCH_MILLISECONDS = 60_000;

const anything = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom('__proto__', -1, 1e308, '', 'e0', 'nobody'));
const engine = fc.constantFrom('e0', 'e1', '__proto__', 'constructor', '', 'é\u0000');

function fitting({ type, oneOf, name, ...range }: ParameterDeclaration & { oneOf?: readonly unknown[]; minimum?: number; maximum?: number }): fc.Arbitrary<unknown> {
  if (name === 'name') return engine;
  if (name === 'kind') return fc.constantFrom('Dummy', 'LoadBalancer', 'Filter', 'dummy', 'toString');
  if (oneOf) return fc.constantFrom(...oneOf);
  // How long something takes: the least, so that the next request need not wait.
  if (name === 'seconds') return fc.constantFrom(range.minimum ?? 0, -1);
  if (type === 'integer') return fc.integer({ min: range.minimum ?? -1e9, max: range.maximum ?? 1e9 });
  if (type === 'number') return fc.double({ min: range.minimum ?? -1e9, max: range.maximum ?? 1e9, noNaN: true });
  if (type === 'boolean') return fc.boolean();
  if (type === 'list') return fc.array(fc.oneof(anything, fc.record({ kind: fc.constantFrom('Filter', 'nothing'), options: anything, inputs: fc.array(fc.string()), outputs: fc.constant([]) })), { maxLength: 3 });
  if (type === 'table') return fc.dictionary(fc.string(), anything, { maxKeys: 3 });
  return type === 'file' ? fc.string().map((text) => `/nowhere/${text}`) : fc.string();
}

const commandNames = Object.keys(COMMANDS) as CommandName[];
const parametersOf = (name: CommandName): fc.Arbitrary<unknown> => {
  if (name === 'subscribe') return fc.record({ topic: fc.constantFrom(...Object.keys(TOPICS), 'nothing'), parameters: fc.oneof(fc.constant({}), fc.record({ seconds: fc.integer() }), anything) }, { requiredKeys: [] });
  const all = listParameters(COMMANDS[name].parameters);
  const right = fc.record(Object.fromEntries(all.map((one) => [one.name, fitting(one)])), { requiredKeys: all.filter(({ required }) => required).map((one) => one.name) });
  return fc.oneof({ weight: 3, arbitrary: right }, fc.record(Object.fromEntries(all.map((one) => [one.name, anything])), { requiredKeys: [] }), anything);
};

const id = fc.oneof({ weight: 8, arbitrary: fc.integer() }, fc.string(), fc.constant(null), fc.double({ noNaN: true, noDefaultInfinity: true }), anything);
const near = fc.constantFrom(...commandNames).chain((method) => fc.record({ jsonrpc: fc.constant('2.0'), id, method: fc.constant(method), params: parametersOf(method) }, { requiredKeys: ['jsonrpc', 'method'] }));
const one = fc.oneof(
  { weight: 12, arbitrary: near as fc.Arbitrary<unknown> },
  { weight: 2, arbitrary: fc.record({ jsonrpc: fc.constantFrom('2.0', '1.0', 2), id, method: anything, params: anything }, { requiredKeys: [] }) },
  { weight: 1, arbitrary: anything },
);
/** What a client does: requests, and at times something that ends the connection. */
const line = fc.oneof(
  { weight: 30, arbitrary: one.map((value) => JSON.stringify(value)) },
  { weight: 2, arbitrary: fc.array(one, { maxLength: 5 }).map((values) => JSON.stringify(values)) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }).map((text) => text.replace(/\n/g, ' ')) },
);
const ending = fc.constantFrom('wait', 'wait', 'half', 'destroy', 'end');

/** How many answers a line gets; nothing where it ends the connection. */
function answersTo(text: string): number | undefined {
  if (text.trim() === '') return 0;
  try {
    const { batch, requests } = parseRequests(text, LIMITS);
    const answered = requests.filter((entry) => 'problem' in entry || entry.id !== undefined).length;
    return batch ? Math.min(1, answered) : answered;
  } catch {
    return undefined;
  }
}

test(`${BATCHES * REQUESTS_OF_A_BATCH} generated requests: each gets its answer or a clean close, and nothing is left behind`, async () => {
  const daemon = await TestDaemon.start();
  const listeners = daemon.registry.listenerCount('notice');
  const connections = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'PipeWrap').length;
  const before = connections();
  let sent = 0;
  await fc.assert(fc.asyncProperty(fc.array(line, { minLength: REQUESTS_OF_A_BATCH, maxLength: REQUESTS_OF_A_BATCH }), ending, async (lines, how) => {
    sent += lines.length;
    const client = await daemon.connectRaw();
    let expected = 0;
    let closes = false;
    for (const text of lines) {
      const count = answersTo(text);
      closes = count === undefined;
      expected += count ?? 1;
      if (closes) break;
    }
    client.socket.write(lines.map((text) => `${text}\n`).join(''));
    if (how === 'half' || how === 'destroy') {
      client.socket.write('{"jsonrpc":');
      if (how === 'half') await client.receives(1);
      client.socket.destroy();
    } else {
      client.send(request('the last', 'engine.exists', { name: 'x' }));
      if (how === 'end') client.socket.end();
      const isAnswer = (answer: Record<string, unknown>): boolean => !('method' in answer);
      const isLast = (): boolean => client.answers.some((answer) => answer['id'] === 'the last');
      while (!client.socket.destroyed && !isLast()) await client.receives(client.answers.length + 1);
      if (closes) await client.ended;
      const answers = client.answers.filter(isAnswer);
      expect(answers.length).toBe(closes ? expected : expected + 1);
      for (const answer of answers) parseFromServer(JSON.stringify(answer));
      if (closes) expect(answers.at(-1)).toMatchObject({ id: null, error: { code: -32700 } });
      client.socket.destroy();
    }
    await until(() => daemon.server.clients === 0);
    for (const { name } of daemon.registry.all) await daemon.registry.execute({ command: 'engine.delete', name });
  }), { numRuns: BATCHES, endOnFailure: true, timeout: BATCH_MILLISECONDS });
  expect(sent).toBe(BATCHES * REQUESTS_OF_A_BATCH);
  expect(daemon.registry.listenerCount('notice')).toBe(listeners);
  await daemon.disconnect();
  await until(() => connections() === before);
  await (await daemon.connect()).call('engine.list');
  await daemon.stop();
}, 120_000);

describe('the parser', () => {
  test('finds the same lines however they come in pieces', () => {
    const splitAll = (bytes: Uint8Array, cuts: readonly number[]): unknown[] => {
      const splitter = new LineSplitter(64);
      const lines: unknown[] = [];
      const ends = [...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length].sort((a, b) => a - b);
      let at = 0;
      try {
        for (const end of ends) {
          splitter.push(bytes.subarray(at, end));
          at = end;
          for (let text = splitter.next(); text !== undefined; text = splitter.next()) lines.push(text);
        }
      } catch (error) {
        lines.push(error instanceof BricksError ? error.code : error);
      }
      return lines;
    };
    const text = fc.array(fc.oneof(fc.string({ unit: 'grapheme', maxLength: 50 }), fc.constantFrom('\n', '\r\n', ' ')), { maxLength: 20 }).map((parts) => Buffer.from(parts.join('\n')));
    fc.assert(fc.property(fc.oneof(text, fc.uint8Array({ maxLength: 300 })), fc.array(fc.nat(300), { maxLength: 30 }), (bytes, cuts) => {
      expect(splitAll(bytes, cuts)).toEqual(splitAll(bytes, []));
    }), { numRuns: 2000 });
  });

  test('of bytes that were changed here and there throws nothing but its own errors', () => {
    const good = JSON.stringify([request(1, 'engine.link', { name: 'e0', bricks: [{ kind: 'Filter', options: { expression: 'tcp port 80 "\\u00e9' }, inputs: ['in'], outputs: [] }] }), { jsonrpc: '2.0', id: 1, result: [1.5, null, { a: true }] }]);
    fc.assert(fc.property(fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(127)), { maxLength: 6 }), (changes) => {
      const bytes = Buffer.from(good);
      for (const [at, byte] of changes) bytes[at] = byte;
      for (const parse of [(text: string) => parseRequests(text, LIMITS), parseFromServer]) {
        try {
          parse(bytes.toString());
        } catch (error) {
          if (!(error instanceof BricksError) || error.code !== 'E_CONTROL_MESSAGE') throw error;
        }
      }
    }), { numRuns: 5000 });
  });

  test('knows how deep a JSON text is', () => {
    const depth = (value: unknown): number => (typeof value !== 'object' || value === null ? 0 : 1 + Math.max(0, ...Object.values(value).map(depth)));
    fc.assert(fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      expect(depthOf(JSON.stringify(value))).toBe(depth(value));
    }), { numRuns: 1000 });
  });
});
