/** Files in PEM: certificates, keys, authorities. */
import { readFileSync } from 'node:fs';
import type { ErrorCode } from '../model/error-codes';
import { BricksError } from '../model/errors';
import { systemReason } from '../model/system-error';

/** @throws BricksError with this code */
export function readPem(path: string, code: ErrorCode): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new BricksError(code, `The file ${path} can't be read: ${systemReason(error)}.`);
  }
}
