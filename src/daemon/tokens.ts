/** Tokens that give access. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readTokenFile } from '../client/token-file';
import type { Access } from '../protocol/declare';

const digest = (token: string): Buffer => createHash('sha256').update(token).digest();

/** Which access a token gives, nothing where it is none. How long an answer takes tells nothing about the tokens. */
export type TokenCheck = (token: string) => Access | undefined;

/** One for each access that there is a token for: the token itself, or the file with it. */
export interface Tokens {
  readonly control?: string | undefined;
  readonly read?: string | undefined;
}

/** @throws BricksError E_CONTROL_TOKEN */
export function tokenCheck({ control, read }: Tokens): TokenCheck | undefined {
  const tokenOf = (file: string | undefined): string | undefined => (file === undefined ? undefined : readTokenFile(file));
  return checkOf({ control: tokenOf(control), read: tokenOf(read) });
}

/** Nothing where there is no token. */
export function checkOf(tokens: Tokens): TokenCheck | undefined {
  const known = (['control', 'read'] as const).flatMap((access) => {
    const token = tokens[access];
    return token === undefined ? [] : [{ access, digest: digest(token) }];
  });
  if (known.length === 0) return undefined;
  return (token) => {
    const given = digest(token);
    let found: Access | undefined;
    for (const one of known) if (timingSafeEqual(one.digest, given)) found ??= one.access;
    return found;
  };
}
