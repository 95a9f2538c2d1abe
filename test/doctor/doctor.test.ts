/** The doctor, on faults that are really there: in namespaces of its own, so that no interface of the machine is touched. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import type { Finding } from 'packet-bricks/src/doctor/finding';
import { SCRIPTS, Workplace, type Running } from '../support/program';
import { suspend } from '../support/suspend';

const NAMESPACE = `bricks-doctor-${process.pid}`;
const workplace = new Workplace();

function hasNamespaces(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'needs root on Linux';
  const missing = ['ip', 'ethtool', 'setpriv', 'unshare', 'prlimit', 'flock'].filter((program) => spawnSync('which', [program]).status !== 0);
  if (missing.length > 0) return `needs ${missing.join(', ')}`;
  return spawnSync('ip', ['netns', 'add', NAMESPACE]).status === 0 ? undefined : 'no network namespaces here';
}

const missing = hasNamespaces();
const inside = ['ip', 'netns', 'exec', NAMESPACE];
const inNamespace = (...words: string[]): string => execFileSync(inside[0], [...inside.slice(1), ...words], { encoding: 'utf8' });

/** The findings that are not good, as `check of subject`. */
async function troubles(words: readonly string[], wrap: readonly string[] = inside, environment: Readonly<Record<string, string>> = {}): Promise<string[]> {
  const { stdout, stderr, code } = await workplace.run(['doctor', '--json', ...words], { wrap, environment: { BRICKS_RUN_DIR: workplace.path('daemons'), ...environment } });
  expect(stderr).toBe('');
  const findings = JSON.parse(stdout) as Finding[];
  expect(code).toBe(findings.some(({ verdict }) => verdict === 'bad') ? 1 : 0);
  for (const { verdict, why, commands } of findings) if (verdict === 'bad' || verdict === 'doubt') expect(why.length + commands.length).toBeGreaterThan(0);
  // What this machine is like is not the tests' business.
  return findings.filter(({ verdict, check }) => verdict !== 'good' && !['processors', 'governor'].includes(check)).map(({ check, subject, verdict }) => `${verdict}: ${check}${subject ? ` of ${subject}` : ''}`);
}

