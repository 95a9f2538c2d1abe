/** Plugin packages that a test writes, as `npm install` would leave them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

export interface PluginFiles {
  readonly name: string;
  readonly version?: string;
  readonly description?: string;
  readonly type?: 'module' | 'commonjs';
  /** What stands in package.json as "packet-bricks"; nothing if it is null. */
  readonly declared: unknown;
  /** Other fields of package.json. */
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly files?: Readonly<Record<string, string>>;
}

/** Writes a package into a folder of packages; answers where it lies. */
export function writePlugin(folder: string, { name, version = '1.0.0', description = '', type = 'commonjs', declared, fields = {}, files = {} }: PluginFiles): string {
  const path = join(folder, name);
  const manifest = { name, version, description, type, ...fields, ...(declared === null ? {} : { 'packet-bricks': declared }) };
  for (const [file, text] of Object.entries({ 'package.json': JSON.stringify(manifest), ...files })) {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    writeFileSync(join(path, file), text);
  }
  return path;
}

/** A brick in a CommonJS module: the properties of its definition beside its name. */
export function brickModule(name: string, definition: string, before = ''): string {
  return `'use strict';\nconst { defineBrick, DROP } = require('packet-bricks');\n${before}\nexports.${name} = defineBrick({ name: '${name}', outputs: 1, ${definition} });\n`;
}

/** A backend in an ES module: its interfaces bring so many frames of 60 bytes, and take any. */
export const COUNTING_BACKEND = `
const LINK_PACKETS = 0;
export const backend = {
  name: 'counting', summary: 'brings numbered frames', preference: 100,
  options: { frames: { type: 'integer', default: 10, minimum: 0, description: 'how many frames come' } },
  status: () => ({ usable: true, reason: 'always' }),
  devices: () => Promise.resolve([]),
  handles: ({ kind }) => kind === 'interface',
  flowColumns: () => false,
  ports: ({ frames }) => ({
    openSource({ link, batch, counters, record }) {
      const buffer = new ArrayBuffer(64);
      batch.memory = { buffer, bytes: new Uint8Array(buffer), view: new DataView(buffer) };
      batch.linkType = 1;
      let left = frames;
      return {
        link, descriptor: -1, lossless: true, release() {}, close() {},
        receive() {
          if (left === 0) return -1;
          const count = Math.min(left, batch.capacity);
          left -= count;
          for (let row = 0; row < count; row++) {
            batch.offset[row] = 0;
            batch.length[row] = batch.wireLength[row] = 60;
            batch.seconds[row] = batch.nanoseconds[row] = 0;
          }
          batch.count = count;
          counters.words[2 * (record + LINK_PACKETS)] += count;
          return count;
        },
      };
    },
    openSinks(requests) {
      return {
        reads: [], flush() {}, close() {},
        transmit() {
          for (const { lists, output, counters, record } of requests) {
            counters.words[2 * (record + LINK_PACKETS)] += lists.counts[output];
            lists.counts[output] = 0;
          }
          return 0;
        },
      };
    },
  }),
};
`;
