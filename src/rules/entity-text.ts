/**
 * What a rule applies to, as text: `192.0.2.1`, `192.0.2.0/24`, `02:00:00:00:00:01`, `10.0.0.1:1000 <-> 10.0.0.2:80 tcp` (a connection, both directions),
 * `10.0.0.0/8 -> *:53 udp` (a flow, one direction), and the five fields of a tuple, `10.0.0.1 1000 10.0.0.2 80 tcp`, which is a connection too.
 */
import { formatHardwareAddress, formatProtocol, formatSubnet, isSingle, parseHardwareAddress, parseProtocol, parseSubnet } from './addresses';
import { BricksError } from '../model/errors';
import { PROTOCOL_ICMP, PROTOCOL_ICMP6, type Entity, type FlowEntity, type HardwareAddress, type Modification, type Subnet } from './rule';

const LONGEST = 256;

function entityError(problem: string): BricksError {
  return new BricksError('E_RULE', problem, 'For example: "192.0.2.0/24", "10.0.0.1:1000 <-> 10.0.0.2:80 tcp", "* -> [2001:db8::1]:53 udp", "02:00:00:00:00:01".');
}

interface End {
  readonly subnet?: Subnet;
  readonly port?: number;
}

/** @throws BricksError E_RULE */
export function parseEntity(given: string): Entity {
  const text = given.trim();
  if (text.length > LONGEST) throw entityError(`What a rule applies to must be at most ${LONGEST} characters long.`);
  const mac = parseHardwareAddress(text);
  if (mac) return { kind: 'mac', mac };
  const subnet = parseSubnet(text);
  if (subnet) return { kind: 'address', subnet };
  const arrow = /^(\S+?)\s*(<->|->)\s*(\S+)(?:\s+([a-z0-9]+))?$/.exec(withoutPortSlash(text));
  if (arrow) return between(parseEnd(arrow[1], given), parseEnd(arrow[3], given), arrow[4], arrow[2] === '<->', given);
  const fields = text.split(/[\s,;]+/);
  if (fields.length === 4 || fields.length === 5) {
    const end = (address: string, port: string): End => parseEnd(`${address.includes(':') ? `[${address}]` : address}:${port}`, given);
    return between(end(fields[0], fields[1]), end(fields[2], fields[3]), fields[4], true, given);
  }
  throw entityError(`${JSON.stringify(given)} is not an address, a subnet, a hardware address, a connection or a flow.`);
}

/** `80/tcp` at the end as `80 tcp`; the length of a subnet stays. */
function withoutPortSlash(text: string): string {
  return text.replace(/\/([a-z][a-z0-9]*)$/, ' $1');
}

function parseEnd(text: string, given: string): End {
  const found = /^(?:\[([^\]]+)\]|([^:]+)|\*)(?::(\d{1,5}|\*))?$/.exec(text);
  const whole = found ? undefined : parseSubnet(text);
  if (whole) return { subnet: whole };
  if (!found) throw entityError(`${JSON.stringify(text)} in ${JSON.stringify(given)} is not an address with a port.`);
  const address = found[1] ?? found[2] ?? '*';
  const subnet = address === '*' ? undefined : parseSubnet(address);
  if (address !== '*' && !subnet) throw entityError(`${JSON.stringify(address)} in ${JSON.stringify(given)} is not an address or a subnet.`);
  const port = found[3] === undefined || found[3] === '*' ? undefined : Number(found[3]);
  if (port !== undefined && port > 65_535) throw entityError(`${port} in ${JSON.stringify(given)} is not a port.`);
  return { ...(subnet ? { subnet } : {}), ...(port === undefined ? {} : { port }) };
}

function between(source: End, destination: End, protocolText: string | undefined, both: boolean, given: string): Entity {
  const protocol = protocolText === undefined ? undefined : parseProtocol(protocolText);
  if (protocolText !== undefined && protocol === undefined) throw entityError(`${JSON.stringify(protocolText)} in ${JSON.stringify(given)} is not a protocol.`);
  return checkEntity({
    kind: 'flow',
    ...(source.subnet ? { source: source.subnet } : {}), ...(source.port === undefined ? {} : { sourcePort: source.port }),
    ...(destination.subnet ? { destination: destination.subnet } : {}), ...(destination.port === undefined ? {} : { destinationPort: destination.port }),
    ...(protocol === undefined ? {} : { protocol }),
  }, both);
}

const FIELDS: Readonly<Record<string, string>> = {
  source: 'source', destination: 'destination', source_port: 'sourcePort', destination_port: 'destinationPort', source_mac: 'sourceMac', destination_mac: 'destinationMac', protocol: 'protocol', both: 'both',
};

