/** Who may read and rule a daemon, and what is left when it is killed. */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { connect, readCaptureFile } from 'packet-bricks';
import { Namespace, namespacesWork } from '../pcap/namespace';
import { DaemonPlace, ENGINE, isAlive } from './programs';

const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const asNobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups'];
/** Needs root, setpriv, and a checkout that everybody may read. */
const canBecomeNobody = isRoot && spawnSync(asNobody[0], [...asNobody.slice(1), process.execPath, '-e', `require('fs').accessSync(${JSON.stringify(require.resolve('packet-bricks/bundle/cli/bricks'))})`]).status === 0;
const withRoot = isRoot ? test : test.skip;
const withNobody = canBecomeNobody ? test : test.skip;

let place: DaemonPlace;
beforeAll(() => {
  place = new DaemonPlace();
  chmodSync(place.folder, 0o755);
  place.script('ends.lua', ENGINE);
});
afterAll(() => place.dispose());

describe('a runtime directory that others could meddle with is refused', () => {
  const refused = async (directory: string, why: RegExp): Promise<void> => {
    expect(await place.daemon(['--run-dir', directory])).toMatchObject({ code: 1, stderr: expect.stringMatching(why) as string });
  };

  test('a symbolic link', async () => {
    mkdirSync(place.path('real'), { mode: 0o700 });
    symlinkSync(place.path('real'), place.path('link'));
    await refused(place.path('link'), /The runtime directory \S+\/link is a symbolic link\..*\[E_RUN_DIRECTORY\]/);
    expect(readdirSync(place.path('real'))).toEqual([]);
  });

  test('one that others can write, or that lies where they could replace it', async () => {
    mkdirSync(place.path('open'));
    chmodSync(place.path('open'), 0o777);
    await refused(place.path('open'), /can be written by others \(its mode is 0777\)/);
    await refused(place.path('open', 'inner'), /lies in \S+\/open, which others can write/);
  });

  test('a file', async () => {
    writeFileSync(place.path('file'), '');
    await refused(place.path('file'), /is not a directory/);
  });

  withRoot('one that belongs to somebody else (needs root)', async () => {
    mkdirSync(place.path('foreign'), { mode: 0o700 });
    chownSync(place.path('foreign'), NOBODY, NOBODY);
    await refused(place.path('foreign'), new RegExp(`belongs to user ${NOBODY}, not to user 0`));
    await refused(place.path('foreign', 'inner'), new RegExp(`lies in \\S+/foreign, which belongs to user ${NOBODY}`));
    expect(lstatSync(place.path('foreign')).uid).toBe(NOBODY);
  });
});

withNobody('a daemon that gives up root does not take the directory of those that keep it (needs root and setpriv)', async () => {
  mkdirSync(place.path('both'), { mode: 0o700 });
  writeFileSync(place.path('both', 'other.pid'), '1\n');
  const refused = await place.daemon(['--run-dir', place.path('both'), '--user', String(NOBODY)]);
  expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(/has files of user 0, and would have to be given to user 65534\..*--run-dir DIRECTORY.*\[E_RUN_DIRECTORY\]/) as string });
  expect([lstatSync(place.path('both')).uid, readdirSync(place.path('both'))]).toEqual([0, ['other.pid']]);
});

