import { ACTIVE, ENDED, FORCED, IDLE, METERING, METER_OPTIONS, MeterMemory, RESOURCES, RecordPump, RecordRing, defineBrick, exportFlows, type FlowRecord } from 'packet-bricks';
import {
  TCP_FLAGS, TestBrick, ethernet, expectToConserve, expectToKeepOrder, expectToLeaveUnchanged, icmp, ipv4, tcp, tcpConversation, udp, type TestPacket,
} from 'packet-bricks/testing';
import { Meter } from 'packet-bricks/src/metering/meter';

const { ACK, FIN, RST, SYN } = TCP_FLAGS;

interface Seen {
  readonly source: number;
  readonly destination?: number;
  readonly packets: number;
  readonly backward: number;
  readonly bytes: number;
  readonly reason: number;
  readonly seconds: number;
}
let records: Seen[] = [];

/** A brick that meters flows, as packages make them. */
const Collecting = defineBrick({
  name: 'Collecting', options: METER_OPTIONS, ...METERING, outputs: 1,
  control: (_options, { shared, log }) => {
    records = [];
    return exportFlows(shared, {
      add(record: FlowRecord) {
        const [first, last] = [record.packets(false) > 0, record.packets(true) > 0].map((has, way) => (has ? [record.start(way === 1), record.end(way === 1)] : [])).flat().sort((one, other) => one - other).filter((_, index, all) => index === 0 || index === all.length - 1);
        records.push({ source: record.sourcePort, ...(record.protocol === 6 ? { destination: record.destinationPort } : {}), packets: record.packets(false), backward: record.packets(true), bytes: record.bytes(false) + record.bytes(true), reason: record.reason, seconds: Math.round(((last ?? first) - first) / 1e6) });
      },
      flush: () => Promise.resolve(),
      close: () => Promise.resolve(),
    }, log);
  },
});

const START = 1_700_000_000;
const at = (seconds: number, bytes: Buffer): TestPacket => ({ bytes, wireLength: bytes.length, seconds: START + Math.floor(seconds), nanoseconds: Math.round((seconds % 1) * 1e9), linkType: 1 });
const datagram = (sourcePort: number, length = 0): Buffer => ethernet({}, ipv4({}, udp({ sourcePort, destinationPort: 53 }, Buffer.alloc(length)))).bytes;
const ends = { client: ['10.0.0.1', '10.0.0.2', 4000, 80], server: ['10.0.0.2', '10.0.0.1', 80, 4000] } as const;
const segment = (from: keyof typeof ends, flags: number): Buffer => {
  const [source, destination, sourcePort, destinationPort] = ends[from];
  return ethernet({}, ipv4({ source, destination }, tcp({ sourcePort, destinationPort, flags }, ''))).bytes;
};

async function run(options: object, packets: readonly TestPacket[]): Promise<TestBrick> {
  const brick = await TestBrick.open(new Collecting({ flows: 1024, ...options }));
  return brick.send(...packets).end();
}

test('a flow that is silent ends, also when no more packets come; one that lasts is exported in parts', async () => {
  const brick = await TestBrick.open(new Collecting({ flows: 1024, idle: 30, active: 120 }));
  brick.send(at(0, datagram(1)), at(10, datagram(1)), at(40, datagram(1)));
  expect(brick.counters).toMatchObject({ flows: 2, records: 1 });
  brick.advance(29_000);
  expect([brick.counters['records'], brick.gauges['active']]).toEqual([1, 1]);
  brick.advance(1200);
  expect([brick.counters['records'], brick.gauges['active']]).toEqual([2, 0]);
  await brick.send(...Array.from({ length: 26 }, (_, index) => at(100 + 10 * index, datagram(2)))).end();
  expect(records).toEqual([
    { source: 1, packets: 2, backward: 0, bytes: 56, reason: IDLE, seconds: 10 }, { source: 1, packets: 1, backward: 0, bytes: 28, reason: IDLE, seconds: 0 },
    { source: 2, packets: 12, backward: 0, bytes: 336, reason: ACTIVE, seconds: 110 }, { source: 2, packets: 12, backward: 0, bytes: 336, reason: ACTIVE, seconds: 110 },
    { source: 2, packets: 2, backward: 0, bytes: 56, reason: FORCED, seconds: 10 },
  ]);
});

test('a TCP connection ends with FIN from both ends or RST; its last packets count, and a new SYN is a new one', async () => {
  const talk = tcpConversation({ client: { address: '10.0.0.1', port: 4000 }, server: { address: '10.0.0.2', port: 80 }, data: [{ from: 'client', content: 10 }], start: { seconds: START } });
  await run({ bidirectional: true }, [...talk, at(1, segment('client', SYN)), at(2, segment('server', RST | ACK)), at(3, segment('client', ACK)), at(9, segment('client', ACK))]);
  expect(records.map(({ packets, backward, reason }) => [packets, backward, reason])).toEqual([[5, 3, ENDED], [2, 1, ENDED], [1, 0, FORCED]]);
  // One way at a time, each FIN ends its own.
  await run({ closed: 1 }, [at(0, segment('client', FIN | ACK)), at(0, segment('server', ACK)), at(2, segment('client', ACK)), at(2, segment('server', ACK))]);
  expect(records.map(({ source, packets, reason }) => [source, packets, reason])).toEqual([[4000, 1, ENDED], [80, 2, FORCED], [4000, 1, FORCED]].sort());
});

