/**
 * Lets scripts and modules from outside import `packet-bricks`, wherever they lie, and be written in
 * TypeScript. Each thread that loads such a module installs this for itself.
 */
import * as nodeModule from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { inThread, ownFiles } from './script-hooks';

type Resolve = (this: unknown, request: string, ...rest: unknown[]) => string;
/** What `require` asks where a module is: undocumented, but there since the first days of Node. */
interface CommonJs { _resolveFilename?: Resolve }
/** Hooks in the thread itself: newer versions of Node have them, and warn of the others. */
interface HooksInThread { registerHooks?(hooks: typeof inThread): unknown }

let installed = false;

export function installModuleHooks(): void {
  if (installed) return;
  installed = true;
  try {
    const { registerHooks } = nodeModule as unknown as HooksInThread;
    if (registerHooks) registerHooks(inThread);
    else nodeModule.register(pathToFileURL(join(__dirname, '..', 'plugins', 'script-hooks.js')).href);
  } catch {
    // Some hosts (test runners) have a module system of their own, without hooks: there modules are found as they have it.
  }
  const commonJs = nodeModule.Module as unknown as CommonJs;
  const original = commonJs._resolveFilename;
  if (typeof original !== 'function') return;
  const own: Readonly<Record<string, string | undefined>> = ownFiles();
  commonJs._resolveFilename = function resolveFilename(request, ...rest) {
    return own[request] ?? original.call(this, request, ...rest);
  };
}
