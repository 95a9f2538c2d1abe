/** `packet-bricks/testing`, as authors of bricks use it. */
import { ALL, DROP, Duplicator, HELD, LoadBalancer, Merge, defineBrick, inject, tokens, type Counter, type EngineClock, type Logger, type Token } from 'packet-bricks';
import {
  TestBrick, ethernet, expectToConserve, expectToKeepFlowsTogether, expectToKeepOrder, expectToLeaveUnchanged, expectToMatchCapture, flowOf, fuzzBrick, interleaved, ipv4, ipv6, matchers,
  packetsOf, runBrick, tcpConversation, udp, udpConversation, viewOf, vlan, writePackets, type BrickMatchers, type TestPacket,
} from 'packet-bricks/src/testing';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync, spawnSync } from 'node:child_process';

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- so jest has it
  namespace jest {
    interface Matchers<R> extends BrickMatchers<R> {}
  }
}
expect.extend(matchers);

const BySize = defineBrick({
  name: 'BySize', outputs: 2, counters: { long: 'long packets' },
  options: { limit: { type: 'integer', default: 512, description: '.' } },
  choose: ({ wireLength }, { limit }, context) => {
    const long = context.counter('long');
    return (row) => {
      if (wireLength[row] < limit) return 1;
      long.add(1);
      return 0;
    };
  },
});
const sized = (length: number): TestPacket['bytes'] => Buffer.alloc(length, length & 0xff);

test('a brick in a test takes three lines', async () => {
  const run = await runBrick(new BySize({ limit: 200 }), [ethernet({}, ipv4({}, udp({}, 'short'))), sized(200), { bytes: sized(60), wireLength: 1500 }]);
  expect(run.outputs.map((packets) => packets.length)).toEqual([2, 1]);
  expect(run.counters).toEqual({ long: 2 });
  expect(run).toConserve();
  expect(run).toKeepOrder();
  expect(run).toLeaveUnchanged();
});

test('time passes when the test says so: timers, held packets', async () => {
  const Delay = defineBrick({
    name: 'Delay', outputs: 1, holds: true, state: () => ({ due: false }),
    choose: (_packets, _options, { hold, every }) => {
      every(100, (state) => void ((state as { due: boolean }).due = true));
      return (row) => (hold(row) < 0 ? DROP : HELD);
    },
    release: () => (_place, all, state) => (state.due || all ? 0 : HELD),
  });
  const run = await TestBrick.open(new Delay());
  run.send(sized(60), sized(61));
  expect([run.held, run.outputs[0].length]).toEqual([2, 0]);
  expect(run.advance(99).outputs[0]).toHaveLength(0);
  expect(run.advance(1).outputs[0]).toHaveLength(2);
  expect(await run.end()).toConserve();
});

test('a control half works beside it, and its methods can be called', async () => {
  const Gate = defineBrick({
    name: 'Gate', outputs: 1, shared: () => new SharedArrayBuffer(4), state: (_options, { shared }) => ({ open: new Int32Array(shared), told: 0 }),
    choose: (_packets, _options, { post }) => (_row, { open }) => {
      if (open[0] === 1) return 0;
      post('closed');
      return DROP;
    },
    control: (_options, { shared, post, log }) => {
      let closed = 0;
      return {
        methods: { set: (value: number) => { new Int32Array(shared)[0] = value; post(value); }, closed: () => closed },
        onMessage: () => { closed++; log.info('knock'); },
      };
    },
    onMessage: (message: number, state) => { state.told = message; },
  });
  const run = await TestBrick.open(new Gate());
  run.send(sized(60));
  await run.call('set', 1);
  run.send(sized(60));
  expect([run.outputs[0].length, await run.call('closed'), run.log]).toEqual([1, 1, ['Gate: knock']]);
  await expect(run.call('close')).rejects.toThrow('The brick Gate has no method "close".');
  await run.end();
});

