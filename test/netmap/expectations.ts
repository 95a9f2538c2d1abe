/** What has to hold of every test's readers, buffers and counters. */
import { sum, type Engines, type Peer, type Received, type World } from './world';

export function expectWhole(results: readonly Received[], packets: number): void {
  expect(sum(results.map((result) => result.packets))).toBe(packets);
  for (const { disorder, gaps, bad } of results) expect({ disorder, gaps, bad }).toEqual({ disorder: 0, gaps: 0, bad: 0 });
}

/** Every buffer is in one place: free, in a ring, or in a list; none is held, lost or doubled. */
export function expectAllBuffers(world: World): void {
  const audit = world.audit();
  expect(audit).toMatchObject({ good: true, doubled: 0, orphaned: 0, unowned: 0, held: 0 });
  expect(audit['free'] + audit['in_rings'] + audit['in_lists']).toBe(audit['buffers']);
  expect(audit['buffers']).toBeGreaterThan(0);
}

export async function expectBalance(engines: Engines, name: string): Promise<void> {
  const audit = await engines.audit(name);
  expect(audit.lines.filter((line) => !line.balanced)).toEqual([]);
}

/** What the readers got, once they have ended. */
export const end = (peers: readonly Peer[]): Promise<Received[]> => Promise.all(peers.map((peer) => peer.end()));
