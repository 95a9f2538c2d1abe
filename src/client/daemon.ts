/** A connection to a daemon: calls its commands and hears its topics. */
import type { Socket } from 'node:net';
import { BricksError, messageOf } from '../model/errors';
import { systemReason } from '../model/system-error';
import { topicOf, type CommandName, type CommandParameters, type CommandResult, type TopicName, type TopicParameters, type TopicValue } from '../protocol/commands';
import { parseFromServer, writeRequest, type FromServer } from '../protocol/json-rpc';
import { LIMITS } from '../protocol/limits';
import { LineSplitter } from '../protocol/lines';
import { Values } from './values';

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: BricksError) => void;
}

interface Subscriber {
  readonly take: (value: unknown) => void;
  readonly end: (error: BricksError | undefined) => void;
}

/** Parameters, which may be left out where none has to be given. */
type Optional<Parameters> = Record<string, never> extends Parameters ? [parameters?: Parameters] : [parameters: Parameters];

/** A connection to a daemon. */
export class Daemon {
  /** Where it was found. */
  readonly address: string;
  /** Resolves when the connection is closed, by whichever side. */
  readonly closed: Promise<void>;
  private readonly lines = new LineSplitter(LIMITS.answerBytes);
  private readonly pending = new Map<number, Pending>();
  private readonly subscribers = new Map<number, Subscriber>();
  private lastRequest = 0;
  private over: BricksError | undefined;
  /** What went wrong with the connection, if something did. */
  private failure: BricksError | undefined;
  private closing = false;

  /** For `connect`, which makes it. */
  constructor(private readonly socket: Socket, address: string) {
    this.address = address;
    socket.on('data', (chunk: Uint8Array) => this.take(chunk));
    socket.on('error', (error) => { this.failure ??= new BricksError('E_CONTROL_CLOSED', `The connection to the daemon at ${address} failed: ${systemReason(error)}.`); });
    this.closed = new Promise((resolve) => socket.once('close', () => {
      this.end();
      resolve();
    }));
  }

  /** Calls a command. @throws BricksError with the daemon's code, or E_CONTROL_CLOSED */
  call<Name extends CommandName>(name: Name, ...[parameters]: Optional<CommandParameters<Name>>): Promise<CommandResult<Name>> {
    return new Promise((resolve, reject) => {
      this.request(name, parameters ?? {}, { resolve: resolve as (result: unknown) => void, reject });
    });
  }

  /**
   * Hears a topic: calls `listener` with each value, in order. Resolves, once the daemon has agreed, with what ends it.
   * @throws BricksError with the daemon's code, or E_CONTROL_CLOSED
   */
  listen<Name extends TopicName>(topic: Name, parameters: TopicParameters<Name>, listener: (value: TopicValue<Name>) => void): Promise<() => Promise<void>> {
    return this.begin(topic, parameters, { take: listener as (value: unknown) => void, end: () => undefined }).then((subscription) => () => this.unsubscribe(subscription));
  }

  /** The values of a topic. The loop ends when the connection is closed by `close`; leaving the loop ends the subscription. @throws BricksError E_CONTROL_CLOSED */
  async* subscribe<Name extends TopicName>(topic: Name, ...[parameters]: Optional<TopicParameters<Name>>): AsyncGenerator<TopicValue<Name>, void, undefined> {
    const values = new Values<TopicValue<Name>>(topic, topicOf(topic)?.latest === true);
    let subscription: number;
    try {
      subscription = await this.begin(topic, parameters ?? {}, { take: (value) => values.push(value as TopicValue<Name>), end: (error) => values.end(error) });
    } catch (error) {
      if (this.closing) return;
      throw error;
    }
    try {
      for (let value = await values.next(); value; value = await values.next()) yield value.value;
    } finally {
      await this.unsubscribe(subscription);
    }
  }

  /** Closes the connection. Calls that have no answer yet fail; the daemon goes on. */
  close(): Promise<void> {
    this.closing = true;
    this.socket.destroy();
    return this.closed;
  }

  private begin(topic: TopicName, parameters: object, subscriber: Subscriber): Promise<number> {
    return new Promise((resolve, reject) => {
      this.request('subscribe', { topic, parameters }, {
        // At once: the next line may bring the first value.
        resolve: (result) => {
          const { subscription } = result as CommandResult<'subscribe'>;
          this.subscribers.set(subscription, subscriber);
          resolve(subscription);
        },
        reject,
      });
    });
  }

  private async unsubscribe(subscription: number): Promise<void> {
    if (!this.subscribers.delete(subscription) || this.over) return;
    await this.call('unsubscribe', { subscription }).catch((error: unknown) => {
      if (!this.over) throw error;
    });
  }

  private request(method: string, parameters: object, pending: Pending): void {
    if (this.over || this.closing) {
      pending.reject(this.over ?? this.closedError());
      return;
    }
    const id = ++this.lastRequest;
    this.pending.set(id, pending);
    this.socket.write(`${writeRequest(id, method, parameters as Record<string, unknown>)}\n`);
  }

  private take(chunk: Uint8Array): void {
    try {
      this.lines.push(chunk);
      for (let line = this.lines.next(); line !== undefined; line = this.lines.next()) {
        const messages = parseFromServer(line);
        for (const message of Array.isArray(messages) ? messages as readonly FromServer[] : [messages as FromServer]) this.handle(message);
      }
    } catch (error) {
      this.failure ??= error instanceof BricksError ? error : new BricksError('E_INTERNAL', messageOf(error));
      this.socket.destroy();
    }
  }

  private handle(message: FromServer): void {
    if ('method' in message) {
      this.subscribers.get(Number(message.parameters['subscription']))?.take(message.parameters['value']);
      return;
    }
    if (message.id === null) {
      // What the daemon says before it closes the connection.
      if ('error' in message) this.failure ??= message.error;
      return;
    }
    const pending = this.pending.get(Number(message.id));
    this.pending.delete(Number(message.id));
    if ('error' in message) pending?.reject(message.error);
    else pending?.resolve(message.result);
  }

  private closedError(): BricksError {
    return this.failure ?? new BricksError('E_CONTROL_CLOSED', this.closing ? 'The connection to the daemon is closed.' : `The daemon at ${this.address} has closed the connection.`);
  }

  private end(): void {
    this.over = this.closedError();
    for (const { reject } of this.pending.values()) reject(this.over);
    this.pending.clear();
    for (const { end } of this.subscribers.values()) end(this.closing ? undefined : this.over);
  }
}
