/** Real captures through the program, a Lua script and a load balancer; tshark looks at what comes out. */
import { execFile, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { captureNames, capturesFolder, describeWithCaptures, readCapture } from '../support/captures';
import { Workplace } from '../support/program';

const OUTPUTS = 4;
const SCRIPT = `
local pe = PktEngine.new("e0")
local lb = Brick.new("LoadBalancer", {tuple = tonumber(arg[3] or 4), inner = arg[4] == "inner"}):connect_input(arg[1])
for output = 0, ${OUTPUTS - 1} do lb:connect_output(string.format("%s-%d.pcapng", arg[2], output)) end
pe:link(lb):start()
while pe:stats().running do BRICKS.sleep(0.01) end
print(pe:stats().packets)
`;

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
  writeFileSync(place.path('balance.lua'), SCRIPT);
});
afterAll(() => place.dispose());

interface Frame {
  /** Time to the nanosecond, lengths, and a digest of the bytes. */
  readonly identity: string;
  /** None of a packet that only quotes another one (ICMP errors). */
  readonly streams: readonly string[];
}

const hasTshark = spawnSync('tshark', ['--version']).status === 0;
const FIELDS = ['frame.time_epoch', 'frame.len', 'frame.cap_len', 'frame.encap_type', 'frame.md5_hash', 'frame.protocols', 'tcp.stream', 'udp.stream'];

/** The frames of a capture as tshark sees them. `occurrence`: f for a tunnel's own stream, l for the innermost. */
function framesOf(file: string, occurrence: 'f' | 'l' = 'f'): Promise<Frame[]> {
  const args = ['-r', file, '-n', '-o', 'frame.generate_md5_hash:TRUE', '-T', 'fields', '-E', `occurrence=${occurrence}`, ...FIELDS.flatMap((field) => ['-e', field])];
  return new Promise((resolve, reject) => {
    execFile('tshark', args, { encoding: 'utf8', maxBuffer: 1 << 28 }, (error, stdout, stderr) => {
      // A capture that is cut short is told of after its frames.
      if (error && !/cut short|malformed/.test(stderr)) return reject(error);
      resolve(stdout.split('\n').filter(Boolean).map((line) => {
        const [time, length, captured, type, digest, protocols, tcp, udp] = line.split('\t');
        return { identity: [time, length, captured, type, digest].join(' '), streams: /:icmp/.test(protocols) ? [] : [tcp && `tcp ${tcp}`, udp && `udp ${udp}`].filter(Boolean) };
      }));
    });
  });
}

/** Streams of the input that are on more than one output. */
function splitStreams(input: readonly Frame[], outputs: readonly (readonly Frame[])[]): string[] {
  const outputOf = new Map<string, number>();
  outputs.forEach((frames, output) => frames.forEach(({ identity }) => outputOf.set(identity, output)));
  const found = new Map<string, Set<number>>();
  for (const { identity, streams } of input) {
    for (const stream of streams) found.set(stream, (found.get(stream) ?? new Set()).add(outputOf.get(identity) ?? -1));
  }
  return [...found].filter(([, on]) => on.size > 1).map(([stream]) => stream);
}

async function balance(capture: string, stem: string, ...options: string[]): Promise<string[]> {
  const { code, stdout, stderr } = await place.run(['--backend', 'pcap', '-f', 'balance.lua', '--', capture, stem, ...options]);
  expect(stderr).toMatch(/e0: \d+ packets received, 0 dropped/);
  expect(code).toBe(0);
  expect(Number(stdout)).toBe(readCapture(capture).length);
  return Array.from({ length: OUTPUTS }, (_, output) => place.path(`${stem}-${output}.pcapng`));
}

