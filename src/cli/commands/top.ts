import { Command, Option, UsageError } from 'clipanion';
import { cascade, isEnum, isInInclusiveRange, isNumber } from 'typanion';
import { connect } from '../../client/connect';
import { SORT_ORDERS, VIEWS } from '../../top/choices';
import { ClientCommand, connectOptions } from '../client-command';
import { loadTop } from '../seldom';

/** Shows what a daemon's engines do, again and again. */
export class TopCommand extends ClientCommand {
  static override paths = [['top']];
  static override usage = Command.Usage({
    description: 'Watch the engines of a running daemon: rates, load, drops, rings and readers.',
    details: `
      Fills the terminal and shows all engines, links, bricks, readers of pipes and drops, each drop with what to do about it. The bottom line shows the keys; h explains them.
      Rates are those of the last second, or, with the key t, of the last ten.

      Where standard output is not a terminal it prints one look as text. --json and --csv print a look each time until a signal ends it, one line or one line for each value; with --once only one.

      Exits with 1 if no daemon can be reached, or if it ends meanwhile. NO_COLOR or --no-color switches colours off.
    `,
    examples: [
      ['Watch the daemon', 'bricks top'],
      ['Which outputs lose packets', 'bricks top --view links --sort drops'],
      ['One look, for a report', 'bricks top --once > report.txt'],
      ['A line of JSON every ten seconds', 'bricks top --json --seconds 10 >> sensor.json'],
    ],
  });

  once = Option.Boolean('--once', false, { description: 'print one look and end' });
  json = Option.Boolean('--json', false, { description: 'print each look as a line of JSON: the time, and the statistics of all engines' });
  csv = Option.Boolean('--csv', false, { description: 'print each look as CSV: time, table, engine, name, field, value' });
  seconds = Option.String('--seconds', { description: 'look so often, every second unless set', validator: cascade(isNumber(), isInInclusiveRange(0.1, 3600)) });
  view = Option.String('--view', { description: `begin with one table: ${VIEWS.join(', ')}`, validator: isEnum(VIEWS) });
  sort = Option.String('--sort', { description: `begin sorted by ${SORT_ORDERS.slice(1, -1).join(', ')} (load and fill) or ${SORT_ORDERS.at(-1)}`, validator: isEnum(SORT_ORDERS) });
  filter = Option.String('--filter', { description: 'show only rows with this text' });
  color = Option.Boolean('--color', { description: 'use colours; --no-color, or the variable NO_COLOR, switches them off' });

  override async execute(): Promise<number> {
    if (this.json && this.csv) throw new UsageError('Use only one of --json and --csv.');
    const stdout = this.context.stdout as Partial<NodeJS.WriteStream> & NodeJS.WritableStream;
    const isTerminal = stdout.isTTY === true;
    const format = this.json ? 'json' : this.csv ? 'csv' : this.once || !isTerminal ? 'text' : 'screen';
    const daemon = await connect({ ...connectOptions(this), readOnly: true });
    try {
      await loadTop().runTop(daemon, {
        format,
        once: this.once || format === 'text',
        seconds: this.seconds ?? 1,
        colours: this.color ?? (process.env['NO_COLOR'] ?? '') === '',
        chosen: { ...(this.view && { view: this.view }), ...(this.sort && { sort: this.sort }), ...(this.filter !== undefined && { filter: this.filter }) },
        width: (isTerminal ? stdout.columns : Number(process.env['COLUMNS'])) || Infinity,
        write: (text) => void stdout.write(text),
      });
      return 0;
    } finally {
      await daemon.close();
    }
  }
}
