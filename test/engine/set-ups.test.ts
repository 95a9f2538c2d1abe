import { Dummy, LoadBalancer, PacketEngine, loopback } from 'packet-bricks';
import { NetmapBackend } from 'packet-bricks/backends/netmap';
import { PcapBackend } from 'packet-bricks/backends/pcap';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { flowPacket } from '../support/loopback-engine';
import { writeCapture } from '../support/write-capture';

let folder: string;
let capture: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'bricks-set-ups-'));
  capture = writeCapture(join(folder, 'trace.pcap'), Array.from({ length: 20 }, (_, number) => ({ bytes: flowPacket(number, number).bytes, seconds: number })));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('where neither netmap nor libpcap works', () => {
  beforeEach(() => {
    jest.spyOn(PcapBackend.prototype, 'status').mockReturnValue({ usable: false, reason: 'the native part bricks_pcap was not built. Build it.' });
    jest.spyOn(NetmapBackend.prototype, 'status').mockReturnValue({ usable: false, reason: 'there is no /dev/netmap. Load it.' });
  });
  afterEach(() => jest.restoreAllMocks());

  test.each(['lo', 'eth77'])('loopback does not stand in for the interface %s', async (name) => {
    const engine = new PacketEngine('none');
    await expect(engine.link(new Dummy().connectInput(name).connectOutput(join(folder, 'none.pcap')))).rejects.toMatchObject({
      code: 'E_BACKEND_UNUSABLE', message: expect.stringMatching(new RegExp(`No working backend can reach the interface ${name}: .*bricks_pcap was not built.*bricks build.*loopback`)) as string,
    });
    await expect(engine.link(new Dummy().connectInput(capture).connectOutput(name))).rejects.toMatchObject({ code: 'E_BACKEND_UNUSABLE' });
  });

  test('files work all the same, and so does loopback that was asked for', async () => {
    const files = new PacketEngine('files', { warmUpMilliseconds: 0 });
    await files.link(new Dummy().connectInput(capture).connectOutput(join(folder, 'files.pcap')));
    await files.start();
    await files.finished();
    expect(files.stats().packets).toBe(20);
    await files.delete();
    const memory = new PacketEngine('memory', { backend: 'loopback', warmUpMilliseconds: 0 });
    await memory.link(new Dummy().connectInput('mem0').connectOutput('mem1'));
    await memory.delete();
  });
});

describe('what link is given', () => {
  const engine = new PacketEngine('asked', { backend: 'loopback', warmUpMilliseconds: 0 });
  const brick = (): Dummy => new Dummy().connectInput(capture).connectOutput(join(folder, 'asked.pcap'));

  test.each<[string, unknown, RegExp]>([
    ['a number', 512, /takes its options as an object, got 512\..*\{ batch: 512, queue: 0 \}/],
    ['a text', 'fast', /as an object, got fast/],
    ['a list', [512, 0], /as an object, got 512,0/],
    ['a misspelt option', { bach: 512 }, /has no option "bach"\. Did you mean "batch"\?/],
    ['an unknown option', { speed: 1 }, /has no option "speed"\. Its options are: batch, queue/],
    ['a queue of a file', { queue: 0 }, /asks for queue 0, but .*trace\.pcap has none\. Only interfaces have hardware queues/],
  ])('that makes no sense is an error: %s', async (_, options, message) => {
    await expect(engine.link(brick(), options as never)).rejects.toMatchObject({ code: 'E_OPTION', message: expect.stringMatching(message) as string });
  });

  test('may be nothing, or say what holds anyway', async () => {
    await engine.link(brick(), { queue: -1, batch: 64 });
    await engine.unlink();
    await engine.link(brick(), null as never);
    await engine.delete();
  });

  test('is told where an interface has no queues', async () => {
    const notices: string[] = [];
    const other = new PacketEngine('queues', { backend: 'loopback', warmUpMilliseconds: 0 }).on('notice', (text) => notices.push(text));
    await other.link(new LoadBalancer().connectInput('q0').connectOutputs('q0', 2), { queue: 3 });
    expect(notices).toEqual(['q0: loopback interfaces have no hardware queues; this engine gets all packets.']);
    await other.delete();
  });
});

test('the options of an engine are an object', () => {
  expect(() => new PacketEngine('e0', 5 as never)).toThrow(/takes its options as an object, got 5/);
  expect(() => new PacketEngine('e0', null as never)).toThrow(/as an object, got null/);
});

test('an interface of loopback that nobody feeds says so; one that is fed does not', async () => {
  const told = new Promise<string>((resolve) => {
    const engine = new PacketEngine('unfed', { backend: 'loopback', warmUpMilliseconds: 0 }).on('notice', resolve);
    void engine.link(new Dummy().connectInput('unfed0').connectOutput('unfed1')).then(() => engine.start());
    engines.push(engine);
  });
  const notices: string[] = [];
  const fed = new PacketEngine('fed', { backend: 'loopback', warmUpMilliseconds: 0 }).on('notice', (text) => notices.push(text));
  engines.push(fed);
  loopback().inject('fed0', flowPacket(1, 1).bytes);
  await fed.link(new Dummy().connectInput('fed0').connectOutput('fed1'));
  await fed.start();
  expect(await told).toMatch(/Nothing arrives on unfed0: .*loopback\(\)\.inject\('unfed0', frame\)/);
  expect(notices).toEqual([]);
  for (const engine of engines) {
    await engine.stop();
    await engine.delete();
  }
});
const engines: PacketEngine[] = [];
