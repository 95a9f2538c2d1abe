/** NetControl as a client of Zeek: connects to its WebSocket interface, again and again, and takes up where it was. */
import { WebSocket } from 'ws';
import { readPem } from '../../client/pem-file';
import { BricksError, messageOf } from '../../model/errors';
import { systemCode, systemReason } from '../../model/system-error';
import type { Logger } from '../../model/brick';
import { isTable } from '../../model/table';
import { BACKLOG_BYTES_MAXIMUM, MESSAGE_BYTES_MAXIMUM, parseMessage } from './broker-data';
import type { NetControlDesk } from './net-control-desk';

const RETRY_MILLISECONDS_MINIMUM = 250;
const RETRY_MILLISECONDS_MAXIMUM = 30_000;
/** A peer that says nothing for two of these is gone. */
const PING_MILLISECONDS = 10_000;
const ENDPOINT_MAXIMUM = 256;
/** A connection that has lasted so long is a good one: the next failure is the first again. */
const STEADY_MILLISECONDS = 10_000;
/** Zeek drops messages where very many come at once, so the rules in place are sent in portions. */
const PORTION = 200;
const PORTION_MILLISECONDS = 100;

export interface ZeekClientOptions {
  /** ws: or wss: */
  readonly zeek: string;
  readonly topic: string;
  readonly token?: string | undefined;
  /** Certificates of the authorities that sign the server's, and our own, for wss. */
  readonly ca?: string | undefined;
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
}

export class ZeekClient {
  private socket: WebSocket | undefined;
  private ready = false;
  private closed = false;
  private failures = 0;
  private retry: NodeJS.Timeout | undefined;
  private greeting: NodeJS.Timeout | undefined;
  private telling: NodeJS.Timeout | undefined;
  private readySince = 0;
  private alive = true;
  private readonly pings: NodeJS.Timeout;
  private readonly parts: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };

  /** `patience` is how long Zeek may take to acknowledge. @throws BricksError E_OPTION, E_FILE */
  constructor(private readonly options: ZeekClientOptions, private readonly desk: NetControlDesk, private readonly log: Logger, private readonly patience = PING_MILLISECONDS) {
    if (!URL.canParse(options.zeek) || !/^wss?:$/.test(new URL(options.zeek).protocol)) {
      throw new BricksError('E_OPTION', `Filter: the option "zeek" must be an address that begins with ws:// or wss://, got ${JSON.stringify(options.zeek)}.`, 'For example: ws://127.0.0.1:27759/v1/messages/json.');
    }
    const { ca, certificate, key } = options;
    this.parts = { ...(ca === undefined ? {} : { ca: readPem(ca, 'E_FILE') }), ...(certificate === undefined ? {} : { cert: readPem(certificate, 'E_FILE') }), ...(key === undefined ? {} : { key: readPem(key, 'E_FILE') }) };
    this.pings = setInterval(() => this.ping(), PING_MILLISECONDS);
    this.connect();
  }

  /** Sends it to Zeek; it is dropped while there is no connection, since all rules in place are sent again after the next connection. */
  publish(message: string): void {
    const { socket } = this;
    if (!socket || !this.ready || socket.bufferedAmount > BACKLOG_BYTES_MAXIMUM) return;
    socket.send(message);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.retry);
    clearTimeout(this.greeting);
    clearTimeout(this.telling);
    clearInterval(this.pings);
    this.socket?.terminate();
  }

  private connect(): void {
    const { zeek, topic, token } = this.options;
    const socket = new WebSocket(zeek, {
      maxPayload: MESSAGE_BYTES_MAXIMUM, perMessageDeflate: false, handshakeTimeout: PING_MILLISECONDS, ...this.parts,
      headers: { 'X-Application-Name': 'packet-bricks', ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) },
    });
    this.socket = socket;
    this.ready = false;
    this.alive = true;
    let why: string | undefined;
    let opened = false;
    socket.on('open', () => {
      opened = true;
      socket.send(JSON.stringify([topic]));
      this.greeting = setTimeout(() => {
        why = 'it did not acknowledge the subscription';
        socket.terminate();
      }, this.patience);
    });
    socket.on('pong', () => { this.alive = true; });
    socket.on('message', (data) => {
      this.alive = true;
      this.take(String(data));
    });
    socket.on('error', (error) => {
      // What a server does that waits for TLS, as Broker's own does.
      why = !opened && systemCode(error) === 'ECONNRESET' && zeek.startsWith('ws:') ? 'it broke the connection off; if it speaks TLS, use wss://' : systemReason(error);
    });
    socket.on('close', (code) => this.again(why ?? `it closed the connection (code ${code})`));
  }

  private take(text: string): void {
    try {
      const message = parseMessage(text);
      if (!this.ready) this.acknowledge(message);
      else if (isTable(message) && message['type'] === 'error') this.log.warn(`Zeek refused a message: ${String(message['code']).slice(0, 80)}: ${String(message['context']).slice(0, 200)}`);
      else this.answer(message);
    } catch (error) {
      this.log.warn(`A message from Zeek was not understood: ${messageOf(error)}`);
    }
  }

  private acknowledge(message: unknown): void {
    if (!isTable(message) || message['type'] !== 'ack') return;
    clearTimeout(this.greeting);
    this.ready = true;
    this.readySince = performance.now();
    if (typeof message['endpoint'] === 'string') this.desk.connected(processOf(message['endpoint']));
    this.log.info(`connected to Zeek at ${this.options.zeek}`);
    this.tell(this.desk.present());
  }

  /** What is in place, portion by portion. */
  private tell(present: Generator<string>): void {
    for (let told = 0; told < PORTION; told++) {
      const next = present.next();
      if (next.done) return;
      this.publish(next.value);
    }
    this.telling = setTimeout(() => this.tell(present), PORTION_MILLISECONDS);
  }

  private answer(message: unknown): void {
    const answer = this.desk.takeMessage(message);
    if (answer !== undefined) this.publish(answer);
  }

  private again(why: string): void {
    clearTimeout(this.greeting);
    clearTimeout(this.telling);
    if (this.closed) return;
    const stood = this.ready;
    if (stood && performance.now() - this.readySince >= STEADY_MILLISECONDS) this.failures = 0;
    if (stood || this.failures === 0) this.log.warn(`No connection to Zeek at ${this.options.zeek}: ${why}. The rules stay; trying again.`);
    // With some jitter, so that many clients do not come at once.
    const wait = Math.min(RETRY_MILLISECONDS_MAXIMUM, RETRY_MILLISECONDS_MINIMUM * 2 ** this.failures) * (0.75 + Math.random() / 2);
    this.failures = Math.min(this.failures + 1, 20);
    this.retry = setTimeout(() => this.connect(), wait);
  }

  private ping(): void {
    const { socket } = this;
    if (!socket || socket.readyState !== socket.OPEN) return;
    if (!this.alive) {
      socket.terminate();
      return;
    }
    this.alive = false;
    socket.ping();
  }
}

/** Zeek's own name in that of the endpoint, which since Zeek 8 goes on with a number for each client. */
function processOf(endpoint: string): string {
  return endpoint.split('-websocket-')[0].slice(0, ENDPOINT_MAXIMUM);
}
