/** What the servers of metrics and of the page have in common: how they listen, and how they end. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ErrorCode } from '../model/error-codes';
import { BricksError } from '../model/errors';
import { systemReason } from '../model/system-error';
import { formatAddress } from '../protocol/address';

const REQUEST_MILLISECONDS = 10_000;
const CONNECTIONS_MAXIMUM = 64;

export interface HttpListener {
  /** `http://127.0.0.1:9477` */
  readonly origin: string;
  close(): Promise<void>;
}

/** What an error says: `Cannot serve metrics on ...`, and another address to try. */
export interface ServedThing {
  readonly code: ErrorCode;
  readonly thing: string;
  readonly instead: string;
}

/** Listens on `host` and `port` (0: any that is free), and keeps no program alive. @throws BricksError with the code given */
export async function listenHttp(server: Server, host: string, port: number, { code, thing, instead }: ServedThing): Promise<HttpListener> {
  server.headersTimeout = server.requestTimeout = REQUEST_MILLISECONDS;
  server.maxConnections = CONNECTIONS_MAXIMUM;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new BricksError(code, `Cannot serve ${thing} on ${host} port ${port}: ${systemReason(error)}.`, `Choose another address: ${instead}`)));
    server.listen(port, host, () => {
      server.on('error', () => undefined); // of one connection; the others go on
      resolve();
    });
  });
  server.unref();
  const { port: bound } = server.address() as AddressInfo;
  return {
    origin: `http://${formatAddress({ host, port: bound })}`,
    close: () => new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  };
}