describeWithCaptures('each capture over four outputs', (folder) => {
  const names = captureNames(folder);

  test('there are captures', () => expect(names.length).toBeGreaterThan(0));

  test.each(names)(`%s: every frame once, unchanged and in order${hasTshark ? '; tshark finds each stream in one output' : ' (tshark is missing: streams and times are not looked at)'}`, async (name) => {
    const outputs = await balance(join(folder, name), name);
    const key = ({ bytes, wireLength, linkType }: ReturnType<typeof readCapture>[number]): string => `${linkType} ${wireLength} ${bytes.toString('base64')}`;
    const input = readCapture(join(folder, name)).map(key);
    const read = outputs.map((output) => readCapture(output).map(key));
    expect(read.flat().sort()).toEqual([...input].sort());
    for (const frames of read) {
      let at = 0;
      for (const frame of input) if (frame === frames[at]) at++;
      expect(at).toBe(frames.length);
    }
    if (!hasTshark) return;
    const [sent, ...got] = await Promise.all([join(folder, name), ...outputs].map((file) => framesOf(file)));
    expect(sent).toHaveLength(input.length);
    expect(got.flat().map(({ identity }) => identity).sort()).toEqual(sent.map(({ identity }) => identity).sort());
    expect(splitStreams(sent, got)).toEqual([]);
  });

  const tunnels = ['erspan.pcap', 'erspanII.pcap', 'geneve.pcap', 'gre-sample.pcap', 'vxlan.pcap', '4in4.pcap', '6in6.pcap'].filter((name) => names.includes(name));
  (hasTshark ? test.each(tunnels) : test.skip.each(tunnels))('%s, split by the inner flow: each inner stream is in one output', async (name) => {
    const outputs = await balance(join(folder, name), `inner-${name}`, '4', 'inner');
    const [input, ...read] = await Promise.all([join(folder, name), ...outputs].map((file) => framesOf(file, 'l')));
    expect(read.flat()).toHaveLength(input.length);
    expect(splitStreams(input, read)).toEqual([]);
  });
});

describeWithCaptures('PcapReader', (folder) => {
  test('plays a whole directory, every frame of every file in order', async () => {
    const names = captureNames(folder);
    const expected = names.sort(new Intl.Collator('en', { numeric: true }).compare).flatMap((name) => readCapture(join(folder, name)));
    writeFileSync(place.path('directory.lua'), `
      pe = PktEngine.new("e0")
      pe:link(Brick.new("PcapReader"):connect_input(arg[1], "eth3"):connect_output("all.pcapng")):start()
    `);
    const { code, stderr } = await place.run(['--backend', 'pcap', '-f', 'directory.lua', '--', `${capturesFolder()}/`]);
    expect(stderr).toMatch(new RegExp(`e0: ${expected.length} packets received, 0 dropped`));
    expect(code).toBe(0);
    const read = readCapture(place.path('all.pcapng'));
    expect(read.map(({ bytes, linkType }) => `${linkType} ${bytes.length}`)).toEqual(expected.map(({ bytes, linkType }) => `${linkType} ${bytes.length}`));
    expect(Buffer.concat(read.map(({ bytes }) => bytes)).equals(Buffer.concat(expected.map(({ bytes }) => bytes)))).toBe(true);
  });

  test('plays a directory of its own choice again and again', async () => {
    mkdirSync(place.path('loop'));
    for (const name of ['vxlan.pcap', 'ipv6.pcap']) copyFileSync(join(folder, name), place.path('loop', name));
    const once = ['ipv6.pcap', 'vxlan.pcap'].reduce((sum, name) => sum + readCapture(join(folder, name)).length, 0);
    writeFileSync(place.path('loop.lua'), `
      pe = PktEngine.new("e0")
      pe:link(Brick.new("PcapReader", {loop = 7}):connect_input("loop"):connect_output("loop.pcapng")):start()
    `);
    const { stderr } = await place.run(['--backend', 'pcap', '-f', 'loop.lua']);
    expect(stderr).toMatch(new RegExp(`e0: ${7 * once} packets received, 0 dropped`));
    expect(readCapture(place.path('loop.pcapng'))).toHaveLength(7 * once);
  });
});
