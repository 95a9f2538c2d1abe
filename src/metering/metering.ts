/** What a definition of a brick that meters flows says, beside its name, and where records go: both halves. */
import { DROP, type BrickContext, type Logger } from '../model/brick';
import type { PacketView } from '../model/packet-view';
import { FORCED, FlowRecord, STATE } from './flow-record';
import { MeterMemory } from './meter-memory';
import { METER_COUNTERS, METER_GAUGES, type MeterOptions } from './meter-options';
import { Meter } from './meter';
import { PUMP_STOP_MILLISECONDS, RecordPump } from './record-pump';

const PASS_MILLISECONDS = 100;

/** The engine's half, part of a definition: `defineBrick({ name: ..., options: { ...METER_OPTIONS }, ...METERING, control: ... })`. */
export const METERING = {
  outputs: { minimum: 0, maximum: 1 },
  counters: METER_COUNTERS,
  gauges: METER_GAUGES,
  shared: (options: MeterOptions): SharedArrayBuffer => MeterMemory.allocate(options),
  /** What a warm-up makes up, and what has no control half to export, stays in separate memory. */
  state(options: MeterOptions, context: BrickContext<unknown, SharedArrayBuffer>): Meter {
    const shared = context.shared as SharedArrayBuffer | undefined;
    return new Meter(new MeterMemory(context.rehearsing || !shared ? MeterMemory.allocate(options) : shared), options, context);
  },
  /** Counts packets and passes them on, where there is an output. */
  onPacket(_options: MeterOptions, context: BrickContext<Meter, SharedArrayBuffer>): (packet: PacketView, meter: Meter) => number {
    context.every(PASS_MILLISECONDS, (meter) => meter.pass());
    const output = context.outputs > 0 ? 0 : DROP;
    return (packet, meter) => {
      meter.count(packet);
      return output;
    };
  },
  close: (meter: Meter): void => meter.close(),
} as const;

/** Where flow records go. */
export interface FlowExporter {
  /** Takes a record, which is valid until it returns. */
  add(record: FlowRecord): void;
  /** Sends what was added; rejects if that failed. The next records wait meanwhile. */
  flush(): Promise<void>;
  /** No more records come. */
  close(): Promise<void>;
}

/** The control half: what its `control` function returns, after it has opened an exporter. At the end it sends what the engine has left, and closes it. */
export function exportFlows(shared: SharedArrayBuffer, exporter: FlowExporter, log: Pick<Logger, 'warn'>): { readonly stopMilliseconds: number; stop(): Promise<void> } {
  const memory = new MeterMemory(shared);
  const record = new FlowRecord(memory);
  const pump = new RecordPump(memory.ring, {
    add(at) {
      record.at = at;
      exporter.add(record);
    },
    flush: () => exporter.flush(),
  }, log, { name: 'flow records', rest: () => leftFlows(memory) });
  pump.start();
  return {
    stopMilliseconds: PUMP_STOP_MILLISECONDS,
    async stop() {
      await pump.stop();
      await exporter.close();
    },
  };
}

/** Those that the ring had no room for at the end. */
function *leftFlows(memory: MeterMemory): Generator<number, void> {
  for (const at of memory.flows()) {
    memory.words[at + STATE] = FORCED;
    yield at;
  }
}
