/** Listens for clients of the daemon. */
import { chmodSync, chownSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { BricksError, messageOf } from '../model/errors';
import { formatAddress } from '../protocol/address';
import type { Access } from '../protocol/declare';
import { LIMITS, type Limits } from '../protocol/limits';
import { writeError } from '../protocol/json-rpc';
import type { ControlHost } from './control-host';
import { accessOfPeer, controlGroup, type PeerRules } from './peers';
import { FAREWELL_MILLISECONDS, Session } from './session';

/** What the name of a Unix socket may have, in bytes: beyond that systems cut it off. */
const SOCKET_PATH_BYTES = 103;

export interface ListenOptions {
  /** The Unix socket to make; only its owner, and root, may use it. */
  readonly socket: string;
  /** A group, by name or number, whose members may use the socket too. */
  readonly group?: string | undefined;
  /** What the members of the group may do. Default: "control". */
  readonly groupAccess?: Access | undefined;
  /** Is told who was refused, and why. */
  readonly log?: (text: string) => void;
  /** Other limits than those of the protocol. */
  readonly limits?: Partial<Limits>;
}

export class ControlServer {
  private readonly sessions = new Set<Session>();
  private readonly servers: Server[] = [];
  private readonly limits: Limits;
  private readonly listening: string[] = [];

  private readonly peers: PeerRules;
  private readonly log: (text: string) => void;

  private constructor(private readonly host: ControlHost, options: ListenOptions) {
    this.peers = { groupAccess: options.groupAccess ?? 'control', ...(options.group === undefined ? {} : { group: controlGroup(options.group) }) };
    this.log = options.log ?? (() => undefined);
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

  /** Bytes that all clients together have not read yet. */
  get unreadBytes(): number {
    return [...this.sessions].reduce((sum, { unread }) => sum + unread, 0);
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
      await listenOn(server, path, this.peers.group);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cannotListen(path, error);
      if (await somebodyListens(path)) throw new BricksError('E_DAEMON_RUNNING', `Another daemon listens on ${path}.`, 'Stop it first, or give this one another name: --name NAME.');
      unlinkSync(path);
      await listenOn(server, path, this.peers.group).catch((again: unknown) => { throw cannotListen(path, again); });
    }
    this.servers.push(server);
    this.listening.push(formatAddress({ path }));
  }

  private take(socket: Socket): void {
    const access = accessOfPeer(socket, this.peers);
    if (access === undefined) return this.refuse(socket, new BricksError('E_PERMISSION', 'This user may not use the daemon.', 'Run this as the user of the daemon, or as root.'));
    if (this.sessions.size >= this.limits.clients) {
      return this.refuse(socket, new BricksError('E_CONTROL_LIMIT', `The daemon has ${this.limits.clients} clients, the most that it serves.`, 'Close another one first.'));
    }
    const session = new Session(socket, this.host, { access, limits: this.limits });
    this.sessions.add(session);
    socket.on('close', () => this.sessions.delete(session));
  }

  private refuse(socket: Socket, error: BricksError): void {
    this.log(`a client was refused: ${error.message}`);
    socket.on('error', () => socket.destroy());
    socket.resume().end(`${writeError(null, error)}\n`);
    const cut = setTimeout(() => socket.destroy(), FAREWELL_MILLISECONDS).unref();
    socket.on('close', () => clearTimeout(cut));
  }
}

/** Makes the socket so that at no moment others may use it. */
function listenOn(server: Server, path: string, group: number | undefined): Promise<void> {
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
  }).then(() => {
    if (group !== undefined) chownSync(path, process.geteuid?.() ?? -1, group);
    chmodSync(path, group === undefined ? 0o600 : 0o660);
  });
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