test('what a brick counts while it closes is in its statistics', async () => {
  const Closing = defineBrick({
    name: 'Closing', outputs: 1, counters: { late: 'counted at the end' }, gauges: { left: 'what is left' },
    state: (_options, context) => ({ late: context.counter('late'), left: context.gauge('left') }),
    choose: () => () => 0,
    close: ({ late, left }) => {
      late.add(3);
      left.set(2);
    },
  });
  const run = await runBrick(new Closing(), [ethernet({}, ipv4({}, udp({}, '')))]);
  expect([run.counters, run.gauges]).toEqual([{ late: 3 }, { left: 2 }]);
});

test('a graph is tested as one brick is, with outputs by their names', async () => {
  const graph = new Duplicator().connectInput('in').connectOutput('a{0', 'copy').link(new BySize({ limit: 100 }).connectInput('a}0').connectOutput('long', 'short'));
  const run = await runBrick(graph, [sized(60), sized(200)]);
  expect(['copy', 'long', 'short'].map((name) => run.output(name).length)).toEqual([2, 1, 1]);
  expect(() => run.output('lang')).toThrow('No output is called lang.');
  const merged = await TestBrick.open(new Merge().connectInput('x', 'y'));
  expect((await merged.sendBy(1, sized(60)).send(sized(61)).end()).outputs[0].map(({ bytes }) => bytes.length)).toEqual([60, 61]);
});

test('a brick that throws is named, with the line', async () => {
  const Fragile = defineBrick({ name: 'Fragile', outputs: 1, choose: () => () => { throw new Error('no such thing'); } });
  await expect(runBrick(new Fragile(), [sized(60)])).rejects.toThrow(/testing\.test\.ts:\d+: The brick Fragile failed: no such thing/);
});

describe('conversations', () => {
  const talk = tcpConversation({ data: [{ from: 'client', content: 'GET /' }, { from: 'server', content: 4000 }, { from: 'client', content: 'thanks' }], lost: [2], vlan: 7 });

  test('are connections with handshake, data, loss and end', () => {
    const flags = talk.map((packet) => viewOf(packet).tcpFlags);
    expect(flags.slice(0, 3)).toEqual([2, 18, 16]);
    expect(flags.slice(-3)).toEqual([17, 17, 16]);
    expect(viewOf(talk[0])).toMatchObject({ vlan: 7, sourcePort: 40_000, destinationPort: 80 });
    expect(new Set(talk.map(flowOf)).size).toBe(1);
    expect(tcpConversation({ end: 'open' })).toHaveLength(3);
    expect(viewOf(tcpConversation({ end: 'reset' })[3]).tcpFlags).toBe(20);
  });

  test('pass a load balancer as they should', async () => {
    const talks = Array.from({ length: 40 }, (_, number) => (number % 2 ? tcpConversation : udpConversation)({
      client: number % 3 ? { address: `10.0.0.${number}`, port: 1000 + number } : { address: `2001:db8::${number}`, port: 1000 + number },
      server: number % 3 ? { address: '192.0.2.1', port: 53 } : { address: '2001:db8::53', port: 53 },
      data: [{ from: 'client', content: 'question' }, { from: 'server', content: 3000 }],
    }));
    const run = await runBrick(new LoadBalancer(), interleaved(...talks), { outputs: 4 });
    for (const check of [expectToConserve, expectToKeepFlowsTogether, expectToKeepOrder, expectToLeaveUnchanged]) check(run);
    expect(Math.min(...run.outputs.map(({ length }) => length))).toBeGreaterThan(0);
  });
});

test('interleaved packets of the same moment follow each other, also into the next second', () => {
  const talk = { start: { seconds: 7, nanoseconds: 999_999_999 }, data: [{ from: 'client', content: 'x' }] } as const;
  expect(interleaved(udpConversation(talk), udpConversation(talk)).map(({ seconds, nanoseconds }) => [seconds, nanoseconds])).toEqual([[7, 999_999_999], [8, 0]]);
});

