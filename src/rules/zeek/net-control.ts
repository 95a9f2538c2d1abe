/** Rules as Zeek's NetControl has them: records of Broker's JSON, fields in the order of their declaration, which newer versions may make longer. */
import { parseAddress, parseHardwareAddress, parsePort, parseSubnet } from '../addresses';
import { checkEntity } from '../entity-text';
import { EXPIRE_MAXIMUM, OUTPUT_MAXIMUM, PRIORITY_LIMIT, TEXT_MAXIMUM, checkModification } from '../read-rule';
import type { Entity, FlowEntity, HardwareAddress, Rule, RuleType, Subnet } from '../rule';
import { brokerError, fieldOf, listOf, quoted, secondsOf, textOf, wholeOf, type BrokerValue } from './broker-data';

const TYPES: Readonly<Record<string, RuleType>> = { DROP: 'drop', MODIFY: 'modify', REDIRECT: 'redirect', WHITELIST: 'whitelist' };

/** A rule, and by what Zeek knows it. */
export interface NetControlRule {
  readonly rule: Rule;
  readonly key: string;
}

/** @throws BricksError E_MESSAGE, E_RULE */
export function readNetControlRule(value: BrokerValue, shunts: boolean): NetControlRule {
  const fields = listOf(value, 'A rule');
  const type = TYPES[enumOf(fieldOf(fields, 0), 'The type of a rule', Object.keys(TYPES))];
  const target = enumOf(fieldOf(fields, 1), 'The target of a rule', ['FORWARD', 'MONITOR']);
  const entity = readEntity(fieldOf(fields, 2));
  const seconds = secondsOf(fieldOf(fields, 3), 'The expiry of a rule');
  const priority = wholeOf(fieldOf(fields, 4), 'The priority of a rule') ?? 0;
  const location = textOf(fieldOf(fields, 5), 'The location of a rule', 'string');
  const port = wholeOf(fieldOf(fields, 6), 'The output of a rule');
  const change = fieldOf(fields, 7);
  if (!(priority >= -PRIORITY_LIMIT && priority < PRIORITY_LIMIT)) throw brokerError(`The priority of a rule must have 32 bits, got ${priority}.`);
  if (seconds !== undefined && seconds > EXPIRE_MAXIMUM) throw brokerError(`A rule can last ${EXPIRE_MAXIMUM} seconds at most.`);
  if (type === 'redirect' && port === undefined) throw brokerError('A REDIRECT rule must have an out_port.');
  const { modification, output } = type === 'modify' ? readChange(change) : { output: type === 'redirect' ? port ?? 0 : 0 };
  if (!(output >= 0 && output <= OUTPUT_MAXIMUM)) throw brokerError(`The output of a rule must be from 0 to ${OUTPUT_MAXIMUM}, got ${output}.`);
  return {
    key: keyOf(fields),
    rule: {
      type, entity, priority, output,
      // On the monitoring path a connection is shunted: its end is still seen.
      shunt: shunts && type === 'drop' && target === 'MONITOR' && (entity.kind === 'connection' || entity.kind === 'flow'),
      ...(modification === undefined ? {} : { modification }),
      // An interval of 0 is how Zeek says that a rule stays.
      ...(seconds === undefined || seconds <= 0 ? {} : { expire: seconds }),
      ...(location === undefined || location === '' ? {} : { location: location.slice(0, TEXT_MAXIMUM) }),
    },
  };
}

/** By what Zeek knows a rule: its numeric and its textual id. @throws BricksError E_MESSAGE */
export function keyOfNetControlRule(value: BrokerValue): string {
  return keyOf(listOf(value, 'A rule'));
}

function keyOf(fields: readonly unknown[]): string {
  const id = textOf(fieldOf(fields, 8), 'The id of a rule', 'string') ?? '';
  return `${wholeOf(fieldOf(fields, 9), 'The numeric id of a rule') ?? 0}/${id.slice(0, TEXT_MAXIMUM)}`;
}

function enumOf(value: BrokerValue | undefined, what: string, names: readonly string[]): string {
  const text = textOf(value, what, 'enum-value') ?? '';
  const name = text.replace(/^NetControl::/, '');
  if (!names.includes(name)) throw brokerError(`${what} must be one of ${names.join(', ')}, got ${quoted(text)}.`);
  return name;
}

function readEntity(value: BrokerValue | undefined): Entity {
  if (value === undefined) throw brokerError('A rule must have an entity.');
  const fields = listOf(value, 'An entity');
  switch (enumOf(fieldOf(fields, 0), 'The type of an entity', ['ADDRESS', 'CONNECTION', 'FLOW', 'MAC'])) {
    case 'ADDRESS':
      return { kind: 'address', subnet: needed(subnetOf(fieldOf(fields, 3), 'The address of an entity'), 'An ADDRESS must have an ip.') };
    case 'CONNECTION':
      return readConnection(needed(fieldOf(fields, 1), 'A CONNECTION must have a conn.'));
    case 'FLOW':
      return readFlow(needed(fieldOf(fields, 2), 'A FLOW must have a flow.'));
    default:
      return { kind: 'mac', mac: needed(macOf(fieldOf(fields, 4), 'The hardware address of an entity'), 'A MAC must have a mac.') };
  }
}

