import type { Logger } from 'packet-bricks';
import { destinationOf } from '../destination.js';
import { FileOutput } from './file.js';
import { KafkaOutput } from './kafka.js';
import { NatsOutput } from './nats.js';
import type { LineOutput } from './output.js';
import { SocketOutput, StandardOutput } from './stream.js';

export interface OutputOptions {
  readonly to: string;
  readonly rotate: number;
  readonly keep: number;
}

/** Opens where lines go. @throws Error */
export function openOutput({ to, rotate, keep }: OutputOptions, log: Logger): Promise<LineOutput> {
  const destination = destinationOf(to);
  switch (destination.kind) {
    case 'output': return Promise.resolve(new StandardOutput());
    case 'file': return FileOutput.open(destination.path, rotate * 1_000_000, keep);
    case 'unix': return Promise.resolve(new SocketOutput({ path: destination.path }));
    case 'tcp': return Promise.resolve(new SocketOutput({ host: destination.host, port: destination.port }));
    case 'nats': return NatsOutput.open(destination, log);
    case 'kafka': return KafkaOutput.open(destination);
  }
}
