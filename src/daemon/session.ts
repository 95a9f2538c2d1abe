/**
 * One client of the daemon. Its requests are carried out one after the other and answered in their order; commands declared as immediate at
 * once. While it has many requests waiting, or many answers unread, nothing more is read from it: whatever it does, it costs others nothing.
 */
import type { Socket } from 'node:net';
import { BricksError } from '../model/errors';
import { LineSplitter } from '../protocol/lines';
import { commandOf } from '../protocol/commands';
import type { Access } from '../protocol/declare';
import { INVALID_REQUEST, PARSE_ERROR, parseRequests, writeError, writeNotification, writeResult, type Incoming, type InvalidRequest, type Request } from '../protocol/json-rpc';
import type { Limits } from '../protocol/limits';
import { carryOutRequest, mayUse, startTopic } from './command-table';
import type { ControlHost } from './control-host';
import type { TokenCheck } from './tokens';

/** After so long the requests of others get a turn. */
const TURN_MILLISECONDS = 5;
/** How often a client that has said all, and waits for answers, is asked whether it is still there. */
const PROBE_MILLISECONDS = 1000;
/** What a client gets to read the last answer, before its connection is cut. */
export const FAREWELL_MILLISECONDS = 1000;

const NO_TOKEN = 'This connection needs a token, in a request "authenticate" before all others.';
const TOKEN_REMEDY = 'Name its file: --token-file FILE, or connect({ tokenFile }).';

export interface SessionOptions {
  /** Absent where the client has to show a token before anything else. */
  readonly access?: Access | undefined;
  readonly token?: TokenCheck | undefined;
  readonly limits: Limits;
  /** Hears why a client was not let in. */
  readonly refused: (reason: string) => void;
}

export class Session {
  private granted: Access | undefined;
  private readonly limits: Limits;
  private readonly lines: LineSplitter;
  private readonly gone = new AbortController();
  private readonly waiting: Incoming[] = [];
  private readonly subscriptions = new Map<number, () => void>();
  private readonly afterwards: (() => void)[] = [];
  private whenRead: (() => void)[] = [];
  private lastSubscription = 0;
  /** Requests that are being carried out. */
  private active = 0;
  private working = false;
  private leaving = false;
  /** The last thing that it hears, after which it is closed. */
  private refusal: string | undefined;
  private probe: NodeJS.Timeout | undefined;
  private cut: NodeJS.Timeout | undefined;

  /** A client that shows no token in time is closed. */
  private readonly patience: NodeJS.Timeout | undefined;

