/** Rules as people write them, in scripts, files and calls: `{ drop: '192.0.2.0/24', expire: 60 }`. Whatever is given, there is a rule or an error that says what is wrong. */
import { BricksError, namesInstead } from '../model/errors';
import { isTable } from '../model/table';
import { isSingle } from './addresses';
import { parseEntity, parseEntityFields } from './entity-text';
import type { Entity, Modification, Rule, RuleType } from './rule';

/** Each type names what it applies to; `shunt` is a DROP that lets the ends of TCP connections pass. */
const TYPES: Readonly<Record<string, RuleType>> = { drop: 'drop', whitelist: 'whitelist', redirect: 'redirect', modify: 'modify', shunt: 'drop' };
export const RULE_WORDS: readonly string[] = Object.keys(TYPES);
const KEYS = [...RULE_WORDS, 'to', 'set', 'priority', 'expire', 'location', 'id'];
export const PRIORITY_LIMIT = 2 ** 31;
/** Five years: as far as deadlines reach. */
export const EXPIRE_MAXIMUM = 157_680_000;
export const TEXT_MAXIMUM = 512;
export const OUTPUT_MAXIMUM = 65_534;

export function ruleError(problem: string, remedy = 'For example: { drop = "192.0.2.0/24", expire = 60 }.'): BricksError {
  return new BricksError('E_RULE', problem, remedy);
}

/** The rule that text without more stands for. */
export function dropOf(entity: Entity): Rule {
  return { entity, type: 'drop', priority: 0, output: 0, shunt: false };
}

/** @throws BricksError E_RULE */
export function readRule(given: unknown): Rule {
  if (typeof given === 'string') return dropOf(parseEntity(given));
  if (!isTable(given)) throw ruleError(`A rule must be a table, got ${describe(given)}.`);
  const fields: Readonly<Record<string, unknown>> = given;
  for (const key of Object.keys(fields)) {
    if (KEYS.includes(key)) continue;
    throw ruleError(`A rule has no field ${describe(key)}.`, namesInstead(key, KEYS, 'Its fields are'));
  }
  const named = RULE_WORDS.filter((name) => isGiven(fields[name]));
  if (named.length !== 1) throw ruleError(`A rule must say one of ${RULE_WORDS.join(', ')}, got ${named.length === 0 ? 'none' : named.join(' and ')}.`);
  const [name] = named;
  const type = TYPES[name];
  const modification = readModification(fields['set'], type);
  const id = text(fields, 'id');
  const location = text(fields, 'location');
  const expire = isGiven(fields['expire']) ? number(fields['expire'], 'expire', 0, EXPIRE_MAXIMUM, false) : undefined;
  return {
    entity: readEntity(fields[name]), type, shunt: name === 'shunt',
    output: readOutput(fields['to'], type),
    priority: isGiven(fields['priority']) ? number(fields['priority'], 'priority', -PRIORITY_LIMIT, PRIORITY_LIMIT - 1, true) : 0,
    ...(modification === undefined ? {} : { modification }),
    ...(expire === undefined ? {} : { expire }),
    ...(id === undefined ? {} : { id }),
    ...(location === undefined ? {} : { location }),
  };
}

function readEntity(given: unknown): Entity {
  if (typeof given === 'string') return parseEntity(given);
  if (isTable(given)) return parseEntityFields(given);
  throw ruleError(`What a rule applies to must be a string or a table, got ${describe(given)}.`);
}

function readOutput(given: unknown, type: RuleType): number {
  if (!isGiven(given)) {
    if (type === 'redirect') throw ruleError('A redirect rule must say to which output: to.', 'For example: { redirect = "192.0.2.1", to = 1 }.');
    return 0;
  }
  if (type !== 'redirect' && type !== 'modify') throw ruleError(`A ${type} rule has no output, so "to" means nothing.`);
  return number(given, 'to', 0, OUTPUT_MAXIMUM, true);
}

function readModification(given: unknown, type: RuleType): Modification | undefined {
  if (type !== 'modify') {
    if (isGiven(given)) throw ruleError(`A ${type} rule changes nothing, so "set" means nothing.`);
    return undefined;
  }
  if (!isTable(given)) throw ruleError('A modify rule must say what it sets: set.', 'For example: { modify = "192.0.2.1", set = { destination = "192.0.2.9" } }.');
  return checkModification(parseEntityFields(given));
}

/** What a flow's fields set. @throws BricksError E_RULE */
export function checkModification(fields: Entity): Modification {
  if (fields.kind !== 'flow' || fields.protocol !== undefined) throw ruleError('A modify rule sets source, destination, source_port, destination_port, source_mac or destination_mac.');
  const { source, destination, sourcePort, destinationPort, sourceMac, destinationMac } = fields;
  for (const address of [source, destination]) {
    if (address && !isSingle(address)) throw ruleError('A modify rule sets single addresses, not subnets.');
  }
  if (!source && !destination && sourcePort === undefined && destinationPort === undefined && !sourceMac && !destinationMac) throw ruleError('A modify rule must set something.');
  return {
    ...(source ? { source } : {}), ...(destination ? { destination } : {}), ...(sourcePort === undefined ? {} : { sourcePort }),
    ...(destinationPort === undefined ? {} : { destinationPort }), ...(sourceMac ? { sourceMac } : {}), ...(destinationMac ? { destinationMac } : {}),
  };
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function text(fields: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const given = fields[name];
  if (!isGiven(given)) return undefined;
  if (typeof given !== 'string' || given === '' || given.length > TEXT_MAXIMUM) throw ruleError(`A rule's ${name} must be a string of 1 to ${TEXT_MAXIMUM} characters, got ${describe(given)}.`);
  return given;
}

function number(given: unknown, name: string, least: number, most: number, whole: boolean): number {
  const value = typeof given === 'string' && given.trim() !== '' ? Number(given) : given;
  if (typeof value !== 'number' || !(value >= least && value <= most) || (whole && !Number.isInteger(value))) {
    throw ruleError(`A rule's ${name} must be ${whole ? 'an integer' : 'a number'} from ${least} to ${most}, got ${describe(given)}.`);
  }
  return value;
}

/** A value in an error, not too long. */
function describe(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}...` : value);
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object' && value !== null) return 'a table';
  return String(value);
}

