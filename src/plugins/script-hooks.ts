/**
 * Module hooks for scripts in JavaScript and TypeScript: `packet-bricks` is this very package, wherever
 * the script lies, and TypeScript loses its types (on any version of Node).
 */
import { readFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { transform } from 'sucrase';

interface Resolved { url: string; shortCircuit?: boolean; format?: string | null }
interface Loaded { format: string; source: string; shortCircuit: boolean }

const TYPESCRIPT = /\.[mc]?ts$/;

export async function resolve(specifier: string, context: unknown, next: (specifier: string, context: unknown) => Promise<Resolved>): Promise<Resolved> {
  if (specifier === 'packet-bricks') return { url: pathToFileURL(join(__dirname, '..', 'index.js')).href, shortCircuit: true };
  return next(specifier, context);
}

export async function load(url: string, context: unknown, next: (url: string, context: unknown) => Promise<Loaded>): Promise<Loaded> {
  if (!url.startsWith('file:') || !TYPESCRIPT.test(url)) return next(url, context);
  const path = fileURLToPath(url);
  return { format: 'module', source: withoutTypes(await readFile(path, 'utf8'), path), shortCircuit: true };
}

/** @throws SyntaxError with the place in front of its stack, as V8 has it */
function withoutTypes(source: string, path: string): string {
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
