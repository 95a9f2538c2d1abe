import { writeFileSync } from 'node:fs';
import { flowPacket } from '../support/loopback-engine';
import { Workplace } from '../support/program';
import { writeCapture } from '../support/write-capture';

let place: Workplace;
let names = 0;
beforeAll(() => {
  place = new Workplace();
  writeCapture(place.path('trace.pcap'), Array.from({ length: 20 }, (_, number) => ({ bytes: flowPacket(number, number).bytes, seconds: number })));
});
afterAll(() => place.dispose());

function script(text: string, ending = 'lua'): string {
  const name = `set-up-${names++}.${ending}`;
  writeFileSync(place.path(name), text);
  return name;
}

const BALANCER = 'local lb = Brick.new("LoadBalancer"):connect_input("./trace.pcap"):connect_outputs("out", 2)\n';
const IMPORT = "import { LoadBalancer, PacketEngine } from 'packet-bricks';\nconst lb = new LoadBalancer().connectInput('./trace.pcap').connectOutputs('out', 2);\n";

describe('a set-up that never moves a packet says what it has forgotten, and ends with 1', () => {
  test.each<[string, string, string, RegExp]>([
    ['no pe:start()', `${BALANCER}PktEngine.new("e0"):link(lb)`, 'lua', /The engine e0 was never started, so no packet moves\. Start it: pe:start\(\)\./],
    ['no pe:link()', `${BALANCER}PktEngine.new("e0")`, 'lua', /The engine e0 has no brick \(LoadBalancer from \.\/trace\.pcap has no engine\)/],
    ['no engine', BALANCER, 'lua', /No engine is linked to the brick LoadBalancer from \.\/trace\.pcap, so nothing happens/],
    ['no start() in TypeScript', `${IMPORT}await new PacketEngine('e0').link(lb);`, 'ts', /The engine e0 was never started/],
    ['no link() in TypeScript', `${IMPORT}new PacketEngine('e0'); void lb;`, 'ts', /The engine e0 has no brick \(LoadBalancer from/],
    ['no engine in TypeScript', `${IMPORT}void PacketEngine; void lb;`, 'ts', /No engine is linked to the brick LoadBalancer/],
  ])('%s', async (_, text, ending, message) => {
    const { code, stderr } = await place.run(['--backend', 'loopback', '-f', script(text, ending)]);
    expect(stderr).toMatch(message);
    expect(code).toBe(1);
  });

  test('typed on standard input too', async () => {
    const { code, stderr } = await place.run(['--backend', 'loopback'], { input: `${BALANCER.replace('local ', '')}PktEngine.new("e0"):link(lb)\n` });
    expect(stderr).toMatch(/e0 was never started/);
    expect(code).toBe(1);
  });

  test('while the script itself waits', async () => {
    const running = place.start(['--backend', 'loopback', '-f', script(`${BALANCER}PktEngine.new("e0"):link(lb)\nBRICKS.sleep(1000)`)]);
    await running.says(/The engine e0 was never started/);
    running.signal('SIGTERM');
    await running.ended;
  });
});

test('a set-up that runs, and one brick beside it that no engine has, says so and ends with 0', async () => {
  const text = `${BALANCER}Brick.new("Merge"):connect_input("out}0"):connect_output("./merged.pcap")\nPktEngine.new("e0"):link(lb):start()`;
  const { code, stderr } = await place.run(['--backend', 'loopback', '-f', script(text)]);
  expect(stderr).toMatch(/No engine is linked to the brick Merge from out}0, so it gets no packets/);
  expect(code).toBe(0);
});

test('what was given up, or looked at only, is not forgotten', async () => {
  const given = `${BALANCER}local pe = PktEngine.new("e0"):link(lb) pe:delete()\nBrick.new("Dummy") print(BRICKS.stats())`;
  expect(await place.run(['--backend', 'loopback', '-f', script(given)])).toMatchObject({ code: 0, stderr: '' });
  expect(await place.run(['--backend', 'loopback', '-f', script(`${BALANCER}PktEngine.new("e0"):link(lb)\nos.exit(0)`)])).toMatchObject({ stderr: expect.not.stringContaining('never started') as string });
});

describe('a link that waits for nothing is told before the program waits', () => {
  test.each<[string, string, RegExp]>([
    ['an inner name with a typo', `${BALANCER}lb:link(Brick.new("PcapWriter"):connect_input("ont}0"):connect_output("./typo.pcap"))\nPktEngine.new("e0"):link(lb):start()`, /e0: PcapWriter waits for a program that writes to the pipe ont}0: no brick of this program does\. Did you mean out}0\?/],
    ['the wrong end as an input', 'PktEngine.new("e0"):link(Brick.new("Dummy"):connect_input("in{0"):connect_output("./wrong.pcap")):start()', /Dummy reads in{0, but nobody writes to in}0\..*did you mean in}0\?/],
    ['the wrong end as an input, of another engine', `${BALANCER}PktEngine.new("e0"):link(lb)\nPktEngine.new("e1"):link(Brick.new("Dummy"):connect_input("out{0"):connect_output("./wrong.pcap")):start()`, /e1: Dummy reads out{0, the same end that LoadBalancer writes to\..*comes out at out}0/],
    ['an interface that exists in memory only', 'PktEngine.new("e0"):link(Brick.new("Dummy"):connect_input("eth77"):connect_output("./memory.pcap")):start()', /e0: Nothing arrives on eth77: with the loopback backend it exists in memory only/],
  ])('%s', async (_, text, message) => {
    const running = place.start(['--backend', 'loopback', '-f', script(text)], { input: '' });
    await running.says(message);
    running.signal('SIGTERM');
    await running.ended;
  });

  test('the wrong end as an output, before the file has ended', async () => {
    const text = 'PktEngine.new("e0"):link(Brick.new("LoadBalancer"):connect_input("./trace.pcap"):connect_output("out}0", "out}1", "out}2")):start()';
    const { stderr } = await place.run(['--backend', 'loopback', '-f', script(text)]);
    expect(stderr).toMatch(/^bricks: e0: LoadBalancer writes to out}0 \(and 2 more like it\), which nobody can read there: those packets come out at out{0\./m);
  });
});
