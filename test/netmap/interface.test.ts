/** Interfaces over netmap in user space, on a cable in a network namespace of its own. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildTools, sum, type Received, type Tools } from './world';

interface State {
  readonly offloads: string[];
  readonly promiscuity: number;
}
interface Outcome {
  readonly before: State;
  readonly during: State;
  readonly after: State;
  readonly balanced: boolean;
  readonly received: Received[];
  readonly notices: string[];
}

const possible = spawnSync('unshare', ['-n', 'ip', 'link', 'add', 'va', 'type', 'veth', 'peer', 'name', 'vb']).status === 0;
const where = possible ? describe : describe.skip;

where('an engine on an interface', () => {
  let tools: Tools;
  let directory: string;

  beforeAll(() => {
    tools = buildTools();
    directory = mkdtempSync(join(tmpdir(), 'bricks-netmap-'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  function run(offloads: string): Outcome {
    // The system's own packets (IPv6 looks for neighbours on a new link) would be received too.
    const script = '{ echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; } 2>/dev/null; ip link add va type veth peer name vb && ip link set va up && ip link set vb up && LD_PRELOAD="$1" exec "$2" "$3" "$4" "$5"';
    const result = spawnSync('unshare', ['-n', 'sh', '-c', script, 'sh', tools.library, process.execPath, join(__dirname, 'interface-child.cjs'), tools.peer, offloads], {
      env: { ...process.env, NETMAP_USERSPACE_DIR: directory },
    });
    if (result.status !== 0) throw new Error(result.stderr.toString());
    return JSON.parse(result.stdout.toString()) as Outcome;
  }

  test('hands all its packets on, with its offloads off and promiscuous, and puts everything back', () => {
    const { before, during, after, balanced, received, notices } = run('off');
    expect(balanced).toBe(true);
    expect(sum(received.map(({ packets }) => packets))).toBe(500);
    for (const { disorder, gaps, bad } of received) expect({ disorder, gaps, bad }).toEqual({ disorder: 0, gaps: 0, bad: 0 });
    expect(before.offloads.length).toBeGreaterThan(0);
    expect(during).toEqual({ offloads: [], promiscuity: before.promiscuity + 1 });
    expect(after).toEqual(before);
    expect(notices).toEqual([]);
  });

  test('names the offloads that it leaves on, and how to turn them off', () => {
    const { before, during, notices } = run('keep');
    expect(during.offloads).toEqual(before.offloads);
    expect(notices).toEqual([expect.stringMatching(/va has offloads on.*ethtool -K va/)]);
  });
});
