/** Lines of text from a control half to a file, standard output, a socket, NATS or Kafka, as the user says. */
import type { Logger } from '../model/brick';
import type { ErrorCode } from '../model/error-codes';
import { BricksError } from '../model/errors';
import type { OptionDeclarations } from '../model/options';
import { KafkaTopic, type KafkaClient } from './kafka-topic';
import { readDestination, withoutPassword, type LineDestination } from './line-destination';
import { LineFile } from './line-file';
import { LineSocket, StandardOutput } from './line-socket';
import type { Line, LineReceiver } from './line-receiver';
import { NatsSubject, type NatsClient } from './nats-subject';

/** Options of a brick that writes lines to files, among other things; beside them it has one that says where lines go. */
export const LINE_FILE_OPTIONS = {
  rotate: { type: 'integer', default: 100, minimum: 0, maximum: 1_000_000, unit: 'MB', description: 'a file that would become longer is followed by another one; 0 for one file only' },
  keep: { type: 'integer', default: 5, minimum: 0, maximum: 1000, description: 'how many full files are kept' },
} as const satisfies OptionDeclarations;

/** Where lines go. */
export interface LineOptions {
  /** As the user writes it: a file, `-`, `unix:/PATH`, `tcp://HOST:PORT`, `nats://HOST:PORT/SUBJECT`, `kafka://HOST:PORT/TOPIC`. */
  readonly to: string;
  /** A file that would become longer is followed by another one, in MB; 0 for one file only. Range: 0 to 1000000. Default: 100. */
  readonly rotate: number;
  /** Full files that are kept. Range: 0 to 1000. Default: 5. */
  readonly keep: number;
}

/** Whose lines they are. */
export interface LineSource {
  /** What the lines are about, with which errors begin: `Flows` for "Flows can't go to ...". */
  readonly what: string;
  /** The plugin's package, beside which users install clients: `bricks-plugin-flow-log`. */
  readonly plugin: string;
  /** The code of errors: `X_FLOW_LOG`. */
  readonly code: ErrorCode;
  /** Message brokers that lines may go to, each with what loads its client from where the plugin is. Those that are left out are not known. */
  readonly clients?: {
    /** `() => import('@nats-io/transport-node')` */
    readonly nats?: () => Promise<unknown>;
    /** `() => import('kafkajs')` */
    readonly kafka?: () => Promise<unknown>;
  };
}

/** Where lines may go. */
export interface LineOutputs {
  /** What a text says; for `check` of a brick. @throws BricksError with what to write instead */
  readonly destinationOf: (to: string) => LineDestination;
  /** Opens where lines go. A receiver on a socket may come later. @throws BricksError */
  readonly open: (options: LineOptions, log: Logger) => Promise<LineOutput>;
}

/** Collects lines and sends them. */
export class LineOutput {
  private lines: Line[] = [];
  private sending: Promise<void> = Promise.resolve();

  constructor(private readonly receiver: LineReceiver) {}

  /** The line goes with the next flush. */
  add(line: Line): void {
    this.lines.push(line);
  }

  /**
   * Sends what was added; rejects if it can't be, and then none of it counts as sent. Waits for a receiver that is away, up to 5 s. Lines that are added meanwhile go with the next
   * flush, which may be called at once: one follows the other.
   */
  flush(): Promise<void> {
    const sent = this.sending.then(() => this.send());
    this.sending = sent.catch(() => undefined);
    return sent;
  }

  private async send(): Promise<void> {
    const { lines } = this;
    this.lines = [];
    if (lines.length > 0) await this.receiver.write(lines);
  }

  /** No more lines come; those that were not flushed are lost. */
  close(): Promise<void> {
    return this.receiver.close();
  }
}

/** For plugins whose bricks write lines: where those may go. */
export function lineOutputs({ what, plugin, code, clients = {} }: LineSource): LineOutputs {
  const brokers = new Set(Object.keys(clients));
  const places = ['a file', '- for standard output', 'unix:/PATH', 'tcp://HOST:PORT', ...(clients.nats ? ['nats://HOST:PORT/SUBJECT'] : []), ...(clients.kafka ? ['kafka://HOST:PORT/TOPIC'] : [])];
  const remedy = `Write ${places.slice(0, -1).join(', ')} or ${places[places.length - 1]}.`;
  const error = (to: string, why: string, advice: string): BricksError => new BricksError(code, `${what} can't go to "${withoutPassword(to)}": ${why}.`, advice);

  const destinationOf = (to: string): LineDestination => readDestination(to, brokers, (why) => {
    throw error(to, why, remedy);
  });

  /** A package that not every user of the plugin needs. */
  async function load<Module>(name: string, module: () => Promise<Module>): Promise<Module> {
    try {
      return await module();
    } catch (problem) {
      if (!['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes(String((problem as NodeJS.ErrnoException).code))) throw problem;
      throw new BricksError(code, `The package ${name} is not installed.`, `Install it beside ${plugin}: npm install ${name}`);
    }
  }

  async function receiver(destination: LineDestination, { rotate, keep }: LineOptions, log: Logger): Promise<LineReceiver> {
    switch (destination.kind) {
      case 'output': return new StandardOutput();
      case 'file': return LineFile.open(destination.path, rotate * 1_000_000, keep);
      case 'unix': return new LineSocket({ path: destination.path });
      case 'tcp': return new LineSocket({ host: destination.host, port: destination.port });
      case 'nats': return NatsSubject.open(await load('@nats-io/transport-node', clients.nats as () => Promise<NatsClient>), destination, log);
      case 'kafka': return KafkaTopic.open(await load('kafkajs', clients.kafka as () => Promise<KafkaClient>), destination);
    }
  }

  return {
    destinationOf,
    async open(options, log) {
      try {
        return new LineOutput(await receiver(destinationOf(options.to), options, log));
      } catch (problem) {
        if (problem instanceof BricksError) throw problem;
        throw error(options.to, (problem as Error).message, 'Check that it is there and that this program may use it.');
      }
    },
  };
}
