/** NetControl for any WebSocket client: the JSON interface of Broker, as a server. */
import { randomUUID, timingSafeEqual, createHash } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { readPem } from '../../client/pem-file';
import { BricksError, messageOf } from '../../model/errors';
import { systemReason } from '../../model/system-error';
import type { Logger } from '../../model/brick';
import { formatAddress, isLoopback } from '../../protocol/address';
import { BACKLOG_BYTES_MAXIMUM, MESSAGE_BYTES_MAXIMUM, parseMessage } from './broker-data';
import type { NetControlDesk } from './net-control-desk';

export const PATH = '/v1/messages/json';
const CLIENTS_MAXIMUM = 64;
const SUBSCRIPTIONS_MAXIMUM = 256;
const VERSION = 'packet-bricks';

export interface ServerOptions {
  /** HOST:PORT, or a port on the loopback interface. */
  readonly listen: string;
  /** What clients have to name, as `Authorization: Bearer TOKEN`. */
  readonly token?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

interface Client {
  readonly socket: WebSocket;
  topics: readonly string[] | undefined;
}

export class NetControlServer {
  private readonly clients = new Set<Client>();
  private readonly sockets: WebSocketServer;

  private constructor(private readonly http: ReturnType<typeof createServer>, private readonly desk: NetControlDesk, private readonly log: Logger) {
    this.sockets = new WebSocketServer({ noServer: true, maxPayload: MESSAGE_BYTES_MAXIMUM, perMessageDeflate: false });
  }

  /** @throws BricksError E_LISTEN, E_OPTION, E_FILE */
  static async open(options: ServerOptions, desk: NetControlDesk, log: Logger): Promise<NetControlServer> {
    const { host, port } = endpointOf(options.listen);
    const secure = options.certificate !== undefined;
    if (!isLoopback(host) && options.token === undefined && !secure) {
      throw new BricksError('E_OPTION', `Filter: "${options.listen}" can be reached from other machines, where anyone could change the rules.`, 'Give it a token, or listen on 127.0.0.1.');
    }
    if (secure && options.key === undefined) throw new BricksError('E_OPTION', 'Filter: a certificate needs its key.', 'Give it the option key.');
    const http = secure ? createSecureServer({ cert: readPem(options.certificate as string, 'E_FILE'), key: readPem(options.key as string, 'E_FILE') }) : createServer();
    const server = new NetControlServer(http as ReturnType<typeof createServer>, desk, log);
    http.on('request', (_request, response) => response.writeHead(426).end('This is a WebSocket server.\n'));
    http.on('upgrade', (request, socket, head) => {
      const refusal = server.refusalOf(request, options.token);
      if (refusal !== undefined) {
        socket.end(`HTTP/1.1 ${refusal}\r\nConnection: close\r\n\r\n`);
        return;
      }
      server.sockets.handleUpgrade(request, socket, head, (client) => server.greet(client));
    });
    await new Promise<void>((resolve, reject) => {
      http.once('error', (error) => reject(new BricksError('E_LISTEN', `Filter can't listen on ${options.listen}: ${systemReason(error)}.`, 'Use another address or port.')));
      http.listen(port, host, resolve);
    });
    http.on('error', (error) => log.error(systemReason(error)));
    log.info(`takes rules at ${secure ? 'wss' : 'ws'}://${formatAddress({ host, port: server.port })}${PATH}`);
    return server;
  }

  get port(): number {
    return (this.http.address() as AddressInfo).port;
  }

  /** Sends a message to those who have subscribed to its topic. */
  publish(topic: string, message: string): void {
    for (const { socket, topics } of this.clients) if (topics?.some((prefix) => topic.startsWith(prefix))) this.send(socket, message);
  }

  async close(): Promise<void> {
    for (const { socket } of this.clients) socket.terminate();
    this.sockets.close();
    await new Promise<void>((resolve) => {
      this.http.close(() => resolve());
      this.http.closeAllConnections();
    });
  }

  private refusalOf({ url, headers }: IncomingMessage, token: string | undefined): string | undefined {
    if ((url ?? '').split('?')[0] !== PATH) return '404 Not Found';
    if (this.clients.size >= CLIENTS_MAXIMUM) return '503 Service Unavailable';
    // A page in a browser may open a WebSocket to the loopback interface, and says where it is from.
    if (token === undefined && headers.origin !== undefined) return '403 Forbidden';
    if (token !== undefined && !isSame(headers.authorization ?? '', `Bearer ${token}`)) return '401 Unauthorized';
    return undefined;
  }

  private greet(socket: WebSocket): void {
    const client: Client = { socket, topics: undefined };
    this.clients.add(client);
    socket.on('close', () => this.clients.delete(client));
    socket.on('error', () => socket.terminate());
    socket.on('message', (data) => {
      try {
        this.take(client, String(data));
      } catch (error) {
        this.send(socket, JSON.stringify({ type: 'error', code: 'deserialization_failed', context: messageOf(error) }));
      }
    });
  }

  private take(client: Client, text: string): void {
    if (client.topics === undefined) {
      const topics = parseMessage(text);
      if (!Array.isArray(topics) || topics.length > SUBSCRIPTIONS_MAXIMUM || !topics.every((topic) => typeof topic === 'string')) {
        throw new BricksError('E_MESSAGE', 'The first message must be a list of the topics to subscribe to.');
      }
      client.topics = topics as string[];
      this.send(client.socket, JSON.stringify({ type: 'ack', endpoint: randomUUID(), version: VERSION }));
      return;
    }
    const answer = this.desk.take(text);
    if (answer === undefined) return;
    this.send(client.socket, answer);
  }

  private send(socket: WebSocket, message: string): void {
    if (socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount > BACKLOG_BYTES_MAXIMUM) {
      this.log.warn('A client that does not read its answers was cut off.');
      socket.terminate();
      return;
    }
    socket.send(message);
  }
}

function isSame(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(wanted));
}

/** @throws BricksError E_OPTION */
function endpointOf(text: string): { readonly host: string; readonly port: number } {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]:|([^:[\]]+):|:)?(\d{1,5})$/.exec(text);
  const port = Number(found?.[3]);
  if (!found || port > 65_535) throw new BricksError('E_OPTION', `Filter: the option "listen" must be HOST:PORT or a port, got ${JSON.stringify(text)}.`, 'For example: listen = "127.0.0.1:9999".');
  return { host: found[1] ?? found[2] ?? '127.0.0.1', port };
}
