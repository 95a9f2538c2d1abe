/** A daemon on a network, changed in every way while packets flow: nothing is lost but what is counted, and nothing is left behind. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { readCaptureFile, writeCaptureFile, type Daemon } from 'packet-bricks';
import { describeInNamespace, Namespace } from '../pcap/namespace';
import { DaemonPlace, isAlive } from './programs';

/** UDP of many flows, a millisecond apart. */
function traffic(): { seconds: number; nanoseconds: number; bytes: Buffer }[] {
  return Array.from({ length: 500 }, (_, index) => {
    const bytes = Buffer.from('02000000000202000000000108004500002e0000400040110000 0a000001 0a000002 03e80035001a0000'.replace(/ /g, '').padEnd(120, '0'), 'hex');
    bytes.writeUInt16BE(1024 + index * 7, 34);
    bytes.writeUInt16BE(index, 26);
    return { seconds: 0, nanoseconds: index * 1e6, bytes };
  });
}

const SOURCE = 'PktEngine.new("src"):link(Brick.new("PcapReader", { pace = "timestamps", loop = 0 }):connect_input("traffic.pcap"):connect_output("vb")):start()\n';
const BALANCER = 'Brick.new("LoadBalancer"):connect_input("va"):connect_output("ids{0", "ids{1")';
const FILTERED = 'Brick.new("Filter", "udp"):connect_input("va"):connect_output("in{0"):link(Brick.new("LoadBalancer"):connect_input("in}0"):connect_output("ids{0", "ids{1"))';
/** Who receives comes first: nothing is sent before. */
const setUp = (brick: string): string => `PktEngine.new("e0"):link(${brick}):start()\n${SOURCE}`;

describeInNamespace('a daemon with live traffic', () => {
  test('outputs come and go, it is reloaded, a reader is killed, and SIGTERM ends it: totals are exact, and nothing is left', async () => {
    const place = new DaemonPlace();
    const namespace = new Namespace();
    const wrap = ['ip', 'netns', 'exec', namespace.name];
    let client: Daemon | undefined;
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
      const killed = place.start(['attach', 'ids}1', '--count'], { wrap });
      await flows('ids{0', 'ids{1');

      const [{ id }] = (await statistics('e0')).bricks;
      await client.call('brick.addOutputs', { name: 'e0', brick: id, links: ['third.pcap'] });
      await flows('ids{0', 'ids{1', 'third.pcap');
      await client.call('brick.removeOutputs', { name: 'e0', brick: id, links: ['third.pcap'] });
      await flows('ids{0', 'ids{1');

      place.script('set-up.lua', setUp(FILTERED));
      expect(await place.run(['reload'], { wrap })).toMatchObject({ code: 0, stderr: 'bricks: changed: e0; kept: src\n' });
      await flows('ids{0', 'ids{1');

      killed.signal('SIGKILL');
      await killed.ended;
      await until(async () => ((await link('ids{1'))?.drops['noReader'] ?? 0) > 20);
      await flows('ids{0');

      await client.call('engine.stop', { name: 'src' });
      const sent = (await statistics('src')).links.find(({ name }) => name === 'vb')!.packets;
      const arrived = async (): Promise<number> => {
        const source = (await statistics('e0')).links.find(({ role }) => role === 'source')!;
        return source.packets + (source.drops['captureFull'] ?? 0);
      };
      await until(async () => await arrived() >= sent);
      expect(await arrived()).toBe(sent);
      expect((await client.call('engine.audit')).filter(({ balanced }) => !balanced)).toEqual([]);
      const toWhole = (await link('ids{0'))!.packets;
      const total = (await Promise.all(['src', 'e0'].map(statistics))).reduce((sum, { packets }) => sum + packets, 0);
      client.close();

      expect(await place.kill()).toMatchObject({ code: 0, stdout: expect.stringMatching(/has stopped/) as string });
      expect(await whole.ended).toMatchObject({ code: 0 });
      const lost = place.log('log').find(({ msg }) => /without reader|nobody read/.test(msg));
      expect(lost?.level).not.toBe('error');
      expect(place.log('log').slice(-1)[0].msg).toMatch(new RegExp(`^total: ${total} packets received, \\d+ dropped by 2 engines$`));
      // The reader came after the first packets, which are counted as those that nobody read.
      expect([...readCaptureFile(place.path('whole.pcap'))]).toHaveLength(toWhole);
      expect([...readCaptureFile(place.path('third.pcap'))].length).toBeGreaterThan(20);

      expect(isAlive(pid)).toBe(false);
      expect(place.files).toEqual([]);
      expect(readdirSync(place.path('run'))).toEqual([]);
      expect(execFileSync('ip', ['netns', 'pids', namespace.name], { encoding: 'utf8' })).toBe('');
    } finally {
      client?.close();
      await namespace.dispose();
      place.dispose();
      if (existsSync(place.folder)) rmSync(place.folder, { recursive: true });
    }
  });
});
