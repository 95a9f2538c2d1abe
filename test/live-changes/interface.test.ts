/** An interface that is captured while the engine's graph changes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeInNamespace, Namespace } from '../pcap/namespace';
import { flowPacket } from '../support/loopback-engine';
import { writeCapture } from '../support/write-capture';

describeInNamespace('a captured interface', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bricks-live-interface-'));
  let namespace: Namespace;
  beforeAll(() => {
    namespace = new Namespace();
    namespace.ip('link', 'add', 'va2', 'type', 'veth', 'peer', 'name', 'vb2');
    for (const device of ['va2', 'vb2']) namespace.ip('link', 'set', device, 'up');
  });
  afterAll(async () => {
    await namespace.dispose();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each([['its own receive ring', true], ['libpcap', false]])('loses nothing while its graph changes fifty times (%s)', async (_, receiveRing) => {
    const packets = 20_000;
    const seconds = 2;
    const file = writeCapture(join(folder, 'source.pcap'), Array.from({ length: packets }, (__, number) => {
      const at = (number * seconds) / packets;
      return { bytes: flowPacket(number % 50, number).bytes, seconds: 1_700_000_000 + Math.floor(at), nanoseconds: Math.floor((at % 1) * 1e9) };
    }));
    const program = namespace.start([process.execPath, join(__dirname, 'interface-program.cjs'), file, String(packets), String(receiveRing)], { BRICKS_RUN_DIRECTORY: join(folder, 'run') });
    await program.says(/\}\n/);
    const told = JSON.parse((/^\{.*\}$/m.exec(await program.end()))![0]) as Record<string, unknown>;
    expect(told).toMatchObject({ sent: packets, balanced: true, inOrder: true });
    expect(Number(told['received']) + Number(told['lost'])).toBe(packets);
    expect(Number(told['read']) + Number(told['elsewhere'])).toBe(told['received']);
    expect(told['distinct']).toBe(told['read']);
    expect(Number(told['changes'])).toBeGreaterThanOrEqual(50);
  });
});
