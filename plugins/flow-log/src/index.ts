import { LINE_FILE_OPTIONS, METERING, METER_DESCRIPTION, METER_OPTIONS, defineBrick, exportFlows } from 'packet-bricks';
import { flowLine } from './flow-lines.js';
import { destinationOf, open } from './outputs.js';

/** Writes flows as lines of JSON. */
export const FlowLog = defineBrick({
  name: 'FlowLog',
  summary: 'Writes flows as JSON lines to a file, a socket, NATS or Kafka.',
  description: [
    'Each line is a flow, with the field names of Zeek\'s conn.log (`ts`, `id.orig_h`, `orig_pkts`, `conn_state`) or of Suricata\'s EVE (`src_ip`, `flow.pkts_toserver`), and its Community ID, which is the same in Zeek, Suricata and Wireshark.',
    '',
    'It goes to a file (`flows.json`; a full one is renamed to `flows.json.1` and so on; one that was moved, as by logrotate, is created again), to standard output (`-`), to a Unix or TCP socket (`unix:/run/flows.sock`, `tcp://HOST:PORT`), to a NATS subject',
    '(`nats://HOST:PORT/SUBJECT`, with `USER:PASSWORD@` or `TOKEN@` before HOST) or to a Kafka topic (`kafka://HOST:PORT,HOST:PORT/TOPIC`, keyed by Community ID). For NATS install `@nats-io/transport-node` beside this package, for Kafka `kafkajs`.',
    'It waits for a receiver that is away; records that it does not take in time are counted (`failed`, `lost`).',
    '',
    METER_DESCRIPTION,
    '',
    'Packets pass on unchanged; without an output they end here.',
  ].join('\n'),
  options: {
    to: { type: 'string', required: true, description: 'where lines go: a file, `-`, `unix:/PATH`, `tcp://HOST:PORT`, `nats://HOST:PORT/SUBJECT` or `kafka://HOST:PORT/TOPIC`' },
    format: { type: 'string', default: 'zeek', oneOf: ['zeek', 'eve'], description: 'whose field names are used' },
    ...LINE_FILE_OPTIONS,
    seed: { type: 'integer', default: 0, minimum: 0, maximum: 65_535, description: 'the seed of Community IDs' },
    ...METER_OPTIONS,
    active: { ...METER_OPTIONS.active, default: 3600 },
    idle: { ...METER_OPTIONS.idle, default: 60 },
    bidirectional: { ...METER_OPTIONS.bidirectional, default: true },
  },
  shorthand: 'to',
  ...METERING,
  check: ({ to }) => void destinationOf(to),
  control: async (options, { shared, log }) => {
    const lines = await open(options, log);
    return exportFlows(shared, {
      add: (record) => lines.add(flowLine(record, options.format, options.seed)),
      flush: () => lines.flush(),
      close: () => lines.close(),
    }, log);
  },
  examples: {
    lua: 'l = Brick.new("FlowLog", {to = "/var/log/flows.json"})\nl:connect_input("eth3")\nl:connect_output("eth3{0")',
    typescript: "new FlowLog({ to: 'nats://192.0.2.1:4222/flows' }).connectInput('eth3').connectOutput('eth3{0')",
  },
});
