/** NetControl over TLS, with certificates made here: as a server, and as a client of Zeek's. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket, WebSocketServer } from 'ws';
import { makeCertificate } from '../support/certificates';
import { until } from '../support/loopback-engine';
import { createSharedRules } from '../../src/rules/layout';
import { RuleBook } from '../../src/rules/rule-book';
import { RuleDesk } from '../../src/rules/rule-control';
import { NetControlDesk } from '../../src/rules/zeek/net-control-desk';
import { NetControlServer, PATH } from '../../src/rules/zeek/socket-server';
import { ZeekClient } from '../../src/rules/zeek/zeek-client';

const folder = mkdtempSync(join(tmpdir(), 'bricks-zeek-tls-'));
const path = (name: string): string => join(folder, name);
const warned: string[] = [];
const log = { debug: () => undefined, info: () => undefined, warn: (text: string) => void warned.push(text), error: (text: string) => void warned.push(text) };
const END = ['-addext', 'basicConstraints=critical,CA:FALSE'];

beforeAll(() => {
  makeCertificate(folder, 'authority', undefined);
  makeCertificate(folder, 'stranger', undefined);
  makeCertificate(folder, 'server', 'authority', '-addext', 'subjectAltName=IP:127.0.0.1', ...END);
  makeCertificate(folder, 'client', 'authority', ...END);
});
afterAll(() => rmSync(folder, { recursive: true }));

function newDesk(): NetControlDesk {
  const shared = createSharedRules(10);
  return new NetControlDesk(new RuleDesk(new RuleBook(shared, 0), shared, false), { name: 'zeek', names: [], otherNames: [], shunt: false }, () => undefined);
}

test('a server with a certificate takes rules over wss from clients that trust it, and nothing in the clear', async () => {
  const server = await NetControlServer.open({ listen: '0.0.0.0:0', token: 'secret', certificate: path('server.pem'), key: path('server.key') }, newDesk(), log);
  const opened = (address: string, authority: string): Promise<WebSocket> => new Promise((resolve, reject) => {
    const socket = new WebSocket(`${address}${PATH}`, { ca: readFileSync(path(authority)), headers: { Authorization: 'Bearer secret' } });
    socket.once('open', () => resolve(socket));
    socket.once('error', reject);
  });
  try {
    const socket = await opened(`wss://127.0.0.1:${server.port}`, 'authority.pem');
    const answer = new Promise((resolve) => socket.once('message', (data) => resolve(JSON.parse(String(data)))));
    socket.send('[]');
    expect(await answer).toMatchObject({ type: 'ack' });
    socket.close();
    await expect(opened(`wss://127.0.0.1:${server.port}`, 'stranger.pem')).rejects.toThrow('certificate');
    await expect(opened(`ws://127.0.0.1:${server.port}`, 'authority.pem')).rejects.toThrow();
  } finally {
    await server.close();
  }
});

test('a client trusts Zeek by the authorities that it was given, shows its own certificate, and says why it does not connect', async () => {
  const shown: string[] = [];
  const https = createServer({ cert: readFileSync(path('server.pem')), key: readFileSync(path('server.key')), ca: readFileSync(path('authority.pem')), requestCert: true, rejectUnauthorized: true });
  const zeek = new WebSocketServer({ server: https, path: PATH });
  zeek.on('connection', (_socket, request) => shown.push(String((request.socket as TLSSocket).getPeerCertificate().subject.CN)));
  await new Promise<void>((resolve) => https.listen(0, '127.0.0.1', resolve));
  const address = `wss://127.0.0.1:${(https.address() as AddressInfo).port}${PATH}`;
  const own = { certificate: path('client.pem'), key: path('client.key') };
  const clients = [{ ca: path('authority.pem'), ...own }, { ca: path('stranger.pem'), ...own }, { ca: path('authority.pem') }].map((options) => new ZeekClient({ zeek: address, topic: 't', ...options }, newDesk(), log));
  try {
    await until(() => shown.length === 1 && warned.length >= 2);
    expect(shown).toEqual(['client']);
    expect(warned.join('\n')).toMatch(/certificate/);
  } finally {
    clients.forEach((client) => client.close());
    zeek.close();
    https.closeAllConnections();
    https.close();
  }
});
