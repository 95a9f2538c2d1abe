import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { LINK_RECORD } from 'packet-bricks/src/model/counters';
import { createPacketBatch } from 'packet-bricks/src/model/packet-batch';
import { tryLoadAddon } from 'packet-bricks/src/native/load-addon';
import { describeNative, native } from './rings';

describeNative('the native parts, given nonsense from script', () => {
  for (const part of ['bricks_core', 'bricks_pcap']) {
    (tryLoadAddon(part) ? test : test.skip).each([1, 2, 3])(`${part} answers with exceptions, and nothing worse (seed %d)`, (seed) => {
      const program = spawnSync(process.execPath, [join(__dirname, 'programs', 'nonsense.cjs'), part, String(seed)], { env: process.env, encoding: 'utf8', timeout: 60_000 });
      expect(program.stdout + program.stderr).toBe('only exceptions\n');
      expect([program.status, program.signal]).toEqual([0, null]);
    });
  }

  test('lists whose room does not fit their rows are refused', () => {
    const ring = new Uint8Array(8192);
    native?.ringInitialise(ring);
    const options = (shift: number, step = 0, room = 2 ** Math.min(shift, 16)): never => ({
      batches: [createPacketBatch(16)],
      sinks: [{ ring, lists: { outputs: 2, shift, step, room, rows: new Uint16Array(32), counts: new Uint32Array(2) }, output: 1, counters: new ArrayBuffer(800), record: 0 }],
      copies: false,
    }) as never;
    const make = (given: never): unknown => native && new native.RingTransmitter(given);
    expect(() => make(options(4))).not.toThrow();
    for (const shift of [5, 17, 31, 32, -1, 2 ** 32]) expect(() => make(options(shift))).toThrow();
    // Interleaved: two lists of 16 rows.
    expect(() => make(options(0, 1, 16))).not.toThrow();
    for (const [step, room] of [[1, 17], [2, 16], [17, 1], [-1, 1], [16, 65_536], [1, 65_537], [1, -1]]) expect(() => make(options(0, step, room))).toThrow();
  });

  const pcap = tryLoadAddon<{ InterfaceTransmitter: new () => { addSink(...given: unknown[]): void } }>('bricks_pcap');
  (pcap ? test : test.skip)('counters that lie outside of their block are refused', () => {
    const transmitter = pcap && new pcap.InterfaceTransmitter();
    const lists = { outputs: 1, shift: 4, step: 0, room: 16, rows: new Uint16Array(16), counts: new Uint32Array(1) };
    for (const record of [-1, 2 ** 32 - 1, 100, 100 - LINK_RECORD + 1]) {
      expect(() => transmitter?.addSink({ device: 'lo' }, lists, 0, new ArrayBuffer(800), record)).toThrow(/whole number|outside/);
    }
  });
});
