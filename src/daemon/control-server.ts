/** Listens for clients of the daemon, and has a session for each. */
import type { Server, Socket } from 'node:net';
import { BricksError } from '../model/errors';
import { formatAddress } from '../protocol/address';
import type { Access } from '../protocol/declare';
import { writeError } from '../protocol/json-rpc';
import { LIMITS, type Limits } from '../protocol/limits';
import type { ControlHost } from './control-host';
import { accessOfPeer, controlGroup, type PeerRules } from './peers';
import { FAREWELL_MILLISECONDS, Session } from './session';
import { listenOnTcp, type Newcomer, type TcpOptions } from './tcp-listener';
import { listenOnSocket } from './unix-listener';

export interface ListenOptions {
  /** The Unix socket to make; only its owner, and root, may use it. */
  readonly socket: string;
  /** A group, by name or number, whose members may use the socket too. */
  readonly group?: string | number | undefined;
  /** What the members of the group may do. Default: "control". */
  readonly groupAccess?: Access | undefined;
  /** To listen on TCP as well. */
  readonly tcp?: TcpOptions | undefined;
  /** Hears who was refused, and why. */
  readonly log?: ((text: string) => void) | undefined;
  /** Other limits than those of the protocol. */
  readonly limits?: Partial<Limits> | undefined;
}

const FOREIGN = new BricksError('E_PERMISSION', 'This user may not use the daemon.', 'Run this as the user of the daemon, or as root.');

export class ControlServer {
  /** The port of TCP, if it listens there. */
  port: number | undefined;
  private readonly sessions = new Set<Session>();
  /** All connections, also those that are no sessions yet. */
  private readonly connections = new Set<Socket>();
  private readonly servers: Server[] = [];
  private readonly listening: string[] = [];
  private readonly limits: Limits;
  private readonly peers: PeerRules;
  private readonly log: (text: string) => void;

  private constructor(private readonly host: ControlHost, options: ListenOptions) {
    this.peers = { groupAccess: options.groupAccess ?? 'control', ...(options.group === undefined ? {} : { group: controlGroup(options.group) }) };
    this.log = options.log ?? (() => undefined);
    this.limits = { ...LIMITS, ...options.limits };
  }

  /** @throws BricksError E_CONTROL_ADDRESS, E_CONTROL_TLS, E_CONTROL_TOKEN, E_DAEMON_RUNNING */
  static async listen(host: ControlHost, options: ListenOptions): Promise<ControlServer> {
    const made = new ControlServer(host, options);
    try {
      made.add(await listenOnSocket(options.socket, made.peers.group, (socket) => made.takePeer(socket)), formatAddress({ path: options.socket }));
      if (options.tcp) {
        const { server, address, port } = await listenOnTcp(options.tcp, (socket, newcomer) => made.take(socket, newcomer), (socket, from) => made.refuse(socket, from, FOREIGN), made.log);
        made.add(server, address);
        made.port = port;
      }
    } catch (error) {
      await made.close();
      throw error;
    }
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
    const cut = setTimeout(() => this.connections.forEach((socket) => socket.destroy()), FAREWELL_MILLISECONDS);
    await Promise.all(closed);
    clearTimeout(cut);
  }

  private add(server: Server, address: string): void {
    server.maxConnections = this.limits.clients + this.limits.strangers;
    // Before TLS has been agreed on there is a connection already.
    server.on('connection', (socket: Socket) => {
      this.connections.add(socket);
      socket.once('close', () => this.connections.delete(socket));
    });
    this.servers.push(server);
    this.listening.push(address);
  }

  private takePeer(socket: Socket): void {
    const access = accessOfPeer(socket, this.peers);
    if (access === undefined) this.refuse(socket, 'another user', FOREIGN);
    else this.take(socket, { from: 'the socket', access });
  }

  private take(socket: Socket, { from, access, token }: Newcomer): void {
    if (this.sessions.size >= this.limits.clients) {
      return this.refuse(socket, from, new BricksError('E_CONTROL_LIMIT', `The daemon has ${this.limits.clients} clients, its maximum.`, 'Close another one first.'));
    }
    if (access === undefined && [...this.sessions].filter((session) => session.isStranger).length >= this.limits.strangers) {
      return this.refuse(socket, from, new BricksError('E_CONTROL_LIMIT', 'Too many clients have not shown a token yet.', 'Try again later.'));
    }
    const session = new Session(socket, this.host, { access, token, limits: this.limits, refused: (reason) => this.log(`a client at ${from} was refused: ${reason}`) });
    this.sessions.add(session);
    socket.on('close', () => this.sessions.delete(session));
  }

  private refuse(socket: Socket, from: string, error: BricksError): void {
    this.log(`a client at ${from} was refused: ${error.message}`);
    socket.on('error', () => socket.destroy());
    socket.resume().end(`${writeError(null, error)}\n`);
    const cut = setTimeout(() => socket.destroy(), FAREWELL_MILLISECONDS).unref();
    socket.on('close', () => clearTimeout(cut));
  }
}