describe('another user', () => {
  withNobody('can neither read nor rule a daemon, and nothing that it makes can be written by others (needs root and setpriv)', async () => {
    chmodSync(place.path('daemons'), 0o755);
    place.script('record.lua', 'PktEngine.new("e0"):link(Brick.new("PcapWriter"):connect_input("in"):connect_output("record.pcap")):start()');
    expect(await place.daemon(['-f', 'record.lua', '--log-file', 'own.log'])).toMatchObject({ code: 0 });
    const made = [place.run_, ...place.files.map((name) => place.file(name)), place.path('record.pcap'), place.path('own.log')];
    expect(made.filter((path) => (lstatSync(path).mode & 0o022) !== 0)).toEqual([]);
    expect(lstatSync(place.run_).mode & 0o777).toBe(0o700);
    expect(lstatSync(place.file('bricks.sock')).mode & 0o777).toBe(0o600);
    expect(await place.other('bricks-kill-server', [], { wrap: asNobody })).toMatchObject({ code: 1, stderr: expect.stringMatching(/pid file .* cannot be read: permission denied.*\[E_RUN_DIRECTORY\]/) as string });
    expect(await place.run(['reload'], { wrap: asNobody })).toMatchObject({ code: 1 });
    // Even where the directory is opened to all.
    chmodSync(place.run_, 0o755);
    expect(await place.other('bricks-kill-server', [], { wrap: asNobody })).toMatchObject({ code: 1, stderr: expect.stringMatching(/You may not end the daemon "bricks".*\[E_PERMISSION\]/) as string });
    expect(await place.run(['reload'], { wrap: asNobody })).toMatchObject({ code: 1 });
    chmodSync(place.run_, 0o700);
    expect(isAlive(place.pid())).toBe(true);
    expect((await place.kill()).code).toBe(0);
  });

  withNobody('is what a daemon becomes by --user: it keeps CAP_NET_RAW and CAP_NET_ADMIN, and its files are that user\'s (needs root)', async () => {
    const directory = place.path('lowered');
    mkdirSync(place.path('logs'));
    mkdirSync(place.path('pipes'), { mode: 0o700 });
    chownSync(place.path('pipes'), NOBODY, NOBODY);
    const environment = { BRICKS_RUN_DIRECTORY: place.path('pipes') };
    expect(await place.daemon(['-f', 'ends.lua', '--user', String(NOBODY), '--run-dir', directory, '--log-file', 'logs/log'], { environment })).toMatchObject({ code: 0 });
    const pid = Number(readFileSync(`${directory}/bricks.pid`, 'utf8'));
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string): string[] => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1].split(/\s+/) ?? [];
    expect({ users: field('Uid'), effective: field('CapEff')[0], permitted: field('CapPrm')[0], ambient: field('CapAmb')[0] })
      .toEqual({ users: Array(4).fill(String(NOBODY)), effective: '0000000000003000', permitted: '0000000000003000', ambient: '0000000000000000' });
    expect([directory, `${directory}/bricks.pid`, `${directory}/bricks.sock`, `${directory}/bricks.status`, place.path('logs/log')].map((path) => lstatSync(path).uid)).toEqual(Array(5).fill(NOBODY));
    expect(await place.kill('--run-dir', directory)).toMatchObject({ code: 0 });
    expect(readdirSync(directory)).toEqual([]);
    // And once more, in the directory that is that user's by now.
    expect(await place.daemon(['-f', 'ends.lua', '--user', String(NOBODY), '--run-dir', directory], { environment })).toMatchObject({ code: 0 });
    expect((await place.kill('--run-dir', directory)).code).toBe(0);
  });

  (canBecomeNobody && namespacesWork() ? test : test.skip)('is who captures, also when the engine is linked again after root was given up; without the capability it is named (needs root, and ip)', async () => {
    const namespace = new Namespace();
    try {
      mkdirSync(place.path('captures'));
      chownSync(place.path('captures'), NOBODY, NOBODY);
      place.script('capture.lua', `PktEngine.new("e0"):link(Brick.new("PcapWriter"):connect_input("va"):connect_output("${place.path('captures')}/a.pcap")):start()`);
      const wrap = ['ip', 'netns', 'exec', namespace.name];
      const directory = place.path('capturing');
      expect(await place.daemon(['--backend', 'pcap', '-f', 'capture.lua', '--user', String(NOBODY), '--run-dir', directory], { wrap })).toMatchObject({ code: 0 });
      const client = await connect({ runDirectory: directory });
      for (const step of ['engine.stop', 'engine.unlink'] as const) await client.call(step, { name: 'e0' });
      await client.call('engine.link', { name: 'e0', bricks: [{ kind: 'PcapWriter', inputs: ['va'], outputs: [place.path('captures', 'b.pcap')] }] });
      await client.call('engine.start', { name: 'e0' });
      expect(await client.call('engine.list')).toEqual([{ name: 'e0', running: true, linked: true }]);
      client.close();
      expect((await place.kill('--run-dir', directory)).code).toBe(0);
      expect(readdirSync(place.path('captures')).map((name) => [name, lstatSync(place.path('captures', name)).uid])).toEqual([['a.pcap', NOBODY], ['b.pcap', NOBODY]]);

      mkdirSync(place.path('poor'), { mode: 0o700 });
      chownSync(place.path('poor'), NOBODY, NOBODY);
      expect(await place.daemon(['--backend', 'pcap', '-f', 'capture.lua', '--run-dir', place.path('poor', 'run')], { wrap: [...wrap, ...asNobody] }))
        .toMatchObject({ code: 1, stderr: expect.stringMatching(/not allowed to capture on va: this process lacks CAP_NET_RAW\. .*sudo setcap cap_net_raw,cap_net_admin\+eip.*\[E_PERMISSION\]/) as string });
    } finally {
      await namespace.dispose();
    }
  });

  withNobody('gets /dev/netmap from a child that stays root and does nothing else; without it the command is named that gives access (needs root)', async () => {
    mkdirSync(place.path('devices'));
    // A device that only root may open, which refuses what netmap is asked for, in a mount namespace of its own.
    place.script('devices.sh', `set -e
      mount -t tmpfs -o mode=755 devices "$1"; cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom "$1/"; mknod -m 600 "$1/netmap" c 1 3
      mkdir -m 1777 "$1/shm"; ln -s /proc/self/fd "$1/fd"; mount --bind "$1" /dev; shift; exec "$@"`);
    const wrap = ['unshare', '--mount', 'sh', place.path('devices.sh'), place.path('devices')];
    place.script('netmap.lua', 'os.execute("for child in $(cat /proc/$PPID/task/*/children); do grep -qx bricks-netmap /proc/$child/comm && cat /proc/$child/status; done")\nPktEngine.new("e0"):link(Brick.new("Dummy"):connect_input("vale0:a"):connect_output("vale0:b"))');
    const args = ['--backend', 'netmap', '-f', 'netmap.lua', '--run-dir', place.path('netmap-run')];
    const kept = await place.daemon([...args, '--user', String(NOBODY)], { wrap });
    expect(kept).toMatchObject({ code: 1, stderr: expect.stringMatching(/netmap refuses vale0:[ab]: Inappropriate ioctl for device/) as string });
    expect(kept.stdout).toMatch(/^Uid:\s+0\s+0\s+0\s+0$[^]*^CapPrm:\s+0+$\n^CapEff:\s+0+$[^]*^NoNewPrivs:\s+1$/m);
    expect(await place.daemon(['--backend', 'netmap', '-f', 'netmap.lua', '--run-dir', '/dev/shm/run'], { wrap: [...wrap, ...asNobody] })).toMatchObject({
      code: 1, stderr: expect.stringMatching(/not allowed to open \/dev\/netmap\..* sudo chgrp 65534 \/dev\/netmap && sudo chmod 660 \/dev\/netmap/) as string,
    });
  });

  withNobody('cannot become root or somebody else (needs root)', async () => {
    expect(await place.daemon(['--user', '0', '--run-dir', place.path('x')], { wrap: asNobody })).toMatchObject({ code: 1, stderr: expect.stringMatching(/Only root can become the user root.*\[E_USER\]/) as string });
  });
});

