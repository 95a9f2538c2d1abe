import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readCapture } from '../support/captures';
import { describeInNamespace, eachTestWithEnds, frame, type Namespace, type PortDriver, type Received, type Sent } from './namespace';
import { suspend } from '../support/suspend';

const CLI = join(__dirname, '../../dist/src/cli/main.js');

const bytesOf = ({ packets }: Received): string[] => packets.map(({ bytes }) => bytes.toString('hex'));

describeInNamespace('while nobody takes packets the capture buffer holds what its bytes promise', () => {
  let namespace: Namespace;
  let captor: PortDriver;
  let sender: PortDriver;

  eachTestWithEnds((ends) => {
    ({ namespace, captor, sender } = ends);
    for (const device of ['va', 'vb']) namespace.ip('link', 'set', device, 'mtu', '60000');
  });

  test.each([
    ['few and short', 60, 180],
    ['one that fills half a block', 1900, 180],
    ['longer than a block', 5000, 120],
    ['as long as segmentation offloads make them', 50_000, 60],
  ])('many times the latency long: %s', async (_, length, times) => {
    await captor.tell('openSource', { device: 'vb', options: { bufferBytes: 4_194_304 } });
    await sender.tell('openSinks', { devices: ['va'] });
    const frames = [frame(randomBytes(length))];
    const sent = await sender.tell<Sent>('send', { frames, times, pause: 6 });
    expect(sent.links[0].packets).toBe(times);
    const captured = await captor.tell<Received>('collect', { expected: times });
    expect(captured.counts).toMatchObject({ packets: times, drops: {} });
  });

  test.each([
    ['while they come', {}],
    ['while they come, of one direction', { direction: 'in' }],
    ['in microseconds', { timestampPrecision: 'microsecond' }],
    ['with a filter and a snap length', { filter: 'ether proto 0x88b5 or vlan', snapLength: 30_000 }],
    ['with a latency that makes large blocks', { latency: 200 }],
  ])('frames of all lengths keep their order, their bytes and their tags: %s', async (_, options) => {
    const frames = Array.from({ length: 1500 }, (__, index) => {
      const payload = Buffer.concat([Buffer.from(String(index)), randomBytes([20, 3800, 4000, 90, 1400, 9000, 40, 40_000, 60, 50][index % 10] + (index % 7))]);
      return index % 3 === 0 ? Buffer.concat([Buffer.from('ffffffffffff0200000000018100006488b5', 'hex'), payload]) : frame(payload);
    });
    await captor.tell('openSource', { device: 'vb', options, rows: 61, flowColumns: true });
    await sender.tell('openSinks', { devices: ['va'] });
    // The first while nobody looks, the others while somebody does.
    await sender.tell('send', { frames: frames.slice(0, 400) });
    const [captured] = await Promise.all([captor.tell<Received>('collect', { expected: frames.length }), sender.tell('send', { frames: frames.slice(400) })]);
    const snapLength = (options as { readonly snapLength?: number }).snapLength ?? Infinity;
    expect(captured.received).toBe(frames.length);
    expect(bytesOf(captured).every((bytes, index) => bytes === frames[index].subarray(0, snapLength).toString('hex'))).toBe(true);
    expect(captured.packets.every(({ wireLength, aligned }, index) => aligned && wireLength === frames[index].length)).toBe(true);
    expect(captured.counts.drops).toEqual({});
    const times = captured.packets.map(({ seconds, nanoseconds }) => BigInt(seconds) * 1_000_000_000n + BigInt(nanoseconds));
    expect(times.every((time, index) => index === 0 || time >= times[index - 1])).toBe(true);
  });

  test('what a recorder that was stopped finds in the capture buffer afterwards goes to the file, to the last packet', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'bricks-stall-'));
    const output = join(folder, 'out.pcap');
    const script = join(folder, 'record.lua');
    writeFileSync(script, `pe = PktEngine.new("e0")\npe:link(Brick.new("PcapWriter"):connect_input("vb"):connect_output("${output}"))\npe:start()\nprint("READY")\nio.stdout:flush()\n`);
    const recorder = spawn('ip', ['netns', 'exec', namespace.name, process.execPath, CLI, '--backend', 'pcap', '-f', script], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, BRICKS_RUN_DIRECTORY: join(folder, 'run') } });
    const ended = new Promise((resolve) => { recorder.on('close', resolve); });
    try {
      let said = '';
      recorder.stderr.on('data', (text) => { said += String(text); });
      await new Promise((resolve) => { recorder.stdout.on('data', (text) => { if (String(text).includes('READY')) resolve(undefined); }); });
      await suspend(recorder);
      const frames = Array.from({ length: 250 }, () => frame(randomBytes(1000)));
      await sender.tell('openSinks', { devices: ['va'] });
      const sent = await sender.tell<Sent>('send', { frames, times: 40, pause: 20 });
      recorder.kill('SIGCONT');
      const expected = 24 + 10_000 * (16 + 1014);
      for (let looks = 0; looks < 1000 && statSync(output).size < expected; looks++) await new Promise((resolve) => { setTimeout(resolve, 10); });
      recorder.kill('SIGTERM');
      await ended;
      expect(said).toMatch(/10000 packets received, 0 dropped/);
      expect(sent.links[0].packets).toBe(10_000);
      expect(readFileSync(output).length).toBe(expected);
      expect(readCapture(output).every(({ bytes }, index) => bytes.equals(frames[index % 250]))).toBe(true);
    } finally {
      recorder.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
