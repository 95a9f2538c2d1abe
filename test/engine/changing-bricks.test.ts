import { Duplicator, LoadBalancer, type BrickClass, type BricksError, type PacketEngine } from 'packet-bricks';
import { closeEngines, flowPacket, injectAll, loopback, newEngine, numbersOf, runningEngine, until } from '../support/loopback-engine';
import { outside, removeBricks } from '../support/outside-brick';

afterEach(closeEngines);
afterAll(removeBricks);

const packets = (count: number, first = 0): ReturnType<typeof flowPacket>[] => Array.from({ length: count }, (_, index) => flowPacket(index % 30, first + index));
const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);
const errorOf = (engine: PacketEngine): Promise<BricksError> => new Promise((resolve) => engine.once('error', resolve));

describe('a brick that changes packets', () => {
  const tagger = (more = ''): BrickClass<unknown> => outside('Tagger', {
    definition: `edits: true, headroom: 4, outputs: 1, ${more}`,
    form: `choose: ({ memory, offset }, options, { edit }) => (row) => {
      if (!edit.insert(row, 12, 4)) return DROP;
      memory.view.setUint16(offset[row] + 12, 0x8100);
      memory.view.setUint16(offset[row] + 14, 7);
      return 0;
    },`,
  });

  test('gets copies where another output holds the same bytes: the other copy is unchanged', async () => {
    const engine = await runningEngine(new Duplicator().connectInput('in').connectOutput('x{0', 'plain').link(new (tagger())().connectInput('x}0').connectOutput('tagged')));
    const offered = packets(500);
    await injectAll('in', offered);
    loopback.end('in');
    await engine.finished();
    const plain = loopback.read('plain').map(({ bytes }) => Buffer.from(bytes));
    const tagged = loopback.read('tagged').map(({ bytes, wireLength }) => ({ bytes: Buffer.from(bytes), wireLength }));
    expect(plain).toEqual(offered.map(({ bytes }) => Buffer.from(bytes)));
    expect(tagged).toEqual(offered.map(({ bytes }) => ({ bytes: Buffer.concat([bytes.slice(0, 12), Buffer.from([0x81, 0, 0, 7]), bytes.slice(12)]), wireLength: bytes.length + 4 })));
    expect(engine.audit()).toMatchObject({ balanced: true, received: 500, copies: 500, sent: 1000, dropped: 0 });
  });

  test('changes them where they lie where nobody else holds them; cut to the front and at the end; flows behind it are those of the changed packets', async () => {
    const Cutter = outside('Cutter', {
      definition: 'edits: true, outputs: 1,',
      form: `choose: ({ memory, offset, length }, options, { edit }) => (row) => {
        memory.view.setUint32(offset[row] + 26, 0x0a000001); // one source for all
        memory.view.setUint32(offset[row] + 30, 0x0a000002);
        memory.view.setUint32(offset[row] + 34, 0x00010002);
        edit.truncate(row, length[row] - 4);
        return 0;
      },`,
    });
    const engine = await runningEngine(new Cutter().connectInput('in').connectOutput('x{0').link(new LoadBalancer().connectInput('x}0').connectOutput('a', 'b', 'c', 'd')));
    const offered = packets(300).filter((_, index) => index % 30 % 4 === 0);
    await injectAll('in', offered);
    loopback.end('in');
    await engine.finished();
    const read = ['a', 'b', 'c', 'd'].map((name) => loopback.read(name));
    // All are of one flow now.
    expect(read.filter(({ length }) => length > 0)).toHaveLength(1);
    expect(read.flat().map(({ bytes }) => bytes.length)).toEqual(offered.map(({ bytes }) => bytes.length - 4));
    expect(engine.audit()).toMatchObject({ balanced: true, sent: offered.length });
  });

  test('takes bytes out, wherever they stand: packets stay whole', async () => {
    const Stripper = outside('Stripper', { definition: 'edits: true, outputs: 1,', form: 'choose: (packets, options, { edit }) => (row) => (edit.remove(row, 6, 5) ? 0 : DROP),' });
    const engine = await runningEngine(new Stripper().connectInput('in').connectOutput('out'));
    const offered = packets(200);
    await injectAll('in', offered);
    loopback.end('in');
    await engine.finished();
    expect(loopback.read('out').map(({ bytes }) => Buffer.from(bytes))).toEqual(offered.map(({ bytes }) => Buffer.concat([bytes.slice(0, 6), bytes.slice(11)])));
  });

  test('takes off padding, on the wire too, and never makes a packet longer', async () => {
    const Trimmer = outside('Trimmer', { definition: 'edits: true, outputs: 1,', form: 'choose: (packets, options, { edit }) => (row) => { edit.trim(row, 50); return 0; },' });
    const engine = await runningEngine(new Trimmer().connectInput('in').connectOutput('out'));
    const [whole, short] = packets(2);
    const padded = { ...whole, bytes: Buffer.concat([whole.bytes, Buffer.alloc(60)]).subarray(0, 60) };
    const cut = { ...short, bytes: short.bytes.subarray(0, 40), wireLength: 90 };
    const small = { ...short, bytes: short.bytes.subarray(0, 44) };
    await injectAll('in', [padded, cut, small]);
    loopback.end('in');
    await engine.finished();
    expect(loopback.read('out').map(({ bytes, wireLength }) => [Buffer.from(bytes).toString('hex'), wireLength])).toEqual([
      [padded.bytes.subarray(0, 50).toString('hex'), 50], [cut.bytes.toString('hex'), 50], [small.bytes.toString('hex'), 44],
    ]);
  });

  test('that throws costs the copies it was given, and no other packet', async () => {
    const Fragile = outside('Fragile', { definition: 'edits: true, outputs: 1,', choose: "if (numberOf(row) === 70) throw new Error('seventy'); return 0;" });
    const engine = newEngine();
    await engine.link(new Duplicator().connectInput('in').connectOutput('x{0', 'plain').link(new Fragile().connectInput('x}0').connectOutput('edited')), { batch: 50 });
    await injectAll('in', packets(100));
    const failed = errorOf(engine);
    await engine.start();
    expect(await failed).toMatchObject({ code: 'E_BRICK_FAILED', message: 'The brick Fragile failed: seventy' });
    const statistics = engine.stats();
    expect(numbersOf(loopback.read('plain'))).toEqual(numbers(statistics.packets));
    expect(engine.audit().balanced).toBe(true);
  });

  test('is timed as others are, though it gets copies, and so are the bricks beside it', async () => {
    const engine = newEngine();
    await engine.link(new Duplicator().connectInput('in').connectOutput('x{0', 'y{0')
      .link(new (tagger())().connectInput('x}0').connectOutput('tagged')).link(new LoadBalancer().connectInput('y}0').connectOutput('plain')), { batch: 1 });
    await engine.start();
    await injectAll('in', packets(500));
    loopback.end('in');
    await engine.finished();
    for (const { kind, nanosecondsPerPacket } of engine.stats().bricks) expect([kind, nanosecondsPerPacket > 0]).toEqual([kind, true]);
  });

  test('without declaring it is told so', async () => {
    const Sly = outside('Sly', { form: 'choose: (packets, options, context) => (row) => (context.edit.remove(row, 0, 4) ? 0 : DROP),' });
    const engine = newEngine();
    await engine.link(new Sly().connectInput('in').connectOutput('out'));
    const failed = errorOf(engine);
    await injectAll('in', packets(3));
    await engine.start();
    expect(await failed).toMatchObject({ message: expect.stringMatching(/changes packets, but does not declare edits: true/) });
  });
});