/** Runs until the daemon is killed, at a moment of its life that the number decides. */
async function killAtSomeMoment(seed: number): Promise<void> {
  const running = place.server(['-f', 'traffic.lua', '--name', 'victim']);
  // From its first instruction to well into its work: starts take some 300 ms.
  await new Promise((resolve) => setTimeout(resolve, (seed * 7919) % 900));
  running.signal('SIGKILL');
  await running.ended;
}

const moments = Number(process.env['BRICKS_TEST_KILLS'] ?? 4);
test('SIGKILL at any moment: the next start works at once, and capture files are readable to the last whole packet', async () => {
  place.script('traffic.lua', `
    PktEngine.new("e0"):link(Brick.new("Duplicator"):connect_input("big.pcap"):connect_output("copy{0", "copy.pcap")):start()
    while true do end`);
  const record = Buffer.alloc(16 + 600);
  record.writeUInt32LE(600, 8);
  record.writeUInt32LE(600, 12);
  writeFileSync(place.path('big.pcap'), Buffer.concat([Buffer.from('d4c3b2a1020004000000000000000000ffff000001000000', 'hex'), ...Array(60_000).fill(record) as Buffer[]]));
  const first = Math.floor(Math.random() * 1000);
  for (let moment = 0; moment < moments; moment++) {
    rmSync(place.path('copy.pcap'), { force: true });
    await killAtSomeMoment(first + moment);
    const written = lstatSync(place.path('copy.pcap'), { throwIfNoEntry: false })?.size ?? 0;
    if (written > 0) {
      // The guardian cuts the file when its writer has gone.
      for (let look = 0; look < 200 && (lstatSync(place.path('copy.pcap')).size - 24) % 616 !== 0; look++) await new Promise((resolve) => setTimeout(resolve, 10));
      let packets = 0;
      for (const { bytes } of readCaptureFile(place.path('copy.pcap'))) packets += bytes.length === 600 ? 1 : NaN;
      expect({ first, moment, packets }).toEqual({ first, moment, packets: (lstatSync(place.path('copy.pcap')).size - 24) / 616 });
    }
    const next = place.server(['-f', 'ends.lua', '--name', 'victim']);
    await next.says(/runs as process/);
    next.signal('SIGTERM');
    expect(await next.ended).toMatchObject({ code: 0 });
    expect(place.files.filter((name) => name.startsWith('victim'))).toEqual([]);
  }
}, 60_000 + 5000 * moments);

