import { METERING, METER_DESCRIPTION, METER_OPTIONS, MeterMemory, defineBrick, exportFlows } from 'packet-bricks';
import { Collector, collectorAddress } from './netflow/collector.js';

/** Exports flows to a collector. */
export const FlowMeter = defineBrick({
  name: 'FlowMeter',
  summary: 'Counts packets and bytes of flows and exports them as NetFlow v9 or IPFIX.',
  description: [
    METER_DESCRIPTION,
    '',
    'Packets pass on unchanged; without an output they end here. Records hold addresses, ports, protocol, VLAN, ICMP type and code, packets, bytes, TCP flags, class of service, the times of the first and last packet and why the flow was exported. NetFlow v9 reports',
    'each direction of a connection separately, IPFIX both in one record (RFC 5103). `brick.call("exported")` returns how many datagrams and bytes were sent.',
  ].join('\n'),
  options: {
    collector: { type: 'string', required: true, description: 'where records go by UDP: HOST:PORT or [IPV6]:PORT' },
    protocol: { type: 'string', default: 'ipfix', oneOf: ['netflow9', 'ipfix'], description: 'the protocol of the records' },
    ...METER_OPTIONS,
    mtu: { type: 'integer', default: 1500, minimum: 512, maximum: 9000, unit: 'bytes', description: 'the longest IP packet that may be sent to the collector' },
    templates: { type: 'integer', default: 60, minimum: 1, maximum: 86_400, unit: 'seconds', description: 'how often templates are repeated; every 32nd datagram has them too' },
    domain: { type: 'integer', default: 0, minimum: 0, maximum: 4_294_967_295, description: 'the source ID or observation domain, which tells several meters at one address apart' },
  },
  shorthand: 'collector',
  ...METERING,
  check: ({ collector }) => void collectorAddress(collector),
  control: async ({ collector, protocol, mtu, templates, domain, bidirectional }, { shared, log }) => {
    const exporter = await Collector.open(collector, mtu, { protocol, domain, templateSeconds: templates }, new MeterMemory(shared), bidirectional);
    return { ...exportFlows(shared, exporter, log), methods: { exported: () => exporter.statistics } };
  },
  examples: {
    lua: 'm = Brick.new("FlowMeter", {collector = "192.0.2.1:2055", bidirectional = true})\nm:connect_input("eth3")\nm:connect_output("eth3{0")',
    typescript: "new FlowMeter({ collector: '192.0.2.1:2055', bidirectional: true }).connectInput('eth3').connectOutput('eth3{0')",
  },
});
