/** Serves the page: `bricks --web ADDRESS`. It only shows; nothing can be changed by it unless `--web-control` says so. */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { startTap } from '../daemon/commands/watch';
import { BricksError, isBricksError, messageOf } from '../model/errors';
import { packageVersion } from '../native/load-addon';
import type { TapNews } from '../protocol/commands/watch';
import { tapLine } from '../watch/tap-text';
import { isLoopback } from '../protocol/address';
import { listenHttp } from './http-listener';
import { WebAccess } from './web-access';
import { WebControl, type WebLog, type WebOperator } from './web-control';
import { WebFeed, type WebEngines } from './web-feed';
import { readBody, refuse, sendJson } from './web-http';
import type { WebGraphs, WebPackets } from './web-messages';

/** Unless set. */
export const WEB_PORT = 9_478;
const LOOK_MILLISECONDS = 1000;
const TAPS_MAXIMUM = 8;
/** What a page is shown of a tap: more nobody reads. */
const TAP_RATE = 50;
const TAP_SNAP = 192;
/** A page that does not read is sent nothing new. */
const UNREAD_MOST = 256 << 10;

const FILES: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  '/': { file: 'index.html', type: 'text/html; charset=utf-8' },
  '/page.js': { file: 'page.js', type: 'text/javascript; charset=utf-8' },
  '/page.css': { file: 'page.css', type: 'text/css; charset=utf-8' },
};
/** Nothing from elsewhere, nothing in the page's text is run, and no other site shows it in a frame. */
const HEADERS = {
  'Content-Security-Policy': "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

export interface WebServer {
  /** `http://127.0.0.1:9478/` */
  readonly url: string;
  close(): Promise<void>;
}

export interface WebSettings {
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  /** What everybody has to show who is not on this machine; on an address that others reach it is a must. */
  readonly token?: string | undefined;
  /** Who shows this token may control; without it nobody may. */
  readonly control?: { readonly token: string; readonly operator: WebOperator; readonly log: WebLog } | undefined;
  /** Where the files of the page are; beside the program unless set. */
  readonly folder?: string;
}

/** @throws BricksError E_WEB */
export async function serveWeb({ host, port, token, control, folder = join(__dirname, '..', 'web') }: WebSettings, engines: WebEngines): Promise<WebServer> {
  if (control && !isLoopback(host)) {
    throw new BricksError('E_WEB', `The page cannot control anything on ${host}: the token would cross the network unencrypted.`, 'Serve it on 127.0.0.1, and reach it through SSH (ssh -L 9478:127.0.0.1:9478 SENSOR) or a proxy that speaks TLS.');
  }
  if (control && control.token === token) throw new BricksError('E_WEB', 'The tokens of --web-token-file and --web-control are the same: whoever may see the page could control the daemon.', 'Make another one: (umask 077; openssl rand -hex 32 > FILE)');
  if (token === undefined && !isLoopback(host)) {
    throw new BricksError('E_WEB', `The page would be shown to everybody who reaches ${host}, with packets in it.`, 'Give it a token: --web-token-file FILE; or serve it on 127.0.0.1.');
  }
  const access = new WebAccess(host, { read: token, control: control?.token });
  const site = new Site(access, control && new WebControl(access, control.operator, control.log), new WebFeed(engines), engines, folder);
  const server = createServer((request, response) => void site.answer(request, response));
  const { origin, close } = await listenHttp(server, host, port, (reason) => new BricksError('E_WEB', `Cannot serve the page on ${host} port ${port}: ${reason}.`, 'Choose another address: --web 127.0.0.1:9479'));
  return {
    url: `${origin}/`,
    close: () => {
      site.close();
      return close();
    },
  };
}

class Site {
  private readonly listeners = new Set<ServerResponse>();
  private readonly timer: NodeJS.Timeout;
  private graphs = '';
  private taps = 0;

  constructor(private readonly access: WebAccess, private readonly control: WebControl | undefined, private readonly feed: WebFeed, private readonly engines: WebEngines, private readonly folder: string) {
    this.look();
    this.timer = setInterval(() => this.look(), LOOK_MILLISECONDS).unref();
  }

  close(): void {
    clearInterval(this.timer);
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    const { access, control } = this;
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://page');
    if (!access.isOwnName(request.headers.host) || access.isOtherSite(request)) {
      refuse(response, 403, 'Open this page by its address.');
    } else if (request.method === 'POST' && pathname === '/login') {
      await this.logIn(request, response);
    } else if (control && pathname === '/control' && (request.method === 'POST' || request.method === 'GET')) {
      await control.answer(request, response);
    } else if (request.method !== 'GET') {
      this.refuseMethod(pathname, response);
    } else if (!await access.isAllowed(request)) {
      if (!access.hasToken) refuse(response, 403, 'This page is for the user who runs the engines, and for root.');
      else this.send(response, pathname === '/page.css' ? '/page.css' : pathname === '/' ? 'login.html' : undefined, 401);
    } else {
      this.show(pathname, searchParams, response);
    }
  }

  private refuseMethod(path: string, response: ServerResponse): void {
    const posts = path === '/login' || (path === '/control' && this.control !== undefined);
    response.setHeader('Allow', path === '/login' ? 'POST' : posts ? 'GET, POST' : 'GET');
    if (path === '/control' && !posts) refuse(response, 405, 'This page can only be read: the daemon was started without --web-control.');
    else if (posts) refuse(response, 405, path === '/login' ? 'Send the token by POST.' : 'Send commands by POST; GET lists them.');
    else refuse(response, 405, 'This can only be read: use GET.');
  }

  private show(path: string, query: URLSearchParams, response: ServerResponse): void {
    if (path === '/events') this.follow(response);
    else if (path === '/tap') this.tap(query, response);
    else if (path === '/history') this.history(query, response);
    else this.send(response, Object.hasOwn(FILES, path) ? path : undefined, 200);
  }

  private send(response: ServerResponse, path: string | undefined, status: number): void {
    if (path === undefined) {
      refuse(response, status === 401 ? 401 : 404, status === 401 ? 'A token is needed.' : 'There is nothing here.');
      return;
    }
    const { file, type } = FILES[path] ?? { file: path, type: 'text/html; charset=utf-8' };
    response.writeHead(path === '/page.css' ? 200 : status, { 'Content-Type': type }).end(readFileSync(join(this.folder, file)));
  }

  private async logIn(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const token = new URLSearchParams(await readBody(request)).get('token') ?? '';
    if (!this.access.isToken(token)) {
      this.send(response, 'login.html', 401);
      return;
    }
    response.writeHead(303, { Location: '/', 'Set-Cookie': this.access.cookie(token) }).end();
  }

  private look(): void {
    const state = this.feed.look(Date.now(), performance.now() / 1000);
    if (this.listeners.size === 0) return;
    this.lookAtGraphs();
    const text = event('state', state);
    for (const listener of this.listeners) if (listener.writableLength < UNREAD_MOST) listener.write(text);
  }

  private lookAtGraphs(): void {
    const graphs = event('graphs', { version: packageVersion(), control: this.control?.commands ?? [], pictures: this.engines.pictures() } satisfies WebGraphs);
    if (graphs === this.graphs) return;
    this.graphs = graphs;
    for (const listener of this.listeners) listener.write(graphs);
  }

  private follow(response: ServerResponse): void {
    beginEvents(response);
    this.lookAtGraphs();
    response.write(this.graphs);
    response.write(event('state', this.feed.state));
    this.listeners.add(response);
    response.on('close', () => this.listeners.delete(response));
  }

  private history(query: URLSearchParams, response: ServerResponse): void {
    const found = this.feed.history(query.get('engine') ?? '', query.get('name') ?? '') ?? { times: [], packets: [], bits: [], drops: [] };
    sendJson(response, 200, JSON.stringify(found));
  }

  /** Lines of a tap, until the page has enough. What is wrong is an event, too: of an error's text browsers tell nothing. */
  private tap(query: URLSearchParams, response: ServerResponse): void {
    beginEvents(response);
    const given = (name: string): string | undefined => query.get(name)?.trim() || undefined;
    if (this.taps >= TAPS_MAXIMUM) {
      response.end(event('failed', { text: `There are ${this.taps} taps already.` }));
      return;
    }
    try {
      const stop = startTap({ registry: { all: this.engines.all } }, {
        link: given('link'), engine: given('engine'), filter: given('filter'),
        drops: query.get('drops') === '1', sample: 1, rate: TAP_RATE, count: 0, snap: TAP_SNAP,
      }, {
        publish: (news) => publish(response, news),
        get unread() {
          return response.writableLength;
        },
      });
      this.taps++;
      response.on('close', () => {
        this.taps--;
        stop();
      });
    } catch (error) {
      response.end(event('failed', { text: isBricksError(error) ? error.message : messageOf(error) }));
    }
  }
}

function publish(response: ServerResponse, { begun, packets, lost, ended, text }: TapNews): void {
  if (begun !== undefined) response.write(event('begun', { engine: begun }));
  if (packets) response.write(event('packets', { lines: packets.map(tapLine), lost: lost ?? 0 } satisfies WebPackets));
  if (ended !== undefined) response.end(event('failed', { text: text ?? 'It has ended.' }));
}

function beginEvents(response: ServerResponse): void {
  response.writeHead(200, { 'Content-Type': 'text/event-stream; charset=utf-8' });
  response.flushHeaders();
}

function event(name: string, value: unknown): string {
  return `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`;
}
