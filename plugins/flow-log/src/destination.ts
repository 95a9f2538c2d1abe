import { BricksError, hostAndPort, type HostAndPort } from 'packet-bricks';

/** Where lines go, as users write it. */
export type Destination =
  | { readonly kind: 'output' }
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp' } & HostAndPort
  | { readonly kind: 'nats'; readonly servers: readonly string[]; readonly subject: string; readonly user?: string; readonly password?: string }
  | { readonly kind: 'kafka'; readonly brokers: readonly string[]; readonly topic: string };

const EXAMPLES = 'Write a file, - for standard output, unix:/PATH, tcp://HOST:PORT, nats://HOST:PORT/SUBJECT or kafka://HOST:PORT/TOPIC.';

/** As errors show it. */
export function withoutPassword(text: string): string {
  return text.replace(/\/\/.*@/, '//...@');
}

function refuse(text: string, why: string): never {
  throw new BricksError('X_FLOW_LOG', `Flows can't go to "${withoutPassword(text)}": ${why}.`, EXAMPLES);
}

function serverOf(text: string, server: string): HostAndPort {
  return hostAndPort(server) ?? refuse(text, `"${server}" is not an address and a port`);
}

function serverList(text: string, list: string): string[] {
  const servers = list.split(',');
  for (const server of servers) serverOf(text, server);
  return servers;
}

/** @throws BricksError X_FLOW_LOG */
export function destinationOf(text: string): Destination {
  if (text === '-') return { kind: 'output' };
  if (text.startsWith('unix:')) return { kind: 'unix', path: text.slice(5) || refuse(text, 'there is no path') };
  const [, scheme, rest] = /^([a-z+]+):\/\/(.*)$/.exec(text) ?? [];
  if (scheme === undefined) return { kind: 'file', path: text || refuse(text, 'there is no name') };
  const slash = rest.indexOf('/');
  const [place, topic] = slash < 0 ? [rest, ''] : [rest.slice(0, slash), rest.slice(slash + 1)];
  if (scheme === 'tcp') {
    return { kind: 'tcp', ...serverOf(text, topic === '' ? place : refuse(text, 'a path follows')) };
  }
  if (scheme === 'nats') {
    if (!/^[^\s*>.]+(\.[^\s*>.]+)*$/.test(topic)) refuse(text, topic === '' ? 'there is no subject' : `"${topic}" is not a subject to publish to`);
    const at = place.lastIndexOf('@');
    const [user, password] = at < 0 ? [] : place.slice(0, at).split(':', 2).map(decodeURIComponent);
    return { kind: 'nats', servers: serverList(text, place.slice(at + 1)), subject: topic, ...(user === undefined ? {} : { user }), ...(password === undefined ? {} : { password }) };
  }
  if (scheme === 'kafka') {
    if (!/^[A-Za-z0-9._-]{1,249}$/.test(topic)) refuse(text, topic === '' ? 'there is no topic' : `"${topic}" is not a topic`);
    return { kind: 'kafka', brokers: serverList(text, place), topic };
  }
  return refuse(text, `${scheme}:// is not known`);
}
