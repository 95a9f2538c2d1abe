/** Finds a daemon and connects to it. */
import { connect as connectSocket, isIP, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';
import { BricksError, messageOf } from '../model/errors';
import { systemReason } from '../model/system-error';
import { formatAddress, parseAddress, socketPath, type Address, type Whereabouts } from '../protocol/address';
import { PROTOCOL_VERSION } from '../protocol/json-rpc';
import { Daemon } from './daemon';
import { readPem } from './pem-file';
import { readTokenFile } from './token-file';

/** TLS of a connection: files in PEM. */
export interface ConnectTlsOptions {
  /** Authorities, one of which has to have signed the daemon's certificate. Default: those that Node knows. */
  readonly authorities?: string | undefined;
  /** The certificate of this client, if the daemon wants one. */
  readonly certificate?: string | undefined;
  /** Its key. */
  readonly key?: string | undefined;
}

/** Which daemon to connect to. */
export interface ConnectOptions {
  /** `unix:/path`, `/path`, `HOST:PORT` or `:PORT`. Without it: the socket in the runtime directory. */
  readonly address?: string | undefined;
  /** Name of the daemon. Default: the environment variable BRICKS_NAME, or else "bricks". */
  readonly name?: string | undefined;
  /** Its runtime directory. Default: the environment variable BRICKS_RUN_DIR, or else `/run/bricks` for root and `$XDG_RUNTIME_DIR/bricks` for others. */
  readonly runDirectory?: string | undefined;
  /** Give up control: commands that change something then fail. */
  readonly readOnly?: boolean | undefined;
  /** A file with the token that the daemon wants over TCP; only its owner may be allowed to read it. */
  readonly tokenFile?: string | undefined;
  /** Use TLS, over TCP. */
  readonly tls?: ConnectTlsOptions | undefined;
}

/** Connects to a daemon. @throws BricksError E_CONTROL_ADDRESS, E_CONTROL_CONNECT, E_CONTROL_CLOSED, E_CONTROL_TLS, E_CONTROL_TOKEN, E_PERMISSION */
export async function connect(options: ConnectOptions = {}): Promise<Daemon> {
  const address = addressOf(options);
  const token = options.tokenFile === undefined ? undefined : readTokenFile(options.tokenFile);
  const daemon = new Daemon(await open(address, options.tls), formatAddress(address));
  try {
    if (token !== undefined) await daemon.call('authenticate', { token });
    const { protocol, version } = await daemon.call('daemon.information');
    if (protocol !== PROTOCOL_VERSION) {
      throw new BricksError('E_CONTROL_CONNECT', `The daemon at ${daemon.address} is Packet Bricks ${version} and speaks version ${protocol} of the protocol; this program speaks version ${PROTOCOL_VERSION}.`, 'Use the same release on both sides.');
    }
    if (options.readOnly === true) await daemon.call('restrict');
    return daemon;
  } catch (error) {
    await daemon.close();
    throw error;
  }
}

function addressOf({ address, ...where }: ConnectOptions & Whereabouts): Address {
  if (address !== undefined) return parseAddress(address);
  return { path: socketPath(where, process.env, process.getuid?.() ?? -1) };
}

function open(address: Address, tls: ConnectTlsOptions | undefined): Promise<Socket> {
  if (tls && 'path' in address) throw new BricksError('E_CONTROL_TLS', 'TLS is for TCP; a Unix socket needs none.', 'Name an address: HOST:PORT.');
  const files = tls && readTls(tls);
  return new Promise((resolve, reject) => {
    const target = 'path' in address ? { path: address.path } : { host: address.host, port: address.port, noDelay: true };
    const servername = 'host' in address && isIP(address.host) === 0 ? { servername: address.host } : {};
    const socket = files ? connectTls({ ...target, ...files, ...servername, minVersion: 'TLSv1.2' } as ConnectionOptions) : connectSocket(target as { path: string });
    const fail = (error: NodeJS.ErrnoException): void => reject(cannotConnect(address, error));
    socket.once('error', fail);
    socket.once(files ? 'secureConnect' : 'connect', () => {
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

/** @throws BricksError E_CONTROL_TLS */
function readTls({ authorities, certificate, key }: ConnectTlsOptions): ConnectionOptions {
  if ((certificate === undefined) !== (key === undefined)) throw new BricksError('E_CONTROL_TLS', 'A certificate of a client needs its key, and the other way round.', 'Give both.');
  const read = (path: string): Buffer => readPem(path, 'E_CONTROL_TLS');
  return {
    ...(authorities === undefined ? {} : { ca: read(authorities) }),
    ...(certificate === undefined || key === undefined ? {} : { cert: read(certificate), key: read(key) }),
  };
}

function cannotConnect(address: Address, error: NodeJS.ErrnoException): BricksError {
  const where = formatAddress(address);
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') return new BricksError('E_CONTROL_CONNECT', `No daemon listens on ${where}.`, 'path' in address ? 'Start one: bricks -d. If it runs elsewhere, say where: -a ADDRESS, or --name NAME.' : 'One that is to be reached over TCP is started with --listen: bricks -d --listen ADDRESS.');
  if (error.code === 'EACCES') return new BricksError('E_PERMISSION', `You may not use the daemon at ${where}.`, 'Run this as the user of the daemon, or as root.');
  if (/^ERR_(TLS|SSL|OSSL)|CERT|UNABLE_TO|SELF_SIGNED/.test(error.code ?? '')) return new BricksError('E_CONTROL_TLS', `The daemon at ${where} can't be trusted, or speaks no TLS: ${messageOf(error)}.`);
  return new BricksError('E_CONTROL_CONNECT', `The daemon at ${where} can't be reached: ${systemReason(error)}.`);
}
