/** Who may see the page: the user of the program and root, over loopback; or whoever shows the token. Never another site in their browser. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isIP, type Socket } from 'node:net';
import { isOwn } from '../daemon/tcp-owner';

const COOKIE = 'bricks_token';

export class WebAccess {
  /** `host`: what it listens on. */
  constructor(private readonly host: string, private readonly token: string | undefined) {}

  get hasToken(): boolean {
    return this.token !== undefined;
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

  private readonly owners = new WeakMap<Socket, Promise<boolean>>();

  /** Without a token: whether whoever asks is our own user, or root. With one: whether it is shown. */
  async isAllowed({ socket, headers: { cookie = '', authorization = '' } }: IncomingMessage): Promise<boolean> {
    if (this.token === undefined) {
      const known = this.owners.get(socket) ?? isOwn(socket);
      this.owners.set(socket, known);
      return known;
    }
    const bearer = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
    const shown = bearer ?? cookie.split(/; */).find((one) => one.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
    return shown !== undefined && this.isToken(decoded(shown));
  }

  isToken(shown: string): boolean {
    return this.token !== undefined && timingSafeEqual(digest(shown), digest(this.token));
  }

  /** What the browser is to remember. */
  cookie(shown: string): string {
    return `${COOKIE}=${encodeURIComponent(shown)}; HttpOnly; SameSite=Strict; Path=/`;
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}

/** Of the same length, whatever is shown. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
