/** Bricks of each form, for set-ups made at random: what each does to a packet depends on nothing but the packet's bytes, so that a model can say it too. */
'use strict';
const { ALL, DROP, HELD, defineBrick } = require('packet-bricks');

/** Changes where the packet goes, and nothing else: in place, unless another output holds the same bytes. */
exports.Rewriter = defineBrick({
  name: 'Rewriter',
  outputs: 1,
  edits: true,
  choose: ({ memory, offset, length }) => (row) => {
    if (length[row] < 34) return 0;
    const at = offset[row] + length[row] - 5;
    memory.bytes[at] = memory.bytes[at] ^ 0x5a;
    // The last byte of an IPv4 destination, or a byte of an IPv6 source.
    memory.bytes[offset[row] + 33] = memory.bytes[offset[row] + 33] ^ 0x11;
    return 0;
  },
});

/** Makes packets shorter: bytes out of the middle, and off the end. */
exports.Cutter = defineBrick({
  name: 'Cutter',
  outputs: 1,
  edits: true,
  choose: ({ length }, _options, { edit }) => (row) => {
    if (length[row] < 100) return 0;
    if (!edit.remove(row, length[row] - 9, 3)) return DROP;
    edit.truncate(row, length[row] - 2);
    return 0;
  },
});

/** Makes packets longer, in two steps, as far as its headroom goes: the third step has to fail. */
exports.Grower = defineBrick({
  name: 'Grower',
  outputs: 1,
  edits: true,
  headroom: 10,
  choose: ({ memory, offset, length }, _options, { edit }) => (row) => {
    if (length[row] < 12) return 0;
    if (!edit.insert(row, length[row] - 6, 7)) return DROP;
    memory.bytes[offset[row] + length[row] - 8] = 0xee;
    if (!edit.insert(row, length[row] - 1, 3)) return DROP;
    return edit.insert(row, 12, 4) ? DROP : 0;
  },
});

/** Adds a VLAN tag. */
exports.Tagger = defineBrick({
  name: 'Tagger',
  outputs: 1,
  edits: true,
  headroom: 4,
  choose: ({ memory, offset }, _options, { edit }) => (row) => {
    if (!edit.insert(row, 12, 4)) return DROP;
    memory.view.setUint16(offset[row] + 12, 0x8100);
    memory.view.setUint16(offset[row] + 14, 7);
    return 0;
  },
});

/** Gives packets to no, one, two or all outputs. */
exports.Spreader = defineBrick({
  name: 'Spreader',
  copies: true,
  onPacket: (_options, { outputs }) => {
    const pairs = Array.from({ length: outputs }, (_, output) => [...new Set([output, (output + 1) % outputs])]);
    return (packet) => {
      const last = packet.uint8(packet.length - 1);
      return last % 4 === 0 ? DROP : last % 4 === 1 ? last % outputs : last % 4 === 2 ? pairs[last % outputs] : ALL;
    };
  },
});

/** Gives the rows of a batch to its outputs by turns, all of a list at once. */
exports.Dealer = defineBrick({
  name: 'Dealer',
  process: ({ memory, offset, length }, _options, { outputs }) => (input, next) => {
    for (let i = 0; i < input.count; i++) {
      const row = input.rows[i];
      if (length[row] === 0) continue;
      const last = memory.bytes[offset[row] + length[row] - 1];
      if (last % 7 !== 0) next[i] = last % outputs;
    }
  },
});

/** Keeps packets, and lets them go in pairs, to its outputs by turns. */
exports.Pairer = defineBrick({
  name: 'Pairer',
  holds: true,
  state: () => ({ waiting: 0, leaving: 0, turn: 0 }),
  choose: (_packets, _options, { hold }) => (row, state) => {
    if (hold(row) < 0) return 0;
    state.waiting++;
    return HELD;
  },
  release: (_packets, _options, { outputs }) => (_place, all, state) => {
    if (state.leaving === 0 && state.waiting >= 2) state.leaving = 2;
    if (state.leaving === 0 && !all) return HELD;
    state.leaving = Math.max(0, state.leaving - 1);
    state.waiting--;
    return state.turn++ % outputs;
  },
});

/** Makes a packet beside every third, like it but for its first byte. It leaves by the last output. */
exports.Maker = defineBrick({
  name: 'Maker',
  creates: true,
  choose: ({ memory, offset, length }, _options, { create, outputs }) => (row) => {
    const start = offset[row];
    const end = start + length[row];
    if (length[row] > 0 && memory.bytes[end - 1] % 3 === 0) {
      const at = create.make(length[row], outputs - 1);
      if (at >= 0) for (let byte = start; byte < end; byte++) create.memory.bytes[at + byte - start] = memory.bytes[byte] ^ (byte === start ? 0x80 : 0);
    }
    return 0;
  },
});

// A global of a test is looked up anew each time.
const { imul } = Math;

/** All that a view says of a packet, as one number. */
function digestOf(packet) {
  let digest = packet.length;
  const add = (value) => { digest = (imul(digest ^ value, 0x01000193) + (value < 0 ? 7 : 0)) | 0; };
  add(packet.etherType); add(packet.vlan); add(packet.ipVersion); add(packet.networkOffset); add(packet.protocol);
  add(packet.sourceIpv4); add(packet.destinationIpv4); add(packet.sourceOffset); add(packet.destinationOffset);
  add(packet.isLaterFragment ? 1 : 0); add(packet.isTcp ? 1 : 0); add(packet.isUdp ? 1 : 0); add(packet.isIcmp ? 1 : 0);
  add(packet.transportOffset); add(packet.sourcePort); add(packet.destinationPort); add(packet.tcpFlags); add(packet.payloadOffset); add(packet.payloadLength);
  for (const at of [0, 1, packet.length - 4, packet.length - 2, packet.length - 1]) { add(packet.uint8(at)); add(packet.uint16(at)); add(packet.uint32(at)); }
  const behind = packet.uint8(packet.length) & packet.uint16(packet.length - 1) & packet.uint32(packet.length - 3) & packet.uint8(-1) & packet.uint32(packet.length);
  if (behind !== -1) throw new Error('it reads behind a packet');
  const { networkOffset, transportOffset, payloadOffset, payloadLength } = packet;
  if (networkOffset > packet.length || transportOffset > packet.length || payloadOffset + payloadLength > packet.length) throw new Error('a header lies behind its packet');
  return digest >>> 1;
}

const viewer = { outputs: 1, counters: { digest: 'sum of the digests', headers: 'packets with IP' }, onPacket: (_options, context) => {
  const digest = context.counter('digest');
  const headers = context.counter('headers');
  return (packet) => {
    digest.add(digestOf(packet) >>> 12);
    if (packet.ipVersion > 0) headers.add(1);
    return 0;
  };
} };

/** Looks at all that a view says. */
exports.Viewer = defineBrick({ name: 'Viewer', ...viewer });

/** The same where packets lie, and not by the column of their first bytes: as bricks see them that change packets. */
exports.DirectViewer = defineBrick({ name: 'DirectViewer', edits: true, ...viewer });