describe('what a brick does wrong is found', () => {
  const packets = interleaved(tcpConversation(), udpConversation({ data: [{ from: 'client', content: 9000 }] }));

  test.each([
    ['flows apart', 'toKeepFlowsTogether', 'outputs: 2, state: n, choose: turn', defineBrick({ name: 'Apart', outputs: 2, state: () => ({ turn: 0 }), choose: () => (_row, state) => (state.turn++ & 1) }), 'leaves by output 0, but its packet'],
    ['a changed byte', 'toLeaveUnchanged', '', defineBrick({ name: 'Changer', outputs: 1, edits: true, choose: ({ memory, offset }) => (row) => { memory.bytes[offset[row] + 20] ^= 1; return 0; } }), 'which went in as'],
    ['a packet of its own', 'toLeaveUnchanged', '', defineBrick({ name: 'Own', outputs: 1, creates: true, choose: (_packets, _options, { create }) => () => { create.make(60, 0); return 0; } }), 'a packet that did not go in'],
  ] as const)('%s', async (_what, matcher, _definition, Wrong, text) => {
    const run = await runBrick(new Wrong(), packets);
    expect(() => expect(run)[matcher]()).toThrow(text);
    expect(run).toConserve();
  });

  test('order within a flow', async () => {
    const Swapper = defineBrick({
      name: 'Swapper', outputs: 1, holds: true, state: () => ({ held: false }),
      choose: (_packets, _options, { hold }) => (row, state) => {
        if (state.held) return 0;
        state.held = true;
        return hold(row) < 0 ? DROP : HELD;
      },
      release: () => () => 0,
    });
    const run = await runBrick(new Swapper(), tcpConversation());
    expect(() => expectToKeepOrder(run)).toThrow(/Output 0 got packet 0 after packet \d+, which came later/);
  });
});

describe('capture files', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'bricks-testing-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('are input and expected output', async () => {
    const all = writePackets(join(folder, 'all.pcap'), tcpConversation({ data: [{ from: 'client', content: 2000 }] }));
    const long = writePackets(join(folder, 'long.pcapng'), packetsOf(all).filter(({ bytes }) => bytes.length >= 200));
    const run = await runBrick(new BySize({ limit: 200 }), packetsOf(all));
    expect(run.outputs[0]).toMatchCapture(long);
    expectToMatchCapture(run.outputs[0], long);
    expect(() => expectToMatchCapture(run.outputs[1], long)).toThrow(/Packet 0 is 02.*, and in .*long.pcapng it is 02/);
    expect(() => expectToMatchCapture(run.outputs[0].slice(1), long)).toThrow();
  });

  const withTshark = spawnSync('tshark', ['--version']).status === 0 ? test : test.skip;

  withTshark('tshark finds nothing wrong with conversations', () => {
    const talks = [
      tcpConversation({ data: [{ from: 'client', content: 'GET /' }, { from: 'server', content: 5000 }] }),
      tcpConversation({ client: { address: '2001:db8::1', port: 4000 }, server: { address: '2001:db8::2', port: 22 }, data: [{ from: 'server', content: 100 }], lost: [0], end: 'reset', vlan: 9 }),
      udpConversation({ data: [{ from: 'client', content: 100 }, { from: 'server', content: 'answer' }] }),
    ];
    const file = writePackets(join(folder, 'talk.pcap'), interleaved(...talks));
    const checks = ['ip', 'tcp', 'udp'].flatMap((name) => ['-o', `${name}.check_checksum:TRUE`]);
    const fields = ['tcp.stream', 'tcp.analysis.flags', 'ip.checksum.status', 'tcp.checksum.status', 'udp.checksum.status', '_ws.malformed'].flatMap((field) => ['-e', field]);
    const rows = execFileSync('tshark', ['-n', '-r', file, ...checks, '-T', 'fields', ...fields], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trimEnd().split('\n').map((line) => line.split('\t'));
    expect(new Set(rows.map(([stream]) => stream))).toEqual(new Set(['0', '1', '']));
    for (const [, , ...statuses] of rows) expect(statuses.filter((status) => status !== '' && status !== '1')).toEqual([]);
    // Only what was lost is seen again.
    expect(rows.filter(([stream, flags]) => stream === '0' && flags !== '')).toEqual([]);
    expect(rows.filter(([stream, flags]) => stream === '1' && flags !== '').length).toBeGreaterThan(0);
  });
});

