import { writeFileSync } from 'node:fs';
import { resolveBackend } from 'packet-bricks';
import { givenBackendOptions } from 'packet-bricks/src/program/program-engines';
import { DaemonPlace } from '../daemon/programs';
import { writeFlows } from '../support/loopback-engine';

let place: DaemonPlace;
beforeAll(() => {
  place = new DaemonPlace();
  writeFlows(place.path('in.pcap'), 100, 12);
});
afterAll(() => place.dispose());

const TEXT = 'engine capture (cpu = 0, batch = 64):\n  in.pcap -> PcapReader(loop = 0) -> lb: LoadBalancer(2)\n  lb[1..3] -> ids{1..3\n  lb[0] -> Filter("udp") -> udp{0\n\nengine record:\n  udp}0 -> Merge -> out.pcap\n';

test('a script is shown as the setup in one line that builds the same, which is printed as it is', async () => {
  writeFileSync(place.path('set-up.lua'), `
    local lb = Brick.new("LoadBalancer", 2):connect_input(arg[1]):connect_outputs("ids", 4)
    lb:link(Brick.new("Filter", "udp"):connect_input("ids}0"):connect_output("udp{0"))
    PktEngine.new("e0", 1024):link(lb, 64):start()
    BRICKS.sleep(1e6)
  `);
  writeFileSync(place.path('set-up.bricks'), TEXT);
  const [lua, text, inline, svg] = await Promise.all([
    place.run(['graph', '--text', 'set-up.lua', '--', 'eth3']), place.run(['graph', '--text', 'set-up.bricks']), place.run(['graph', 'eth3->Filter(udp)->a.pcap']), place.run(['graph', '--svg', 'load-balance', '--', 'eth3', '4']),
  ]);
  expect(lua).toMatchObject({ code: 0, stdout: 'engine e0 (bufferSize = 1024, batch = 64):\n  eth3 -> LoadBalancer(2) -> ids{0..3\n  ids}0 -> Filter("udp") -> udp{0\n' });
  expect(text).toMatchObject({ code: 0, stdout: TEXT });
  expect(inline).toMatchObject({ code: 0, stdout: 'engine e0\n\n        ┌───────────────┐\neth3 ──▶│ Filter("udp") ├──▶ a.pcap\n        └───────────────┘\n' });
  expect(svg).toMatchObject({ code: 0, stdout: expect.stringMatching(/^<\?xml[^]*LoadBalancer\(4\)[^]*<\/svg>\n$/) as string });
});

