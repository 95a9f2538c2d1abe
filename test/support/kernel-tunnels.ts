/** The Linux kernel's own ends of tunnels, in a namespace: `va` has the device on it, `vb` is where a test listens and sends. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packetsOf, writePackets, type GivenPacket, type TestPacket } from 'packet-bricks/testing';
import { Namespace, namespacesWork } from '../pcap/namespace';

/** Addresses of the kernel's end and of the test's. */
export const KERNEL = { hardware: '02:00:00:00:09:01', ipv4: '10.9.0.1', ipv6: 'fd00:9::1' } as const;
export const PEER = { hardware: '02:00:00:00:09:02', ipv4: '10.9.0.2', ipv6: 'fd00:9::2' } as const;

export interface TunnelKind {
  readonly name: string;
  readonly over: 'ipv4' | 'ipv6';
  /** For `ip link add NAME`. */
  readonly device: readonly string[];
  /** What tcpdump calls its packets. */
  readonly filter: string;
}

const kind = (name: string, over: TunnelKind['over'], words: string, filter: string): TunnelKind => ({ name, over, device: words.split(' '), filter });
const ends4 = `local ${KERNEL.ipv4} remote ${PEER.ipv4}`;
const ends6 = `local ${KERNEL.ipv6} remote ${PEER.ipv6}`;

export const TUNNEL_KINDS = {
  vxlan: kind('vxlan', 'ipv4', `type vxlan id 42 ${ends4} dstport 4789 dev va`, 'udp port 4789'),
  vxlan6: kind('vxlan over IPv6', 'ipv6', `type vxlan id 42 ${ends6} dstport 4789 dev va`, 'udp port 4789'),
  geneve: kind('geneve', 'ipv4', `type geneve id 42 remote ${PEER.ipv4}`, 'udp port 6081'),
  gretap: kind('gretap', 'ipv4', `type gretap ${ends4} key 42`, 'ip proto 47'),
  erspan2: kind('erspan, type II', 'ipv4', `type erspan ${ends4} seq key 42 erspan_ver 1 erspan 7`, 'ip proto 47'),
  erspan3: kind('erspan, type III', 'ipv4', `type erspan ${ends4} seq key 42 erspan_ver 2 erspan_dir ingress erspan_hwid 7`, 'ip proto 47'),
} as const;

const works = namespacesWork() && [['tcpdump', '--version'], ['tcpreplay', '--version']].every(([program, word]) => spawnSync(program, [word]).status === 0);

let known: ReadonlySet<string> | undefined;

/** The kinds of devices that this kernel has. */
function kernelKinds(): ReadonlySet<string> {
  if (known) return known;
  if (!works) return new Set();
  const namespace = new Namespace();
  const add = (over: TunnelKind['over'], device: readonly string[]): boolean => {
    prepare(namespace, over);
    const added = spawnSync('ip', ['-n', namespace.name, 'link', 'add', 'tunnel', ...device]).status === 0;
    if (added) namespace.ip('link', 'del', 'tunnel');
    return added;
  };
  try {
    return known = new Set(Object.values(TUNNEL_KINDS).filter(({ over, device }) => add(over, device)).map(({ name }) => name));
  } finally {
    void namespace.dispose();
  }
}

/** Gives `va` its address. */
function prepare(namespace: Namespace, over: TunnelKind['over']): void {
  if (over === 'ipv4') {
    namespace.ip('addr', 'replace', `${KERNEL.ipv4}/24`, 'dev', 'va');
    return;
  }
  namespace.run('sysctl', '-qw', 'net.ipv6.conf.va.disable_ipv6=0');
  namespace.ip('addr', 'replace', `${KERNEL.ipv6}/64`, 'dev', 'va', 'nodad');
}

/** A test for each kind that the kernel has; for the others a skipped one that says so. */
export function testWithKernel(title: string, kinds: readonly TunnelKind[], run: (tunnel: KernelTunnel) => Promise<void>): void {
  for (const tunnelKind of kinds) {
    const name = `${title}: ${tunnelKind.name}`;
    if (!kernelKinds().has(tunnelKind.name)) {
      test.skip(`${name} (skipped: needs root, tcpdump, tcpreplay, and a kernel with this device)`, () => undefined);
      continue;
    }
    test(name, async () => {
      const tunnel = new KernelTunnel(tunnelKind);
      try {
        await run(tunnel);
      } finally {
        await tunnel.dispose();
      }
    });
  }
}

export class KernelTunnel {
  readonly namespace = new Namespace();
  private readonly folder = mkdtempSync(join(tmpdir(), 'bricks-tunnel-'));
  private files = 0;

  constructor(readonly kind: TunnelKind) {
    const { namespace } = this;
    prepare(namespace, kind.over);
    namespace.ip('link', 'set', 'va', 'address', KERNEL.hardware);
    namespace.ip('link', 'set', 'vb', 'address', PEER.hardware);
    namespace.ip('neigh', 'add', PEER[kind.over], 'lladdr', PEER.hardware, 'dev', 'va', 'nud', 'permanent');
    namespace.ip('link', 'add', 'tunnel', ...kind.device);
    namespace.run('sysctl', '-qw', 'net.ipv6.conf.tunnel.disable_ipv6=1');
    namespace.ip('link', 'set', 'tunnel', 'up');
  }

  /** What tcpdump sees on a device while `during` runs, up to so many packets. */
  async captured(device: string, count: number, during: () => void, filter = ''): Promise<TestPacket[]> {
    const file = join(this.folder, `${this.files++}.pcap`);
    const words = ['netns', 'exec', this.namespace.name, 'tcpdump', '-Z', 'root', '-n', '--immediate-mode', '-U', '-B', '65536', '-s', '2048', '-i', device, '-c', String(count), '-w', file, ...(filter === '' ? [] : [filter])];
    const child = spawn('ip', words, { stdio: ['ignore', 'ignore', 'pipe'] });
    const ended = new Promise<void>((resolve) => { child.once('close', () => resolve()); });
    let said = '';
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', (text) => {
        said += String(text);
        if (said.includes('listening on')) resolve();
      });
      void ended.then(() => reject(new Error(said)));
    });
    // What does not come is missed: the test then shows what did.
    const limit = setTimeout(() => child.kill('SIGINT'), 10_000);
    try {
      during();
    } catch (error) {
      child.kill('SIGINT');
      throw error;
    } finally {
      await ended;
      clearTimeout(limit);
    }
    return [...packetsOf(file)];
  }

  send(device: string, packets: readonly GivenPacket[]): void {
    const file = writePackets(join(this.folder, `${this.files++}.pcap`), packets);
    execFileSync('ip', ['netns', 'exec', this.namespace.name, 'tcpreplay', '-q', '--topspeed', '-i', device, file], { stdio: 'ignore' });
  }

  async dispose(): Promise<void> {
    rmSync(this.folder, { recursive: true, force: true });
    await this.namespace.dispose();
  }
}
