/** How a netmap source asks for packets and waits for them, with native parts that only say what they were told. */
import type { NetmapAddon } from 'packet-bricks/backends/netmap/native';
import { NetmapSource } from 'packet-bricks/backends/netmap/source';

/** `answers`: rows that the native part finds from one call to the next, then none for ever. */
function source(processors: number, answers: number[], sources = 1): { source: NetmapSource; told: number[] } {
  const told: number[] = [];
  const native = {
    receive: (milliseconds: number) => {
      told.push(milliseconds);
      return (answers.shift() ?? 0) * 2 + (milliseconds > 0 ? 1 : 0);
    },
    memory: () => new ArrayBuffer(64),
    rebind: () => undefined,
    close: () => undefined,
    release: () => undefined,
  };
  const addon = { usableProcessors: () => processors, NetmapSource: function make() { return native; } } as unknown as NetmapAddon;
  const port = { information: () => ({ descriptor: 7 }), close: () => undefined };
  const request = { link: { text: 'x}0' }, batch: {}, flowColumns: true, counters: { buffer: new ArrayBuffer(8) }, record: 0 };
  const made = new NetmapSource(
    addon, { timestamps: false } as never, request as never, port as never, () => undefined, { prepared: { sources, replaces: false }, notice: () => undefined } as never, () => undefined,
  );
  return { source: made, told };
}

/** Looks until nothing is found any more, so that the source is no longer new. */
function rested(processors: number, answers: number[] = []): ReturnType<typeof source> {
  const made = source(processors, Array.from({ length: 1000 }, () => 1).concat(answers));
  for (let batch = 0; batch < 1000; batch++) made.source.receive();
  made.told.length = 0;
  return made;
}

test('on one CPU a batch takes one call: it flushes, and waits for the next packets', () => {
  const { source: tried, told } = rested(1, [512, 512]);
  expect([tried.receive(), tried.receive()]).toEqual([512, 512]);
  expect(told).toEqual([10, 10]);
  expect(tried.waited).toBe(true);
});

test('a wait that found nothing is not begun again before the engine has had its turn', () => {
  const { source: tried, told } = rested(1);
  expect(tried.receive()).toBe(0);
  expect(told).toEqual([10]);
});

test('with several CPUs a source looks without waiting first', () => {
  const { source: tried, told } = rested(2, [5]);
  expect(tried.receive()).toBe(5);
  expect(told).toEqual([-1]);
  expect(tried.waited).toBe(false);
});

test('a new source does not sleep, and one with a thousand batches behind it is no longer new', () => {
  const { source: fresh, told } = source(1, []);
  fresh.receive();
  expect(new Set(told)).toEqual(new Set([0]));
  const { source: worked, told: later } = rested(1);
  worked.receive();
  expect(later).toEqual([10]);
});

test('a source waits by itself as soon as it is the only one, and no longer when others come', () => {
  const { source: tried, told } = rested(1);
  const request = { link: { text: 'x}0' }, batch: {}, flowColumns: true, counters: { buffer: new ArrayBuffer(8) }, record: 0 };
  for (const sources of [2, 1]) {
    tried.rebind(request as never, { prepared: { sources, replaces: true } } as never);
    tried.receive();
  }
  expect(told).toEqual([-1, 10]);
});

test('a source beside others never waits by itself', () => {
  const { source: tried, told } = source(1, [], 2);
  tried.receive();
  expect(told).toEqual([-1]);
});
