/** The examples of docs/guide/writing-a-brick.md, compiled as strictly as TypeScript can and run as the page says. */
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import ts from 'typescript';
import { readCaptureFile } from 'packet-bricks';
import { bytesOf, ethernet, ipv4, udp } from 'packet-bricks/testing';
import { flowPacket } from '../support/loopback-engine';
import { wholeBricks } from '../support/page-examples';
import { Workplace } from '../support/program';
import { writeCapture } from '../support/write-capture';

const root = join(__dirname, '..', '..');
const page = readFileSync(join(root, 'docs', 'guide', 'writing-a-brick.md'), 'utf8');
const blocks = [...page.matchAll(/```ts\n([^]*?)```/g)].map(([, text]) => text).filter((text) => text.includes('= defineBrick('));
const examples = `import { createServer } from 'node:net';
import { open } from 'node:fs/promises';
import {
  ALL, ConsistentSplit, DROP, FLOW_TABLE_WORDS, FLOW_WORD_COUNTERS, FlowEntries, FlowKey, FlowMemory, FlowTable, HEADER, HELD, HeaderWalk, METERING, METER_OPTIONS, MOVED, SLOW_PATH, defineBrick, exportFlows, flowWords, inject, tickAfter, tokens, writeChecksums,
  type BrickContext, type EngineClock, type FlowKeeper, type PacketView,
} from 'packet-bricks';

${blocks.map((text) => text.replace(/^import .*\n/gm, '')).join('\n')}`;

const place = new Workplace();
afterAll(() => place.dispose());
// Packets of two lengths, in turn; the last four bytes of each are its number.
const packets = Array.from({ length: 40 }, (_, number) => flowPacket(number % 7, number, false, number % 2 === 0 ? 20 : 600));
const capture = writeCapture(place.path('in.pcap'), packets);
const bricks = place.path('bricks.ts');
writeFileSync(bricks, examples);

/** Those of docs/writing-a-plugin.md are files of their own, which writing-a-plugin.test.ts runs. */
const ofPlugins = wholeBricks(readFileSync(join(root, 'docs', 'writing-a-plugin.md'), 'utf8')).map((text, index) => {
  const file = place.path(`plugin-${index}.ts`);
  writeFileSync(file, text);
  return file;
});

test('the page has a brick of each kind', () => {
  for (const name of ['BySize', 'OneIn', 'WebToo', 'Alternate', 'Tagger', 'DnsPort', 'Overlays', 'OneSensor', 'Empty', 'Pairs', 'Beacon', 'Gate', 'PerSecond', 'FlowList', 'FirstPackets', 'VlanUdp']) expect(examples).toContain(`export const ${name} = defineBrick(`);
});

test('every example compiles, as strictly as TypeScript can', () => {
  const program = ts.createProgram([bricks, ...ofPlugins], {
    strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: false, noImplicitOverride: true, noEmit: true, skipLibCheck: true,
    target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.Node16, moduleResolution: ts.ModuleResolutionKind.Node16,
    types: ['node'], typeRoots: [join(root, 'node_modules', '@types')], paths: { 'packet-bricks': [join(root, 'dist', 'src', 'index.d.ts')] },
  });
  const problems = ts.getPreEmitDiagnostics(program).map(({ messageText, start, file }) => `${file?.text.slice(0, start).split('\n').length}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`);
  expect(problems).toEqual([]);
});

const numbersIn = async (name: string): Promise<number[]> => {
  const numbers: number[] = [];
  for (const { bytes } of readCaptureFile(place.path(name))) numbers.push(Buffer.from(bytes).readUInt32BE(bytes.length - 4));
  return numbers;
};
const all = packets.map((_, number) => number);

