/** The engine's half of a brick that meters flows: what its definition says beside its name, its options and its control half. */
import { DROP, type BrickContext, type PacketView } from 'packet-bricks';
import { FlowMemory } from './flow-memory.js';
import type { MeterOptions } from './meter-options.js';
import { Meter } from './meter.js';

const PASS_MILLISECONDS = 100;

/** `shared` of the definition. */
export function allocateFlows(options: MeterOptions): SharedArrayBuffer {
  return FlowMemory.allocate(options);
}

/** `state` of the definition. What a warm-up makes up, and what has no control half to export, stays in memory of its own. */
export function makeMeter(options: MeterOptions, context: BrickContext<unknown, SharedArrayBuffer>): Meter {
  const shared = context.shared as SharedArrayBuffer | undefined;
  return new Meter(new FlowMemory(context.rehearsing || !shared ? FlowMemory.allocate(options) : shared), options, context);
}

/** `onPacket` of the definition: counts packets and passes them on, where there is an output. */
export function meterPackets(_options: MeterOptions, context: BrickContext<Meter, SharedArrayBuffer>): (packet: PacketView, meter: Meter) => number {
  context.every(PASS_MILLISECONDS, (meter) => meter.pass());
  const output = context.outputs > 0 ? 0 : DROP;
  return (packet, meter) => {
    meter.count(packet);
    return output;
  };
}

/** `close` of the definition. */
export function closeMeter(meter: Meter): void {
  meter.close();
}
