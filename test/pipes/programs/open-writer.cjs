// The writing end of a pipe, for programs that send one packet at a time.
const { parseLinkName } = require('../../../dist/src/model/link-name');
const { createCounterBlock, LINK_DROPS, LINK_RECORD, readCounter, readDrops } = require('../../../dist/src/model/counters');
const { createPacketBatch, packetMemory } = require('../../../dist/src/model/packet-batch');
const { createPacketLists } = require('../../../dist/src/model/packet-list');
const { awaitExpectedReaders, discardPipes, PipePorts, preparePipes } = require('../../../dist/src/pipes');

/** `send(number)` writes a packet of 60 bytes that begins with the number; `flush` shows what was written; `refresh` is what an engine does once a millisecond; `close` ends the pipe in order; `books` are its counters; `readersAttached` waits for readers that had waited. */
module.exports.openWriter = (name, keepUnread = 0, pipeGroup) => {
  const link = parseLinkName(name);
  const prepared = preparePipes({ engine: 'writer', sources: [], sinks: [{ link, options: {} }], keepUnread, pipeGroup, backendOptions: {} });
  const batch = createPacketBatch(1);
  batch.memory = packetMemory(new ArrayBuffer(64));
  batch.length[0] = batch.wireLength[0] = 60;
  const lists = createPacketLists(1, 1);
  const counters = createCounterBlock(LINK_RECORD);
  const transmitter = new PipePorts().openSinks(
    [{ link, options: {}, lists, output: 0, counters, record: 0 }],
    { batchRows: 1, prepared, batches: [batch], copies: false, notice: () => undefined },
  );
  return {
    send(number = 0) {
      batch.memory.view.setUint32(0, number);
      batch.nanoseconds[0] = number;
      lists.rows[0] = 0;
      lists.counts[0] = 1;
      transmitter.transmit(batch, false);
    },
    flush: () => transmitter.flush(),
    refresh: () => transmitter.refreshCounters(),
    readersAttached: () => awaitExpectedReaders(prepared),
    books: () => ({ sent: readCounter(counters.words, 0), drops: readDrops(counters.words, LINK_DROPS) }),
    close() {
      transmitter.close();
      discardPipes(prepared);
    },
  };
};
