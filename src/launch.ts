/**
 * Runs a bundle (tools/bundle.cjs) with what V8 has compiled of it before, if that lies beside it. In each thread the first bundle
 * brings the package's exports along, so that scripts and modules which import `packet-bricks` there get those and no second copy.
 */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Script } from 'node:vm';

type Require = typeof require;
type Wrapped = (exports: object, require: Require, module: Bundle, file: string, folder: string, importModule: (address: string) => Promise<unknown>) => void;

interface Bundle {
  readonly exports: { readonly packetBricks?: object };
}

let first: Bundle | undefined;

/** Where the code cache of a bundle lies, whose name has a hash of its text: V8 itself compares only the text's length. */
export function cacheOf(file: string): string {
  return `${file}.${process.version}-${process.arch}.cache`;
}

function readCache(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch {
    return undefined; // it only takes longer
  }
}

/** Runs the bundle `file`, for the stub whose `require` this is; returns its exports. */
export function launch(file: string, ownRequire: Require): object {
  // Bundles are plain ASCII.
  const source = readFileSync(file, 'latin1');
  const cachedData = readCache(cacheOf(file));
  // V8 knows no import() in code out of a cache: the bundle is handed one.
  const script = new Script(`(function (exports, require, module, __filename, __dirname, __import) {${source}\n})`, { filename: file, ...(cachedData ? { cachedData } : {}) });
  const bundle: Bundle = { exports: {} };
  first ??= bundle;
  (script.runInThisContext() as Wrapped).call(bundle.exports, bundle.exports, ownRequire, bundle, file, dirname(file), (address) => import(address));
  return bundle.exports;
}

/** The package's exports, as this thread's bundle has them; `otherwise` where it has none. */
export function packetBricks(otherwise: () => object): object {
  return first?.exports.packetBricks ?? otherwise();
}
