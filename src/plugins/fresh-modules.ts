/**
 * Modules that are reloaded though this thread has them already. Node keeps ES modules by their addresses: a mark in the address makes another module
 * of the same file, and goes on to what that module imports (`inheritedAddress`, asked by the hooks). What is installed in node_modules stays as it is.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isOfOthers } from './error-place';

/** `reading`: which reading of a script; `content`: what a brick's file held when its class was made. */
const MARK = /[?&]((?:reading|content)=\w+)/;
const CONTENT_DIGITS = 16;

export function markOf(address: string): string | undefined {
  return MARK.exec(address)?.[1];
}

export function markedAddress(address: string, mark: string | undefined): string {
  return mark === undefined ? address : `${address}${address.includes('?') ? '&' : '?'}${mark}`;
}

/** The address by which a module with a mark imports another one. */
export function inheritedAddress(address: string, importer: string | undefined): string {
  const mark = importer === undefined ? undefined : markOf(importer);
  if (mark === undefined || markOf(address) !== undefined || !address.startsWith('file:')) return address;
  return isOfUser(fileURLToPath(address.replace(/[?#].*$/, ''))) ? markedAddress(address, mark) : address;
}

function isOfUser(path: string): boolean {
  return !path.includes('/node_modules/') && isOfOthers(path);
}

/** CommonJS modules of the user's are loaded anew when they are next required. */
export function forgetRequired(): void {
  for (const file of Object.keys(require.cache)) {
    if (isOfUser(file)) delete require.cache[file];
  }
}

let marksContent = false;

/** From now on the address of a brick's module says what its file holds: a brick whose file has changed is another one. */
export function markContents(): void {
  marksContent = true;
}

/** The address by which engines load a brick's module. */
export function addressOfBrick(address: string): string {
  const plain = address.replace(/[?#].*$/, '');
  if (!marksContent || !plain.startsWith('file:')) return plain;
  try {
    return markedAddress(plain, `content=${createHash('sha256').update(readFileSync(fileURLToPath(plain))).digest('hex').slice(0, CONTENT_DIGITS)}`);
  } catch {
    return plain; // who loads it will say what is wrong with the file
  }
}
