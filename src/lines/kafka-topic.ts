/** Lines as messages of a Kafka topic, by kafkajs. Those with the same key come in order. */
import type { Producer } from 'kafkajs';
import type { KafkaDestination } from './line-destination';
import { PATIENCE_MILLISECONDS, closing, type Line, type LineReceiver } from './line-receiver';

/** What the package `kafkajs` exports. */
export type KafkaClient = typeof import('kafkajs');

/** Tries before a batch counts as failed; the client waits longer each time. */
const RETRIES = 4;

export class KafkaTopic implements LineReceiver {
  private constructor(private readonly producer: Producer, private readonly topic: string) {}

  /** @throws Error if no broker answers */
  static async open({ Kafka, Partitioners, logLevel }: KafkaClient, { brokers, topic }: KafkaDestination): Promise<KafkaTopic> {
    const client = new Kafka({ clientId: 'packet-bricks', brokers: [...brokers], logLevel: logLevel.NOTHING, connectionTimeout: PATIENCE_MILLISECONDS, retry: { retries: RETRIES } });
    const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    return new KafkaTopic(producer, topic);
  }

  async write(lines: readonly Line[]): Promise<void> {
    await this.producer.send({ topic: this.topic, messages: lines.map(({ key = null, text }) => ({ key, value: text })) });
  }

  close(): Promise<void> {
    return closing(this.producer.disconnect());
  }
}