test('both directions are one flow, which whoever sent its first packet began, or whoever was sent a SYN-ACK; pings belong to their answers', async () => {
  await run({ bidirectional: true }, [at(0, segment('server', SYN | ACK)), at(0.1, segment('client', ACK)), at(0.2, segment('server', ACK))]);
  expect(records).toMatchObject([{ source: 4000, packets: 1, backward: 2 }]);
  await run({ bidirectional: true }, [at(0, segment('server', ACK)), at(0.1, segment('client', ACK))]);
  expect(records).toMatchObject([{ source: 80, packets: 1, backward: 1 }]);
  const ping = (type: number, source: string, destination: string): Buffer => ethernet({}, ipv4({ source, destination }, icmp({ type }, ''))).bytes;
  await run({ bidirectional: true }, [at(0, ping(8, '10.0.0.1', '10.0.0.2')), at(0, ping(0, '10.0.0.2', '10.0.0.1')), at(0, ping(3, '10.0.0.2', '10.0.0.1'))]);
  expect(records.map(({ source, packets, backward }) => [source, packets, backward]).sort()).toEqual([[3, 1, 0], [8, 1, 1]]);
});

test('when there are more flows than room, those that would end soonest are exported early, and counted; no packet is lost', async () => {
  const packets = Array.from({ length: 40 }, (_, number) => at(number / 10, datagram(number === 39 ? 0 : number)));
  const brick = await run({ flows: 8 }, packets);
  expect(brick.counters).toMatchObject({ flows: 40, records: 40, evicted: 32, lost: 0 });
  expect(records.filter(({ reason }) => reason === RESOURCES).map(({ source }) => source)).toEqual(Array.from({ length: 32 }, (_, number) => number));
  for (const check of [expectToConserve, expectToKeepOrder, expectToLeaveUnchanged]) check(brick);
});

test('what is exported too slowly is dropped and counted, and harms no packet', async () => {
  const brick = await run({ flows: 8, queue: 8 }, Array.from({ length: 100 }, (_, number) => at(number / 10, datagram(number))));
  expect(brick.outputs[0]).toHaveLength(100);
  // Nothing could be read meanwhile: the test waits for nothing. What is still known at the end is exported from the table.
  expect(brick.counters).toMatchObject({ flows: 100, records: 8, evicted: 92, lost: 84 });
  expect([records.length, brick.gauges['active']]).toEqual([16, 8]);
  expectToConserve(brick);
});

test('a clock that jumps ahead, or is set back, loses no packet and no flow', async () => {
  const times = [0, 1, 1e9, 1e9 + 1, 2, 3, 500, 501, -1e9, -1e9 + 1];
  const brick = await run({ idle: 30 }, times.map((time) => at(time, datagram(1))));
  expect(records.reduce((sum, { packets }) => sum + packets, 0)).toBe(times.length);
  expect(brick.counters).toMatchObject({ flows: records.length, records: records.length, lost: 0 });
});

test('what a sink throws is counted, and the next records come', async () => {
  const ring = new RecordRing(RecordRing.allocate(8, 4));
  for (let record = 1; record <= 3; record++) {
    ring.words[ring.room] = record;
    ring.publish();
  }
  const taken: number[] = [];
  const told: string[] = [];
  const pump = new RecordPump(ring, {
    add: (at) => {
      if (taken.push(ring.words[at]) === 2) throw new Error('not this one');
    },
    flush: () => Promise.resolve(),
  }, { warn: (text) => void told.push(text) }, { name: 'lines' });
  pump.start();
  await pump.stop();
  expect([taken, ring.failed, told]).toEqual([[1, 2, 3], 2, ['2 lines could not be sent: not this one']]);
});

test('a ring takes as many records as there is room for, and more when they were taken', () => {
  const buffer = RecordRing.allocate(3, 2);
  const [writer, reader] = [new RecordRing(buffer), new RecordRing(buffer)];
  const waiting = reader.waiting();
  const taken: number[] = [];
  for (let record = 1; record <= 10; record++) {
    while (writer.room === 0) for (let at = waiting.next().value; at; at = waiting.next().value) taken.push(reader.words[at]);
    writer.words[writer.room] = record;
    writer.publish();
  }
  expect(taken).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
});

