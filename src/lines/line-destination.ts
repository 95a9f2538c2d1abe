/** Where lines go, as users write it. */
import { hostAndPort, type HostAndPort } from '../model/ip-address';

/** Where lines go. */
export type LineDestination = StandardDestination | PathDestination | TcpDestination | NatsDestination | KafkaDestination;

/** `-`: standard output. */
interface StandardDestination {
  /** Standard output. */
  readonly kind: 'output';
}

/** A path, or `unix:/PATH`. */
interface PathDestination {
  /** A file, or a Unix socket. */
  readonly kind: 'file' | 'unix';
  /** Where it lies. */
  readonly path: string;
}

/** `tcp://HOST:PORT` */
interface TcpDestination extends HostAndPort {
  /** A TCP socket. */
  readonly kind: 'tcp';
}

/** `nats://USER:PASSWORD@HOST:PORT,HOST:PORT/SUBJECT` */
export interface NatsDestination {
  /** A subject of NATS. */
  readonly kind: 'nats';
  /** `HOST:PORT` of each server. */
  readonly servers: readonly string[];
  /** To which lines are published. */
  readonly subject: string;
  /** Who publishes; without a password it is a token. */
  readonly user?: string;
  /** The user's password. */
  readonly password?: string;
}

/** `kafka://HOST:PORT,HOST:PORT/TOPIC` */
export interface KafkaDestination {
  /** A topic of Kafka. */
  readonly kind: 'kafka';
  /** `HOST:PORT` of each broker. */
  readonly brokers: readonly string[];
  /** To which lines are sent. */
  readonly topic: string;
}

/** Is given why a text does not say where lines go, and throws. */
type Refuse = (why: string) => never;

/** As errors show it. */
export function withoutPassword(text: string): string {
  return text.replace(/\/\/.*@/, '//...@');
}

function serverOf(server: string, refuse: Refuse): HostAndPort {
  return hostAndPort(server) ?? refuse(`"${server}" is not an address and a port`);
}

function serverList(list: string, refuse: Refuse): string[] {
  const servers = list.split(',');
  for (const server of servers) serverOf(server, refuse);
  return servers;
}

/** What a text says, where it may name brokers of these kinds. */
export function readDestination(text: string, brokers: ReadonlySet<string>, refuse: Refuse): LineDestination {
  if (text === '-') return { kind: 'output' };
  if (text.startsWith('unix:')) return { kind: 'unix', path: text.slice(5) || refuse('there is no path') };
  const [, scheme, rest] = /^([a-z+]+):\/\/(.*)$/.exec(text) ?? [];
  if (scheme === undefined) return { kind: 'file', path: text || refuse('there is no name') };
  const slash = rest.indexOf('/');
  const [place, topic] = slash < 0 ? [rest, ''] : [rest.slice(0, slash), rest.slice(slash + 1)];
  if (scheme === 'tcp') return { kind: 'tcp', ...serverOf(topic === '' ? place : refuse('a path follows'), refuse) };
  if (!brokers.has(scheme)) return refuse(`${scheme}:// is not known`);
  if (scheme === 'nats') {
    if (!/^[^\s*>.]+(\.[^\s*>.]+)*$/.test(topic)) refuse(topic === '' ? 'there is no subject' : `"${topic}" is not a subject to publish to`);
    const at = place.lastIndexOf('@');
    const [user, password] = at < 0 ? [] : place.slice(0, at).split(':', 2).map((part) => unescaped(part, refuse));
    return { kind: 'nats', servers: serverList(place.slice(at + 1), refuse), subject: topic, ...(user === undefined ? {} : { user }), ...(password === undefined ? {} : { password }) };
  }
  if (!/^[A-Za-z0-9._-]{1,249}$/.test(topic)) refuse(topic === '' ? 'there is no topic' : `"${topic}" is not a topic`);
  return { kind: 'kafka', brokers: serverList(place, refuse), topic };
}

function unescaped(text: string, refuse: Refuse): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return refuse('the user or the password has a % without two hexadecimal digits behind it; write %25');
  }
}
