/** What the servers of metrics and of the page have in common: bodies of requests, answers in JSON, and refusals. */
import type { IncomingMessage, ServerResponse } from 'node:http';

const BODY_MAXIMUM = 4096;

/** The body of a request; nothing where it is longer than any that is expected. */
export async function readBody(request: IncomingMessage): Promise<string | undefined> {
  request.setEncoding('utf8');
  let body = '';
  // The connection stays until the answer has gone.
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    body += String(chunk);
    if (body.length > BODY_MAXIMUM) return undefined;
  }
  return body;
}

export function sendJson(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(text);
}

export function refuse(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' }).end(`${text}\n`);
}
