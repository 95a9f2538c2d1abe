/** Files in PEM: certificates, keys, authorities. */
import { readFileSync } from 'node:fs';
import type { ErrorCode } from '../model/error-codes';
import { BricksError, messageOf } from '../model/errors';

/** @throws BricksError with this code */
export function readPem(path: string, code: ErrorCode): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new BricksError(code, `The file ${path} can't be read: ${messageOf(error)}.`);
  }
}
