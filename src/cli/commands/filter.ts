import { readFileSync } from 'node:fs';
import { Command, Option, UsageError } from 'clipanion';
import { cascade, isInInclusiveRange, isInteger, isNumber } from 'typanion';
import { connect } from '../../client/connect';
import type { Daemon } from '../../client/daemon';
import { countText } from '../../model/count-text';
import { BricksError, nearest } from '../../model/errors';
import { systemReason } from '../../model/system-error';
import { say } from '../../program/messages';
import { RULE_WORDS } from '../../rules/read-rule';
import { ClientCommand, connectOptions } from '../client-command';
import { ruleTable, statisticsTables } from '../filter/tables';
import { sendRules, type FilterChoice } from '../filter/send-rules';

/** What can be done, and the options that go with it beside --engine, --brick and --json. */
export const ACTIONS = {
  add: ['type', 'to', 'set', 'priority', 'expire', 'id', 'location'],
  remove: ['all'],
  list: ['most'],
  load: [],
  stats: [],
} as const satisfies Readonly<Record<string, readonly (keyof FilterCommand)[]>>;
type Action = keyof typeof ACTIONS;

/** Rules of the filters of a running daemon. */
export class FilterCommand extends ClientCommand {
  static override paths = [['filter']];
  static override usage = Command.Usage({
    description: "Add, remove and list the rules of a running daemon's filters.",
    details: `
      add MATCH ... adds a rule for each MATCH and prints their ids: an address, a subnet, a hardware address, a connection ("10.0.0.1:1000 <-> 10.0.0.2:80 tcp"),
      a flow ("10.0.0.0/8 -> *:53 udp"), or a whole rule in JSON. Packets that match are dropped unless --type says otherwise. All of them are added, or none.

      remove ID ... removes rules, or all of them with --all. list prints rules with their packets and bytes.

      load FILE adds the rules of a file, or of standard input with -: one address, subnet, tuple or JSON rule a line, or a CSV block list. All of them are added, or none.

      stats shows how many rules filters hold and how many packets these decided about. Without --engine and --brick it shows all filters; the others need one of the two where several filters take rules.

      A filter takes rules with the option rules = true, or one that names a source of them. Exits with 1 if the daemon refuses, and with 2 if the command line is invalid.
    `,
    examples: [
      ['Drop a subnet for a minute', 'bricks filter add 192.0.2.0/24 --expire 60'],
      ['Pass one of its addresses nevertheless', 'bricks filter add 192.0.2.7 --type whitelist'],
      ['Send a connection to the second output', "bricks filter add '10.0.0.1:1000 <-> 10.0.0.2:80 tcp' --type redirect --to 1"],
      ['A block list', 'curl -s https://www.spamhaus.org/drop/drop_v4.json | bricks filter load -'],
      ['What there is, for a program', 'bricks filter list --json'],
    ],
  });

  engine = Option.String('--engine', { description: 'the engine of the filter, unless only one has a filter with rules' });
  brick = Option.String('--brick', { description: 'the filter, unless the engine has only one: its number, its name, or one of its outputs' });
  json = Option.Boolean('--json', false, { description: 'print JSON' });
  type = Option.String('--type', { description: `what becomes of the packets: ${RULE_WORDS.join(', ')}; drop unless set` });
  to = Option.String('--to', { description: 'the output, from 0, for redirect and modify' });
  set = Option.Array('--set', { description: 'for modify, once for each field: source, destination, source_port, destination_port, source_mac or destination_mac' });
  priority = Option.String('--priority', { description: 'rules of a larger one come first; 0 unless set' });
  expire = Option.String('--expire', { description: 'how long the rule lasts; for good unless set' });
  id = Option.String('--id', { description: 'a name to remove the rule by; otherwise it gets a number' });
  location = Option.String('--location', { description: 'a note where it belongs, kept and listed' });
  all = Option.Boolean('--all', false, { description: 'remove all rules' });
  most = Option.String('--most', { description: 'list at most so many rules, 1000 unless set', validator: cascade(isNumber(), isInteger(), isInInclusiveRange(0, 100_000)) });
  action = Option.String({ name: 'action' });
  words = Option.Rest({ name: 'match, id or file' });

  override async execute(): Promise<number> {
    const action = this.checkedAction();
    // What is wrong with the command line shows before a daemon is asked.
    const rules = action === 'add' ? this.words.map((word) => this.ruleOf(word)) : [];
    const text = action === 'load' ? readRules(this.words[0]) : '';
    const daemon = await connect(connectOptions(this));
    try {
      await this.carryOut(daemon, action, rules, text);
      return 0;
    } finally {
      await daemon.close();
    }
  }

