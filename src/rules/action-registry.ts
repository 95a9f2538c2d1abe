/** What rules do, each kind of it once: rules of a block list share one entry. */
import { BricksError } from '../model/errors';
import {
  ACTIONS_MAXIMUM, ACTION_KEY, ACTION_OUTPUT_SHIFT, ACTION_PARTS, ACTION_PRIORITY, ACTION_SHUNT, ACTION_WHAT, ACTION_WORDS, CONTROL_SHUNTS, KEY_DESTINATION, KEY_MACS, KEY_PORTS, KEY_SOURCE,
  PART_DESTINATION, PART_DESTINATION_MAC, PART_DESTINATION_PORT, PART_SOURCE, PART_SOURCE_MAC, PART_SOURCE_PORT,
} from './layout';
import { NumberPool, type ReaderPassage } from './reader-passage';
import { RULE_TYPES, type Action, type Modification } from './rule';
import type { RuleViews } from './rule-views';

interface Entry {
  readonly action: Action;
  readonly text: string;
  count: number;
}

export class ActionRegistry {
  private readonly numbers: NumberPool;
  private readonly byText = new Map<string, number>();
  private readonly entries: (Entry | undefined)[] = [];
  /** What was asked for last. */
  private last = 0;

  constructor(private readonly views: RuleViews, passage: ReaderPassage) {
    this.numbers = new NumberPool(ACTIONS_MAXIMUM, passage);
  }

  /** @throws BricksError E_RULES_LIMIT */
  enter({ type, priority, output, modification, shunt }: Action): number {
    // Most rules of a list do the same.
    const last = this.entries[this.last];
    if (last && modification === undefined && isPlain(last.action, type, priority, output, shunt)) {
      last.count++;
      return this.last;
    }
    const text = modification === undefined ? `${type} ${priority} ${output} ${shunt}` : JSON.stringify([type, priority, output, shunt, modification]);
    let number = this.byText.get(text) ?? 0;
    if (number === 0) {
      number = this.numbers.take();
      if (number === 0) throw new BricksError('E_RULES_LIMIT', `Rules do ${ACTIONS_MAXIMUM} different things already (type, priority, output and modification).`, 'Use fewer different priorities.');
      const action: Action = { type, priority, output, shunt, ...(modification === undefined ? {} : { modification }) };
      this.write(number, action);
      if (shunt) Atomics.add(this.views.control, CONTROL_SHUNTS, 1);
      this.byText.set(text, number);
      this.entries[number] = { action, text, count: 0 };
    }
    (this.entries[number] as Entry).count++;
    this.last = number;
    return number;
  }

  leave(number: number): void {
    const entry = this.entries[number];
    if (!entry || --entry.count > 0) return;
    this.byText.delete(entry.text);
    if (entry.action.shunt) Atomics.sub(this.views.control, CONTROL_SHUNTS, 1);
    this.entries[number] = undefined;
    this.numbers.giveUp(number);
  }

  /** A rule refers to it: it is there. */
  actionOf(number: number): Action {
    return (this.entries[number] as Entry).action;
  }

  private write(number: number, { type, priority, output, shunt, modification }: Action): void {
    const { actions } = this.views;
    const begin = number * ACTION_WORDS;
    actions.fill(0, begin, begin + ACTION_WORDS);
    actions[begin + ACTION_WHAT] = RULE_TYPES.indexOf(type) | (shunt ? ACTION_SHUNT : 0) | (output << ACTION_OUTPUT_SHIFT);
    actions[begin + ACTION_PRIORITY] = priority;
    if (modification) writeModification(actions, begin, modification);
  }
}

function isPlain(action: Action, type: Action['type'], priority: number, output: number, shunt: boolean): boolean {
  return action.type === type && action.priority === priority && action.output === output && action.shunt === shunt && action.modification === undefined;
}

function writeModification(actions: Int32Array, begin: number, change: Modification): void {
  // Words 1 to 12 of a key, from ACTION_KEY on.
  const at = begin + ACTION_KEY - KEY_SOURCE;
  let parts = 0;
  if (change.source) {
    parts |= PART_SOURCE | (change.source.version << 8);
    change.source.words.forEach((word, index) => { actions[at + KEY_SOURCE + index] = word; });
  }
  if (change.destination) {
    parts |= PART_DESTINATION | (change.destination.version << 8);
    change.destination.words.forEach((word, index) => { actions[at + KEY_DESTINATION + index] = word; });
  }
  if (change.sourcePort !== undefined) parts |= PART_SOURCE_PORT;
  if (change.destinationPort !== undefined) parts |= PART_DESTINATION_PORT;
  actions[at + KEY_PORTS] = ((change.sourcePort ?? 0) << 16) | (change.destinationPort ?? 0);
  const [sourceHigh, sourceLow] = change.sourceMac ?? [0, 0];
  const [destinationHigh, destinationLow] = change.destinationMac ?? [0, 0];
  if (change.sourceMac) parts |= PART_SOURCE_MAC;
  if (change.destinationMac) parts |= PART_DESTINATION_MAC;
  actions[at + KEY_MACS] = destinationHigh;
  actions[at + KEY_MACS + 1] = (destinationLow << 16) | (sourceHigh >>> 16);
  actions[at + KEY_MACS + 2] = (sourceHigh << 16) | sourceLow;
  actions[begin + ACTION_PARTS] = parts;
}
