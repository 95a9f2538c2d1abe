// Captures an interface while its engine's graph changes fifty times, and tells what came of the packets that another engine sent there.
'use strict';
const { attach, Dummy, LoadBalancer, PacketEngine, PcapReader } = require('packet-bricks');

const [file, packets, receiveRing] = process.argv.slice(2);
const numberOf = (bytes) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readUInt32BE(bytes.length - 4);

async function read(link, numbers) {
  for await (const batch of await attach(link)) {
    for (let row = 0; row < batch.count; row++) numbers.push(numberOf(batch.memory.bytes.subarray(batch.offset[row], batch.offset[row] + batch.length[row])));
  }
}

async function main() {
  const capture = new PacketEngine('capture', { backend: 'pcap', backendOptions: { receiveRing: receiveRing === 'true' } });
  const graphs = [
    () => [new LoadBalancer().connectInput('vb').connectOutput('p{0', 'p{1')],
    () => [new LoadBalancer().connectInput('vb').connectOutput('p{0', 'p{1', 'va2')],
    () => [new Dummy().connectInput('vb').connectOutput('x{0'), new LoadBalancer().connectInput('x}0').connectOutput('p{0', 'p{1')],
  ];
  await capture.link(graphs[0]()[0]);
  const numbers = [[], []];
  const readers = [read('p}0', numbers[0]), read('p}1', numbers[1])];
  await capture.start();
  const sender = new PacketEngine('sender', { backend: 'pcap' });
  await sender.link(new PcapReader({ pace: 'timestamps' }).connectInput(file).connectOutput('va'));
  await sender.start();
  const times = [];
  let changes = 0;
  for (; sender.running || changes < 50; changes++) {
    const begin = performance.now();
    await capture.relink(graphs[changes % graphs.length]());
    times.push(performance.now() - begin);
  }
  await sender.finished();
  const { sent } = sender.audit();
  await sender.delete();
  const captureFull = () => capture.stats().links.find(({ name }) => name === 'vb').drops.captureFull ?? 0;
  const limit = Date.now() + 10_000;
  while (capture.stats().packets + captureFull() < Number(packets) && Date.now() < limit) await new Promise((resolve) => setTimeout(resolve, 20));
  await capture.stop();
  const audit = capture.audit();
  const { longestBatchNanoseconds, packets: received, links, former } = capture.stats();
  const lost = captureFull();
  await capture.delete();
  await Promise.all(readers);
  const elsewhere = (former?.sent ?? 0) + links.filter(({ name }) => name === 'va2').reduce((sum, link) => sum + link.packets, 0);
  times.sort((a, b) => a - b);
  const ascending = (list) => list.every((number, index) => index === 0 || number > list[index - 1]);
  console.log(JSON.stringify({
    sent, received, lost, balanced: audit.balanced, read: numbers.flat().length, elsewhere, distinct: new Set(numbers.flat()).size, inOrder: numbers.every((list) => ascending(list)),
    changes, median: times[times.length >> 1], slowest: times.at(-1), longest: longestBatchNanoseconds / 1e6,
  }));
}

main().catch((error) => {
  console.log(JSON.stringify({ error: String(error) }));
  process.exitCode = 1;
});
