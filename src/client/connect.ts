/** Finds a daemon and connects to it. */
import { connect as connectSocket, type Socket } from 'node:net';
import { BricksError, messageOf } from '../model/errors';
import { formatAddress, parseAddress, socketPath, type Address, type Whereabouts } from '../protocol/address';
import { PROTOCOL_VERSION } from '../protocol/json-rpc';
import { Daemon } from './daemon';

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
}

/** Connects to a daemon. @throws BricksError E_CONTROL_ADDRESS, E_CONTROL_CONNECT, E_CONTROL_CLOSED */
export async function connect(options: ConnectOptions = {}): Promise<Daemon> {
  const address = addressOf(options);
  const daemon = new Daemon(await open(address), formatAddress(address));
  try {
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

function open(address: Address): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connectSocket('path' in address ? { path: address.path } : { host: address.host, port: address.port, noDelay: true });
    const fail = (error: NodeJS.ErrnoException): void => reject(cannotConnect(address, error));
    socket.once('error', fail);
    socket.once('connect', () => {
      socket.off('error', fail);
      resolve(socket);
    });
  });
}

function cannotConnect(address: Address, error: NodeJS.ErrnoException): BricksError {
  const where = formatAddress(address);
  if (error.code === 'ENOENT' || error.code === 'ECONNREFUSED') return new BricksError('E_CONTROL_CONNECT', `No daemon listens on ${where}.`, 'Start one: bricks -d. If it runs elsewhere, say where: -a ADDRESS, or --name NAME.');
  if (error.code === 'EACCES') return new BricksError('E_PERMISSION', `You may not use the daemon at ${where}.`, 'Run this as the user of the daemon, or as root.');
  return new BricksError('E_CONTROL_CONNECT', `The daemon at ${where} can't be reached: ${messageOf(error)}.`);
}
