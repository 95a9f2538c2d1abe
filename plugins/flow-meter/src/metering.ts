/** The engine's half of a brick that meters flows: what its definition says beside its name, its options and its control half. */
import { DROP, type BrickContext, type PacketView } from 'packet-bricks';
import { FlowMemory } from './flow-memory.js';
import { METER_COUNTERS, METER_GAUGES, type MeterOptions } from './meter-options.js';
import { Meter } from './meter.js';

const PASS_MILLISECONDS = 100;

/** Part of the definition: `defineBrick({ name: ..., options: { ...METER_OPTIONS }, ...METERING, ... })`. */
export const METERING = {
  outputs: { minimum: 0, maximum: 1 },
  counters: METER_COUNTERS,
  gauges: METER_GAUGES,
  shared: (options: MeterOptions): SharedArrayBuffer => FlowMemory.allocate(options),
  /** What a warm-up makes up, and what has no control half to export, stays in separate memory. */
  state(options: MeterOptions, context: BrickContext<unknown, SharedArrayBuffer>): Meter {
    const shared = context.shared as SharedArrayBuffer | undefined;
    return new Meter(new FlowMemory(context.rehearsing || !shared ? FlowMemory.allocate(options) : shared), options, context);
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
