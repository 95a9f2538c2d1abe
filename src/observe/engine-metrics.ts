/** What engines have counted, as metrics for Prometheus: names, labels and units by its conventions. */
import type { Metric, MetricObjectWithValues, MetricValueWithName } from 'prom-client';
import type { RingFill } from '../pipes';
import type { BrickStatistics, EngineStatistics, LinkStatistics } from '../control/statistics';

type Labels = Readonly<Record<string, string>>;
type Value = MetricValueWithName<string>;

/** A metric of engines: its name, what it means, and its values. */
interface Definition {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  values(engine: EngineStatistics, labels: Labels): Value[];
}

const NANOSECONDS = 1e9;
const MICROSECONDS = 1e6;

function one(labels: Labels, value: number | undefined): Value[] {
  return value === undefined ? [] : [{ labels: { ...labels }, value }];
}

function perLink(name: string, help: string, value: (link: LinkStatistics) => number): Definition {
  return { name, help, type: 'counter', values: ({ links }, labels) => links.flatMap((link) => one({ ...labels, link: link.name, role: link.role }, value(link))) };
}

/** Of links that are pipes. */
function perRing(name: string, help: string, value: (ring: RingFill) => number): Definition {
  return { name, help, type: 'gauge', values: ({ links }, labels) => links.flatMap(({ name: link, role, ring }) => one({ ...labels, link, role }, ring && value(ring))) };
}

function perBrick(name: string, help: string, type: 'counter' | 'gauge', value: (brick: BrickStatistics) => number): Definition {
  return { name, help, type, values: ({ bricks }, labels) => bricks.flatMap((brick) => one({ ...labels, ...brickLabels(brick) }, value(brick))) };
}

function perEngine(name: string, help: string, type: 'counter' | 'gauge', value: (engine: EngineStatistics) => number | undefined): Definition {
  return { name, help, type, values: (engine, labels) => one(labels, value(engine)) };
}

function brickLabels({ label, kind }: BrickStatistics): Labels {
  return { brick: label, kind };
}

/** One value for each reason that was ever met. */
function byReason(labels: Labels, drops: Readonly<Record<string, number | undefined>>): Value[] {
  return Object.entries(drops).flatMap(([reason, packets]) => one({ ...labels, reason }, packets));
}

/** Counters or gauges that bricks have declared. */
function own(labels: Labels, bricks: readonly BrickStatistics[], of: 'counters' | 'gauges'): Value[] {
  return bricks.flatMap((brick) => Object.entries(brick[of]).flatMap(([name, value]) => one({ ...labels, ...brickLabels(brick), name }, value)));
}

/** Powers of two nanoseconds, as the engine counts them, told in seconds. */
function batchTimes({ batchTimes: slots, busyNanoseconds, batches }: EngineStatistics, labels: Labels): Value[] {
  const name = 'bricks_engine_batch_duration_seconds';
  let below = 0;
  const buckets = slots.map((slot) => {
    below += slot.batches;
    return { metricName: `${name}_bucket`, labels: { ...labels, le: slot.below / NANOSECONDS }, value: below };
  });
  return [
    ...buckets,
    { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: Math.max(batches, below) },
    { metricName: `${name}_sum`, labels: { ...labels }, value: busyNanoseconds / NANOSECONDS },
    { metricName: `${name}_count`, labels: { ...labels }, value: Math.max(batches, below) },
  ];
}

