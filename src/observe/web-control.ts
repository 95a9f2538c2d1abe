/**
 * Control by the page, where `--web-control` allows it: commands of the control protocol in JSON-RPC, by POST to /control, from whoever shows the token. Each is
 * logged with who has given it.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { userOf } from '../daemon/tcp-owner';
import { BricksError, messageOf } from '../model/errors';
import { findUser } from '../native/process';
import { isLoopback } from '../protocol/address';
import { INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR, parseRequests, writeError, writeResult, type Request } from '../protocol/json-rpc';
import { LIMITS } from '../protocol/limits';
import type { WebAccess } from './web-access';
import { readBody, refuse, sendJson } from './web-http';
import type { WebCommand } from './web-messages';

/** Carries out what the page asks for. */
export interface WebOperator {
  /** What can be done. */
  readonly commands: readonly WebCommand[];
  /** `afterAnswer` is called when the answer has gone. @throws BricksError */
  carryOut(command: WebCommand, parameters: Readonly<Record<string, unknown>>, afterAnswer: (call: () => void) => void): Promise<unknown>;
}

export type WebLog = (text: string, level: 'info' | 'warn', subject: { readonly engine?: string }) => void;

/** The log shows at most so many characters of another site's origin. */
const ORIGIN_MOST = 100;
/** Requests have one command each. */
const MESSAGE_LIMITS = { ...LIMITS, batch: 0 };

export class WebControl {
  constructor(private readonly access: WebAccess, private readonly operator: WebOperator, private readonly log: WebLog) {}

  get commands(): readonly WebCommand[] {
    return this.operator.commands;
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { headers, method, socket } = request;
    const who = await whoAsks(socket);
    if (!this.access.isOwnOrigin(request)) {
      this.log(`the page refused control to ${who}: another site has asked for it (${(headers.origin ?? String(headers['sec-fetch-site'])).slice(0, ORIGIN_MOST)})`, 'warn', {});
      refuse(response, 403, 'Control is for the page itself, not for other sites.');
    } else if (!this.access.mayControl(request)) {
      this.log(`the page refused control to ${who}: ${headers.authorization === undefined ? 'no token was shown' : 'the token is wrong'}`, 'warn', {});
      response.setHeader('WWW-Authenticate', 'Bearer');
      // One try for each connection.
      response.setHeader('Connection', 'close');
      refuse(response, 401, 'Control needs its token: Authorization: Bearer TOKEN.');
    } else if (method !== 'POST') {
      sendJson(response, 200, JSON.stringify({ commands: this.commands }));
    } else if (!/^application\/json *(;|$)/i.test(headers['content-type'] ?? '')) {
      refuse(response, 415, 'Commands are JSON: Content-Type: application/json.');
    } else {
      await this.command(request, response, who);
    }
  }

  private async command(request: IncomingMessage, response: ServerResponse, who: string): Promise<void> {
    const body = await readBody(request);
    if (body === undefined) {
      response.setHeader('Connection', 'close');
      return refuse(response, 413, 'This is longer than any command.');
    }
    const wanted = requestOf(body);
    if (typeof wanted === 'string') return sendJson(response, 400, wanted);
    const { id = null } = wanted;
    const { name } = wanted.parameters;
    const subject = typeof name === 'string' ? { engine: name } : {};
    const command = this.commands.find((known) => known === wanted.method);
    if (command === undefined) {
      return sendJson(response, 200, writeError(id, new BricksError('E_COMMAND', `The page has no command ${JSON.stringify(wanted.method)}.`, `It has: ${this.commands.join(', ')}. bricks ctl has all.`), METHOD_NOT_FOUND));
    }
    // Before it is carried out: a daemon that is shut down says nothing afterwards.
    this.log(`${command}, by the page, for ${who}`, 'info', subject);
    try {
      const result = await this.operator.carryOut(command, wanted.parameters, (call) => void response.once('close', call));
      sendJson(response, 200, writeResult(id, result));
    } catch (error) {
      this.log(`${command} failed: ${messageOf(error)}`, 'warn', subject);
      sendJson(response, 200, writeError(id, error));
    }
  }
}

/** The one request of a message, or the answer that says what is wrong with it. */
function requestOf(body: string): Request | string {
  try {
    const [request] = parseRequests(body, MESSAGE_LIMITS).requests;
    return 'problem' in request ? writeError(request.id, new BricksError('E_CONTROL_MESSAGE', request.problem), INVALID_REQUEST) : request;
  } catch (error) {
    return writeError(null, error, PARSE_ERROR);
  }
}

/** An address; on this machine also the user, as the system tells it. */
async function whoAsks(socket: Socket): Promise<string> {
  const { remoteAddress } = socket;
  if (remoteAddress === undefined) return 'somebody who is gone';
  if (!isLoopback(remoteAddress)) return remoteAddress;
  const user = await userOf(socket);
  return user === undefined ? remoteAddress : `${remoteAddress}, user ${findUser(`${user}`)?.name ?? user}`;
}
