/**
 * Who may see the page: the user of the program and root, over loopback; or whoever shows the token. Who may control by it: whoever shows the control token in a
 * header, which no browser adds unasked. Never another site in their browser.
 */
import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { isOwn } from '../daemon/tcp-owner';
import { checkOf, type TokenCheck, type Tokens } from '../daemon/tokens';

const COOKIE = 'bricks_page';

export class WebAccess {
  private readonly check: TokenCheck | undefined;
  private readonly checkCookie: TokenCheck | undefined;
  private readonly owners = new WeakMap<Socket, Promise<boolean>>();

  /** `host`: what it listens on. */
  constructor(private readonly host: string, private readonly tokens: Tokens) {
    this.check = checkOf(tokens);
    const known = (token: string | undefined): string | undefined => (token === undefined ? undefined : cookieOf(token));
    this.checkCookie = checkOf({ control: known(tokens.control), read: known(tokens.read) });
  }

  get hasToken(): boolean {
    return this.check !== undefined;
  }

  /**
   * Whether a request names this server as somebody does who knows it. A site whose name was made to lead here (DNS rebinding) sends its own name: names
   * other than localhost, and the one given to listen on, are refused.
   */
  isOwnName(given: string | undefined): boolean {
    if (given === undefined) return false;
    let name: string;
    try {
      name = new URL(`http://${given}`).hostname.replace(/^\[|\]$/g, '');
    } catch {
      return false;
    }
    return name === 'localhost' || isIP(name) > 0 || name === this.host.toLowerCase();
  }

  /** Whether another site in the same browser asks: it could read nothing, but begin a tap. To follow a link to the page is all right. */
  isOtherSite({ headers }: IncomingMessage): boolean {
    const { 'sec-fetch-site': site, 'sec-fetch-mode': mode } = headers;
    return site !== undefined && site !== 'same-origin' && site !== 'none' && mode !== 'navigate';
  }

  /**
   * Whether the page itself asks, or a program that is no browser and names no origin. Behind a proxy the server has another name than in the browser, which then
   * vouches for it: over TLS it always says which site asks.
   */
  isOwnOrigin({ headers: { host = '', origin, 'sec-fetch-site': site } }: IncomingMessage): boolean {
    if (site !== undefined) return site === 'same-origin';
    return origin === undefined || [`http://${host}`, `https://${host}`].includes(origin);
  }

  /** Without a token for reading: whether whoever asks is our own user, or root. Otherwise, and for all others: whether a token is shown. */
  async isAllowed({ socket, headers }: IncomingMessage): Promise<boolean> {
    if (this.isToken(bearerOf(headers)) || this.isCookie(headers.cookie)) return true;
    if (this.tokens.read !== undefined) return false;
    const known = this.owners.get(socket) ?? isOwn(socket);
    this.owners.set(socket, known);
    return known;
  }

  /** Whether a request shows the control token. The cookie is no help: a browser sends it whoever has asked it to. */
  mayControl({ headers }: IncomingMessage): boolean {
    const shown = bearerOf(headers);
    return shown !== undefined && this.check?.(shown) === 'control';
  }

  isToken(shown: string | undefined): boolean {
    return shown !== undefined && this.check?.(shown) !== undefined;
  }

  /** What the browser is to remember: it lets nobody do more than read, as browsers send cookies to other ports of the machine too. */
  cookie(shown: string): string {
    return `${COOKIE}=${cookieOf(shown)}; HttpOnly; SameSite=Strict; Path=/`;
  }

  private isCookie(cookies = ''): boolean {
    const shown = cookies.split(/; */).find((one) => one.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
    return shown !== undefined && this.checkCookie?.(shown) !== undefined;
  }
}

/** `Authorization: Bearer TOKEN` */
function bearerOf({ authorization = '' }: IncomingHttpHeaders): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization)?.[1];
}

/** Made of the token, which can't be told from it. */
function cookieOf(token: string): string {
  return createHmac('sha256', token).update('may see the page').digest('hex');
}