test('so is a module, in JavaScript or TypeScript, though it goes on', async () => {
  const module = `import { Filter, LoadBalancer, PacketEngine } from 'packet-bricks';
    console.log('on standard error');
    const engine = new PacketEngine('e0', { bufferSize: 1024 });
    const balancer = new LoadBalancer(2).connectInput(process.argv[2]).connectOutput('ids{0', 'ids{1');
    await engine.link(balancer.link(new Filter('udp').connectInput('ids}0').connectOutput('udp{0')), { batch: 64 });
    await engine.start();
    setInterval(() => console.log('goes on'), 1);\n`;
  writeFileSync(place.path('set-up.mjs'), module);
  writeFileSync(place.path('set-up.ts'), module.replace('const engine =', 'const engine: PacketEngine ='));
  writeFileSync(place.path('bad.mjs'), "import { LoadBalancer } from 'packet-bricks';\nnew LoadBalancer('x');\n");
  const [script, typed, bad] = await Promise.all(['set-up.mjs', 'set-up.ts', 'bad.mjs'].map((file) => place.run(['graph', '--text', file, '--', 'eth3'])));
  const shown = { code: 0, stdout: 'engine e0 (bufferSize = 1024, batch = 64):\n  eth3 -> LoadBalancer(2) -> ids{0..1\n  ids}0 -> Filter("udp") -> udp{0\n', stderr: expect.stringMatching(/^on standard error\n(goes on\n)+$/) as string };
  expect([script, typed]).toMatchObject([shown, shown]);
  expect(bad).toMatchObject({ code: 1, stderr: expect.stringMatching(/bad\.mjs:2: .*\[E_/) as string });
});

test('what a pipe has no room for yet is written before the program ends', async () => {
  const { code, stdout } = await place.run(['graph', '--json', 'x -> Duplicator -> p{0..40000']);
  expect([code, (JSON.parse(stdout) as [{ bricks: [{ outputs: string[] }] }])[0].bricks[0].outputs.length]).toEqual([0, 40_001]);
});

test('mistakes are told as by a real run', async () => {
  writeFileSync(place.path('bad.lua'), 'Brick.new("Filtr")\n');
  const [bad, place1, module, both, check] = await Promise.all([
    place.run(['graph', 'bad.lua']), place.run(['graph', 'a -> Filtr("x") -> b']), place.run(['graph', 'x.mjs']), place.run(['graph', '--dot', '--svg']), place.run(['check', 'set-up.bricks', '--json']),
  ]);
  expect(bad).toMatchObject({ code: 1, stderr: expect.stringMatching(/bad\.lua:1:.*There is no brick "Filtr".*\[E_/s) as string });
  expect(place1).toMatchObject({ code: 1, stderr: expect.stringContaining('line 1, column 6: There is no brick "Filtr".') as string });
  expect([module.code, both.code]).toEqual([1, 2]);
  expect(both.stderr).toContain('Use only one of --dot and --svg.');
  expect(JSON.parse(check.stdout)).toMatchObject({ ok: true, engines: [{ name: 'capture', bricks: [{ label: 'PcapReader' }, { label: 'lb' }, { label: 'Filter' }] }, { name: 'record' }] });
});

test('of the options of a backend those are part of a setup that somebody has given', () => {
  expect(givenBackendOptions(resolveBackend('pcap'), ['snapLength=2048', 'promiscuous=false'])).toEqual({ snapLength: 2048, promiscuous: false });
  expect(givenBackendOptions(resolveBackend('pcap'), [])).toEqual({});
  expect(() => givenBackendOptions(resolveBackend('pcap'), ['snaplen=2048'])).toThrow(/has no option "snaplen"/);
});

test('a daemon runs a setup as text, and shows it again, with rates on its edges', async () => {
  writeFileSync(place.path('set-up.bricks'), TEXT);
  expect(await place.daemon(['-f', 'set-up.bricks'])).toMatchObject({ code: 0 });
  const [text, drawing, json] = await Promise.all([place.run(['graph', '--text']), place.run(['graph', '--seconds', '0.3'], { environment: { COLUMNS: '300' } }), place.run(['graph', '--json'])]);
  expect(text.stdout).toBe(TEXT.replace('batch = 64', 'backend = "loopback", batch = 64').replace('engine record:', 'engine record (backend = "loopback"):'));
  expect(drawing.stdout).toMatch(/in\.pcap ─+[\d.]+( [kM])?\/s─+▶│ PcapReader/);
  expect(drawing.stdout).toMatch(/\[1\.\.3\] [^\n]*\/s dropped─+▶ ids\{1\.\.3/);
  expect(JSON.parse(json.stdout)).toMatchObject([{ name: 'capture', running: true, bricks: [{ kind: 'PcapReader' }, { name: 'lb', label: 'lb' }, { kind: 'Filter' }] }, { name: 'record' }]);
  const daemon = await place.connect();
  await daemon.call('engine.create', { name: 'spare' });
  await daemon.close();
  const unlinked = await Promise.all(['--text', '--mermaid', '--seconds=0'].map((form) => place.run(['graph', form], { environment: { COLUMNS: '300' } })));
  expect(unlinked.map(({ stdout }) => stdout)).toEqual([
    `${text.stdout}# The engine spare has no brick, so nothing happens. Link one and start the engine: pe:link(brick):start().\n`,
    expect.stringContaining('e2n0(["no bricks. Link one and start the engine: pe:link(brick):start()."])') as string,
    expect.stringMatching(/\n\nengine spare\n\n no bricks\. Link one and start the engine: pe:link\(brick\):start\(\)\.\n$/) as string,
  ]);
  expect(await place.kill()).toMatchObject({ code: 0 });
  const gone = await place.run(['graph']);
  expect(gone).toMatchObject({ code: 1, stderr: expect.stringContaining('[E_CONTROL_CONNECT]') as string });

  writeFileSync(place.path('bad.bricks'), 'in.pcap -> Dumy -> x\n');
  expect(await place.daemon(['-f', 'bad.bricks'])).toMatchObject({ code: 1, stderr: expect.stringContaining('bad.bricks:1:12: There is no brick "Dumy".') as string });
});
