/** Listens for clients of the daemon. */
import { chmodSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { BricksError, messageOf } from '../model/errors';
import { formatAddress } from '../protocol/address';
import { LIMITS, type Limits } from '../protocol/limits';
import { writeError } from '../protocol/json-rpc';
import type { ControlHost } from './control-host';
import { Session } from './session';

/** What the name of a Unix socket may have, in bytes: beyond that systems cut it off. */
const SOCKET_PATH_BYTES = 103;

export interface ListenOptions {
  /** The Unix socket to make; only its owner, and root, may use it. */
  readonly socket: string;
  /** Other limits than those of the protocol. */
  readonly limits?: Partial<Limits>;
}

export class ControlServer {
  private readonly sessions = new Set<Session>();
  private readonly servers: Server[] = [];
  private readonly limits: Limits;
  private readonly listening: string[] = [];

  private constructor(private readonly host: ControlHost, options: ListenOptions) {
    this.limits = { ...LIMITS, ...options.limits };
  }

  /** @throws BricksError E_CONTROL_ADDRESS, E_DAEMON_RUNNING */
  static async listen(host: ControlHost, options: ListenOptions): Promise<ControlServer> {
    const made = new ControlServer(host, options);
    await made.openSocket(options.socket);
    return made;
  }

  /** Where it listens, as clients write it. */
  get addresses(): readonly string[] {
    return this.listening;
  }

  /** How many clients there are. */
  get clients(): number {
    return this.sessions.size;
  }

  /** Listens no more; clients get what is written, and their connections are closed. */
  async close(): Promise<void> {
    const closed = this.servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    for (const session of this.sessions) session.end();
    await Promise.all(closed);
  }

  private async openSocket(path: string): Promise<void> {
    if (Buffer.byteLength(path) > SOCKET_PATH_BYTES) throw new BricksError('E_CONTROL_ADDRESS', `The socket ${path} can't be made: its path is longer than ${SOCKET_PATH_BYTES} bytes.`, 'Name a shorter runtime directory: --run-dir DIRECTORY.');
    const server = createServer({ allowHalfOpen: true }, (socket) => this.take(socket));
    try {
      await listenOn(server, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cannotListen(path, error);
      if (await somebodyListens(path)) throw new BricksError('E_DAEMON_RUNNING', `Another daemon listens on ${path}.`, 'Stop it first, or give this one another name: --name NAME.');
      unlinkSync(path);
      await listenOn(server, path).catch((again: unknown) => { throw cannotListen(path, again); });
    }
    this.servers.push(server);
    this.listening.push(formatAddress({ path }));
  }

  private take(socket: Socket): void {
    if (this.sessions.size >= this.limits.clients) {
      socket.on('error', () => socket.destroy());
      socket.end(`${writeError(null, new BricksError('E_CONTROL_LIMIT', `The daemon has ${this.limits.clients} clients, the most that it serves.`, 'Close another one first.'))}\n`);
      return;
    }
    const session = new Session(socket, this.host, { access: 'control', limits: this.limits });
    this.sessions.add(session);
    socket.on('close', () => this.sessions.delete(session));
  }
}

/** Makes the socket with the mode that it keeps: at no moment may others use it. */
function listenOn(server: Server, path: string): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const before = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  }).then(() => chmodSync(path, 0o600));
}

function cannotListen(path: string, error: unknown): BricksError {
  return new BricksError('E_CONTROL_ADDRESS', `The socket ${path} can't be made: ${messageOf(error)}.`);
}

/** Whether the socket is one that somebody has left behind. */
function somebodyListens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}
