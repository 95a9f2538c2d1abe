/** What goes wrong in the field: each costs only what it must, and is told in words or counted. */
import { execFileSync, spawnSync } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Namespace, describeInNamespace } from '../pcap/namespace';
import { readCapture } from '../support/captures';
import { flowPacket, numbersOf } from '../support/loopback-engine';
import { PROGRAM, Workplace, type Outcome } from '../support/program';
import { captureBytes, writeCapture } from '../support/write-capture';

/** As docs/reference/exit-codes.md has them. */
const EXIT_INPUT_DAMAGED = 3;
const EXIT_OUTPUT_LOST = 4;
const EXIT_INTERFACE_GONE = 5;

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
});
afterAll(() => place.dispose());

const packets = (count: number, size = 60): { bytes: Buffer; seconds: number }[] => Array.from({ length: count }, (_, number) => ({ bytes: flowPacket(number % 50, number, false, size).bytes, seconds: number }));
const numbers = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

function script(name: string, text: string): string {
  writeFileSync(place.path(name), text);
  return place.path(name);
}
const run = (name: string, text: string, ...args: string[]): Promise<Outcome> => place.run(['--backend', 'pcap', '-f', script(name, text), '--', ...args]);
/** Lines on standard error, without node's own. */
const lines = (stderr: string): string[] => stderr.split('\n').filter(Boolean);

