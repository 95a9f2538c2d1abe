/**
 * Module hooks for scripts in JavaScript and TypeScript: `packet-bricks` and `packet-bricks/testing` are this very package, wherever
 * the script lies, and TypeScript loses its types (on any version of Node). `resolve` and `load` are for Node's hooks in a thread of
 * their own, `inThread` for those in the thread itself, which newer versions have instead.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { inheritedAddress } from './fresh-modules';

interface Resolved { url: string; shortCircuit?: boolean; format?: string | null }
interface Loaded { format: string; source: string; shortCircuit: boolean }

/** Also of a module that is loaded once more, as `brick.ts?instance=1`. */
const TYPESCRIPT = /\.[mc]?ts(?:\?.*)?$/;
/** What may be imported of this package, and where it is. */
const OWN: Readonly<Record<string, string | undefined>> = Object.fromEntries(Object.entries(ownFiles()).map(([name, file]) => [name, pathToFileURL(file).href]));

/** The files behind the names by which this package is imported. */
export function ownFiles(): Record<string, string> {
  return { 'packet-bricks': join(__dirname, '..', 'index.js'), 'packet-bricks/testing': join(__dirname, '..', 'testing', 'index.js') };
}

export async function resolve(specifier: string, context: unknown, next: (specifier: string, context: unknown) => Promise<Resolved>): Promise<Resolved> {
  const url = OWN[specifier];
  return url === undefined ? inherited(await next(specifier, context), context) : { url, shortCircuit: true };
}

interface ResolveContext { readonly parentURL?: string | undefined }

/** What a reloaded module imports is reloaded too. */
function inherited(resolved: Resolved, context: unknown): Resolved {
  const url = inheritedAddress(resolved.url, (context as ResolveContext).parentURL);
  return url === resolved.url ? resolved : { ...resolved, url };
}

export async function load(url: string, context: unknown, next: (url: string, context: unknown) => Promise<Loaded>): Promise<Loaded> {
  if (!isTypeScript(url)) return next(url, context);
  const path = fileURLToPath(url);
  return { format: 'module', source: withoutTypes(await readFile(path, 'utf8'), path), shortCircuit: true };
}

interface LoadContext { readonly conditions?: readonly string[] }

function isRequired(context: unknown): boolean {
  return (context as LoadContext).conditions?.includes('require') === true;
}

export const inThread = {
  resolve<Context>(specifier: string, context: Context, next: (specifier: string, context: Context) => Resolved): Resolved {
    const url = OWN[specifier];
    if (url !== undefined) return { url, shortCircuit: true };
    const resolved = next(specifier, context);
    return isRequired(context) ? resolved : inherited(resolved, context);
  },
  /** What is required, not imported, is Node's to load. */
  load<Context extends LoadContext, Result>(url: string, context: Context, next: (url: string, context: Context) => Result): Result | Loaded {
    if (!isTypeScript(url) || isRequired(context)) return next(url, context);
    const path = fileURLToPath(url);
    return { format: 'module', source: withoutTypes(readFileSync(path, 'utf8'), path), shortCircuit: true };
  },
};

function isTypeScript(url: string): boolean {
  return url.startsWith('file:') && TYPESCRIPT.test(url);
}

/** @throws SyntaxError with the place in front of its stack, as V8 has it */
function withoutTypes(source: string, path: string): string {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- 50 ms that only TypeScript is to cost
  const { transform } = require('sucrase') as typeof import('sucrase');
  try {
    return transform(source, { transforms: ['typescript'], filePath: path, keepUnusedImports: false }).code;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const [, message, line] = /^(?:Error transforming .*?: )?(.*) \((\d+):\d+\)$/s.exec(text) ?? [];
    if (line === undefined) throw error;
    const failure = new SyntaxError(message);
    failure.stack = `${path}:${line}\nSyntaxError: ${message}`;
    throw failure;
  }
}