describe('a brick that makes packets', () => {
  test('sends them behind the batch that is on its way, through the bricks behind it, and they are counted', async () => {
    const Echo = outside('Echo', {
      definition: 'creates: true,',
      form: `choose: ({ offset, length, memory }, options, { create }) => (row) => {
        const at = create.make(length[row], 1);
        for (let byte = 0; byte < length[row]; byte++) create.memory.bytes[at + byte] = memory.bytes[offset[row] + byte];
        return 0;
      },`,
    });
    const engine = await runningEngine(new Echo().connectInput('in').connectOutput('out', 'x{0').link(new LoadBalancer().connectInput('x}0').connectOutput('a', 'b')));
    await injectAll('in', packets(400));
    loopback.end('in');
    await engine.finished();
    expect(numbersOf(loopback.read('out'))).toEqual(numbers(400));
    expect([...numbersOf(loopback.read('a')), ...numbersOf(loopback.read('b'))].sort((x, y) => x - y)).toEqual(numbers(400));
    expect(engine.audit()).toMatchObject({ balanced: true, received: 400, created: 400, sent: 800, dropped: 0 });
  });

  test('may do so by the clock, also when no packets come', async () => {
    const Beacon = outside('Beacon', {
      definition: 'creates: true, outputs: 1, state: () => ({ sent: 0 }),',
      form: `choose: (packets, options, context) => {
        context.every(5, (state) => {
          const at = context.create.make(60, 0);
          context.create.memory.view.setUint32(at + 56, state.sent++);
        });
        return () => DROP;
      },`,
    });
    const engine = await runningEngine(new Beacon().connectInput('in').connectOutput('out'));
    await until(() => engine.stats().bricks[0].created >= 5);
    await engine.stop();
    const sent = numbersOf(loopback.read('out'));
    expect(sent).toEqual(numbers(sent.length));
    expect(engine.audit()).toMatchObject({ balanced: true, received: 0, created: sent.length });
  });

  test('is told by -1 and a counted drop where no room is left', async () => {
    const Flood = outside('Flood', { definition: 'creates: true, outputs: 1,', form: `choose: (packets, options, { create }) => () => { for (let i = 0; i < 3000; i++) create.make(2000, 0); return DROP; },` });
    const engine = await runningEngine(new Flood().connectInput('in').connectOutput('out'), { batch: 1 });
    await injectAll('in', packets(1));
    loopback.end('in');
    await engine.finished();
    const [{ created, drops }] = engine.stats().bricks;
    expect(created).toBe(3000);
    expect(drops['noBuffer']).toBeGreaterThan(0);
    expect(engine.audit().balanced).toBe(true);
  });
});
