/**
 * A brick that reads the header columns of each packet, and throws where the parser finds something else in its bytes, or where an offset lies behind them. What it
 * has read is summed up in a counter.
 */
'use strict';
const { join } = require('node:path');
const { defineBrick } = require('packet-bricks');

const { PacketHeaders, outermostVlan, payloadBehind } = require(join(__dirname, '..', '..', 'dist', 'src', 'flow', 'packet-headers.js'));

/** A packet's header columns, by the parser. */
function parsed(headers, { view }, start, length, linkType) {
  headers.read(view, start, length, linkType);
  const { protocol, network, transport } = headers;
  const sizeByte = protocol === 6 && transport >= 0 && transport + 12 < length ? view.getUint8(start + transport + 12) : -1;
  const payload = transport < 0 ? -1 : payloadBehind(protocol, transport, length, sizeByte);
  return [linkType === 1 ? outermostVlan(view, start, length) : -1, protocol, network, transport, payload];
}

exports.HeaderChecker = defineBrick({
  name: 'HeaderChecker',
  outputs: 1,
  counters: { sum: 'sum of what it reads' },
  choose: ({ offset, length, memory, batch, vlan, protocol, networkOffset, transportOffset, payloadOffset }, _options, context) => {
    const headers = new PacketHeaders();
    const sum = context.counter('sum');
    return (row) => {
      const read = [vlan[row], protocol[row], networkOffset[row], transportOffset[row], payloadOffset[row]];
      const found = parsed(headers, memory, offset[row], length[row], batch.linkType);
      for (let index = 0; index < read.length; index++) {
        if (read[index] !== found[index] || (index > 1 && read[index] > length[row])) throw new Error(`${length[row]} bytes: read ${read}, parsed ${found}`);
        sum.add((read[index] + 1) * (index + 1));
      }
      return 0;
    };
  },
});
