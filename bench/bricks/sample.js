/** Bricks as someone outside writes them. */
'use strict';
const { DROP, defineBrick, flowHash } = require('../lib/bundled');

/** The load balancer's work in three lines. */
exports.BenchThreeLines = defineBrick({
  name: 'BenchThreeLines',
  choose: ({ flowWord }, _options, { outputs }) => (row) => flowHash(flowWord[row] & 0xffff) % outputs,
});

/** Splits by protocol and VLAN: columns that the engine fills from packets' headers. */
exports.BenchByProtocol = defineBrick({
  name: 'BenchByProtocol',
  choose: ({ protocol, vlan }, _options, { outputs }) => (row) => ((vlan[row] & 0xfff) + protocol[row]) % outputs,
});

/** The same by the packet form, which reads the headers itself. */
exports.BenchPacketForm = defineBrick({
  name: 'BenchPacketForm',
  onPacket: (_options, { outputs }) => (packet) => (
    packet.ipVersion === 4 ? ((packet.sourceIpv4 ^ packet.destinationIpv4 ^ packet.sourcePort ^ packet.destinationPort) >>> 0) % outputs : DROP
  ),
});

/** Splits by the last bits of both addresses, on the packet's bytes, and drops what is not IPv4. */
exports.BenchSample = defineBrick({
  name: 'BenchSample',
  counters: { large: 'packets longer than 1,000 bytes' },
  state: () => undefined,
  choose({ offset, length, memory }, _options, context) {
    const large = context.counter('large');
    const { outputs } = context;
    return (row) => {
      const { bytes } = memory;
      const at = offset[row];
      if (length[row] < 34 || bytes[at + 12] !== 8 || bytes[at + 13] !== 0) return DROP;
      if (length[row] > 1000) large.add(1);
      return ((bytes[at + 29] ^ bytes[at + 33]) >>> 1) % outputs;
    };
  },
});