describe('fuzzBrick', () => {
  const frames = { frames: 2000 };

  test('passes good bricks, timers and all', () => {
    expect(fuzzBrick(() => new BySize({ limit: 200 }), frames)).toMatchObject({ frames: 2000 });
    expect(fuzzBrick(() => new LoadBalancer({ inner: true }), { ...frames, outputs: 3 }).batches).toBeGreaterThan(5);
    const Web = defineBrick({ name: 'Web', outputs: 2, copies: true, onPacket: () => (packet) => (packet.destinationPort === 80 ? ALL : 0) });
    fuzzBrick(() => new Web(), frames);
  });

  test.each([
    ['reads behind a packet', defineBrick({ name: 'Greedy', outputs: 2, choose: ({ memory, offset }) => (row) => memory.bytes[offset[row] + 40] & 1 }), /Greedy: it reads behind a packet.* Link type \d+, \d+ bytes on the wire/],
    ['throws', defineBrick({ name: 'Strict', outputs: 1, choose: ({ memory, offset }) => (row) => memory.view.getUint16(offset[row] + 12) * 0 }), /Strict: a frame makes it throw: .*testing\.test\.ts:\d+: The brick Strict failed: Offset is outside the bounds of the DataView/],
    ['returns what is no output', defineBrick({ name: 'Wrong', outputs: 2, choose: ({ length }) => (row) => (length[row] > 100 ? 2 : 0) }), /Wrong: a frame makes it throw: .*output/],
  ])('finds a brick that %s', (_what, Wrong, text) => {
    expect(() => fuzzBrick(() => new Wrong(), frames)).toThrow(text);
  });
});

test('frames are of all kinds, and checksums wrong where they are to be', () => {
  expect(viewOf({ ...tcpConversation()[0], bytes: Buffer.from(ethernet({}, vlan({ id: 3 }, ipv6({}, udp({ checksum: 'wrong' }, 'x')))).bytes) })).toMatchObject({ vlan: 3, ipVersion: 6, isUdp: true });
  const [right, wrong, none] = (['right', 'wrong', 'none'] as const).map((checksum) => ipv4({}, udp({ checksum }, 'x')).bytes.readUInt16BE(26));
  expect([right === wrong, none]).toEqual([false, 0]);
});

describe('a class that asks by token', () => {
  const made: unknown[][] = [];
  class Asking {
    constructor(...given: [EngineClock, Logger, (name: string) => Counter, { readonly limit: number }, string]) {
      made.push(given);
      given[1].info('made');
      given[2]('long').add(2);
    }
  }
  const asking = inject([tokens.CLOCK, tokens.LOGGER, tokens.COUNTERS, tokens.options<{ readonly limit: number }>(), tokens.NAME], Asking);
  const Asks = defineBrick({
    name: 'Asks', outputs: 1, counters: { long: '.' }, options: { limit: { type: 'integer', default: 7, description: '.' } },
    state: asking,
    choose: () => (_row, state) => (state instanceof Asking ? 0 : DROP),
  });

  test('gets what the engine gives', async () => {
    const run = await runBrick(new Asks({ limit: 9 }), [sized(60)]);
    expect(run.outputs[0]).toHaveLength(1);
    expect(run.counters).toEqual({ long: 2 });
    expect(run.log).toEqual(['Asks: made']);
    expect(made.at(-1)?.slice(3)).toEqual([{ limit: 9 }, 'Asks']);
  });

  test('gets what a test gives in its place', async () => {
    const clock = { now: 5, cell: Float64Array.of(5e6) };
    const run = await TestBrick.open(new Asks(), { provide: [[tokens.CLOCK, clock], [tokens.NAME, 'other']] });
    expect(made.at(-1)?.[0]).toBe(clock);
    expect(made.at(-1)?.slice(3)).toEqual([{ limit: 7 }, 'other']);
    await run.end();
  });

  test('that asks for what nobody gives is told so', async () => {
    const nothing = Symbol('nothing') as Token<string>;
    const Wrong = defineBrick({ name: 'Wrong', outputs: 1, state: inject([nothing], class { constructor(readonly text: string) {} }), choose: () => () => 0 });
    await expect(runBrick(new Wrong(), [sized(60)])).rejects.toThrow(/Wrong asks for Symbol\(nothing\), which no engine gives.*tokens/);
  });
});
