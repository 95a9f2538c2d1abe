/** Everything that shows what an engine does agrees with tcpdump and with the counters, under live traffic in a network namespace. */
import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { writeCaptureFile } from 'packet-bricks';
import { DaemonPlace } from '../daemon/programs';
import { describeInNamespace, Namespace } from '../pcap/namespace';
import { flowPacket } from '../support/loopback-engine';

const PACKETS = 600;
const hasTcpdump = spawnSync('tcpdump', ['--version']).status === 0;

interface Look { readonly engines: readonly { readonly packets: number; readonly bytes: number; readonly links: readonly { readonly name: string; readonly packets: number; readonly dropped: number; readonly ring?: { readonly used: number; readonly reader?: object } }[] }[] }

(hasTcpdump ? describeInNamespace : describe.skip)(`under live traffic${hasTcpdump ? '' : ' (skipped: no tcpdump)'}`, () => {
  test('top, show_stats, ctl, metrics, drawings and the reader tell of the packets that tcpdump saw, and a profile meanwhile loses none', async () => {
    const place = new DaemonPlace();
    const namespace = new Namespace();
    const wrap = ['ip', 'netns', 'exec', namespace.name];
    try {
      namespace.ip('link', 'set', 'lo', 'up');
      const frames = Array.from({ length: PACKETS }, (_, index) => ({ seconds: 0, nanoseconds: index * 2e6, bytes: Buffer.from(flowPacket(index % 50, index).bytes) }));
      writeCaptureFile(place.path('traffic.pcap'), frames);
      const bytes = frames.reduce((sum, frame) => sum + frame.bytes.length, 0);
      place.script('set-up.lua', 'PktEngine.new("e0"):link(Brick.new("LoadBalancer"):connect_input("va"):connect_output("ids{0", "ids{1")):start()\n');
      expect(await place.daemon(['--backend', 'pcap', '--metrics', '9477', '-f', 'set-up.lua'], { wrap })).toMatchObject({ code: 0 });
      const reader = place.start(['attach', 'ids}0', '--count', '--no-wait'], { wrap });
      const look = async (): Promise<Look['engines'][number]> => (JSON.parse((await place.run(['top', '--once', '--json'])).stdout) as Look).engines[0];
      const readers = async (): Promise<(object | undefined)[]> => (await look()).links.filter(({ ring }) => ring).map(({ ring }) => ring?.reader);
      while ((await readers())[0] === undefined) { /* it is on its way */ }
      expect(await readers()).toEqual([{ process: reader.child.pid, name: expect.any(String) }, undefined]);
      const tcpdump = namespace.start(['tcpdump', '-Z', 'root', '-n', '--immediate-mode', '-U', '-i', 'va', '-w', place.path('seen.pcap')], {});
      await tcpdump.says(/listening on/);
      const source = place.start(['run', '--backend', 'pcap', `traffic.pcap -> PcapReader(pace = "timestamps") -> vb`], { wrap });
      while ((await look()).packets === 0) { /* it begins */ }
      const profile = place.run(['profile', 'e0', '0.5', '--json']);
      const during = await place.run(['top', '--view', 'links']);
      expect(during.stdout).toMatch(/^LINK .*\nva +e0 +source +\d/);
      expect(await source.ended).toMatchObject({ code: 0 });
      expect(JSON.parse((await profile).stdout)).toMatchObject({ engine: 'e0', parts: expect.any(Array) });
      while ((await look()).packets < PACKETS) { /* the last are on their way */ }

      const { packets, bytes: seen, links } = await look();
      const of = (name: string): number => { const link = links.find((one) => one.name === name); return (link?.packets ?? 0) + (link?.dropped ?? 0); };
      expect([packets, seen, of('ids{0') + of('ids{1')]).toEqual([PACKETS, bytes, PACKETS]);
      const shown = (await place.other('bricks-shell', [], { input: 'PktEngine.retrieve("e0"):show_stats()\n' })).stdout;
      expect(shown).toMatch(new RegExp(`^va +source +${PACKETS} +${bytes} +0$`, 'm'));
      expect(shown).toContain(`ids{1: ${of('ids{1')} packets had no reader. Start one, for example: bricks attach 'ids}1'.`);
      const metrics = namespace.run(process.execPath, '-e', 'fetch("http://127.0.0.1:9477/metrics").then((answer) => answer.text()).then(console.log)');
      expect(metrics).toContain(`bricks_link_packets_total{engine="e0",link="va",role="source"} ${PACKETS}\n`);
      expect(metrics).toContain(`bricks_link_has_reader{engine="e0",link="ids{0",role="sink"} 1\n`);
      expect(metrics).toContain(`bricks_link_drops_total{engine="e0",link="ids{1",role="sink",reason="noReader"} ${of('ids{1')}\n`);
      expect(await place.run(['ctl', 'engine.audit', 'e0'])).toMatchObject({ code: 0 });

      // Drawings, while traffic goes on: what they say of a part of that time is not more than the counters say of all of it, and what comes in goes out, or is dropped.
      const endless = place.start(['run', '--backend', 'pcap', 'traffic.pcap -> PcapReader(pace = "timestamps", loop = 0) -> vb'], { wrap });
      while ((await look()).packets === PACKETS) { /* it begins */ }
      const drawings = await Promise.all([[], ['--dot'], ['--mermaid'], ['--svg']].map((form) => place.run(['graph', ...form, '--seconds', '0.5'])));
      const meanwhile = (await look()).packets - PACKETS;
      for (const { code, stdout } of drawings) {
        const rates = [...stdout.matchAll(/([\d.]+)( k)?\/s\b/g)].map(([, number, thousands]) => Number(number) * (thousands === undefined ? 1 : 1000));
        expect([code, rates.length]).toEqual([0, 3]);
        const [received, sent, dropped] = rates;
        expect(received).toBeGreaterThan(0);
        expect(received * 0.5).toBeLessThanOrEqual(meanwhile);
        // Three digits of each are shown.
        expect(Math.abs(sent + dropped - received)).toBeLessThanOrEqual(2 + received / 50);
      }
      endless.signal('SIGTERM');
      await endless.ended;
      const arrived = Number(namespace.run('cat', '/sys/class/net/va/statistics/rx_packets'));
      while ((await look()).packets < arrived) { /* the last are on their way */ }
      const atEnd = await look();
      expect(atEnd.packets).toBe(arrived);
      while (statSync(place.path('seen.pcap')).size < 24 + 16 * arrived + atEnd.bytes) await look();
      expect((await tcpdump.end()).match(/(\d+) packets captured/)?.[1]).toBe(String(arrived));
      expect(await place.kill()).toMatchObject({ code: 0 });
      const { stdout, stderr } = await reader.ended;
      expect(stdout + stderr).toContain(String(atEnd.links.find(({ name }) => name === 'ids{0')?.packets));
    } finally {
      place.dispose();
      await namespace.dispose();
    }
  }, 60_000);
});
