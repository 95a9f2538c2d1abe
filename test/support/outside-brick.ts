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
    const { ALL, DROP, HELD, SLOW_PATH, defineBrick } = require(${JSON.stringify(resolve(__dirname, '..', '..', 'dist', 'src', 'index.js'))});
    const numberIn = ({ memory, offset, length }) => (row) => memory.view.getUint32(offset[row] + length[row] - 4);
    exports.brick = defineBrick({ name: '${name}', ${definition} });
  `);
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the module was written a moment ago
  return (require(file) as { brick: BrickClass }).brick;
}

/** What `outside` makes a brick of, beside its name, its option `limit` and its counter `seen`. */
export interface Outside {
  /** Properties of the definition, beside its name, option and counter. */
  readonly definition?: string;
  /** What is done once for an engine, before the first packet. */
  readonly setup?: string;
  /** The body of a choose function of `row`. */
  readonly choose?: string;
  /** The form, where it is another one. */
  readonly form?: string;
}

/** Writes a brick's module, and makes the class that programs use. */
export function outside(name: string, { definition = '', setup = '', choose = '', form }: Outside): BrickClass<unknown> {
  const file = join(brickFolder(), `${name}.cjs`);
  writeFileSync(file, `
    const { ALL, DROP, HELD, SLOW_PATH, defineBrick } = require(${JSON.stringify(resolve(__dirname, '..', '..', 'dist', 'src', 'index.js'))});
    const numberIn = ({ memory, offset, length }, row) => memory.view.getUint32(offset[row] + length[row] - 4);
    exports.brick = defineBrick({
      name: '${name}', options: { limit: { type: 'integer', default: 3, description: '.' } }, shorthand: 'limit', counters: { seen: '.' }, ${definition}
      ${form ?? `choose(packets, options, context) {
        const { memory, offset, length } = packets;
        const seen = context.counter('seen');
        const numberOf = (row) => numberIn({ memory, offset, length }, row);
        ${setup}
        return (row) => { ${choose} };
      },`}
    });
  `);
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- the module was written a moment ago
  return (require(file) as { brick: BrickClass<unknown> }).brick;
}
