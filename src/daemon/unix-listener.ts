/** Listens on a Unix socket. */
import { chmodSync, chownSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { BricksError } from '../model/errors';
import { systemReason } from '../model/system-error';

/** What the name of a Unix socket may have, in bytes: beyond that systems cut it off. */
const SOCKET_PATH_BYTES = 103;

/** Takes over a socket that a daemon has left which was killed. @throws BricksError E_CONTROL_ADDRESS, E_DAEMON_RUNNING */
export async function listenOnSocket(path: string, group: number | undefined, take: (socket: Socket) => void): Promise<Server> {
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES) throw new BricksError('E_CONTROL_ADDRESS', `The socket ${path} can't be made: its path is longer than ${SOCKET_PATH_BYTES} bytes.`, 'Name a shorter runtime directory: --run-dir DIRECTORY.');
  const server = createServer({ allowHalfOpen: true }, take);
  try {
    await listen(server, path, group);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cannotListen(path, error);
    if (await somebodyListens(path)) throw new BricksError('E_DAEMON_RUNNING', `Another daemon listens on ${path}.`, 'Stop it first, or give this one another name: --name NAME.');
    unlinkSync(path);
    await listen(server, path, group).catch((again: unknown) => { throw cannotListen(path, again); });
  }
  return server;
}

/** Makes the socket so that at no moment others may use it. */
async function listen(server: Server, path: string, group: number | undefined): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    const before = process.umask(0o177);
    try {
      server.listen(path, () => {
        server.off('error', reject);
        resolve();
      });
    } finally {
      process.umask(before);
    }
  });
  if (group !== undefined) chownSync(path, process.geteuid?.() ?? -1, group);
  chmodSync(path, group === undefined ? 0o600 : 0o660);
}

function cannotListen(path: string, error: unknown): BricksError {
  return new BricksError('E_CONTROL_ADDRESS', `The socket ${path} can't be made: ${systemReason(error)}.`);
}

/** Whether the socket is one that somebody has left behind. */
function somebodyListens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}
