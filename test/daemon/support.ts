/** A control server on a temporary socket, over engines on the loopback backend. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect as connectSocket, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EngineRegistry, connect, type Daemon } from 'packet-bricks';
import type { ControlHost } from 'packet-bricks/src/daemon/control-host';
import { ControlServer, type ListenOptions } from 'packet-bricks/src/daemon/control-server';
import { loopback, until } from '../support/loopback-engine';

export class TestDaemon {
  readonly folder = mkdtempSync(join(tmpdir(), 'bricks-daemon-'));
  readonly socket = join(this.folder, 'bricks.sock');
  readonly registry = new EngineRegistry({ backend: 'loopback' });
  readonly host: ControlHost;
  server!: ControlServer;
  shutdowns = 0;
  private readonly clients: Daemon[] = [];
  private readonly raw: RawClient[] = [];

  constructor() {
    this.registry.on('notice', () => undefined);
    this.registry.on('error', () => undefined);
    this.host = {
      registry: this.registry,
      information: { version: '1.2.3', pid: process.pid, name: 'test', startedAt: new Date(0).toISOString(), backend: 'loopback' },
      reload: () => Promise.resolve({ added: ['e1'], changed: [], removed: [], kept: ['e0'] }),
      shutdown: () => { this.shutdowns++; },
    };
  }

  static async start(options: Partial<ListenOptions> = {}): Promise<TestDaemon> {
    const made = new TestDaemon();
    made.server = await ControlServer.listen(made.host, { socket: made.socket, ...options });
    return made;
  }

  async connect(): Promise<Daemon> {
    const daemon = await connect({ address: this.socket });
    this.clients.push(daemon);
    return daemon;
  }

  async connectRaw(): Promise<RawClient> {
    const client = await RawClient.connect(this.socket);
    this.raw.push(client);
    return client;
  }

  /** Closes all clients. */
  async disconnect(): Promise<void> {
    await Promise.all(this.clients.splice(0).map((client) => client.close()));
    this.raw.splice(0).forEach(({ socket }) => socket.destroy());
    await until(() => this.server.clients === 0);
  }

  /** For afterAll. */
  async stop(): Promise<void> {
    await this.disconnect();
    await this.server.close();
    await this.registry.close();
    loopback.reset();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A client that writes what it likes. */
export class RawClient {
  text = '';
  readonly ended: Promise<void>;
  private waiting: (() => void)[] = [];

  private constructor(readonly socket: Socket) {
    const wake = (): void => this.waiting.splice(0).forEach((resolve) => resolve());
    socket.setEncoding('utf8').on('data', (text: string) => { this.text += text; wake(); });
    socket.on('error', () => undefined);
    this.ended = new Promise((resolve) => socket.once('close', () => { resolve(); wake(); }));
  }

  static connect(where: string | { readonly host: string; readonly port: number }): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connectSocket({ ...(typeof where === 'string' ? { path: where } : where), allowHalfOpen: true });
      socket.once('error', reject);
      socket.once('connect', () => resolve(new RawClient(socket)));
      socket.once('end', () => socket.end());
    });
  }

  /** Writes values as lines. */
  send(...values: readonly unknown[]): void {
    this.socket.write(values.map((value) => `${JSON.stringify(value)}\n`).join(''));
  }

  /** What has come, as values. */
  get answers(): Record<string, never>[] {
    const lines = this.text.split('\n');
    return lines.slice(0, -1).filter((line) => line !== '').map((line) => JSON.parse(line) as Record<string, never>);
  }

  /** Resolves when so many lines have come, or the connection is closed. */
  async receives(count: number): Promise<Record<string, never>[]> {
    while (this.answers.length < count && !this.socket.destroyed) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return this.answers;
  }
}

export function request(id: number | string, method: string, params?: unknown): unknown {
  return { jsonrpc: '2.0', id, method, ...(params === undefined ? {} : { params }) };
}
