/** Bricks that a test writes into modules of their own, as a stranger would. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { BrickClass } from 'packet-bricks';

let folder: string | undefined;

/** Where the modules are; made when it is first asked for. */
export function brickFolder(): string {
  folder ??= mkdtempSync(join(tmpdir(), 'bricks-outside-'));
  return folder;
}

/** For afterAll. */
export function removeBricks(): void {
  if (folder !== undefined) rmSync(folder, { recursive: true });
  folder = undefined;
}

/** The class of a brick with this definition, but for its name. `numberOf` tells the number that `flowPacket` wrote. */
export function brickOf(name: string, definition: string): BrickClass {
  const file = join(brickFolder(), `${name}.cjs`);
  writeFileSync(file, `
    const { ALL, DROP, HELD, defineBrick } = require(${JSON.stringify(resolve(__dirname, '..', '..', 'dist', 'src', 'index.js'))});
    const numberIn = ({ memory, offset, length }) => (row) => memory.view.getUint32(offset[row] + length[row] - 4);
    exports.brick = defineBrick({ name: '${name}', ${definition} });
  `);
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the module was written a moment ago
  return (require(file) as { brick: BrickClass }).brick;
}
