/** Where a daemon listens, and where a client looks for it: said once for both. */
import { join } from 'node:path';
import { BricksError } from '../model/errors';
import { hostAndPort, type HostAndPort } from '../model/ip-address';

export type TcpAddress = HostAndPort;

export type Address = { readonly path: string } | TcpAddress;

const DEFAULT_NAME = 'bricks';
const LOOPBACK = '127.0.0.1';
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

export interface Whereabouts {
  /** Name of the daemon; default: BRICKS_NAME, or else "bricks". */
  readonly name?: string | undefined;
  /** Runtime directory; default: BRICKS_RUN_DIR, or else that of the user. */
  readonly runDirectory?: string | undefined;
}

/** @throws BricksError E_CONTROL_ADDRESS */
export function daemonName({ name }: Whereabouts, environment: NodeJS.ProcessEnv): string {
  const wanted = name ?? (environment['BRICKS_NAME'] || DEFAULT_NAME);
  if (!NAME.test(wanted)) throw new BricksError('E_CONTROL_ADDRESS', `The name of a daemon is ${JSON.stringify(wanted)}; it must be made of letters, digits, ".", "_" and "-", at most 64.`);
  return wanted;
}

/** Where daemons of this user have their files. @throws BricksError E_CONTROL_ADDRESS where a user other than root has none */
export function runDirectory({ runDirectory: given }: Whereabouts, environment: NodeJS.ProcessEnv, user: number): string {
  const said = given ?? environment['BRICKS_RUN_DIR'];
  if (said) return said;
  if (user === 0) return '/run/bricks';
  const own = environment['XDG_RUNTIME_DIR'];
  if (!own) throw new BricksError('E_CONTROL_ADDRESS', 'There is no runtime directory: XDG_RUNTIME_DIR is not set.', 'Name one: --run-dir DIRECTORY, or BRICKS_RUN_DIR.');
  return join(own, 'bricks');
}

/** The socket of the daemon of this name. */
export function socketPath(where: Whereabouts, environment: NodeJS.ProcessEnv, user: number): string {
  return join(runDirectory(where, environment, user), `${daemonName(where, environment)}.sock`);
}

/** `unix:/path`, `/path`, `./path`, `HOST:PORT`, `[HOST]:PORT`, `:PORT`. @throws BricksError E_CONTROL_ADDRESS */
export function parseAddress(text: string): Address {
  if (text.startsWith('unix:') && text.length > 5) return { path: text.slice(5) };
  if (text.startsWith('/') || text.startsWith('./') || text.startsWith('../')) return { path: text };
  const address = tcpAddress(text);
  if (!address) throw new BricksError('E_CONTROL_ADDRESS', `${JSON.stringify(text)} is not an address.`, 'Write unix:/path/to/socket, /path/to/socket, HOST:PORT, [IPv6]:PORT or :PORT.');
  return address;
}

/** `HOST:PORT`, `[HOST]:PORT`, `:PORT`; nothing for all else. Who listens may leave the port to the system: 0. */
export function tcpAddress(text: string, lowestPort: 0 | 1 = 1): TcpAddress | undefined {
  return hostAndPort(text.startsWith(':') ? `${LOOPBACK}${text}` : text, lowestPort);
}

export function formatAddress(address: Address): string {
  if ('path' in address) return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

/** Whether only programs of this machine reach it. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127(?:\.\d{1,3}){3}$/.test(host);
}
