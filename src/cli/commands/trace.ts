import { Command, Option, UsageError } from 'clipanion';
import { connect } from '../../client/connect';
import { say } from '../../program/messages';
import type { TrailText } from '../../protocol/commands/watch';
import { packetLine, timeText } from '../../watch/packet-line';
import type { TraceStep } from '../../watch/watch-plan';
import { ClientCommand, connectOptions } from '../client-command';
import { WatchEnd } from '../watch-end';

/** Shows the way of packets through an engine. */
export class TraceCommand extends ClientCommand {
  static override paths = [['trace']];
  static override usage = Command.Usage({
    description: 'Show the way of the next packets through a running engine: what each brick decided, and why.',
    details: `
      Follows the next N packets that match FILTER, an expression as tcpdump takes it, from the link they come from to where they are sent or dropped, also those
      that a brick copies or holds back for a while. Each brick says why it decided as it did, if it can.

      Nothing in the engine changes, and no other packet is affected. Ctrl-C ends it.
    `,
    examples: [
      ['The next packet', 'bricks trace 1'],
      ['Where a connection goes', "bricks trace 3 'host 192.0.2.1 and tcp port 80'"],
      ['Fragments that come from eth3', "bricks trace 10 --from eth3 'ip[6:2] & 0x3fff != 0'"],
    ],
  });

  number = Option.String({ name: 'n' });
  filter = Option.Rest({ name: 'filter' });
  from = Option.String('--from', { description: 'follow packets from this link only' });
  engine = Option.String('--engine', { description: 'the engine, where there are several' });
  json = Option.Boolean('--json', false, { description: 'print one JSON object a packet' });

  override async execute(): Promise<number> {
    const count = Number(this.number);
    if (!Number.isInteger(count) || count < 1 || count > 10_000) throw new UsageError(`bricks trace ${this.number}: the number of packets must be an integer from 1 to 10000.`);
    const daemon = await connect(connectOptions(this));
    try {
      const watch = new WatchEnd(daemon, this.engine);
      let begun = '';
      await daemon.listen('trace', { count, source: this.from, engine: this.engine, filter: this.filter.length > 0 ? this.filter.join(' ') : undefined }, (news) => {
        if (news.begun !== undefined) {
          begun = news.begun;
          watch.begun = true;
          say(`trace of engine ${begun}; Ctrl-C ends it`);
        }
        if (news.trail) this.context.stdout.write(this.json ? `${JSON.stringify({ engine: begun, ...news.trail })}\n` : trailText(news.trail));
        if (news.ended !== undefined) watch.end(news);
      });
      return await watch.exitCode();
    } finally {
      await daemon.close();
    }
  }
}

/** A line for the packet, and one for each step. */
function trailText({ number, seconds, nanoseconds, linkType, wireLength, head, steps, complete }: TrailText): string {
  const packet = packetLine({ bytes: Buffer.from(head, 'base64'), wireLength, seconds, nanoseconds, linkType });
  const names = steps.map(({ brick, link }) => brick ?? link ?? '');
  const width = Math.max(...names.map((name) => name.length));
  const lines = steps.map((step, index) => `  ${names[index].padEnd(width)}  ${stepText(step)}`);
  return [`packet ${number}, ${timeText(seconds, nanoseconds)}: ${packet}`, ...lines, ...(complete ? [] : [`  ${'...'.padEnd(width)}  not followed any further`]), ''].join('\n');
}

function stepText({ verdict, outputs = [], reason, likely, explanation }: TraceStep): string {
  const to = outputs.map(({ output, link }) => `[${output}] ${link}`).join(', ');
  const decided = reason === undefined ? verdict : `${verdict} (${reason}${likely ? ', or another of its batch was' : ''})`;
  const what = verdict === 'passed' ? `-> ${to}` : verdict === 'released' ? `released -> ${to}` : decided;
  return explanation === undefined ? what : `${what}: ${explanation}`;
}
