import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { encodeCapture, readCaptureFile, writeCaptureFile } from 'packet-bricks/src/files/capture-file';
import { itNeeds, lacks, lineOf, packetOf } from '../files/support';
import { PROGRAM, Workplace } from '../support/program';

const place = new Workplace();
afterAll(() => place.dispose());

const packets = Array.from({ length: 5000 }, (_, index) => packetOf(300, index));
const capture = place.path('in.pcap');
const script = place.path('copy.lua');
writeCaptureFile(capture, packets);
writeFileSync(script, 'PktEngine.new("e0"):link(Brick.new(arg[1]):connect_input(arg[2]):connect_output(arg[3])):start()');

/** Runs a line of the shell, in which `$bricks` is the program with the script. */
function shell(line: string): { readonly code: number | null; readonly said: string } {
  const bricks = `${process.execPath} ${PROGRAM} --backend loopback -f ${script} --`;
  const { status, stderr } = spawnSync('sh', ['-c', line.replaceAll('$bricks', bricks)], { cwd: place.folder, env: place.environment, encoding: 'utf8', timeout: 60_000 });
  return { code: status, said: stderr };
}

const linesOf = (name: string): string[] => Array.from(readCaptureFile(place.path(name)), lineOf);

test.each(['LoadBalancer', 'PcapWriter', 'PcapReader', 'Duplicator'])('- is standard input and standard output for every brick: %s', (brick) => {
  expect(shell(`cat in.pcap | $bricks ${brick} - - | cat > out.pcap`).said).toContain('5000 packets received, 0 dropped');
  expect(linesOf('out.pcap')).toEqual(packets.map(lineOf));
  expect(readdirSync(place.folder)).not.toContain('-');
});

test('compressed standard input is refused, with the command that decompresses it before the pipe', () => {
  const { code, said } = shell('gzip -c in.pcap | $bricks Merge - refused.pcap');
  expect(said).toMatch(/standard input is compressed with gzip\. Decompress it before the pipe: gzip -dc FILE/);
  expect(code).not.toBe(0);
});

test('standard output goes on behind what stands there, as standard input does from where it stands', () => {
  writeFileSync(place.path('with-more'), Buffer.concat([Buffer.from('first line\n'), readFileSync(capture)]));
  expect(shell('{ dd bs=1 count=11 2>/dev/null; $bricks Merge - -; echo end; } < with-more > out').code).toBe(0);
  const out = readFileSync(place.path('out'));
  expect([out.subarray(0, 11).toString(), out.subarray(-4).toString()]).toEqual(['first line\n', 'end\n']);
  writeFileSync(place.path('out.pcap'), out.subarray(11, -4));
  expect(linesOf('out.pcap')).toEqual(packets.map(lineOf));
});

const noUsers = process.getuid?.() === 0 ? lacks('setpriv') : 'needs root';

itNeeds(noUsers)('standard input and output may be what another user opened', () => {
  // The program's folder may be closed to others: only the streams are another user's, and this user may still read everything.
  const other = 'setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all';
  execFileSync('chmod', ['777', place.folder, place.path('run')]);
  const reachable = spawnSync('sh', ['-c', `${other} test -r ${PROGRAM}`]).status === 0;
  if (!reachable) return;
  const { said } = shell(`cat in.pcap | ${other} env BRICKS_RUN_DIRECTORY=${place.path('nobody')} $bricks PcapWriter - - | cat > out.pcap`);
  expect(said).toContain('5000 packets received, 0 dropped');
  expect(linesOf('out.pcap')).toHaveLength(5000);
});

test('a reader of standard output that goes costs the packets, which are counted, and never mixes parts of two', () => {
  const { said } = shell('$bricks PcapWriter in.pcap - | head -c 100000 > part');
  expect(said).toMatch(/Standard output can't be written: nobody reads this pipe any more/);
  expect(readFileSync(place.path('part')).subarray(24)).toEqual(Buffer.concat(encodeCapture(packets, {})).subarray(24, 100_000));
});

test('what standard streams can not do is refused: a second reader, loops, rotation, a file that is both', () => {
  writeFileSync(place.path('two.lua'), 'PktEngine.new("a"):link(Brick.new("Merge"):connect_input("-"):connect_output("a.pcap"))\nPktEngine.new("b"):link(Brick.new("Merge"):connect_input("/dev/stdin"):connect_output("b.pcap"))');
  const run = (name: string): string => shell(`cat in.pcap | ${process.execPath} ${PROGRAM} --backend loopback -f ${name}`).said;
  expect(run('two.lua')).toMatch(/Standard input already has a reader.*\[E_FILE\]/);
  writeFileSync(place.path('loop.lua'), 'PktEngine.new("a"):link(Brick.new("PcapReader", {loop = 2}):connect_input("-"):connect_output("a.pcap"))');
  expect(run('loop.lua')).toMatch(/Standard input can be read only once, so loop is not possible/);
  writeFileSync(place.path('rotate.lua'), 'PktEngine.new("a"):link(Brick.new("PcapWriter", {rotateBytes = 1000}):connect_input("-"):connect_output("-"))');
  expect(run('rotate.lua')).toMatch(/Standard output is a single stream.*\[E_OPTION\]/);
  writeFileSync(place.path('same.pcap'), readFileSync(capture));
  expect(shell('$bricks Merge - - < same.pcap >> same.pcap').said).toMatch(/can't be (read|written): the engine/);
  expect(existsSync(place.path('-'))).toBe(false);
});

test('names with bytes that are not UTF-8 are these names: as an argument, in Lua, as inputs and as outputs', () => {
  writeFileSync(place.path('names.lua'), [
    'PktEngine.new("e0"):link(Brick.new("PcapWriter"):connect_input(arg[1]):connect_output("./o\\233.pcap", arg[2])):start()',
  ].join('\n'));
  const { said } = shell(`cp in.pcap "$(printf 'm\\351tro.pcap')"; ${process.execPath} ${PROGRAM} --backend loopback -f names.lua -- "$(printf './m\\351tro.pcap')" "$(printf './p\\377\\303\\244.pcap')"`);
  expect(said).toContain('5000 packets received, 0 dropped');
  const names = readdirSync(place.folder, { encoding: 'buffer' }).map((name) => name.toString('latin1'));
  expect(names).toEqual(expect.arrayContaining(['o\xe9.pcap', 'p\xff\xc3\xa4.pcap']));
  expect(shell(`${process.execPath} ${PROGRAM} --backend loopback -f names.lua -- "$(printf './n\\351.pcap')" x.pcap`).said).toContain("./n\\xe9.pcap: there is no such file");
});
