/** Values as Broker's WebSocket interface writes them in JSON: `{"@data-type": "count", "data": 1}`. Hostile text gives an error, however long, deep or odd it is. */
import { BricksError } from '../../model/errors';
import { isTable } from '../../model/table';

/** A value as it came. */
export interface BrokerValue {
  readonly '@data-type': string;
  readonly data: unknown;
}

/** An event, with the message's own data beside it for the answer. */
export interface BrokerEvent {
  readonly topic: string;
  readonly name: string;
  readonly values: readonly BrokerValue[];
}

/** A message longer than this is refused: a rule takes 1 or 2 KiB. */
export const MESSAGE_BYTES_MAXIMUM = 1 << 18;
/** A peer that does not read what it is sent gets no more once so many bytes wait. */
export const BACKLOG_BYTES_MAXIMUM = 8 << 20;
const DEPTH_MAXIMUM = 24;
const VALUES_MAXIMUM = 4096;
const TOPIC_MAXIMUM = 1024;

/** How long a text may be that an error repeats. */
const QUOTED = 60;

export function brokerError(problem: string): BricksError {
  return new BricksError('E_MESSAGE', problem);
}

/** JSON, not too long and not too deep. @throws BricksError E_MESSAGE */
export function parseMessage(text: string): unknown {
  if (text.length > MESSAGE_BYTES_MAXIMUM) throw brokerError(`The message is longer than ${MESSAGE_BYTES_MAXIMUM} bytes.`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw brokerError('The message is not valid JSON.');
  }
  checkSize(parsed);
  return parsed;
}

/** Level by level, so that no depth fills the stack. */
function checkSize(parsed: unknown): void {
  let level: unknown[] = [parsed];
  let count = 0;
  // A value is an object and what is in it.
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > 2 * DEPTH_MAXIMUM) throw brokerError(`The message is nested deeper than ${DEPTH_MAXIMUM} values.`);
    const next: unknown[] = [];
    for (const value of level) {
      if (typeof value !== 'object' || value === null) continue;
      if (++count > 2 * VALUES_MAXIMUM) throw brokerError(`The message has more than ${VALUES_MAXIMUM} values.`);
      next.push(...Object.values(value).slice(0, 2 * VALUES_MAXIMUM + 1));
    }
    level = next;
  }
}

/** The event of a data message; undefined where it is one of another kind. @throws BricksError E_MESSAGE */
export function eventOf(message: unknown): BrokerEvent | undefined {
  if (!isTable(message)) throw brokerError('A message must be an object.');
  if (message['type'] !== 'data-message') throw brokerError(`A message must be of the type data-message, got ${quoted(message['type'])}.`);
  const { topic } = message;
  if (typeof topic !== 'string' || topic.length > TOPIC_MAXIMUM) throw brokerError('A data message must have a topic.');
  const parts = listOf(message as unknown as BrokerValue, 'The data of the message');
  // Format and type: 1 is an event. What stands behind it, such as metadata, is for others.
  const [format, type, body] = parts;
  if (parts.length < 3 || !isValue(format) || !isValue(type) || type.data !== 1) return undefined;
  const event = listOf(body, 'The event');
  const [name, values] = event;
  if (!isValue(name) || name['@data-type'] !== 'string' || typeof name.data !== 'string') throw brokerError('An event must have a name.');
  const list = listOf(values, 'The arguments of the event');
  if (!list.every(isValue)) throw brokerError('The arguments of an event must be values with @data-type and data.');
  return { topic, name: name.data, values: list };
}

function isValue(value: unknown): value is BrokerValue {
  return isTable(value) && typeof value['@data-type'] === 'string' && Object.hasOwn(value, 'data');
}

/** What a vector or set holds. @throws BricksError E_MESSAGE */
export function listOf(value: unknown, what: string): readonly unknown[] {
  if (!isValue(value) || (value['@data-type'] !== 'vector' && value['@data-type'] !== 'set') || !Array.isArray(value.data)) throw brokerError(`${what} must be a vector.`);
  return value.data as readonly unknown[];
}

/** A record's field by its place; undefined where it is not set, or the record is shorter. */
export function fieldOf(record: readonly unknown[], place: number): BrokerValue | undefined {
  const value = record[place];
  if (value === undefined) return undefined;
  if (!isValue(value)) throw brokerError('The fields of a record must be values with @data-type and data.');
  return value['@data-type'] === 'none' ? undefined : value;
}

/** Text of one of these types. @throws BricksError E_MESSAGE */
export function textOf(value: BrokerValue | undefined, what: string, ...types: readonly string[]): string | undefined {
  if (value === undefined) return undefined;
  if (!types.includes(value['@data-type']) || typeof value.data !== 'string') throw brokerError(`${what} must be of the type ${types.join(' or ')}, got ${quoted(value['@data-type'])}.`);
  return value.data;
}

export function wholeOf(value: BrokerValue | undefined, what: string): number | undefined {
  if (value === undefined) return undefined;
  if ((value['@data-type'] !== 'count' && value['@data-type'] !== 'integer') || typeof value.data !== 'number' || !Number.isInteger(value.data)) {
    throw brokerError(`${what} must be a count or an integer.`);
  }
  return value.data;
}

const SECONDS: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, ms: 1e-3, s: 1, min: 60, h: 3600, d: 86_400 };

/** Seconds of a timespan. @throws BricksError E_MESSAGE */
export function secondsOf(value: BrokerValue | undefined, what: string): number | undefined {
  const text = textOf(value, what, 'timespan');
  if (text === undefined) return undefined;
  const found = /^(-?\d{1,19}(?:\.\d{1,9})?)(ns|us|ms|s|min|h|d)$/.exec(text);
  if (!found) throw brokerError(`${what} must be a timespan such as 60s, got ${quoted(text)}.`);
  return Number(found[1]) * SECONDS[found[2]];
}

export const broker = {
  count: (data: number): BrokerValue => ({ '@data-type': 'count', data }),
  string: (data: string): BrokerValue => ({ '@data-type': 'string', data }),
  timespan: (seconds: number): BrokerValue => ({ '@data-type': 'timespan', data: `${Math.round(seconds * 1000)}ms` }),
  vector: (...data: readonly BrokerValue[]): BrokerValue => ({ '@data-type': 'vector', data }),
};

/** The text of a data message with an event. */
export function eventMessage(topic: string, name: string, ...values: readonly BrokerValue[]): string {
  return JSON.stringify({ type: 'data-message', topic, ...broker.vector(broker.count(1), broker.count(1), broker.vector(broker.string(name), broker.vector(...values))) });
}

export function quoted(value: unknown): string {
  const text = typeof value === 'string' ? value : String(value);
  return JSON.stringify(text.length > QUOTED ? `${text.slice(0, QUOTED)}...` : text);
}
