/** The flow table and its records, for other bricks that meter flows. */
export { METER_DESCRIPTION, METER_OPTIONS, type MeterOptions } from './meter-options.js';
export { ACTIVE, ENDED, FORCED, IDLE, RESOURCES, Meter } from './meter.js';
export { METERING } from './metering.js';
export { FlowMemory } from './flow-memory.js';
export { FlowRecord, type Backward } from './flow-record.js';
export { PUMP_STOP_MILLISECONDS, RecordPump, type RecordSink } from './record-pump.js';
export { icmpCounterpart } from './packet-key.js';