  private async carryOut(daemon: Daemon, action: Action, rules: readonly (string | Readonly<Record<string, unknown>>)[], text: string): Promise<void> {
    const choice: FilterChoice = { name: this.engine, brick: this.brick };
    switch (action) {
      case 'add': {
        const ids = await daemon.call('filter.add', { ...choice, rules });
        this.print(ids, ids.map((id) => `${id}\n`).join(''));
        break;
      }
      case 'remove': {
        const removed = await (this.all ? daemon.call('filter.clear', choice) : daemon.call('filter.remove', { ...choice, ids: this.words }));
        this.report({ removed }, `${countText(removed, 'rule')} removed`);
        break;
      }
      case 'list': {
        const listed = await daemon.call('filter.rules', { ...choice, most: this.most });
        this.print(listed, ruleTable(listed));
        break;
      }
      case 'load': {
        const added = await sendRules(daemon, choice, text);
        this.report({ added }, `${countText(added, 'rule')} added`);
        break;
      }
      case 'stats': {
        const filters = await daemon.call('filter.statistics', choice);
        this.print(filters, statisticsTables(filters));
        break;
      }
    }
  }

  /** @throws UsageError */
  private checkedAction(): Action {
    const { action, words, all } = this;
    const names = Object.keys(ACTIONS);
    if (!Object.hasOwn(ACTIONS, action)) {
      const guess = nearest(action, names);
      throw new UsageError(`bricks filter has no command "${action}". ${guess ? `Did you mean ${guess}?` : `Its commands: ${names.join(', ')}.`}`);
    }
    const known = action as Action;
    const own: readonly string[] = ACTIONS[known];
    const other = Object.values(ACTIONS).flat().find((option) => !own.includes(option) && this[option] !== undefined && this[option] !== false);
    if (other !== undefined) throw new UsageError(`The option --${other} does not apply to ${action}.`);
    if (known === 'add' && words.length === 0) throw new UsageError('add needs what the rule matches, such as 192.0.2.0/24.');
    if (known === 'remove' && all !== (words.length === 0)) throw new UsageError(all ? 'remove takes ids, or --all, not both.' : 'remove needs the ids of rules, or --all.');
    if (known === 'load' && words.length !== 1) throw new UsageError('load needs one file, or - for standard input.');
    if ((known === 'list' || known === 'stats') && words.length > 0) throw new UsageError(`Unexpected argument "${words[0]}" for ${action}.`);
    return known;
  }

  /** A rule as the daemon takes it, which checks what it says. @throws UsageError */
  private ruleOf(word: string): Readonly<Record<string, unknown>> {
    const { type = 'drop', to, set, priority, expire, id, location } = this;
    if (word.trimStart().startsWith('{')) {
      const option = ACTIONS.add.find((one) => this[one] !== undefined);
      if (option !== undefined) throw new UsageError(`A rule in JSON says everything itself; leave out --${option}.`);
      try {
        return JSON.parse(word) as Record<string, unknown>;
      } catch {
        throw new UsageError(`The rule is not valid JSON: ${word.slice(0, 80)}.`);
      }
    }
    if (!RULE_WORDS.includes(type)) throw new UsageError(`--type must be one of ${RULE_WORDS.join(', ')}, got ${type}.`);
    if (id !== undefined && this.words.length > 1) throw new UsageError('--id names one rule; give one MATCH.');
    const fields = Object.fromEntries(Object.entries({ to, priority, expire, id, location }).filter(([, value]) => value !== undefined));
    return { [type]: word, ...fields, ...(set === undefined ? {} : { set: Object.fromEntries(set.map(fieldOf)) }) };
  }

  private print(value: unknown, text: string): void {
    this.context.stdout.write(this.json ? `${JSON.stringify(value, undefined, 2)}\n` : text);
  }

  /** What was done, where there is nothing to print. */
  private report(value: unknown, text: string): void {
    if (this.json) this.print(value, '');
    else say(text);
  }
}

/** @throws UsageError */
function fieldOf(given: string): readonly [string, string] {
  const at = given.indexOf('=');
  if (at <= 0) throw new UsageError(`--set needs FIELD=VALUE, such as destination=192.0.2.9, got ${given}.`);
  return [given.slice(0, at), given.slice(at + 1)];
}

/** @throws BricksError E_FILE */
function readRules(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw new BricksError('E_FILE', `Can't read ${file === '-' ? 'standard input' : file}: ${systemReason(error)}.`);
  }
}
