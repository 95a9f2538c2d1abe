import { Merge } from 'packet-bricks';
import { SOURCE_ENDED, type SourcePort } from 'packet-bricks/src/model/backend';
import { createCounterBlock, LINK_RECORD } from 'packet-bricks/src/model/counters';
import { parseLinkName } from 'packet-bricks/src/model/link-name';
import { createPacketBatch } from 'packet-bricks/src/model/packet-batch';
import { coreAddon } from 'packet-bricks/src/native/core-addon';
import { closeEngines, flowPacket, injectAll, loopback, numbersOf, runningEngine, turn } from '../support/loopback-engine';

const addon = coreAddon();
const testNative = addon ? test : test.skip;

afterEach(closeEngines);

/** All numbers that have come out of an interface, once there are so many. */
async function numbersFrom(name: string, count: number): Promise<number[]> {
  const numbers: number[] = [];
  while (numbers.length < count) {
    await turn();
    numbers.push(...numbersOf(loopback.read(name)));
  }
  return numbers;
}

/** A loopback interface as an engine's thread has it. */
function openSource(name: string): SourcePort {
  const link = parseLinkName(name);
  const batch = createPacketBatch(16);
  const prepared = loopback.prepare({ engine: 'test', sources: [{ link, options: {} }], sinks: [], backendOptions: {} });
  const request = { link, options: {}, queue: -1, batch, flowColumns: false, alsoSink: false, counters: createCounterBlock(LINK_RECORD), record: 0 };
  return loopback.ports().openSource(request, { batchRows: 16, prepared, batches: [batch], copies: false, notice: () => undefined });
}

function readable({ descriptor }: SourcePort): boolean {
  return addon?.waitReadable(Int32Array.of(descriptor), 1, 0) === 1;
}

test('an engine that sleeps wakes for a packet on any of its interfaces', async () => {
  const names = ['a', 'b', 'c'];
  const engine = await runningEngine(new Merge().connectInput(...names).connectOutput('out'));
  for (let number = 0; number < 30; number++) {
    const { waits } = engine.stats();
    while (engine.stats().waits === waits) await turn();
    await injectAll(names[number % 3], [flowPacket(1, number)]);
    expect(await numbersFrom('out', 1)).toEqual([number]);
  }
  for (const name of names) loopback.end(name);
  await engine.finished();
});

testNative('a loopback interface has a descriptor that is readable when a packet has come to an engine that found none', () => {
  const source = openSource('in');
  expect(source.receive()).toBe(0);
  expect(readable(source)).toBe(false);
  loopback.inject('in', flowPacket(1, 1).bytes);
  expect(readable(source)).toBe(true);
  expect(source.receive()).toBe(1);
  source.release();
  expect(source.receive()).toBe(0);
  expect(readable(source)).toBe(false);
  loopback.end('in');
  expect(readable(source)).toBe(true);
  expect(source.receive()).toBe(SOURCE_ENDED);
  source.close();
});

testNative('a packet that comes before the engine sleeps is not missed', () => {
  const source = openSource('in');
  for (let number = 0; number < 200; number++) {
    for (let looks = number % 3; looks > 0; looks--) expect(source.receive()).toBe(0);
    loopback.inject('in', flowPacket(1, number).bytes);
    expect(readable(source) || source.receive() === 1).toBe(true);
    while (source.receive() > 0);
    source.release();
    expect(readable(source)).toBe(false);
  }
  source.close();
});