/** The same from fields by their names, in the style of Lua or of JavaScript. @throws BricksError E_RULE */
export function parseEntityFields(given: Readonly<Record<string, unknown>>): Entity {
  const flow: { -readonly [Name in keyof FlowEntity]: FlowEntity[Name] } = { kind: 'flow' };
  let both = false;
  for (const [written, value] of Object.entries(given)) {
    if (value === undefined || value === null) continue;
    const name = Object.hasOwn(FIELDS, written) ? FIELDS[written] : Object.values(FIELDS).includes(written) ? written : undefined;
    switch (name) {
      case 'source': case 'destination':
        flow[name] = required(typeof value === 'string' ? parseSubnet(value) : undefined, written, value, 'an address or a subnet');
        break;
      case 'sourcePort': case 'destinationPort':
        flow[name] = required(isPort(value) ? Number(value) : undefined, written, value, 'a port');
        break;
      case 'sourceMac': case 'destinationMac':
        flow[name] = required<HardwareAddress>(typeof value === 'string' ? parseHardwareAddress(value) : undefined, written, value, 'a hardware address');
        break;
      case 'protocol':
        flow.protocol = required(parseProtocol(String(value)), written, value, 'a protocol');
        break;
      case 'both':
        if (typeof value !== 'boolean') throw entityError('The field "both" must be true or false.');
        both = value;
        break;
      default:
        throw entityError(`What a rule applies to has no field ${JSON.stringify(written.slice(0, 80))}; its fields are: ${Object.keys(FIELDS).join(', ')}.`);
    }
  }
  return checkEntity(flow, both);
}

function isPort(value: unknown): boolean {
  const number = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= 65_535;
}

function required<Value>(value: Value | undefined, name: string, given: unknown, what: string): Value {
  if (value === undefined) throw entityError(`The field "${name}" must be ${what}, got ${typeof given === 'string' ? JSON.stringify(given.slice(0, 80)) : typeof given}.`);
  return value;
}

/** A flow, or with `both` a connection, that makes sense. @throws BricksError E_RULE */
export function checkEntity(flow: FlowEntity, both: boolean): Entity {
  const { source, destination, sourcePort, destinationPort, sourceMac, destinationMac } = flow;
  if (source && destination && source.version !== destination.version) throw entityError('Source and destination must both be IPv4, or both IPv6.');
  // Each version has its own ICMP.
  const version = (source ?? destination)?.version;
  const protocol = version === 6 && flow.protocol === PROTOCOL_ICMP ? PROTOCOL_ICMP6 : flow.protocol;
  const own = protocol === undefined ? {} : { protocol };
  if (!both) return { ...flow, ...own };
  if (sourceMac || destinationMac) throw entityError('A connection has no hardware addresses; leave out "both".');
  if (!source || !destination || !isSingle(source) || !isSingle(destination)) throw entityError('Both ends of a connection must be single addresses.');
  const portless = protocol !== undefined && protocol !== 6 && protocol !== 17;
  if (!portless && (sourcePort === undefined || destinationPort === undefined)) throw entityError('Both ends of a connection must have a port.');
  return { kind: 'connection', source, sourcePort: sourcePort ?? 0, destination, destinationPort: destinationPort ?? 0, ...own };
}

/** As `parseEntity` and `parseEntityFields` take it: text, or fields where that has no form for it. */
export function givenEntity(entity: Entity): string | Readonly<Record<string, string | number>> {
  if (entity.kind !== 'flow') return formatEntity(entity);
  return { ...formatFields(entity), ...(entity.protocol === undefined ? {} : { protocol: formatProtocol(entity.protocol) }) };
}

/** Addresses and ports by the names that `parseEntityFields` has for them. */
export function formatFields({ source, destination, sourcePort, destinationPort, sourceMac, destinationMac }: Modification): Record<string, string | number> {
  return {
    ...(source ? { source: formatSubnet(source) } : {}), ...(destination ? { destination: formatSubnet(destination) } : {}),
    ...(sourcePort === undefined ? {} : { source_port: sourcePort }), ...(destinationPort === undefined ? {} : { destination_port: destinationPort }),
    ...(sourceMac ? { source_mac: formatHardwareAddress(sourceMac) } : {}), ...(destinationMac ? { destination_mac: formatHardwareAddress(destinationMac) } : {}),
  };
}

export function formatEntity(entity: Entity): string {
  switch (entity.kind) {
    case 'address':
      return formatSubnet(entity.subnet);
    case 'mac':
      return formatHardwareAddress(entity.mac);
    case 'connection':
      return `${formatEnd(entity.source, entity.sourcePort)} <-> ${formatEnd(entity.destination, entity.destinationPort)}${protocolSuffix(entity.protocol)}`;
    case 'flow': {
      const macs = [entity.sourceMac ? ` from ${formatHardwareAddress(entity.sourceMac)}` : '', entity.destinationMac ? ` to ${formatHardwareAddress(entity.destinationMac)}` : ''];
      return `${formatEnd(entity.source, entity.sourcePort)} -> ${formatEnd(entity.destination, entity.destinationPort)}${protocolSuffix(entity.protocol)}${macs.join('')}`;
    }
  }
}

function formatEnd(subnet: Subnet | undefined, port: number | undefined): string {
  const address = subnet === undefined ? '*' : formatSubnet(subnet);
  if (port === undefined) return address;
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

function protocolSuffix(protocol: number | undefined): string {
  return protocol === undefined ? '' : ` ${formatProtocol(protocol)}`;
}
