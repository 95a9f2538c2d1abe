/** What contrib/ has for those who run daemons. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DaemonPlace, ENGINE } from './programs';

const contrib = join(__dirname, '../../contrib');
const unit = readFileSync(join(contrib, 'systemd/bricks.service'), 'utf8');
const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;

(has('systemd-analyze') ? test : test.skip)('systemd finds nothing wrong with the unit (needs systemd-analyze)', () => {
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', join(contrib, 'systemd/bricks.service')], { encoding: 'utf8' });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test('the unit and the Containerfile call the program with options that it has', () => {
  const place = new DaemonPlace();
  try {
    for (const [, program, words] of `${unit}${readFileSync(join(contrib, 'Containerfile'), 'utf8').replace(/[[\]",]+ ?/g, ' ')}`.matchAll(/^(?:ExecStart=\/usr\/bin\/env|ENTRYPOINT) +(bricks-server) (.*)$/gm)) {
      const help = spawnSync(process.execPath, [require.resolve(`packet-bricks/bundle/cli/${program}`), '--help'], { encoding: 'utf8' }).stdout;
      for (const option of words.split(' ').filter((word) => word.startsWith('--'))) expect(help).toContain(option);
    }
  } finally {
    place.dispose();
  }
});

/** As the unit does it, but for the system call filter and the file system, which only systemd can set. */
const confined = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs', '--bounding-set=-all,+net_raw,+net_admin', '--inh-caps=-all,+net_raw,+net_admin', '--ambient-caps=-all,+net_raw,+net_admin'];
const canConfine = spawnSync(confined[0], [...confined.slice(1), process.execPath, '-e', `require('fs').accessSync(${JSON.stringify(require.resolve('packet-bricks/bundle/cli/bricks'))})`]).status === 0;

(canConfine ? test : test.skip)('the daemon runs with the rights that the unit leaves it: it captures, and programs that its script starts have none of them (needs root and setpriv)', async () => {
  expect(unit).toMatch(/^AmbientCapabilities=CAP_NET_RAW CAP_NET_ADMIN\nCapabilityBoundingSet=CAP_NET_RAW CAP_NET_ADMIN\nNoNewPrivileges=yes$/m);
  const place = new DaemonPlace();
  try {
    place.script('setup.lua', `${ENGINE}os.execute("grep CapEff /proc/self/status")\nPktEngine.new("live"):link(Brick.new("Dummy"):connect_input("lo"):connect_output("lo{0")):start()`);
    const open = spawnSync('mktemp', ['-d'], { encoding: 'utf8' }).stdout.trim();
    spawnSync('chown', ['65534:65534', open]);
    spawnSync('chmod', ['755', place.folder]);
    const running = place.server(['--backend', 'pcap', '-f', 'setup.lua', '--run-dir', join(open, 'run')], { wrap: ['unshare', '--net', 'sh', '-c', 'ip link set lo up && exec "$@"', 'sh', ...confined], environment: { BRICKS_RUN_DIRECTORY: open } });
    await running.says(/runs as process/);
    running.signal('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0, stdout: 'CapEff:\t0000000000000000\n', stderr: expect.stringMatching(/live: \d+ packets received/) as string });
    spawnSync('rm', ['-r', open]);
  } finally {
    place.dispose();
  }
});
