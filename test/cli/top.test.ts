/** `bricks top` on a daemon: on a real terminal of several sizes, in a pipe, and when the daemon is killed. */
import { readFileSync } from 'node:fs';
import { DaemonPlace } from '../daemon/programs';
import { flowPacket } from '../support/loopback-engine';
import { PROGRAM } from '../support/program';
import { TmuxTerminal, hasTmux } from '../support/tmux';
import { writeCapture } from '../support/write-capture';

const place = new DaemonPlace();

beforeAll(async () => {
  writeCapture(place.path('in.pcap'), Array.from({ length: 500 }, (_, number) => ({ bytes: flowPacket(number % 9, number).bytes, seconds: Math.floor(number / 200), nanoseconds: (number % 200) * 5_000_000 })));
  place.script('set-up.lua', `
r = Brick.new("PcapReader", {loop = 0, pace = "timestamps"})
r:connect_input("${place.path('in.pcap')}")
r:connect_output("in{0")
lb = Brick.new("LoadBalancer", 4)
lb:connect_input("in}0")
lb:connect_outputs("w", 3)
r:link(lb)
PktEngine.new("balance"):link(r):start()
PktEngine.new("spare")`);
  expect(await place.daemon(['-f', 'set-up.lua'])).toMatchObject({ code: 0 });
});

afterAll(() => place.dispose());

test('in a pipe it prints one look; JSON and CSV for other programs agree with the counters', async () => {
  const { code, stdout, stderr } = await place.run(['top']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^ENGINE +STATE +LOAD[^]*\nbalance +running[^]*\nspare +no bricks[^]*\nLINK +ENGINE[^]*\nw\{2 +balance +sink[^]*\nLoadBalancer +balance[^]*\nw\{0 +nobody[^]*bricks attach 'w\}0'/);
  const json = JSON.parse((await place.run(['top', '--once', '--json'])).stdout) as { engines: { name: string; packets: number; links: { role: string; packets: number; dropped: number }[] }[] };
  const [balance] = json.engines;
  const at = (role: string): number => balance.links.filter((link) => link.role === role).reduce((sum, link) => sum + link.packets + link.dropped, 0);
  expect([at('source'), at('sink')]).toEqual([balance.packets, balance.packets]);
  const csv = (await place.run(['top', '--once', '--csv', '--seconds', '0.5'])).stdout.split('\n');
  expect(csv[0]).toBe('time,table,engine,name,field,value');
  expect(csv.filter((line) => /,links,balance,w\{1,packets,0$/.test(line))).toHaveLength(1);
  expect(csv.some((line) => /,drops,balance,w\{1,noReader,\d+$/.test(line))).toBe(true);
  expect((await place.run(['top', '--view', 'links', '--filter', 'w{1', '--sort', 'drops'])).stdout).toMatch(/^LINK .*\nw\{1 .*\n$/);
});

test('mistakes are explained', async () => {
  expect(await place.run(['top', '--json', '--csv'])).toMatchObject({ code: 2, stderr: expect.stringContaining('only one of --json and --csv') });
  expect(await place.run(['top', '--view', 'nothing'])).toMatchObject({ code: 2, stderr: expect.stringContaining('engines') });
  expect(await place.run(['top', '--name', 'other'])).toMatchObject({ code: 1, stderr: expect.stringContaining('other.sock'), stdout: '' });
});

test('a profile says where the time of an engine goes, and is written for Chrome', async () => {
  const file = place.path('balance.cpuprofile');
  const { code, stdout, stderr } = await place.run(['profile', 'balance', '0.5', '--write', file]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toMatch(/^Engine balance: \d+ packets in 0\.\d s .*\nPART +NS\/PACKET +SHARE\nreceive +[\d.]+ +.* %\nPcapReader [^]*\nLoadBalancer [^]*\nsend [^]*The engine is not at its limit/);
  expect(Object.keys(JSON.parse(readFileSync(file, 'utf8')) as object).sort()).toEqual(['endTime', 'nodes', 'samples', 'startTime', 'timeDeltas']);
  expect(await place.run(['profile', 'spare', '0.5'])).toMatchObject({ code: 1, stderr: expect.stringContaining('The engine spare is not running') });
  expect(await place.run(['profile'])).toMatchObject({ code: 2, stderr: expect.stringContaining('the name of an engine') });
});

(hasTmux() ? describe : describe.skip)(`on a terminal${hasTmux() ? '' : ' (skipped: no tmux)'}`, () => {
  const open = (options: string, environment: Readonly<Record<string, string>>, columns: number, rows: number): TmuxTerminal =>
    new TmuxTerminal(`"${process.execPath}" "${PROGRAM}" top ${options} -a "${place.file('bricks.sock')}"`, environment, place.folder, columns, rows);

  test('it fills 80 by 24, 200 by 50 and 60 by 12, obeys keys, and leaves the terminal as it was; NO_COLOR is obeyed', async () => {
    const terminal = open('', { NO_COLOR: '1' }, 80, 24);
    try {
      for (const [columns, rows] of [[80, 24], [200, 50], [60, 12]]) {
        terminal.resize(columns, rows);
        const frame = (): boolean => {
          const lines = terminal.lines();
          return lines.length === rows && /^bricks top .* \d\d:\d\d:\d\d$/.test(lines[0]) && lines[0].length === columns && /^(?:arrows {2})?(?:a all|aelbrd|h help) .*\[all, by graph, 1 s\]$/.test(lines[rows - 1]);
        };
        await terminal.until(frame, `${columns} by ${rows}`);
        await terminal.until(() => terminal.lines().some((line) => /^balance +running +(\d|<)\d* %/.test(line)), 'rates');
        expect(terminal.lines().every((line) => line.length <= columns)).toBe(true);
      }
      expect(terminal.lines(true).join('\n')).not.toMatch(/\u001b\[(?:[\d;]*;)?3[0-7]/);
      terminal.resize(80, 24);
      terminal.press('d');
      await terminal.until(() => terminal.lines().some((line) => line.includes("bricks attach 'w}2'")), 'drops');
      terminal.press('l', '/');
      terminal.type('w{1');
      terminal.press('Enter');
      await terminal.until(() => terminal.lines().filter((line) => /^(?:w\{|in)/.test(line)).join().startsWith('w{1 '), 'one link');
      terminal.press('q');
      await terminal.shows(/ended with 0/);
      expect(terminal.screen).not.toContain('bricks top');
    } finally {
      terminal.close();
    }
  });

  test('when the daemon is killed, it says so and exits with 1; what is lost is red', async () => {
    const terminal = open('--sort drops', {}, 80, 24);
    try {
      await terminal.until(() => /\u001b\[(?:[\d;]*;)?31m/.test(terminal.lines(true).join('\n')), 'red');
      process.kill(place.pid(), 'SIGKILL');
      await terminal.shows(/ended with 1/);
      expect(terminal.screen.replace(/\n/g, ' ')).toMatch(/bricks: The daemon at .*bricks\.sock has closed the connection\./);
    } finally {
      terminal.close();
    }
  });
});
