/** Messages of JSON-RPC 2.0: parsed, checked and written. Each is one line. */
import { countText } from '../model/count-text';
import { BricksError, isBricksError, messageOf } from '../model/errors';
import type { ErrorCode } from '../model/error-codes';
import { isTable } from '../model/table';
import type { Limits } from './limits';

export const PROTOCOL_VERSION = 1;

export type Id = string | number | null;

/** Error numbers of JSON-RPC. */
export const PARSE_ERROR = -32700;
export const INVALID_REQUEST = -32600;
export const METHOD_NOT_FOUND = -32601;
export const INVALID_PARAMETERS = -32602;
export const INTERNAL_ERROR = -32603;
/** Any other error: `data.code` tells which. */
export const SERVER_ERROR = -32000;

export interface Request {
  /** Absent where no answer is wanted. */
  readonly id?: Id;
  readonly method: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** Something that is no request, with the answer to it. */
export interface InvalidRequest {
  readonly id: Id;
  readonly problem: string;
}

/** What a line of a client holds. */
export interface Incoming {
  /** Whether the answers are wanted as a list. */
  readonly batch: boolean;
  readonly requests: readonly (Request | InvalidRequest)[];
}

export type FromServer =
  | { readonly id: Id; readonly result: unknown }
  | { readonly id: Id; readonly error: BricksError }
  | { readonly method: string; readonly parameters: Readonly<Record<string, unknown>> };

/** How deep the lists and tables of a JSON text stand in each other. Texts that are not JSON have some depth too. */
export function depthOf(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text.charCodeAt(at);
    if (quoted) {
      if (character === 0x5c) at++; // backslash
      else if (character === 0x22) quoted = false; // quote
    } else if (character === 0x22) {
      quoted = true;
    } else if (character === 0x5b || character === 0x7b) { // [ {
      if (++depth > deepest) deepest = depth;
    } else if (character === 0x5d || character === 0x7d) { // ] }
      depth--;
    }
  }
  return deepest;
}

/** @throws BricksError E_CONTROL_MESSAGE where the line is no JSON, or too deep: then nothing after it can be trusted */
export function parseRequests(line: string, limits: Pick<Limits, 'depth' | 'batch' | 'idCharacters'>): Incoming {
  if (depthOf(line) > limits.depth) throw new BricksError('E_CONTROL_MESSAGE', `A message is nested more than ${limits.depth} deep.`);
  const value = parse(line);
  if (!Array.isArray(value)) return { batch: false, requests: [checkRequest(value, limits)] };
  if (limits.batch === 0) return { batch: false, requests: [{ id: null, problem: 'Batches are not taken here: send one request at a time, not a list.' }] };
  if (value.length === 0) return { batch: false, requests: [{ id: null, problem: 'The batch is empty.' }] };
  if (value.length > limits.batch) return { batch: false, requests: [{ id: null, problem: `The batch has ${countText(value.length, 'request')}; it may have at most ${limits.batch}.` }] };
  return { batch: true, requests: value.map((one) => checkRequest(one, limits)) };
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new BricksError('E_CONTROL_MESSAGE', 'A message is not JSON.', 'Each message is one line of JSON-RPC 2.0.');
  }
}

function checkRequest(value: unknown, { idCharacters }: Pick<Limits, 'idCharacters'>): Request | InvalidRequest {
  if (!isTable(value)) return { id: null, problem: 'A request is a JSON object.' };
  const given = Object.hasOwn(value, 'id') ? value['id'] : undefined;
  const usable = given === null || typeof given === 'number' || (typeof given === 'string' && given.length <= idCharacters);
  const id = usable ? given : null;
  if (given !== undefined && !usable) return { id, problem: `The id of a request is a string of at most ${idCharacters} characters, a number, or null.` };
  if (value['jsonrpc'] !== '2.0') return { id, problem: 'A request needs "jsonrpc": "2.0".' };
  const method = value['method'];
  if (typeof method !== 'string') return { id, problem: 'A request needs a "method", which is a string.' };
  const parameters = Object.hasOwn(value, 'params') ? value['params'] : {};
  if (!isTable(parameters)) return { id, problem: 'The "params" of a request are a JSON object: parameters are given by name.' };
  return { ...(given === undefined ? {} : { id }), method, parameters };
}

export function writeRequest(id: number, method: string, parameters: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params: parameters });
}

export function writeNotification(method: string, parameters: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ jsonrpc: '2.0', method, params: parameters });
}

/** What is not a value of JSON, as nothing or a function, is null. */
export function writeResult(id: Id, result: unknown): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(result);
  } catch (error) {
    return writeError(id, new BricksError('E_INTERNAL', `The answer cannot be written as JSON: ${messageOf(error)}.`));
  }
  return `{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":${text ?? 'null'}}`;
}

export function writeError(id: Id, error: unknown, number = SERVER_ERROR): string {
  const code = isBricksError(error) ? error.code : 'E_INTERNAL';
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code: code === 'E_INTERNAL' ? INTERNAL_ERROR : number, message: messageOf(error), data: { code } } });
}

/** What a server sends. @throws BricksError E_CONTROL_MESSAGE */
export function parseFromServer(line: string): FromServer | readonly FromServer[] {
  const value = parse(line);
  return Array.isArray(value) ? value.map(checkFromServer) : checkFromServer(value);
}

function checkFromServer(value: unknown): FromServer {
  if (isTable(value)) {
    const { id, method, params, error } = value;
    if (typeof method === 'string') return { method, parameters: isTable(params) ? params : {} };
    if (id === null || typeof id === 'number' || typeof id === 'string') {
      if (isTable(error)) return { id, error: new BricksError(codeOf(error), String(error['message'])) };
      if (Object.hasOwn(value, 'result')) return { id, result: value['result'] };
    }
  }
  throw new BricksError('E_CONTROL_MESSAGE', 'The other side is not a Packet Bricks daemon: its message is neither an answer nor a notification.');
}

function codeOf(error: Readonly<Record<string, unknown>>): ErrorCode {
  const code = isTable(error['data']) ? error['data']['code'] : undefined;
  return (typeof code === 'string' && /^[EX]_\w+$/.test(code) ? code : 'E_INTERNAL') as ErrorCode;
}