const perl = spawnSync('perl', ['-MIO::Socket::UNIX', '-e', '1']).status === 0;
(perl ? test : test.skip)('--foreground tells the service manager of its start, its reloads, its end, and that it is alive (needs perl)', async () => {
  const socket = place.path('notify');
  const manager = spawn('perl', ['-MIO::Socket::UNIX', '-MSocket', '-e', 'my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die; $| = 1; print "listening\\n"; while (defined $s->recv(my $text, 4096)) { print "$text\\n--\\n" }', socket]);
  let heard = '';
  const hears = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(heard)) await new Promise((resolve) => manager.stdout.once('data', resolve));
  };
  manager.stdout.setEncoding('utf8').on('data', (text: string) => { heard += text; });
  await hears(/listening/);
  place.script('notified.lua', `${ENGINE}print(os.getenv("NOTIFY_SOCKET"))`);
  const running = place.server(['-f', 'notified.lua', '--name', 'unit'], { environment: { NOTIFY_SOCKET: socket, WATCHDOG_USEC: '200000' } });
  await hears(/READY=1\nSTATUS=the daemon "unit" runs as process \d+\nMAINPID=\d+\n--/);
  await hears(/WATCHDOG=1\n--/);
  expect(await place.run(['reload', '--name', 'unit'])).toMatchObject({ code: 0 });
  await hears(/RELOADING=1\nMONOTONIC_USEC=\d+\n--\n[^]*READY=1/);
  running.signal('SIGTERM');
  await hears(/STOPPING=1/);
  // Programs that scripts start are not to speak for the daemon.
  expect(await running.ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^nil\n(nil\n)?$/) as string });
  manager.kill();
});

test('a message that comes a million times is counted, not written a million times', async () => {
  place.script('chatty.lua', `${ENGINE}for i = 1, 1000000 do print("packet " .. i .. " is odd") end print("the end")`);
  expect(await place.daemon(['-f', 'chatty.lua', '--log-file', 'chatty.log', '--name', 'chatty', '--settle', '0.1'])).toMatchObject({ code: 0 });
  await place.logged('chatty.log', /^the end$/);
  expect((await place.kill('--name', 'chatty')).code).toBe(0);
  const lines = place.log('chatty.log');
  const leftOut = lines.flatMap((line) => (/more like this in .*packet \d+ is odd/.test(line.msg) ? [(line as unknown as { leftOut: number }).leftOut] : []));
  expect(lines.length).toBeLessThan(60);
  expect(leftOut.length).toBeGreaterThan(0);
});
