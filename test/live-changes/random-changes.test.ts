/** Random graphs in place of each other, and each in place of itself, while packets come: what comes out is what a model of each graph says, byte by byte. */
import fc from 'fast-check';
import { closeEngines, flowPacket, injectAll, loopback, newEngine, until, type FlowPacket } from '../support/loopback-engine';
import { build, setUps } from '../support/random-set-ups';

afterEach(closeEngines);

const traffic = fc.array(fc.record({ flow: fc.nat(40), size: fc.integer({ min: 4, max: 1400 }) }), { maxLength: 120 })
  .map((packets): FlowPacket[] => packets.map(({ flow, size }, number) => flowPacket(flow, number, number % 3 === 0, size)));
/** A graph, the packets that come while it is there, and how often it takes its own place meanwhile. */
const phases = fc.array(fc.record({ setUp: setUps, packets: traffic, again: fc.integer({ min: 0, max: 2 }) }), { minLength: 2, maxLength: 4 });

const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');

test('packets pass the graph that is there when they come; one that takes its own place is not noticed', async () => {
  await fc.assert(fc.asyncProperty(phases, async (given) => {
    try {
      const engine = newEngine();
      const failures: unknown[] = [];
      engine.on('error', (error) => failures.push(error));
      let received = 0;
      for (const [index, { setUp, packets, again }] of given.entries()) {
        // One packet a batch: so the order does not depend on how many there are when the engine looks.
        const { roots, links, leaves, bricks } = build(setUp, packets, 1);
        if (index === 0) {
          await engine.link(roots[0], { batch: 1 });
          await engine.start();
        } else {
          await engine.relink(roots[0]);
        }
        const part = Math.ceil(packets.length / (again + 1));
        for (let at = 0; at < packets.length; at += part) {
          const injected = injectAll('in', packets.slice(at, at + part));
          if (at > 0) await engine.relink(roots[0]);
          await injected;
        }
        received += packets.length;
        await until(() => engine.stats().packets === received || failures.length > 0);
        expect(failures).toEqual([]);
        const first = engine.stats().bricks.find(({ id }) => id === roots[0].id);
        expect(first?.packetsIn).toBe(bricks.get(roots[0].id)?.packetsIn);
        // What is held goes its way when its brick leaves.
        const next = new Map(leaves.map((leaf) => [leaf, links.get(leaf)!.map(({ bytes }) => hexOf(bytes))]));
        if (index + 1 < given.length) await engine.relink(build([{ step: { kind: 'Dummy' }, at: 0 }], [], 1).roots[0]);
        else await engine.stop();
        for (const [leaf, expected] of next) expect(loopback.read(leaf).map(({ bytes }) => hexOf(bytes))).toEqual(expected);
        const audit = engine.audit();
        expect(audit.lines.filter((line) => !line.balanced)).toEqual([]);
        expect(audit).toMatchObject({ balanced: true, received, held: 0 });
      }
    } finally {
      await closeEngines();
    }
  }), { numRuns: Number(process.env['BRICKS_TEST_RUNS'] ?? 15) });
});
