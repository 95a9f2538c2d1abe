/** Where the package lies: what is not TypeScript (the prelude, the scripts) is read from there. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The folder of package.json, from the sources as well as from the built files. */
export function packageRoot(): string {
  let folder = __dirname;
  while (!existsSync(join(folder, 'package.json'))) {
    const parent = dirname(folder);
    if (parent === folder) return __dirname;
    folder = parent;
  }
  return folder;
}
