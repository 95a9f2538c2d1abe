/** What is done with NetControl's events, wherever they come from: rules are added and removed, and each event is answered with the rule as it came. */
import { messageOf } from '../../model/errors';
import type { ExpiredRule, RuleId } from '../rule-book';
import type { RuleDesk } from '../rule-control';
import { broker, eventMessage, eventOf, parseMessage, type BrokerEvent, type BrokerValue } from './broker-data';
import { keyOfNetControlRule, readNetControlRule } from './net-control';

/** `NetControl::broker_add_rule`; plugins of other names have the same events. */
const EVENT = /^NetControl::(\w{1,64})_(add|remove)_rule$/;

/** A rule in place: who is to hear of it. */
interface Held {
  readonly id: RuleId;
  readonly topic: string;
  readonly plugin: string;
  readonly number: BrokerValue;
  readonly record: BrokerValue;
  readonly added: number;
}

export interface NetControlOptions {
  /** Which desk of a filter it is: rules that were kept return to theirs. */
  readonly name: string;
  /** Names of this filter, by which rules are meant for it. */
  readonly names: readonly string[];
  /** Names of other filters: a rule that names one of them is not for this one. */
  readonly otherNames: readonly string[];
  readonly shunt: boolean;
}

export class NetControlDesk {
  private readonly held = new Map<string, Held>();
  private readonly keys = new Map<RuleId, string>();

  /** `publish` gets the messages about what became of a rule later. */
  constructor(private readonly desk: RuleDesk, private readonly options: NetControlOptions, private readonly publish: (topic: string, message: string) => void) {
    for (const { id, note } of desk.returned) {
      if (note['desk'] !== options.name) continue;
      const { name, held } = note as unknown as { readonly name: string; readonly held: Omit<Held, 'id'> };
      this.hold(name, { ...held, id });
    }
  }

  /** The answer to a message as text, or nothing: events of others are not for us. @throws BricksError E_MESSAGE for what is not a message */
  take(text: string): string | undefined {
    return this.takeMessage(parseMessage(text));
  }

  /** The same for what `parseMessage` returned. */
  takeMessage(message: unknown): string | undefined {
    const event = eventOf(message);
    const found = event && EVENT.exec(event.name);
    if (!found) return undefined;
    return found[2] === 'add' ? this.add(event, found[1]) : this.remove(event, found[1]);
  }

  /** To be called when a rule has expired. */
  expired({ id, counts: { packets, bytes } }: ExpiredRule): void {
    const key = this.keys.get(id);
    const held = key === undefined ? undefined : this.held.get(key);
    if (key === undefined || !held) return;
    this.forget(key, id);
    const { topic, plugin, number, record, added } = held;
    const flow = broker.vector(broker.timespan((Date.now() - added) / 1000), broker.count(packets), broker.count(bytes));
    this.publish(topic, eventMessage(topic, `NetControl::${plugin}_rule_timeout`, number, record, flow));
  }

  /** What is in place, for a peer that comes back. */
  present(): string[] {
    return [...this.held.values()].map(({ topic, plugin, number, record }) => eventMessage(topic, `NetControl::${plugin}_rule_added`, number, record, broker.string('in place')));
  }

  private add(event: BrokerEvent, plugin: string): string | undefined {
    return this.answered(event, plugin, (number, record) => {
      const { rule, key } = readNetControlRule(record, this.options.shunt);
      if (this.isForAnother(rule.location)) return undefined;
      const name = `${plugin}/${key}`;
      if (this.held.has(name)) return ['exists', 'the rule is in place already'];
      const held = { topic: event.topic, plugin, number, record, added: Date.now() };
      this.hold(name, { ...held, id: this.desk.add(rule, { desk: this.options.name, name, held }) });
      return ['added', ''];
    });
  }

  private remove(event: BrokerEvent, plugin: string): string | undefined {
    return this.answered(event, plugin, (_number, record) => {
      const key = `${plugin}/${keyOfNetControlRule(record)}`;
      const held = this.held.get(key);
      if (!held) {
        if (this.isForAnother(readNetControlRule(record, false).rule.location)) return undefined;
        return ['error', 'there is no such rule'];
      }
      this.forget(key, held.id);
      // It may have gone by another way.
      if (this.desk.book.has(held.id)) this.desk.book.remove(held.id);
      return ['removed', ''];
    });
  }

  private answered(event: BrokerEvent, plugin: string, act: (number: BrokerValue, record: BrokerValue) => readonly [string, string] | undefined): string | undefined {
    const [number, record] = event.values;
    if (number === undefined || record === undefined) return eventMessage(event.topic, `NetControl::${plugin}_rule_error`, broker.string('the event lacks its arguments'));
    let answer: readonly [string, string] | undefined;
    try {
      answer = act(number, record);
    } catch (error) {
      this.desk.book.countRefused();
      answer = ['error', messageOf(error)];
    }
    return answer && eventMessage(event.topic, `NetControl::${plugin}_rule_${answer[0]}`, number, record, broker.string(answer[1]));
  }

  private isForAnother(location: string | undefined): boolean {
    const { names, otherNames } = this.options;
    return location !== undefined && !names.includes(location) && otherNames.includes(location);
  }

  private hold(name: string, held: Held): void {
    this.held.set(name, held);
    this.keys.set(held.id, name);
  }

  private forget(key: string, id: RuleId): void {
    this.held.delete(key);
    this.keys.delete(id);
  }
}