  constructor(private readonly socket: Socket, private readonly host: ControlHost, private readonly options: SessionOptions) {
    const { access, limits } = options;
    this.granted = access;
    this.limits = limits;
    this.lines = new LineSplitter(access === undefined ? limits.strangerBytes : limits.requestBytes);
    if (access === undefined) this.patience = setTimeout(() => this.turnAway(new BricksError('E_PERMISSION', 'No token was shown in time.')), limits.strangerMilliseconds).unref();
    socket.on('data', (chunk: Uint8Array) => this.take(chunk));
    socket.on('end', () => this.inputEnded());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.dispose());
    // Counts as long as neither side moves: a client may be idle for years, but not with something to read.
    socket.setTimeout(limits.stallMilliseconds, () => {
      if (this.unread > 0) socket.destroy();
    });
  }

  /** What this client may do. */
  get access(): Access {
    if (this.granted === undefined) throw new BricksError('E_PERMISSION', NO_TOKEN, TOKEN_REMEDY);
    return this.granted;
  }

  /** Whether it has yet to show a token. */
  get isStranger(): boolean {
    return this.granted === undefined;
  }

  /** Returns what a token allows; one connection has one try. @throws BricksError E_PERMISSION */
  authenticate(token: string): Access {
    const { token: check, refused } = this.options;
    if (this.granted !== undefined || !check) return this.access;
    const access = check(token);
    clearTimeout(this.patience);
    if (access === undefined) {
      refused('its token is wrong');
      this.afterAnswer(() => this.end());
      throw new BricksError('E_PERMISSION', 'The token is wrong.');
    }
    this.granted = access;
    this.lines.limitBytes = this.limits.requestBytes;
    return access;
  }

  /** From now on it may only read. */
  restrict(): void {
    this.granted = 'read';
  }

  /** Aborted when the client is gone. */
  get signal(): AbortSignal {
    return this.gone.signal;
  }

  /** Bytes that the client has not taken yet. */
  get unread(): number {
    return this.socket.writableLength;
  }

  /** @throws BricksError E_PERMISSION */
  allow(what: string, needed: Access): void {
    if (!mayUse(this.access, needed)) throw new BricksError('E_PERMISSION', `This client may only read; it may not use ${what}.`, 'Ask the operator of the daemon for control access.');
  }

  /** @throws BricksError E_OPTION, E_ARGUMENT, E_PERMISSION, E_CONTROL_LIMIT */
  subscribe(topic: string, parameters: Readonly<Record<string, unknown>>): number {
    if (this.subscriptions.size >= this.limits.subscriptions) throw new BricksError('E_CONTROL_LIMIT', `A client may have ${this.limits.subscriptions} subscriptions.`, 'End another one first.');
    const subscription = ++this.lastSubscription;
    const publish = (value: unknown): void => {
      if (this.subscriptions.has(subscription)) this.write(writeNotification(topic, { subscription, value }));
    };
    // The client knows the number only when the answer is there: values that come sooner wait for it.
    let early: unknown[] | undefined = [];
    const stop = startTopic(this.host, topic, parameters, this, (value) => (early ? early.push(value) : publish(value)));
    this.subscriptions.set(subscription, stop);
    this.afterAnswer(() => {
      const values = early ?? [];
      early = undefined;
      values.forEach(publish);
    });
    return subscription;
  }

  /** @throws BricksError E_ARGUMENT */
  unsubscribe(subscription: number): void {
    const stop = this.subscriptions.get(subscription);
    if (!stop) throw new BricksError('E_ARGUMENT', `There is no subscription ${subscription}.`);
    this.subscriptions.delete(subscription);
    stop();
  }

  /** Calls something when the request that is being carried out has been answered; for commands that are not immediate. */
  afterAnswer(call: () => void): void {
    this.afterwards.push(call);
  }

  /** Says farewell: what is written is still sent, nothing more is read. */
  end(): void {
    if (this.leaving) return;
    this.leaving = true;
    this.waiting.length = 0;
    clearInterval(this.probe);
    this.socket.end();
    this.socket.resume(); // what still comes is thrown away: unread, it would cost the client our last answer
    this.cut = setTimeout(() => this.socket.destroy(), FAREWELL_MILLISECONDS).unref();
  }

  private take(chunk: Uint8Array): void {
    if (this.leaving || this.refusal !== undefined) return;
    this.lines.push(chunk);
    this.feed();
  }

  private turnAway(error: BricksError): void {
    if (this.leaving) return;
    this.options.refused(error.message);
    this.write(writeError(null, error));
    this.end();
  }

  /** Takes requests from what has come, as many as may wait; then no more is read until there is room. */
  private feed(): void {
    if (this.refusal !== undefined) return;
    try {
      while (!this.leaving && this.waiting.length < this.limits.waitingRequests && this.unread <= this.limits.unreadBytes) {
        const line = this.lines.next();
        if (line === undefined) {
          this.socket.resume();
          return;
        }
        this.accept(parseRequests(line, this.limits));
      }
      if (!this.leaving) this.socket.pause();
    } catch (error) {
      // The end of the message can't be found, or the other side speaks another protocol. Earlier requests are answered first.
      this.refusal = writeError(null, error, PARSE_ERROR);
      this.socket.resume();
      this.endWhenDone();
    }
  }

  private accept(incoming: Incoming): void {
    const [first] = incoming.requests;
    if (this.isStranger && (this.active > 0 || this.working)) {
      // Written without waiting for the answer to the token, which may yet be right.
      this.waiting.push(incoming);
      return;
    }
    if (this.isStranger && (incoming.batch || !('method' in first) || first.method !== 'authenticate')) {
      this.turnAway(new BricksError('E_PERMISSION', NO_TOKEN, TOKEN_REMEDY));
      return;
    }
    if (!incoming.batch && 'method' in first && commandOf(first.method)?.immediate) {
      void this.answer(incoming).then(() => this.endWhenDone());
      return;
    }
    this.waiting.push(incoming);
    if (!this.working) void this.work();
  }

  private async work(): Promise<void> {
    this.working = true;
    let turn = performance.now();
    for (let incoming = this.waiting.shift(); incoming; incoming = this.waiting.shift()) {
      await this.answer(incoming);
      for (const call of this.afterwards.splice(0)) call();
      await this.room();
      if (performance.now() - turn > TURN_MILLISECONDS) {
        await new Promise((resolve) => setImmediate(resolve));
        turn = performance.now();
      }
      this.feed();
    }
    this.working = false;
    this.endWhenDone();
  }

  /** Nothing, if the client has read enough of what it was sent, or is gone; else a promise of that. */
  room(): Promise<void> | undefined {
    return this.isFull ? this.untilRoom() : undefined;
  }

  private get isFull(): boolean {
    return this.unread > this.limits.unreadBytes && !this.socket.destroyed;
  }

  private async untilRoom(): Promise<void> {
    while (this.isFull) await new Promise<void>((resolve) => this.whenRead.push(resolve));
  }

  /** The client has read something. */
  private readonly onRead = (): void => {
    this.wake();
    if (this.socket.isPaused()) this.feed();
  };

  private async answer({ batch, requests }: Incoming): Promise<void> {
    this.active++;
    const answers: string[] = [];
    for (const request of requests) {
      if (this.signal.aborted) break;
      const text = await this.answerOne(request);
      if (text !== undefined) answers.push(text);
    }
    if (answers.length > 0) this.write(batch ? `[${answers.join(',')}]` : answers[0]);
    this.active--;
  }

  /** The answer, if one is wanted. */
  private async answerOne(request: Request | InvalidRequest): Promise<string | undefined> {
    if ('problem' in request) return writeError(request.id, new BricksError('E_CONTROL_MESSAGE', request.problem), INVALID_REQUEST);
    const outcome = await carryOutRequest(this.host, request, this);
    if (request.id === undefined) return undefined;
    return 'error' in outcome ? writeError(request.id, outcome.error, outcome.number) : writeResult(request.id, outcome.result);
  }

  private write(text: string): void {
    if (this.leaving || this.socket.destroyed) return;
    if (this.unread > this.limits.unreadBytesMost) this.socket.destroy();
    else this.socket.write(`${text}\n`, this.onRead);
  }

  /** The client writes no more. It may still read; or it is gone altogether, which only writing to it tells. */
  private inputEnded(): void {
    if (this.leaving) return;
    this.probe = setInterval(() => this.socket.write('\n'), PROBE_MILLISECONDS).unref();
    this.socket.write('\n');
    this.endWhenDone();
  }

  private endWhenDone(): void {
    if (this.active > 0 || this.working || this.leaving) return;
    if (this.refusal !== undefined) this.write(this.refusal);
    else if (!this.probe || this.subscriptions.size > 0) return;
    this.end();
  }

  private dispose(): void {
    this.leaving = true;
    this.waiting.length = 0;
    clearInterval(this.probe);
    clearTimeout(this.cut);
    clearTimeout(this.patience);
    for (const stop of this.subscriptions.values()) stop();
    this.subscriptions.clear();
    this.gone.abort();
    this.wake();
  }

  private wake(): void {
    for (const resolve of this.whenRead.splice(0)) resolve();
  }
}