const mayMount = spawnSync('unshare', ['-m', 'sh', '-c', 'mount -t tmpfs -o size=256k none /mnt']).status === 0;
(mayMount ? test : test.skip)('a disk that is full costs the packets of its file only (skipped where no file system may be mounted)', async () => {
  mkdirSync(place.path('small'));
  writeCapture(place.path('large.pcap'), packets(4000, 1000));
  script('full.lua', `
    pe = PktEngine.new("e0")
    pe:link(Brick.new("Duplicator"):connect_input("large.pcap"):connect_output("small/full.pcap", "whole.pcap")):start()
  `);
  const command = `mount -t tmpfs -o size=512k none small && "${process.execPath}" "${PROGRAM}" --backend pcap -f full.lua </dev/null; code=$?; cp small/full.pcap kept.pcap; exit $code`;
  const { status, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', command], { cwd: place.folder, env: place.environment, encoding: 'utf8' });
  expect(stderr).toMatch(/small\/full\.pcap can't be written: the disk is full\. Its packets are dropped and counted \(diskError\) until it can be written again; everything else carries on\./);
  const [, dropped] = /e0: 4000 packets received, (\d+) dropped: \1 because the file could not be written \(small\/full\.pcap\)/.exec(stderr) ?? [];
  expect(Number(dropped)).toBeGreaterThan(3000);
  expect(numbersOf(readCapture(place.path('whole.pcap')))).toEqual(numbers(4000));
  // What was written before is whole, and not less than the books say.
  expect(numbersOf(readCapture(place.path('kept.pcap')))).toEqual(numbers(4000 - Number(dropped)));
  expect(status).toBe(EXIT_OUTPUT_LOST);
});

describe('capture files that are no good', () => {
  test('one that is cut short gives its whole packets, and says where it ends', async () => {
    const whole = captureBytes(packets(100));
    writeFileSync(place.path('cut.pcap'), whole.subarray(0, whole.length - 30));
    const { code, stderr } = await run('cut.lua', 'PktEngine.new("e0"):link(Brick.new("Dummy"):connect_input("cut.pcap"):connect_output("cut-out.pcap")):start()');
    expect(stderr).toMatch(/cut\.pcap.*(cut short|ends in the middle|incomplete)/);
    expect(stderr).toMatch(/e0: 99 packets received, 0 dropped/);
    expect(numbersOf(readCapture(place.path('cut-out.pcap')))).toEqual(numbers(99));
    expect(code).toBe(EXIT_INPUT_DAMAGED);
  });

  test('one that is none is refused in one line that names it', async () => {
    writeFileSync(place.path('garbage.pcap'), randomFillSync(Buffer.alloc(5000, 1), 4));
    const { code, stderr } = await run('garbage.lua', 'PktEngine.new("e0"):link(Brick.new("Dummy"):connect_input("garbage.pcap"):connect_output("garbage-out.pcap")):start()');
    expect(stderr).toMatch(/garbage\.lua:1: .*garbage\.pcap is not a pcap or pcapng file/);
    expect(code).toBe(1);
    expect(existsSync(place.path('garbage-out.pcap'))).toBe(false);
  });

  test('one that is not there is told', async () => {
    const { code, stderr } = await run('absent.lua', 'PktEngine.new("e0"):link(Brick.new("Dummy"):connect_input("absent.pcap"):connect_output("x{0")):start()');
    expect(stderr).toMatch(/absent\.pcap.*no such file/);
    expect(code).toBe(1);
  });

  test('one whose name is that of an interface rather is told how to write it', async () => {
    writeFileSync(place.path('trace.pcap.gz'), gzipSync(captureBytes(packets(5))));
    const play = (name: string): Promise<Outcome> => run('named.lua', `PktEngine.new("e0"):link(Brick.new("Dummy"):connect_input("${name}"):connect_output("named.pcap")):start()`);
    expect((await play('trace.pcap.gz')).stderr).toMatch(/no interface trace\.pcap\.gz\. If you mean the file of that name, write \.\/trace\.pcap\.gz\. \[E_NO_DEVICE\]/);
    expect((await play('./trace.pcap.gz')).stderr).toMatch(/e0: 5 packets received, 0 dropped/);
  });

  test('a directory of garbage plays the captures among it, and says what it left out', async () => {
    mkdirSync(place.path('mixed'));
    for (const name of ['a.pcap', 'c.pcap', 'e.pcapng']) writeFileSync(place.path('mixed', name), randomFillSync(Buffer.alloc(3000, 1), 4));
    writeFileSync(place.path('mixed', 'empty.pcap'), '');
    writeFileSync(place.path('mixed', 'notes.txt'), 'no capture');
    mkdirSync(place.path('mixed', 'folder.pcap'));
    writeCapture(place.path('mixed', 'b.pcap'), packets(10));
    writeCapture(place.path('mixed', 'd.pcap'), packets(20).slice(10));
    const { code, stderr } = await run('mixed.lua', 'PktEngine.new("e0"):link(Brick.new("PcapReader"):connect_input("mixed"):connect_output("mixed-out.pcap")):start()');
    for (const name of ['a.pcap', 'c.pcap', 'e.pcapng', 'empty.pcap']) expect(stderr).toMatch(new RegExp(`mixed/${name.replace('.', '\\.')}`));
    expect(stderr).not.toMatch(/notes\.txt/);
    expect(stderr).toMatch(/e0: 20 packets received, 0 dropped/);
    expect(numbersOf(readCapture(place.path('mixed-out.pcap')))).toEqual(numbers(20));
    expect(code).toBe(EXIT_INPUT_DAMAGED);
  });
});

test('files are played at the pace of their time stamps where asked for', async () => {
  writeCapture(place.path('paced.pcap'), [0, 100, 250, 600].map((milliseconds, number) => ({ bytes: flowPacket(1, number).bytes, seconds: 5, nanoseconds: milliseconds * 1e6 })));
  const text = (options: string): string => `
    pe = PktEngine.new("e0")
    pe:link(Brick.new("PcapReader", ${options}):connect_input("paced.pcap"):connect_output("paced-out.pcap"))
    pe:start()
    local begin = os.time()
    local start = io.popen("date +%s%N"):read("*all")
    while pe:stats().running do BRICKS.sleep(0.002) end
    print((tonumber(io.popen("date +%s%N"):read("*all")) - tonumber(start)) / 1e6)
  `;
  const real = await run('paced.lua', text('{pace = "timestamps"}'));
  expect(Number(real.stdout)).toBeGreaterThan(550);
  const faster = await run('paced.lua', text('{pace = "timestamps", speed = 100}'));
  expect(Number(faster.stdout)).toBeLessThan(Number(real.stdout) - 300);
  expect(numbersOf(readCapture(place.path('paced-out.pcap')))).toEqual(numbers(4));
});

describeInNamespace('live interfaces', () => {
  let namespace: Namespace;
  beforeEach(() => {
    namespace = new Namespace();
    namespace.ip('link', 'add', 'vc', 'type', 'veth', 'peer', 'name', 'vd');
    for (const device of ['vc', 'vd']) {
      namespace.run('sysctl', '-qw', `net.ipv6.conf.${device}.disable_ipv6=1`);
      namespace.ip('link', 'set', device, 'up');
    }
  });
  afterEach(() => namespace.dispose());
  const wrap = (): string[] => ['ip', 'netns', 'exec', namespace.name];

  /** Sends packets out of an interface, by the program itself. */
  async function send(device: string, count: number): Promise<void> {
    writeCapture(place.path(`to-${device}.pcap`), packets(count));
    const { code, stderr } = await place.run(['--backend', 'pcap', '-f', script('send.lua', 'PktEngine.new("s"):link(Brick.new("Dummy"):connect_input(arg[1]):connect_output(arg[2])):start()'), '--', `to-${device}.pcap`, device], { wrap: wrap() });
    expect(stderr).toMatch(new RegExp(`s: ${count} packets received, 0 dropped`));
    expect(code).toBe(0);
  }

  test('an interface that vanishes is told of; the other source of its engine, and other engines, go on', async () => {
    execFileSync('ip', ['-n', namespace.name, 'link', 'add', 'vp', 'type', 'veth', 'peer', 'name', 'vq']);
    for (const device of ['vp', 'vq']) {
      namespace.run('sysctl', '-qw', `net.ipv6.conf.${device}.disable_ipv6=1`);
      namespace.ip('link', 'set', device, 'up');
    }
    const running = place.start(['--backend', 'pcap', '-f', script('vanish.lua', `
      e0 = PktEngine.new("e0")
      e0:link(Brick.new("Merge"):connect_input("va", "vc"):connect_output("vanish-0.pcap")):start()
      e1 = PktEngine.new("e1")
      e1:link(Brick.new("Dummy"):connect_input("vp"):connect_output("vanish-1.pcap")):start()
      function wait(e, n) while e:stats().packets < n do BRICKS.sleep(0.01) end end
      print("ready")
      wait(e0, 200) wait(e1, 50)
      print("first")
      wait(e0, 300) wait(e1, 100)
      print("second")
    `)], { wrap: wrap(), input: '' });
    await running.says(/ready/);
    await send('vb', 100);
    await send('vd', 100);
    await send('vq', 50);
    await running.says(/first/);
    namespace.ip('link', 'del', 'va');
    await running.says(/va .*(gone|vanished|down|removed|disappeared)|(gone|vanished|down|removed|disappeared).* va/i);
    await send('vd', 100);
    await send('vq', 50);
    await running.says(/second/);
    running.signal('SIGTERM');
    const { code, stderr } = await running.ended;
    expect(stderr).toMatch(/e0: 300 packets received, 0 dropped/);
    expect(stderr).toMatch(/e1: 100 packets received, 0 dropped/);
    expect(stderr.match(/\bva\b/g)).toHaveLength(1);
    expect(code).toBe(EXIT_INTERFACE_GONE);
    expect(readCapture(place.path('vanish-0.pcap'))).toHaveLength(300);
    expect(readCapture(place.path('vanish-1.pcap'))).toHaveLength(100);
  });

  test('an interface that is not there is refused in one line', async () => {
    const { code, stderr } = await place.run(['--backend', 'pcap', '-f', script('none.lua', 'PktEngine.new("e0"):link(Brick.new("Dummy"):connect_input("eth77"):connect_output("x{0"))')], { wrap: wrap() });
    expect(lines(stderr)[0]).toMatch(/none\.lua:1: .*eth77/);
    expect(code).toBe(1);
  });

  const hasSetpriv = spawnSync('setpriv', ['--version']).status === 0 && spawnSync('setpriv', ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, PROGRAM, '--version']).status === 0;
  (hasSetpriv ? test : test.skip)('a missing privilege is told in one line with what to do (skipped where setpriv, or reading the program as nobody, does not work)', async () => {
    const open = mkdtempSync(join(tmpdir(), 'bricks-nobody-'));
    try {
      chmodSync(open, 0o755);
      writeFileSync(join(open, 'set-up.lua'), 'PktEngine.new("e0"):link(Brick.new("Dummy"):connect_input("va"):connect_output("x{0"))');
      const { code, stderr } = await place.run(['--backend', 'pcap', '-f', 'set-up.lua'], {
        wrap: [...wrap(), 'setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'], directory: open, environment: { HOME: open, BRICKS_RUN_DIRECTORY: '' },
      });
      expect(lines(stderr)[0]).toMatch(/set-up\.lua:1: .*not allowed to capture on va: this process lacks CAP_NET_RAW\. .*(sudo|root).*setcap/);
      expect(lines(stderr).filter((line) => /allowed|privilege|permission/i.test(line))).toHaveLength(1);
      expect(code).toBe(1);
    } finally {
      rmSync(open, { recursive: true });
    }
  });

  test('a stop loses nothing that was received', async () => {
    const running = place.start(['--backend', 'pcap', '-f', script('live.lua', `
      e0 = PktEngine.new("e0")
      e0:link(Brick.new("LoadBalancer"):connect_input("va"):connect_output("live-0.pcap", "live-1.pcap", "live-2.pcap")):start()
      print("ready")
      while e0:stats().packets < 3000 do BRICKS.sleep(0.005) end
      print("all")
    `)], { wrap: wrap(), input: '' });
    await running.says(/ready/);
    await send('vb', 3000);
    await running.says(/all/);
    running.signal('SIGINT');
    const { code, stderr } = await running.ended;
    expect(stderr).toMatch(/e0: 3000 packets received, 0 dropped/);
    expect([0, 1, 2].flatMap((output) => numbersOf(readCapture(place.path(`live-${output}.pcap`)))).sort((a, b) => a - b)).toEqual(numbers(3000));
    expect(code).toBe(0);
  });
});
