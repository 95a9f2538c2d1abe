/** What has to be fast at its first packet warms up; what waits for nobody does not. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Dummy, PacketEngine, writeCaptureFile, type PacketEngineOptions } from 'packet-bricks';

const folder = mkdtempSync(join(tmpdir(), 'bricks-warm-up-'));
const capture = join(folder, 'in.pcap');
beforeAll(() => writeCaptureFile(capture, [{ seconds: 0, nanoseconds: 0, bytes: new Uint8Array(60) }]));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function warmUpOf(inputs: readonly string[], options: PacketEngineOptions = {}): Promise<number> {
  const engine = new PacketEngine('warm', { backend: 'loopback', ...options });
  try {
    for (const input of inputs) await engine.link(new Dummy().connectInput(input).connectOutput(`warm-out-${inputs.indexOf(input)}`));
    await engine.start();
    await engine.stop();
    return engine.stats().warmUpMicroseconds;
  } finally {
    await engine.delete();
  }
}

test('an engine that reads files only begins at once', async () => {
  expect(await warmUpOf([capture])).toBe(0);
});

test('an engine with an interface warms up first, also beside a file', async () => {
  expect(await warmUpOf(['warm-interface'])).toBeGreaterThan(0);
  expect(await warmUpOf([capture, 'warm-interface'])).toBeGreaterThan(0);
});

test('who asks for a warm-up gets it', async () => {
  expect(await warmUpOf([capture], { warmUpMilliseconds: 20 })).toBeGreaterThan(0);
  expect(await warmUpOf(['warm-interface'], { warmUpMilliseconds: 0 })).toBe(0);
});
