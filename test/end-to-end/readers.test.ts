/** Programs that read pipes, and what becomes of the others when one of them dies or sleeps. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { tryLoadAddon } from 'packet-bricks/src/native/load-addon';
import { readCapture } from '../support/captures';
import { flowPacket, numbersOf } from '../support/loopback-engine';
import { PROGRAM, Workplace, endOf, type Running } from '../support/program';
import { writeCapture } from '../support/write-capture';

const PACKETS = 16_000;
const SECONDS = 4;

let place: Workplace;
beforeAll(() => {
  place = new Workplace();
  // 16 MB over 4 seconds.
  writeCapture(place.path('paced.pcap'), Array.from({ length: PACKETS }, (_, number) => {
    const nanoseconds = Math.floor((number * SECONDS * 1e9) / PACKETS);
    return { bytes: flowPacket(number % 100, number, false, 960).bytes, seconds: 100 + Math.floor(nanoseconds / 1e9), nanoseconds: nanoseconds % 1e9 };
  }));
});
afterAll(() => place.dispose());

const describeWithPipes = tryLoadAddon('bricks_core') ? describe : describe.skip;

describeWithPipes('pipes (skipped where the native part bricks_core was not built)', () => {
  /** An engine that copies the capture, at its pace, to two pipes; waits until both are there. */
  async function writer(name: string): Promise<Running> {
    writeFileSync(place.path(`${name}.lua`), `
      pe = PktEngine.new{name = "e0", whenFull = "drop"}
      r = Brick.new("PcapReader", {pace = "timestamps"}):connect_input("paced.pcap"):connect_output("${name}{9")
      d = Brick.new("Duplicator"):connect_input("${name}}9"):connect_output("${name}{0", "${name}{1")
      pe:link(r:link(d))
      print("linked")
      io.stdout:flush()
      io.open("${name}.go"):read("*all")
      pe:start()
      while pe:stats().running do BRICKS.sleep(0.02) end
      for _, link in ipairs(pe:stats().links) do if link.role == "sink" then print(link.name, link.packets, link.dropped) end end
    `);
    writeFileSync(place.path(`${name}.go`), '');
    const running = place.start(['--backend', 'loopback', '-f', `${name}.lua`], { input: '' });
    await running.says(/linked/);
    return running;
  }

  /** A reader that keeps everything; it waits before there is a pipe, so that the engine takes it for attached from the start. */
  async function keeper(name: string): Promise<Running> {
    const running = place.start(['attach', `${name}}1`, '--write', `${name}.pcap`], { input: '' });
    await running.says(/waiting for/);
    return running;
  }

  test('"killing a reader of a pipe crashes the whole machine": a reader that is killed again and again harms nobody, and the pipe can be read anew', async () => {
    const kept = await keeper('kill');
    const running = await writer('kill');
    let kills = 0;
    let ended = false;
    void running.ended.then(() => { ended = true; });
    while (!ended && kills < 8) {
      const reader = spawn(process.execPath, [PROGRAM, 'attach', 'kill}0'], { env: place.environment, stdio: ['ignore', 'pipe', 'ignore'] });
      const got = await new Promise<boolean>((resolve) => {
        let bytes = 0;
        reader.stdout.on('data', (block: Buffer) => { if ((bytes += block.length) > 10_000) resolve(true); });
        reader.once('exit', () => resolve(false));
        void running.ended.then(() => resolve(false));
      });
      reader.kill('SIGKILL');
      await endOf(reader);
      if (got) kills++;
    }
    const { code, stdout } = await running.ended;
    expect(kills).toBeGreaterThanOrEqual(2);
    const [, packets, dropped] = /kill\{0\t(\d+)\t(\d+)/.exec(stdout)!;
    expect(Number(packets) + Number(dropped)).toBe(PACKETS);
    expect(stdout).toMatch(new RegExp(`kill\\{1\\t${PACKETS}\\t0`));
    expect((await kept.ended).code).toBe(0);
    expect(numbersOf(readCapture(place.path('kill.pcap')))).toEqual(Array.from({ length: PACKETS }, (_, number) => number));
    expect(code).toBe(0);
  });

  test('a reader that never reads costs its own packets only, and they are counted', async () => {
    const kept = await keeper('sleep');
    const sleeper = spawn(process.execPath, [PROGRAM, 'attach', 'sleep}0'], { env: place.environment, stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      const running = await writer('sleep');
      const { code, stdout, stderr } = await running.ended;
      const [, packets, dropped] = /sleep\{0\t(\d+)\t(\d+)/.exec(stdout)!;
      expect(Number(packets) + Number(dropped)).toBe(PACKETS);
      expect(Number(dropped)).toBeGreaterThan(0);
      expect(stderr).toMatch(/because the reader is too slow and its ring is full \(sleep\{0\)|because no program reads this pipe \(sleep\{0\)/);
      expect(stdout).toMatch(new RegExp(`sleep\\{1\\t${PACKETS}\\t0`));
      expect((await kept.ended).code).toBe(0);
      expect(numbersOf(readCapture(place.path('sleep.pcap')))).toEqual(Array.from({ length: PACKETS }, (_, number) => number));
      expect(code).toBe(0);
    } finally {
      sleeper.kill('SIGKILL');
      await endOf(sleeper);
    }
  });

  test('four programs read the four pipes of a load balancer: together they get everything, and each flow once', async () => {
    const counters = [0, 1, 2, 3].map((output) => place.start(['attach', `trace}${output}`, '--write', `share-${output}.pcap`], { input: '' }));
    for (const counter of counters) await counter.says(/waiting for/);
    writeCapture(place.path('trace.pcap'), Array.from({ length: 5000 }, (_, number) => ({ bytes: flowPacket((number * 17) % 300, number, number % 2 === 0).bytes, seconds: number })));
    writeFileSync(place.path('share.lua'), 'PktEngine.new("e0"):link(Brick.new("LoadBalancer"):connect_input("trace.pcap"):connect_outputs("trace", 4)):start()');
    const { code, stderr } = await place.run(['--backend', 'loopback', '-f', 'share.lua']);
    expect(stderr).toMatch(/e0: 5000 packets received, 0 dropped/);
    expect(code).toBe(0);
    for (const counter of counters) expect((await counter.ended).code).toBe(0);
    const shares = [0, 1, 2, 3].map((output) => numbersOf(readCapture(place.path(`share-${output}.pcap`))));
    expect(shares.flat().sort((a, b) => a - b)).toEqual(Array.from({ length: 5000 }, (_, number) => number));
    const flows = shares.map((share) => new Set(share.map((number) => (number * 17) % 300)));
    expect(flows.reduce((sum, set) => sum + set.size, 0)).toBe(new Set(flows.flatMap((set) => [...set])).size);
    expect(flows.every((set) => set.size > 0)).toBe(true);
  });
});
