import { BricksError, type Logger } from 'packet-bricks';
import { destinationOf, withoutPassword, type Destination } from '../destination.js';
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

/** Opens where lines go. @throws BricksError X_FLOW_LOG */
export async function openOutput(options: OutputOptions, log: Logger): Promise<LineOutput> {
  const destination = destinationOf(options.to);
  try {
    return await open(destination, options, log);
  } catch (error) {
    if (error instanceof BricksError) throw error;
    throw new BricksError('X_FLOW_LOG', `Flows can't go to "${withoutPassword(options.to)}": ${(error as Error).message}.`, 'Check that it is there and that this program may use it.');
  }
}

function open(destination: Destination, { rotate, keep }: OutputOptions, log: Logger): Promise<LineOutput> {
  switch (destination.kind) {
    case 'output': return Promise.resolve(new StandardOutput());
    case 'file': return FileOutput.open(destination.path, rotate * 1_000_000, keep);
    case 'unix': return Promise.resolve(new SocketOutput({ path: destination.path }));
    case 'tcp': return Promise.resolve(new SocketOutput({ host: destination.host, port: destination.port }));
    case 'nats': return NatsOutput.open(destination, log);
    case 'kafka': return KafkaOutput.open(destination);
  }
}