test('every example does what the page says', async () => {
  const query = (destinationPort: number, more: Parameters<typeof udp>[0] = {}): Buffer => bytesOf(ethernet({}, ipv4({}, udp({ destinationPort, ...more }, 'a query'))));
  writeCapture(place.path('dns.pcap'), [query(53), query(80, { checksum: 'wrong' })].map((bytes) => ({ bytes })));
  writeFileSync(place.path('set-up.ts'), `
    import { Duplicator, PacketEngine, type BrickDescription } from 'packet-bricks';
    import { Alternate, Beacon, BySize, DnsPort, Empty, FirstPackets, FlowList, OneIn, OneSensor, Pairs, Tagger, VlanUdp, WebToo } from './bricks.ts';

    async function play(name: string, brick: BrickDescription, milliseconds = 0): Promise<void> {
      const engine = new PacketEngine(name, { backend: 'loopback' });
      await engine.link(brick);
      await engine.start();
      if (milliseconds > 0) {
        while (engine.stats().bricks[0].created < 3) await new Promise((resolve) => setTimeout(resolve, milliseconds));
        await engine.stop();
      }
      await engine.finished();
      if (!engine.audit().balanced) throw new Error(JSON.stringify(engine.audit()));
      await engine.delete();
    }
    const input = process.argv[2];
    await play('by-size', new BySize({ limit: 200 }).connectInput(input).connectOutput('long.pcap', 'short.pcap'));
    await play('one-in', new OneIn(4).connectInput(input).connectOutput('fourth.pcap'));
    await play('web-too', new WebToo().connectInput(input).connectOutput('web-0.pcap', 'web-1.pcap'));
    await play('alternate', new Alternate().connectInput(input).connectOutput('even.pcap', 'odd.pcap'));
    await play('tagger', new Duplicator().connectInput(input).connectOutput('x{0', 'plain.pcap').link(new Tagger({ vlan: 7 }).connectInput('x}0').connectOutput('tagged.pcap')));
    await play('vlan-udp', new VlanUdp({ vlan: 7 }).connectInput('tagged.pcap').connectOutput('rest.pcap', 'vlan-udp.pcap'));
    await play('dns-port', new DnsPort({ port: 5353 }).connectInput('dns.pcap').connectOutput('dns-port.pcap'));
    for (const own of ['a', 'b']) await play(own, new OneSensor({ sensors: ['a', 'b'], own }).connectInput(input).connectOutput('sensor-' + own + '.pcap'));
    await play('empty', new Empty().connectInput(input).connectOutput('full.pcap', 'empty.pcap'));
    await play('pairs', new Pairs().connectInput(input).connectOutput('pairs.pcap'));
    await play('flow-list', new FlowList({ file: 'flows.txt' }).connectInput(input));
    await play('first-packets', new FirstPackets().connectInput(input).connectOutput('first.pcap'));
    await play('beacon', new Beacon({ every: 5 }).connectInput('nothing').connectOutput('beacons.pcap'), 5);
  `);
  expect(await place.run(['-f', 'set-up.ts', '--', capture])).toMatchObject({ stderr: expect.not.stringContaining('failed'), code: 0 });
  expect(await numbersIn('long.pcap')).toEqual(all.filter((number) => number % 2 === 1));
  expect(await numbersIn('short.pcap')).toEqual(all.filter((number) => number % 2 === 0));
  expect(await numbersIn('fourth.pcap')).toEqual(all.filter((number) => number % 4 === 0));
  expect(await numbersIn('web-0.pcap')).toEqual(all);
  expect(await numbersIn('web-1.pcap')).toEqual(all.filter((number) => number % 7 === 5)); // the flow of these is to port 80
  expect([...await numbersIn('even.pcap'), ...await numbersIn('odd.pcap')].sort((a, b) => a - b)).toEqual(all);
  const udpFlow = (number: number): boolean => number % 7 % 3 === 0;
  expect([await numbersIn('rest.pcap'), await numbersIn('vlan-udp.pcap')]).toEqual([all.filter((number) => !udpFlow(number)), all.filter(udpFlow)]);
  const empty = (number: number): boolean => number % 7 === 0; // of the flows to port 80, the one whose payload is zeros
  expect([await numbersIn('full.pcap'), await numbersIn('empty.pcap')]).toEqual([all.filter((number) => !empty(number)), all.filter(empty)]);
  expect(await numbersIn('pairs.pcap')).toEqual(all);
  expect(await numbersIn('first.pcap')).toEqual([0, 1, 2, 3, 4, 5, 6]);
  const flows = readFileSync(place.path('flows.txt'), 'utf8').trimEnd().split('\n').map((line) => line.split(' '));
  expect(flows.map(([, , count]) => Number(count)).reduce((sum, count) => sum + count)).toBe(40);
  expect(flows).toHaveLength(7);
  const ofSensors = [await numbersIn('sensor-a.pcap'), await numbersIn('sensor-b.pcap')];
  expect(ofSensors.flat().sort((a, b) => a - b)).toEqual(all);
  // Packets of one flow, of which there are seven, go to one sensor.
  for (const flow of [0, 1, 2, 3, 4, 5, 6]) expect(ofSensors.filter((numbers) => numbers.some((number) => number % 7 === flow))).toHaveLength(1);
  expect([...readCaptureFile(place.path('plain.pcap'))].map(({ bytes }) => Buffer.from(bytes))).toEqual(packets.map(({ bytes }) => Buffer.from(bytes)));
  expect([...readCaptureFile(place.path('tagged.pcap'))].map(({ bytes }) => Buffer.from(bytes)))
    .toEqual(packets.map(({ bytes }) => Buffer.concat([bytes.slice(0, 12), Buffer.from([0x81, 0, 0, 7]), bytes.slice(12)])));
  expect([...readCaptureFile(place.path('dns-port.pcap'))].map(({ bytes }) => Buffer.from(bytes))).toEqual([query(5353), query(80, { checksum: 'wrong' })]);
  const beacons = [...readCaptureFile(place.path('beacons.pcap'))].map(({ bytes }) => Buffer.from(bytes));
  expect(beacons.map((bytes) => bytes.readUInt32BE(14))).toEqual(beacons.map((_, number) => number));
  expect(beacons.length).toBeGreaterThanOrEqual(3);
});

test('the one with a control half listens on its socket and is called from Lua, while its engine runs', async () => {
  const socket = place.path('gate.sock');
  writeFileSync(place.path('gate.lua'), `
    Brick.load("./bricks.ts")
    gate = Brick.new("Gate", {socket = arg[1]}):connect_input("nothing"):connect_output("gate.pcap")
    pe = PktEngine.new("e0"):link(gate):start()
    print(gate:call("isOpen"))
    io.read()
    print(gate:call("isOpen"))
    gate:call("set", false)
    print(gate:call("isOpen"))
    BRICKS.shutdown()
  `);
  const running = place.start(['--backend', 'loopback', '-f', 'gate.lua', '--', socket]);
  await running.says(/false\n/);
  const answer = await new Promise<string>((resolve, reject) => {
    const client = connect(socket, () => client.write('open'));
    client.on('data', (text) => resolve(String(text))).on('error', reject);
  });
  expect(answer).toBe('done\n');
  running.type('');
  expect(await running.ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^false\ntrue\nfalse\n/), stderr: expect.stringContaining(`Gate: listens on ${socket}`) });
});
