/** Lines as messages of a NATS subject, by the project's own client. */
import type { NatsConnection } from '@nats-io/transport-node';
import type { Logger } from '../model/brick';
import { inTime } from '../model/in-time';
import type { NatsDestination } from './line-destination';
import { PATIENCE_MILLISECONDS, closing, type Line, type LineReceiver } from './line-receiver';

/** What the package `@nats-io/transport-node` exports. */
export type NatsClient = typeof import('@nats-io/transport-node');

export class NatsSubject implements LineReceiver {
  /** While the connection is lost, nothing may be published: the client would keep it all in memory. */
  private connected = true;

  private constructor(private readonly connection: NatsConnection, private readonly subject: string, private readonly log: Logger) {
    void this.follow();
  }

  /** @throws Error if no server answers */
  static async open({ connect }: NatsClient, { servers, subject, user, password }: NatsDestination, log: Logger): Promise<NatsSubject> {
    const login = user === undefined ? {} : password === undefined ? { token: user } : { user, pass: password };
    const connection = await connect({ servers: [...servers], name: 'packet-bricks', maxReconnectAttempts: -1, timeout: PATIENCE_MILLISECONDS, ...login });
    return new NatsSubject(connection, subject, log);
  }

  async write(lines: readonly Line[]): Promise<void> {
    if (!this.connected) throw new Error('there is no connection to the server');
    for (const { text } of lines) this.connection.publish(this.subject, text);
    // The server has them when it answers.
    if (!await inTime(PATIENCE_MILLISECONDS, this.connection.flush().then(() => true))) throw new Error('the server has not answered');
  }

  close(): Promise<void> {
    return closing(this.connection.close());
  }

  private async follow(): Promise<void> {
    for await (const { type } of this.connection.status()) {
      if (type === 'disconnect') {
        this.connected = false;
        this.log.warn('The connection to the NATS server is lost; it is made again.');
      }
      if (type === 'reconnect') this.connected = true;
    }
  }
}