(missing === undefined ? describe : describe.skip)(`the doctor${missing === undefined ? '' : ` (skipped: ${missing})`}`, () => {
  beforeAll(() => {
    mkdirSync(workplace.path('daemons'), { mode: 0o700 });
    inNamespace('ip', 'link', 'add', 'eth3', 'type', 'veth', 'peer', 'name', 'eth4');
    for (const name of ['eth3', 'eth4']) {
      inNamespace('ip', 'link', 'set', name, 'up');
      inNamespace('ethtool', '-K', name, 'gro', 'off', 'tso', 'off', 'gso', 'off', 'lro', 'off');
    }
  });
  afterAll(() => {
    spawnSync('ip', ['netns', 'delete', NAMESPACE]);
    workplace.dispose();
  });

  test('finds nothing wrong with a sound set-up', async () => {
    expect(await troubles(['eth3', 'eth4'])).toEqual([]);
  });

  test('finds an interface that does not exist, and guesses which was meant', async () => {
    expect(await troubles(['eth33'])).toEqual(['bad: exists of eth33']);
    const { stdout } = await workplace.run(['doctor', 'eth33'], { wrap: inside });
    expect(stdout).toContain('There is no interface eth33.');
    expect(stdout).toContain('Did you mean eth3?');
    expect(stdout).toMatch(/\n\nOne thing is bad: There is no interface eth33\.\n$/);
  });

  test('"nothing arrives on two of four identical network cards": finds an interface that is down, and one whose other side is', async () => {
    inNamespace('ip', 'link', 'set', 'eth4', 'down');
    expect(await troubles(['eth3', 'eth4'])).toEqual(['bad: carrier of eth3', 'bad: up of eth4']);
  });

  test('puts right what is safe to, and says so', async () => {
    inNamespace('ethtool', '-K', 'eth3', 'gro', 'on');
    expect(await troubles(['eth3', 'eth4'])).toEqual(['bad: carrier of eth3', 'bad: offloads of eth3', 'bad: up of eth4']);
    const asked = await workplace.run(['doctor', '--fix', 'eth3', 'eth4'], { wrap: inside });
    expect(asked).toMatchObject({ code: 2, stderr: expect.stringContaining('--yes') });
    const fixed = await workplace.run(['doctor', '--fix', '--yes', 'eth3', 'eth4'], { wrap: inside });
    expect(fixed).toMatchObject({ code: 0, stdout: expect.stringContaining('done: ip link set dev eth4 up') });
    expect(fixed.stdout).toContain('done: ethtool -K eth3 gro off');
    expect(await troubles(['eth3', 'eth4'])).toEqual([]);
  });

  test('finds frames that are longer than the slots of netmap', async () => {
    inNamespace('ip', 'link', 'set', 'eth3', 'mtu', '9000');
    expect(await troubles(['eth3'])).toEqual(['doubt: mtu of eth3']);
    expect(await troubles(['--backend', 'netmap', 'eth3'])).toContain('bad: mtu of eth3');
    inNamespace('ip', 'link', 'set', 'eth3', 'mtu', '1500');
  });

  test('and the ready-made setups agree which offloads matter: rxvlan for netmap alone', async () => {
    // They ask the program for its backend.
    const notes = async (backend: string): Promise<string[]> => {
      const input = `BRICKS = setmetatable({ backend = function() return "${backend}" end }, { __index = BRICKS })\npackage.path = "${SCRIPTS}/?.lua;" .. package.path\nrequire("lib.setup").hints("eth3")\n`;
      return (await workplace.run(['--backend', 'loopback'], { wrap: inside, input })).stdout.split('\n').filter((line) => line.startsWith('Note: '));
    };
    inNamespace('ethtool', '-K', 'eth3', 'gro', 'on', 'rxvlan', 'on');
    const merge = 'Note: offloads merge packets into frames longer than any on the wire';
    expect(await notes('pcap')).toEqual([`${merge}. Turn them off: ethtool -K eth3 gro off`]);
    expect(await notes('netmap')).toEqual([`${merge}, and cut out VLAN tags. Turn them off: ethtool -K eth3 gro off rxvlan off`]);
    expect(await troubles(['eth3'])).toEqual(['bad: offloads of eth3']);
    expect(await troubles(['--backend', 'netmap', 'eth3'])).toEqual(expect.arrayContaining(['bad: offloads of eth3', 'bad: tags of eth3']));
    inNamespace('ethtool', '-K', 'eth3', 'gro', 'off', 'rxvlan', 'off');
  });

  test('refuses a backend that does not exist', async () => {
    expect(await workplace.run(['doctor', '--backend', 'netmop', 'eth3'], { wrap: inside })).toMatchObject({ code: 2, stderr: expect.stringMatching(/There is no backend "netmop"\. Did you mean "?netmap"?\? \[E_BACKEND\]/) });
  });

  test('finds that the netmap module is missing where netmap is wanted', async () => {
    const loaded = spawnSync('test', ['-e', '/dev/netmap']).status === 0;
    expect(await troubles(['--backend', 'netmap', 'eth3'])).toEqual(loaded ? [] : ['bad: netmap']);
  });

  test('finds missing rights, and names the capabilities', async () => {
    const wrap = [...inside, 'setpriv', '--inh-caps=-net_raw', '--bounding-set=-net_raw'];
    expect(await troubles(['eth3'], wrap)).toEqual(['bad: rights']);
    const { stdout } = await workplace.run(['doctor', 'eth3'], { wrap });
    expect(stdout).toMatch(/lacks cap_net_raw[^]*\$ sudo setcap cap_net_raw\+eip \//);
  });

  test('finds shared memory that is full', async () => {
    const wrap = [...inside, 'unshare', '-m', 'sh', '-c', 'mount -t tmpfs -o size=1M tmpfs /dev/shm && exec "$@"', 'sh'];
    expect(await troubles(['eth3'], wrap)).toEqual(['bad: shared-memory of /dev/shm']);
  });

  test('finds a limit of open files that is too low', async () => {
    expect(await troubles(['eth3'], [...inside, 'prlimit', '--nofile=512', '--'])).toEqual(['doubt: open-files']);
  });

  test('looks at everything else where a user has no runtime directory', async () => {
    expect(await troubles(['eth3'], [...inside, 'setpriv', '--reuid=65534', 'env', '-u', 'XDG_RUNTIME_DIR', '-u', 'BRICKS_RUN_DIR'])).toEqual(['bad: rights', 'unknown: daemons']);
  });

  test('finds what a killed daemon has left, and removes it', async () => {
    for (const ending of ['pid', 'sock', 'status']) writeFileSync(workplace.path('daemons', `sensor.${ending}`), '4711\n');
    expect(await troubles(['eth3'])).toEqual(['doubt: daemons of sensor']);
    await workplace.run(['doctor', '--fix', '--yes', 'eth3'], { wrap: inside, environment: { BRICKS_RUN_DIR: workplace.path('daemons') } });
    expect(await troubles(['eth3'])).toEqual([]);
    // In a directory that is named, too; and one file that can't be read hides nothing else.
    mkdirSync(workplace.path('others'));
    writeFileSync(workplace.path('others', 'other.pid'), '4711\n');
    symlinkSync('other.pid', workplace.path('others', 'strange.pid'));
    expect(await troubles(['--run-dir', workplace.path('others'), 'eth3'])).toEqual(['doubt: daemons of other', 'unknown: daemons of strange']);
  });

  describe('with an engine', () => {
    let engine: Running;
    beforeAll(async () => {
      const script = workplace.path('set-up.lua');
      writeFileSync(script, 'PktEngine.new("e0"):link(Brick.new("Dummy"):connect_input("eth3"):connect_output("ids{0")):start() print("started")');
      engine = workplace.start(['--backend', 'pcap', '-f', script], { wrap: inside });
      await engine.says(/started/);
    });
    afterAll(async () => {
      engine.signal('SIGTERM');
      await engine.ended;
    });

    test('finds other programs that capture on the interface', async () => {
      expect(await troubles(['eth3', 'eth4'])).toEqual(['doubt: others of eth3']);
    });

    test('finds a reader that was stopped, but none of another network namespace, whose pipes are others', async () => {
      const reader = workplace.start(['attach', '--count', 'ids}0'], { wrap: inside });
      await attached(reader);
      await suspend(reader.child);
      expect(await troubles(['eth4'])).toEqual([`bad: readers of ${reader.child.pid}`]);
      expect(await troubles([], [])).not.toContain(`bad: readers of ${reader.child.pid}`);
      reader.signal('SIGCONT');
      expect(await troubles(['eth4'])).toEqual([]);
      reader.signal('SIGTERM');
      await reader.ended;
    });

    test('finds a reader that was suspended before it had its pipe, and a program that was while it held the lock of their directory', async () => {
      const reader = workplace.start(['attach', '--count', 'none}0'], { wrap: inside });
      // It has begun to open the pipe, in a directory that is locked. (flock leaves the lock to the program.)
      const locked = workplace.path('locked');
      mkdirSync(locked);
      const opening = workplace.start(['attach', '--count', 'none}1'], { wrap: [...inside, 'flock', '--no-fork', locked] });
      await Promise.all([reader.says(/waiting for/), opening.says(/waiting for/)]);
      await Promise.all([suspend(reader.child), suspend(opening.child)]);
      expect((await troubles(['eth4'])).sort()).toEqual([`bad: lock of ${opening.child.pid}`, `bad: readers of ${reader.child.pid}`]);
      const { stdout } = await workplace.run(['doctor', 'eth4'], { wrap: inside, environment: { BRICKS_RUN_DIR: workplace.path('daemons') } });
      expect(stdout).toContain(`Process ${reader.child.pid} (bricks attach --count 'none}0') was suspended before it had its pipe.`);
      for (const program of [reader, opening]) {
        program.signal('SIGCONT');
        program.signal('SIGTERM');
        await program.ended;
      }
    });
  });
});

/** Resolves when a reader has its pipe's memory. */
async function attached({ child }: Running): Promise<void> {
  for (;;) {
    const found = spawn('grep', ['-q', '/memfd:bricks ', `/proc/${child.pid}/maps`]);
    if ((await new Promise((resolve) => found.once('exit', resolve))) === 0) return;
  }
}