/** The rules once more, in the plainest way, without a wheel. */
function model(packets: readonly { time: number; port: number; backward: boolean; flags: number; bytes: number }[], { idle, active, closed }: { idle: number; active: number; closed: number }): string[] {
  const flows = new Map<number, { start: number; last: number; ways: [number, number]; bytes: number; fins: number; closed: boolean; turned: boolean }>();
  const done: string[] = [];
  const end = (port: number, { ways, bytes }: { ways: [number, number]; bytes: number }): void => void (ways[0] + ways[1] > 0 && done.push(`${port} ${ways.join('+')} ${bytes}`));
  for (const { time, port, backward, flags, bytes } of packets) {
    let flow = flows.get(port);
    if (flow) {
      const begins = (flags & (SYN | ACK)) === SYN && flow.closed;
      const silentUntil = flow.last + (flow.closed ? closed : idle);
      const activeUntil = flow.ways[0] + flow.ways[1] > 0 ? flow.start + active : Infinity;
      if (!begins && activeUntil <= silentUntil && activeUntil <= time) {
        end(port, flow);
        Object.assign(flow, { ways: [0, 0], bytes: 0, start: Infinity });
      }
      if (begins || silentUntil <= time) {
        end(port, flow);
        flows.delete(port);
        flow = undefined;
      }
    }
    flow ??= { start: Infinity, last: time, ways: [0, 0], bytes: 0, fins: 0, closed: false, turned: backward !== ((flags & (SYN | ACK)) === (SYN | ACK)) };
    flows.set(port, flow);
    const way = backward === flow.turned ? 0 : 1;
    if (flow.start === Infinity) flow.start = time;
    flow.ways[way]++;
    flow.bytes += bytes;
    flow.last = time;
    if (flags & FIN) flow.fins |= 1 << way;
    if (flags & RST || flow.fins === 3) flow.closed = true;
  }
  for (const [port, flow] of flows) end(port, flow);
  return done.sort();
}

test('random connections give the records of a plain model, however packets come in batches', async () => {
  let word = 20_231_114;
  const random = (below: number): number => (word = Math.imul(word ^ (word >>> 13), 0x5bd1e995) ^ (word >>> 7)) >>> 0 && (word >>> 8) % below;
  let time = 0;
  const plain = Array.from({ length: 3000 }, () => {
    // Whole ticks never: which side of one a time falls on is no question of rounding then.
    time += random(200) === 0 ? random(40) + 0.0625 : random(16) / 64;
    return { time, port: random(30) * (random(3) + 1), backward: random(2) === 1, flags: [ACK, ACK, ACK, ACK, SYN, SYN | ACK, FIN | ACK, RST][random(8)], bytes: 40 };
  });
  const packets = plain.map(({ time: when, port, backward, flags }) => at(when, ethernet({}, ipv4(
    backward ? { source: '10.0.0.2', destination: '10.0.0.1' } : { source: '10.0.0.1', destination: '10.0.0.2' }, tcp({ sourcePort: backward ? 80 : 1000 + port, destinationPort: backward ? 1000 + port : 80, flags }, ''),
  )).bytes));
  const expected = model(plain, { idle: 3, active: 7, closed: 1 });
  for (const batch of [16, 256]) {
    const brick = await TestBrick.open(new Collecting({ idle: 3, active: 7, closed: 1, bidirectional: true, flows: 1024 }), { batch });
    await brick.send(...packets).end();
    expect(records.map(({ source, destination, packets: forward, backward, bytes }) => `${Math.max(source, destination ?? 0) - 1000} ${forward}+${backward} ${bytes}`).sort()).toEqual(expected);
  }
  expect(expected.length).toBeGreaterThan(200);
});

test('a million flows at once, in memory of a fixed size, and nothing is allocated for a packet', () => {
  const view = new DataView(new ArrayBuffer(64));
  const counted: Record<string, number> = {};
  const counter = (name: string) => ({ add: (amount: number) => void (counted[name] = (counted[name] ?? 0) + amount) });
  const batch = { number: 1, count: 256, linkType: 1 };
  const context = { counter, gauge: () => ({ set: () => undefined }), clock: { now: 0, cell: new Float64Array(2) }, packets: { memory: { view }, offset: new Uint32Array(1), batch }, random: () => 4711 };
  const packet = {
    row: 0, ipVersion: 4, networkOffset: 14, protocol: 17, vlan: -1, wireLength: 60, sourcePort: 0, destinationPort: 53, sourceOffset: 26, destinationOffset: 30, tcpFlags: -1, transportOffset: 34, seconds: START, nanoseconds: 0,
  };
  const flows = 1 << 20;
  const memory = new MeterMemory(MeterMemory.allocate({ flows, queue: 1024 }));
  const meter = new Meter(memory, { idle: 30, active: 120, closed: 5, bidirectional: true }, context as never);
  const send = (number: number): void => {
    batch.number = number >> 8;
    view.setInt32(26, number >> 14);
    packet.sourcePort = number & 0x3fff;
    meter.count(packet as never);
  };
  for (let number = 0; number < flows; number++) send(number);
  const before = process.memoryUsage().heapUsed;
  for (let number = 0; number < flows; number += 16) send(number);
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(4 << 20);
  expect(counted).toEqual({ flows });
  for (let number = flows; number < flows + 2000; number++) send(number);
  expect(counted).toEqual({ flows: flows + 2000, evicted: 2000, records: 1024, lost: 976 });
});

