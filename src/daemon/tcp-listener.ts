/** Listens on TCP, with what protects it: TLS and client certificates, tokens, or, on loopback, the system's word on who a client is. */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type Server as TlsServer, type TlsOptions } from 'node:tls';
import { readPem } from '../client/pem-file';
import { BricksError, messageOf } from '../model/errors';
import { systemReason } from '../model/system-error';
import { formatAddress, isLoopback } from '../protocol/address';
import type { Access } from '../protocol/declare';
import { isOwn } from './tcp-owner';
import { tokenCheck, type TokenCheck } from './tokens';

export interface TcpOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  /** The most that clients over TCP may do. Default: "control". */
  readonly access?: Access | undefined;
  /** Files with a token that gives control, and with one that allows reading. */
  readonly tokenFile?: string | undefined;
  readonly readTokenFile?: string | undefined;
  /** Files in PEM: the daemon's certificate and key. */
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  /** File in PEM: authorities, one of which has to have signed the certificate of a client. */
  readonly clientAuthorities?: string | undefined;
}

/** What is known of a client when it comes. */
export interface Newcomer {
  /** For the log. */
  readonly from: string;
  /** What it may do; absent where it has to show a token first. */
  readonly access?: Access;
  readonly token?: TokenCheck;
}

const HANDSHAKE_MILLISECONDS = 10_000;

export interface TcpListener {
  readonly server: Server;
  readonly address: string;
  readonly port: number;
}

/** `take` gets each client, `refuse` one that may not come in. @throws BricksError E_CONTROL_ADDRESS, E_CONTROL_TOKEN, E_CONTROL_TLS */
export async function listenOnTcp(options: TcpOptions, take: (socket: Socket, newcomer: Newcomer) => void, refuse: (socket: Socket, from: string) => void, log: (text: string) => void): Promise<TcpListener> {
  const { host, port, access = 'control' } = options;
  const where = formatAddress({ host, port });
  const token = tokenCheck({ control: options.tokenFile, read: options.readTokenFile });
  const tls = tlsOptions(options);
  const certified = tls?.ca !== undefined;
  if (!isLoopback(host) && !(tls && (certified || token))) {
    throw new BricksError('E_CONTROL_ADDRESS', `The daemon does not listen on ${where} without protection: other machines can reach it.`, 'Give it a certificate (--tls-cert, --tls-key), and a token (--token-file) or the authority of client certificates (--tls-ca); or use 127.0.0.1.');
  }
  const capped: TokenCheck | undefined = token && ((text) => {
    const given = token(text);
    return given && (access === 'read' ? 'read' : given);
  });
  const welcome = (socket: Socket): void => {
    // Without its port: the log counts messages that repeat.
    const from = socket.remoteAddress ?? 'an address that is gone';
    socket.setNoDelay(true);
    if (capped) return take(socket, { from, token: capped });
    if (certified) return take(socket, { from, access });
    // Nothing is read, so nothing carried out, before it is known who writes it.
    void isOwn(socket).then((own) => (own ? take(socket, { from, access }) : refuse(socket, from)));
  };
  const server = tls
    ? tlsServer({ ...tls, allowHalfOpen: true }, welcome).on('tlsClientError', (error, socket) => log(`a client at ${socket.remoteAddress ?? '?'} was refused: ${messageOf(error)}`))
    : createServer({ allowHalfOpen: true }, welcome);
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => reject(new BricksError('E_CONTROL_ADDRESS', `The daemon can't listen on ${where}: ${systemReason(error)}.`)));
    server.listen(port, host, resolve);
  });
  const bound = server.address() as AddressInfo;
  if (isLoopback(host) && !isLoopback(bound.address)) {
    server.close();
    throw new BricksError('E_CONTROL_ADDRESS', `${host} is ${bound.address} here, which other machines can reach.`, 'Use 127.0.0.1.');
  }
  return { server, address: formatAddress({ host: bound.address, port: bound.port }), port: bound.port };
}

/** @throws BricksError E_CONTROL_TLS */
function tlsServer(options: TlsOptions, welcome: (socket: Socket) => void): TlsServer {
  try {
    return createTlsServer(options, welcome);
  } catch (error) {
    throw new BricksError('E_CONTROL_TLS', `The certificate, its key or the authorities of clients can't be used: ${messageOf(error)}.`);
  }
}

/** @throws BricksError E_CONTROL_TLS */
function tlsOptions({ certificate, key, clientAuthorities }: TcpOptions): TlsOptions | undefined {
  if (certificate === undefined && key === undefined && clientAuthorities === undefined) return undefined;
  if (certificate === undefined || key === undefined) throw new BricksError('E_CONTROL_TLS', 'TLS needs both a certificate and its key.', 'Give both: --tls-cert FILE --tls-key FILE.');
  const read = (path: string): Buffer => readPem(path, 'E_CONTROL_TLS');
  return {
    cert: read(certificate), key: read(key), minVersion: 'TLSv1.2', handshakeTimeout: HANDSHAKE_MILLISECONDS,
    ...(clientAuthorities === undefined ? {} : { ca: read(clientAuthorities), requestCert: true, rejectUnauthorized: true }),
  };
}
