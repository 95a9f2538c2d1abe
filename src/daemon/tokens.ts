/** Tokens that give access. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { readTokenFile } from '../client/token-file';
import type { Access } from '../protocol/declare';

const digest = (token: string): Buffer => createHash('sha256').update(token).digest();

/** Which access a token gives, nothing where it is none. How long an answer takes tells nothing about the tokens. */
export type TokenCheck = (token: string) => Access | undefined;

/** @throws BricksError E_CONTROL_TOKEN */
export function tokenCheck(files: { readonly control?: string | undefined; readonly read?: string | undefined }): TokenCheck | undefined {
  const known = (['control', 'read'] as const).flatMap((access) => {
    const file = files[access];
    return file === undefined ? [] : [{ access, digest: digest(readTokenFile(file)) }];
  });
  if (known.length === 0) return undefined;
  return (token) => {
    const given = digest(token);
    let found: Access | undefined;
    for (const one of known) if (timingSafeEqual(one.digest, given)) found ??= one.access;
    return found;
  };
}
