/** nfdump's collector, as an independent reader of what is exported. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

export const hasNfdump = spawnSync('nfcapd', ['-V']).error === undefined && spawnSync('nfdump', ['-V']).error === undefined;

/** A row of nfdump, as far as tests compare it. */
export interface CollectedFlow {
  readonly flow: string;
  readonly packets: number;
  readonly bytes: number;
  readonly backwardPackets: number;
  readonly backwardBytes: number;
  readonly flags: string;
  readonly vlan: number;
  readonly start: number;
  readonly end: number;
}

type NfdumpRow = Readonly<Record<'src4_addr' | 'src6_addr' | 'dst4_addr' | 'dst6_addr' | 'first' | 'last' | 'tcp_flags', string> & Record<'proto' | 'src_port' | 'dst_port' | 'icmp_type' | 'icmp_code' | 'in_packets' | 'in_bytes' | 'out_packets' | 'out_bytes' | 'src_vlan', number>>;

async function freePort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

const running = new Set<ChildProcess>();
afterAll(() => {
  for (const program of running) program.kill('SIGKILL');
});

export class Nfcapd {
  private readonly folder = mkdtempSync(join(tmpdir(), 'bricks-nfcapd-'));
  private program!: ChildProcess;
  private output = '';
  port = 0;

  static async start(): Promise<Nfcapd> {
    const nfcapd = new Nfcapd();
    nfcapd.port = await freePort();
    nfcapd.program = spawn('nfcapd', ['-w', nfcapd.folder, '-b', '127.0.0.1', '-p', String(nfcapd.port), '-t', '3600'], { stdio: ['ignore', 'pipe', 'pipe'] });
    running.add(nfcapd.program);
    await new Promise<void>((resolve, reject) => {
      const read = (text: Buffer): void => {
        nfcapd.output += String(text);
        if (nfcapd.output.includes('Startup nfcapd')) resolve();
      };
      nfcapd.program.stdout?.on('data', read);
      nfcapd.program.stderr?.on('data', read);
      nfcapd.program.once('exit', () => reject(new Error(`nfcapd: ${nfcapd.output}`)));
    });
    return nfcapd;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Ends the collector when it has read everything; returns what it has collected, and its last words. */
  async end(): Promise<{ flows: CollectedFlow[]; summary: string }> {
    try {
      const place = `0100007F:${this.port.toString(16).toUpperCase().padStart(4, '0')}`;
      const waiting = (): boolean => readFileSync('/proc/net/udp', 'utf8').split('\n').some((line) => line.includes(place) && !line.includes(' 00000000:00000000 '));
      for (let tries = 0; waiting() && tries < 200; tries++) await wait(10);
      const closed = once(this.program, 'close'); // its output is read whole then
      this.program.kill('SIGTERM');
      await closed;
      const text = execFileSync('nfdump', ['-R', this.folder, '-N', '-o', 'json'], { encoding: 'utf8', env: { ...process.env, TZ: 'UTC' }, stdio: ['ignore', 'pipe', 'ignore'] });
      const rows = text.includes('No matching flows') ? [] : JSON.parse(text) as NfdumpRow[];
      const flows = rows.map((row) => ({
        flow: [row.proto, `${row.src4_addr ?? row.src6_addr}:${row.src_port ?? 0}`, `${row.dst4_addr ?? row.dst6_addr}:${row.dst_port ?? row.icmp_type * 256 + row.icmp_code}`].join(' '),
        packets: row.in_packets, bytes: row.in_bytes, backwardPackets: row.out_packets ?? 0, backwardBytes: row.out_bytes ?? 0, flags: row.tcp_flags, vlan: row.src_vlan ?? 0,
        start: Date.parse(`${row.first}Z`), end: Date.parse(`${row.last}Z`),
      }));
      return { flows, summary: this.output.slice(this.output.lastIndexOf('Ident:')) };
    } finally {
      running.delete(this.program);
      rmSync(this.folder, { recursive: true });
    }
  }
}
