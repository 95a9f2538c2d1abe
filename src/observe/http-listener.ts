/** What the servers of metrics and of the page have in common: how they listen, and how they end. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BricksError } from '../model/errors';
import { systemReason } from '../model/system-error';
import { formatAddress } from '../protocol/address';

const REQUEST_MILLISECONDS = 10_000;
const CONNECTIONS_MAXIMUM = 64;

export interface HttpListener {
  /** `http://127.0.0.1:9477` */
  readonly origin: string;
  close(): Promise<void>;
}

/** Listens on `host` and `port` (0: any that is free), and keeps no program alive. @throws BricksError: what `failed` makes of the reason */
export async function listenHttp(server: Server, host: string, port: number, failed: (reason: string) => BricksError): Promise<HttpListener> {
  server.headersTimeout = server.requestTimeout = REQUEST_MILLISECONDS;
  server.maxConnections = CONNECTIONS_MAXIMUM;
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(failed(systemReason(error))));
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
