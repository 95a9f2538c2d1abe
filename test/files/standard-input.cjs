/** Reads standard input with an engine. Arguments: the package, and the link's name. Tells how many packets there were. */
const [, , bricks, name] = process.argv;
const { PacketEngine, PcapReader } = require(bricks);

(async () => {
  const engine = new PacketEngine('reader', { backend: 'loopback', warmUpMilliseconds: 5 });
  engine.on('notice', (text) => process.stdout.write(`${text}\n`));
  await engine.link(new PcapReader().connectInput(name).connectOutput('nowhere'));
  await engine.start();
  await engine.finished();
  await engine.unlink();
  process.stdout.write(`${engine.audit().received} ${engine.audit().balanced}\n`);
})();