function readConnection(value: BrokerValue): Entity {
  const fields = listOf(value, 'A connection');
  const from = portOf(fieldOf(fields, 1), 'The port of the originator');
  const to = portOf(fieldOf(fields, 3), 'The port of the responder');
  // Newer versions have a field for it, which is 65535 where it is not known: ports of neither TCP, UDP nor ICMP have none.
  const number = wholeOf(fieldOf(fields, 4), 'The protocol of a connection');
  const protocol = from?.protocol ?? to?.protocol ?? (number !== undefined && number >= 0 && number <= 255 ? number : undefined);
  const end = (place: number, what: string): Subnet => {
    const text = textOf(fieldOf(fields, place), what, 'address');
    return needed(text === undefined ? undefined : parseAddress(text), `${what} must be an address.`);
  };
  return checkEntity({
    kind: 'flow', source: end(0, 'The originator'), destination: end(2, 'The responder'),
    ...(from ? { sourcePort: from.port } : {}), ...(to ? { destinationPort: to.port } : {}), ...(protocol === undefined ? {} : { protocol }),
  }, true);
}

function readFlow(value: BrokerValue): Entity {
  const fields = listOf(value, 'A flow');
  const source = subnetOf(fieldOf(fields, 0), 'The source of a flow');
  const destination = subnetOf(fieldOf(fields, 2), 'The destination of a flow');
  const from = portOf(fieldOf(fields, 1), 'The source port of a flow');
  const to = portOf(fieldOf(fields, 3), 'The destination port of a flow');
  const sourceMac = macOf(fieldOf(fields, 4), 'The source of a flow');
  const destinationMac = macOf(fieldOf(fields, 5), 'The destination of a flow');
  if (from?.protocol !== undefined && to?.protocol !== undefined && from.protocol !== to.protocol) throw brokerError('The ports of a flow must be of one protocol.');
  const protocol = from?.protocol ?? to?.protocol;
  const flow: FlowEntity = {
    kind: 'flow',
    ...(source ? { source } : {}), ...(destination ? { destination } : {}), ...(from ? { sourcePort: from.port } : {}), ...(to ? { destinationPort: to.port } : {}),
    ...(protocol === undefined ? {} : { protocol }), ...(sourceMac ? { sourceMac } : {}), ...(destinationMac ? { destinationMac } : {}),
  };
  return checkEntity(flow, false);
}

function readChange(value: BrokerValue | undefined): { readonly modification: ReturnType<typeof checkModification>; readonly output: number } {
  const fields = listOf(needed(value, 'A MODIFY rule must have a mod.'), 'A modification');
  const address = (place: number): Subnet | undefined => subnetOf(fieldOf(fields, place), 'An address of a modification');
  const port = (place: number): number | undefined => {
    const number = wholeOf(fieldOf(fields, place), 'A port of a modification');
    if (number !== undefined && !(number >= 0 && number <= 65_535)) throw brokerError(`A port must be from 0 to 65535, got ${number}.`);
    return number;
  };
  const [source, sourcePort, destination, destinationPort] = [address(0), port(1), address(2), port(3)];
  const [sourceMac, destinationMac] = [macOf(fieldOf(fields, 4), 'The source of a modification'), macOf(fieldOf(fields, 5), 'The destination of a modification')];
  const modification = checkModification({
    kind: 'flow',
    ...(source ? { source } : {}), ...(destination ? { destination } : {}), ...(sourcePort === undefined ? {} : { sourcePort }), ...(destinationPort === undefined ? {} : { destinationPort }),
    ...(sourceMac ? { sourceMac } : {}), ...(destinationMac ? { destinationMac } : {}),
  });
  return { modification, output: wholeOf(fieldOf(fields, 6), 'The output of a modification') ?? 0 };
}

function subnetOf(value: BrokerValue | undefined, what: string): Subnet | undefined {
  const text = textOf(value, what, 'subnet', 'address');
  return text === undefined ? undefined : needed(parseSubnet(text), `${what} must be an address or a subnet, got ${quoted(text)}.`);
}

function portOf(value: BrokerValue | undefined, what: string): { readonly port: number; readonly protocol?: number } | undefined {
  const text = textOf(value, what, 'port');
  return text === undefined ? undefined : needed(parsePort(text), `${what} must be a port such as 80/tcp, got ${quoted(text)}.`);
}

function macOf(value: BrokerValue | undefined, what: string): HardwareAddress | undefined {
  const text = textOf(value, what, 'string');
  return text === undefined ? undefined : needed(parseHardwareAddress(text), `${what} must be a hardware address, got ${quoted(text)}.`);
}

function needed<Value>(value: Value | undefined, problem: string): Value {
  if (value === undefined) throw brokerError(problem);
  return value;
}
