/** What is done with NetControl's events, wherever they come from: rules are added and removed, and each event is answered with the rule as it came. */
import { messageOf } from '../../model/errors';
import type { ExpiredRule, RuleId } from '../rule-book';
import type { RuleDesk } from '../rule-control';
import { broker, eventMessage, eventOf, listOf, parseMessage, type BrokerEvent, type BrokerValue } from './broker-data';
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
  /** Which Zeek it is of; one that is started again counts its rules from the beginning. */
  readonly peer?: string | undefined;
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
  /** Rules of a Zeek that is gone, by what they are about: they stay until they expire, or the next one has a rule about the same. */
  private readonly former = new Map<string, RuleId>();
  private peer: string | undefined;

  /** `publish` gets the messages about what became of a rule later. */
  constructor(private readonly desk: RuleDesk, private readonly options: NetControlOptions, private readonly publish: (topic: string, message: string) => void) {
    for (const { id, note } of desk.returned) {
      if (note['desk'] !== options.name) continue;
      const { name, held } = note as unknown as { readonly name: string; readonly held: Omit<Held, 'id'> };
      const before = this.held.get(name);
      if (before) this.leave(name, before);
      this.hold(name, { ...held, id });
    }
  }

  /** To be called when a connection stands, with the name by which Zeek can be told from one that runs after it. */
  connected(peer: string): void {
    for (const [about, id] of this.former) if (!this.desk.book.has(id)) this.former.delete(about);
    for (const [key, held] of this.held) if (held.peer !== undefined && held.peer !== peer) this.leave(key, held);
    this.peer = peer;
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

  /** What is in place, for a peer that comes back. Rules may come and go while it is read. */
  *present(): Generator<string> {
    for (const { topic, plugin, number, record } of this.held.values()) yield eventMessage(topic, `NetControl::${plugin}_rule_added`, number, record, broker.string('in place'));
  }

  private add(event: BrokerEvent, plugin: string): string | undefined {
    return this.answered(event, plugin, (number, record) => {
      const { rule, key } = this.counted(() => readNetControlRule(record, this.options.shunt));
      if (this.isForAnother(rule.location)) return undefined;
      const name = `${plugin}/${key}`;
      const about = aboutOf(plugin, record);
      const same = this.held.get(name);
      if (same && aboutOf(plugin, same.record) === about) return ['exists', 'the rule is in place already'];
      if (same) this.leave(name, same);
      const held = { topic: event.topic, plugin, number, record, added: Date.now(), ...(this.peer === undefined ? {} : { peer: this.peer }) };
      this.hold(name, { ...held, id: this.desk.add(rule, { desk: this.options.name, name, held }) });
      this.end(about);
      return ['added', ''];
    });
  }

  /** Removes what a Zeek that is gone has left about it. */
  private end(about: string): void {
    const id = this.former.get(about);
    if (id === undefined) return;
    this.former.delete(about);
    if (this.desk.book.has(id)) this.desk.book.remove(id);
  }

  private remove(event: BrokerEvent, plugin: string): string | undefined {
    return this.answered(event, plugin, (_number, record) => {
      const key = `${plugin}/${this.counted(() => keyOfNetControlRule(record))}`;
      const held = this.held.get(key);
      if (!held || aboutOf(plugin, held.record) !== aboutOf(plugin, record)) {
        if (this.isForAnother(this.counted(() => readNetControlRule(record, false)).rule.location)) return undefined;
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
      answer = ['error', messageOf(error)];
    }
    return answer && eventMessage(event.topic, `NetControl::${plugin}_rule_${answer[0]}`, number, record, broker.string(answer[1]));
  }

  /** What can't be read counts as refused; what can't be put in place, the desk counts. */
  private counted<Read>(read: () => Read): Read {
    try {
      return read();
    } catch (error) {
      this.desk.book.countRefused();
      throw error;
    }
  }

  private isForAnother(location: string | undefined): boolean {
    const { names, otherNames } = this.options;
    return location !== undefined && !names.includes(location) && otherNames.includes(location);
  }

  private hold(name: string, held: Held): void {
    this.held.set(name, held);
    this.keys.set(held.id, name);
  }

  /** The rule stays, but what becomes of it is no longer reported. */
  private leave(key: string, { id, plugin, record }: Held): void {
    this.forget(key, id);
    this.former.set(aboutOf(plugin, record), id);
  }

  private forget(key: string, id: RuleId): void {
    this.held.delete(key);
    this.keys.delete(id);
  }
}

/** What a rule is about: of each type, NetControl has one rule for an entity at most. */
function aboutOf(plugin: string, record: BrokerValue): string {
  const fields = listOf(record, 'A rule');
  return JSON.stringify([plugin, fields[0], fields[2]]);
}
