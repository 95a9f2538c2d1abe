/** Lines as messages of a Kafka topic, by kafkajs. Those of a connection have its Community ID as their key, and so come in order. */
import type { Producer } from 'kafkajs';
import type { Destination } from '../destination.js';
import type { FlowLine } from '../flow-lines.js';
import { load } from './load.js';
import { PATIENCE_MILLISECONDS, closing, type LineOutput } from './output.js';

type KafkaDestination = Extract<Destination, { kind: 'kafka' }>;

/** Tries before a batch counts as failed; the client waits longer each time. */
const RETRIES = 4;

export class KafkaOutput implements LineOutput {
  private constructor(private readonly producer: Producer, private readonly topic: string) {}

  /** @throws Error if the client is not installed or no broker answers */
  static async open({ brokers, topic }: KafkaDestination): Promise<KafkaOutput> {
    const { Kafka, Partitioners, logLevel } = await load('kafkajs', () => import('kafkajs'));
    const client = new Kafka({ clientId: 'packet-bricks', brokers: [...brokers], logLevel: logLevel.NOTHING, connectionTimeout: PATIENCE_MILLISECONDS, retry: { retries: RETRIES } });
    const producer = client.producer({ createPartitioner: Partitioners.DefaultPartitioner });
    await producer.connect();
    return new KafkaOutput(producer, topic);
  }

  async write(lines: readonly FlowLine[]): Promise<void> {
    await this.producer.send({ topic: this.topic, messages: lines.map(({ key, text }) => ({ key, value: text })) });
  }

  close(): Promise<void> {
    return closing(this.producer.disconnect());
  }
}
