/** A daemon on a network, changed in every way from its shell while packets flow: nothing is lost but what is counted, and nothing is left behind. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { readCaptureFile, writeCaptureFile, type Daemon } from 'packet-bricks';
import { describeInNamespace, Namespace } from '../pcap/namespace';
import { PROGRAM } from '../support/program';
import { TmuxTerminal, hasTmux } from '../support/tmux';
import { udpPacket } from '../support/udp-packets';
import { DaemonPlace, isAlive } from './programs';

/** UDP of many flows, a millisecond apart. */
function traffic(): { seconds: number; nanoseconds: number; bytes: Buffer }[] {
  return Array.from({ length: 500 }, (_, index) => {
    const bytes = udpPacket(1024 + index * 7);
    bytes.writeUInt16BE(index, 26);
    return { seconds: 0, nanoseconds: index * 1e6, bytes };
  });
}

const SOURCE = 'PktEngine.new("src"):link(Brick.new("PcapReader", { pace = "timestamps", loop = 0 }):connect_input("traffic.pcap"):connect_output("vb")):start()\n';
const BALANCER = 'Brick.new("LoadBalancer"):connect_input("va"):connect_output("ids{0", "ids{1")';
const FILTERED = 'Brick.new("Filter", "udp"):connect_input("va"):connect_output("in{0"):link(Brick.new("LoadBalancer"):connect_input("in}0"):connect_output("ids{0", "ids{1"))';
/** Who receives comes first: nothing is sent before. */
const setUp = (brick: string): string => `PktEngine.new("e0"):link(${brick}):start()\n${SOURCE}`;

(hasTmux() ? describeInNamespace : describe.skip)('a daemon with live traffic', () => {
  test('its shell on a terminal adds and takes outputs and links other bricks, a reader is killed, it is reloaded, and SIGTERM ends it: totals are exact, and nothing is left (needs tmux)', async () => {
    const place = new DaemonPlace();
    const namespace = new Namespace();
    const wrap = ['ip', 'netns', 'exec', namespace.name];
    let client: Daemon | undefined;
    let terminal: TmuxTerminal | undefined;
    try {
      writeCaptureFile(place.path('traffic.pcap'), traffic());
      place.script('set-up.lua', setUp(BALANCER));
      expect(await place.daemon(['--backend', 'pcap', '-f', 'set-up.lua', '--log-file', 'log'], { wrap })).toMatchObject({ code: 0 });
      const pid = place.pid();
      client = await place.connect();
      const statistics = async (name: string) => (await client!.call('engine.stats', { name }))[0];
      const link = async (name: string) => (await statistics('e0')).links.find((one) => one.name === name);
      const until = async (what: () => Promise<boolean>): Promise<void> => {
        while (!await what()) await new Promise((resolve) => setTimeout(resolve, 20));
      };
      const flows = async (...names: string[]): Promise<void> => {
        for (const name of names) {
          const before = (await link(name))?.packets ?? 0;
          await until(async () => ((await link(name))?.packets ?? 0) > before + 20);
        }
      };
      const whole = place.start(['attach', 'ids}0', '--write', 'whole.pcap', '--all'], { wrap });
      const closed = place.start(['attach', 'ids}1', '--count'], { wrap });
      terminal = new TmuxTerminal(`"${process.execPath}" "${PROGRAM}" -s -a "${place.file('bricks.sock')}"`, { BRICKS_HISTORY: place.path('history') }, place.folder);
      const shell = terminal;
      const types = async (line: string, answer = ''): Promise<void> => {
        shell.enter(line);
        // The end of what was typed, however the terminal has broken it, what it printed, and a new prompt.
        await shell.shows(new RegExp(`${line.slice(-12).replace(/[^\w ]/g, '\\$&')}\n${answer}bricks>$`));
      };
      await shell.shows(/bricks>$/);
      await types('pe = PktEngine.retrieve("e0")');
      await flows('ids{0', 'ids{1');

      await types('pe:add_output(pe:bricks()[1], "third.pcap")');
      await flows('ids{0', 'ids{1', 'third.pcap');
      await types('pe:remove_output(pe:bricks()[1], "third.pcap")');
      expect(await link('third.pcap')).toBeUndefined();
      await flows('ids{0', 'ids{1');
      await types('pe:relink(Brick.new("Duplicator"):connect_input("va"):connect_output("ids{0", "copies.pcap"))');
      await flows('ids{0', 'copies.pcap');
      expect(await link('ids{1')).toBeUndefined();
      // Its writer has closed it.
      expect(await closed.ended).toMatchObject({ code: 0, stderr: expect.stringMatching(/^bricks: ids}1: \d+ packets/) as string });
      const killed = place.start(['attach', 'ids}1', '--count'], { wrap });
      await killed.says(/waiting for/);

      place.script('set-up.lua', setUp(FILTERED));
      expect(await place.run(['reload'], { wrap })).toMatchObject({ code: 0, stderr: 'bricks: changed: e0; kept: src\n' });
      await flows('ids{0', 'ids{1');
      await types('= #pe:bricks()', '2\n');

      killed.signal('SIGKILL');
      await killed.ended;
      await until(async () => ((await link('ids{1'))?.drops['noReader'] ?? 0) > 20);
      await flows('ids{0');

      await types('PktEngine.retrieve("src"):stop()');
      const sent = (await statistics('src')).links.find(({ name }) => name === 'vb')!.packets;
      const arrived = async (): Promise<number> => {
        const source = (await statistics('e0')).links.find(({ role }) => role === 'source')!;
        return source.packets + (source.drops['captureFull'] ?? 0);
      };
      await until(async () => await arrived() >= sent);
      expect(await arrived()).toBe(sent);
      await types('= pe:audit().balanced, PktEngine.retrieve("src"):audit().balanced', 'true\\s+true\n');
      await types('for _, link in ipairs(pe:stats().links) do print(link.role, link.name, link.packets) end', 'source\\s+va\\s+\\d+\n[^]*sink\\s+ids\\{1\\s+\\d+\n');
      shell.press('C-d');
      await shell.shows(/ended with 0$/);
      const toWhole = (await link('ids{0'))!.packets;
      const total = (await Promise.all(['src', 'e0'].map(statistics))).reduce((sum, { packets }) => sum + packets, 0);
      client.close();

      process.kill(pid, 'SIGTERM');
      expect(await whole.ended).toMatchObject({ code: 0 });
      await until(() => Promise.resolve(!isAlive(pid)));
      expect(place.log('log').filter(({ level }) => level === 'error')).toEqual([]);
      expect(place.log('log').slice(-1)[0].msg).toMatch(new RegExp(`^total: ${total} packets received, \\d+ dropped by 2 engines$`));
      // The reader came after the first packets, which are counted as those that nobody read.
      expect([...readCaptureFile(place.path('whole.pcap'))]).toHaveLength(toWhole);
      for (const name of ['third.pcap', 'copies.pcap']) expect([...readCaptureFile(place.path(name))].length).toBeGreaterThan(20);

      expect(place.files).toEqual([]);
      expect(readdirSync(place.path('run'))).toEqual([]);
      expect(execFileSync('ip', ['netns', 'pids', namespace.name], { encoding: 'utf8' })).toBe('');
    } finally {
      terminal?.close();
      client?.close();
      await namespace.dispose();
      place.dispose();
      if (existsSync(place.folder)) rmSync(place.folder, { recursive: true });
    }
  });
});