const DEFINITIONS: readonly Definition[] = [
  perEngine('bricks_engine_running', 'Whether packets flow through the engine: 1 or 0.', 'gauge', ({ running }) => Number(running)),
  perEngine('bricks_engine_packets_total', 'Packets that the engine has received.', 'counter', ({ packets }) => packets),
  perEngine('bricks_engine_bytes_total', 'Captured bytes of these packets.', 'counter', ({ bytes }) => bytes),
  perEngine('bricks_engine_drops_total', 'Packets dropped on any link or by any brick of the engine.', 'counter', ({ drops }) => drops),
  perEngine('bricks_engine_faults', 'What has kept the engine from doing all of its work since it was linked.', 'gauge', ({ faults }) => faults.length),
  perEngine('bricks_engine_busy_seconds_total', 'Time spent on rounds that received packets; its rate is the load of the engine.', 'counter', ({ busyNanoseconds }) => busyNanoseconds / NANOSECONDS),
  { name: 'bricks_engine_batch_duration_seconds', help: 'Time of the rounds that received packets.', type: 'histogram', values: batchTimes },
  perEngine('bricks_engine_longest_batch_seconds', 'The longest round.', 'gauge', ({ longestBatchNanoseconds }) => longestBatchNanoseconds / NANOSECONDS),
  perEngine('bricks_engine_empty_polls_total', 'Rounds that received nothing.', 'counter', ({ emptyPolls }) => emptyPolls),
  perEngine('bricks_engine_waits_total', 'How often the engine went to sleep.', 'counter', ({ waits }) => waits),
  perEngine('bricks_engine_collections_total', "Garbage collections in the engine's thread.", 'counter', ({ collections }) => collections),
  perEngine('bricks_engine_deoptimisations_total', 'How often V8 was seen to discard optimised code of the data path.', 'counter', ({ deoptimisations }) => deoptimisations),
  perEngine('bricks_engine_warm_up_seconds', 'How long warming up took.', 'gauge', ({ warmUpMicroseconds }) => warmUpMicroseconds / MICROSECONDS),
  perLink('bricks_link_packets_total', 'Packets received, passed on or sent on a link.', ({ packets }) => packets),
  perLink('bricks_link_bytes_total', 'Captured bytes of these packets.', ({ bytes }) => bytes),
  perRing('bricks_link_ring_bytes', 'Bytes that the ring of a pipe holds at most.', ({ bytes }) => bytes),
  perRing('bricks_link_ring_used_bytes', 'Bytes in the ring of a pipe that its reader has not taken yet: how far it is behind.', ({ used }) => used),
  perRing('bricks_link_has_reader', 'Whether a program reads the pipe: 1 or 0.', ({ reader }) => Number(reader !== undefined)),
  {
    name: 'bricks_link_drops_total', help: 'Packets dropped on a link, by reason.', type: 'counter',
    values: ({ links }, labels) => links.flatMap(({ name: link, role, drops }) => byReason({ ...labels, link, role }, drops)),
  },
  perBrick('bricks_brick_packets_in_total', 'Packets that a brick has received.', 'counter', ({ packetsIn }) => packetsIn),
  perBrick('bricks_brick_packets_out_total', 'Packets that a brick has passed on, including copies.', 'counter', ({ packetsOut }) => packetsOut),
  perBrick('bricks_brick_copies_total', 'Copies that a brick has made.', 'counter', ({ copies }) => copies),
  perBrick('bricks_brick_created_total', 'Packets that a brick has made itself.', 'counter', ({ created }) => created),
  perBrick('bricks_brick_held_packets', 'Packets that a brick is holding.', 'gauge', ({ held }) => held),
  {
    name: 'bricks_brick_drops_total', help: 'Packets dropped by a brick, by reason.', type: 'counter',
    values: ({ bricks }, labels) => bricks.flatMap((brick) => byReason({ ...labels, ...brickLabels(brick) }, brick.drops)),
  },
  perBrick('bricks_brick_seconds_per_packet', "Time a packet takes in the brick's own code, over the batches that were timed.", 'gauge', ({ nanosecondsPerPacket }) => nanosecondsPerPacket / NANOSECONDS),
  { name: 'bricks_brick_events_total', help: 'Counters that a brick declares, by name.', type: 'counter', values: ({ bricks }, labels) => own(labels, bricks, 'counters') },
  { name: 'bricks_brick_value', help: 'Gauges that a brick declares, by name.', type: 'gauge', values: ({ bricks }, labels) => own(labels, bricks, 'gauges') },
];

/** Metrics of the engines that `read` tells of, for a registry of prom-client. They are read anew for each scrape. */
export function engineMetrics(read: () => readonly EngineStatistics[]): Metric[] {
  return DEFINITIONS.map(({ name, help, type, values }) => {
    const metric = {
      name,
      help,
      // The registry gives counters their other name in OpenMetrics by writing it here.
      get(): Promise<MetricObjectWithValues<Value>> {
        const all = read().flatMap((engine) => values(engine, { engine: engine.name }));
        return Promise.resolve({ name: metric.name, help, type, aggregator: 'sum', values: all } as unknown as MetricObjectWithValues<Value>);
      },
      type,
    };
    return metric as unknown as Metric;
  });
}
