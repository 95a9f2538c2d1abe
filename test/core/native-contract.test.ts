/** What TypeScript and native code have in common is declared once, and has room to grow. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { DROP_REASONS } from 'packet-bricks';
import { LINK_RECORD } from 'packet-bricks/src/model/counters';
import { HEADER_BYTES, HEADER_COLUMN_NAMES, NUMBER_COLUMN_NAMES, createPacketBatch, createPacketColumns } from 'packet-bricks/src/model/packet-batch';

const ROOT = join(__dirname, '..', '..');

type Declarations = Readonly<Record<string, unknown>>;
interface Generator {
  headers(): readonly { readonly path: string; readonly text: string }[];
  declarations(change?: (source: string, text: string) => string): Declarations;
  headerOf(declared: Declarations): string;
}
// eslint-disable-next-line @typescript-eslint/no-require-imports -- a program of its own, not part of the package
const { headers, declarations, headerOf } = require('../../tools/native-contract.cjs') as Generator;

const MORE = Array.from({ length: 30 }, (_, index) => `another${index}`);

/** As if somebody had added reasons before the others, a column, and a counter of links, by a line each. */
function grown(source: string, text: string): string {
  if (source === 'src/model/drop-reasons') return text.replace('DROP_REASONS = [\n', (start) => start + MORE.map((name) => `{ name: '${name}', text: '', remedy: '' },\n`).join(''));
  if (source === 'src/model/packet-batch') return text.replace("  slot: 'uint32',\n", "  slot: 'uint32',\n  mark: 'uint16',\n");
  if (source === 'src/model/counters') return text.replace('export const LINK_BYTES = linkSlot();\n', (line) => `${line}export const LINK_ERRORS = linkSlot();\n`);
  return text;
}

let folder: string;
beforeAll(() => { folder = mkdtempSync(join(tmpdir(), 'bricks-contract-')); });
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('the headers of native code are what the declarations say; node tools/native-contract.cjs writes them', () => {
  const written = headers();
  expect(written.map(({ path }) => relative(ROOT, path))).toEqual(['src/native/contract.h', 'src/rules/native/rule_layout.h']);
  for (const { path, text } of written) expect(readFileSync(path, 'utf8')).toBe(text);
});

test('a reason to drop, a column and a counter are a line each: all else follows', () => {
  const before = declarations();
  const after = declarations(grown);
  expect(after['CONTRACT']).not.toBe(before['CONTRACT']);
  expect(after['LINK_RECORD']).toBe(48);
  expect(after['BRICK_OWN']).toBe((before['BRICK_OWN'] as number) + MORE.length);
  expect(createPacketColumns(4)).not.toHaveProperty('mark');
  expect((after['createPacketColumns'] as typeof createPacketColumns)(4)).toHaveProperty('mark', new Uint16Array(4));
  expect((after['createPacketBatch'] as typeof createPacketBatch)(4)).toHaveProperty('mark', new Uint16Array(4));
  const header = headerOf(after);
  expect(header).toContain('uint16_t* mark = nullptr;');
  expect(header).toContain('visit(mark, "mark");');
  expect(header).toMatch(/kLinkErrors = 2,\n {2}kDropAnother0 = 3,/);
  expect(header).toContain('constexpr uint32_t kLinkRecord = 48;');
});

test('a batch has the columns that are declared, each of as many rows', () => {
  const columns = createPacketColumns(8);
  const batch = createPacketBatch(4, columns);
  for (const name of NUMBER_COLUMN_NAMES) expect([name, columns[name].length, batch[name] === columns[name]]).toEqual([name, 8, true]);
  expect(LINK_RECORD).toBeGreaterThanOrEqual(2 + DROP_REASONS.length);
});

test('columns that the engine fills from headers are made when they are taken, and stay', () => {
  const columns = createPacketColumns(8);
  expect(Object.keys(columns)).toEqual(NUMBER_COLUMN_NAMES);
  for (const name of HEADER_COLUMN_NAMES) expect([name, columns[name].length, columns[name] === columns[name]]).toEqual([name, 8, true]);
  expect([columns.headerBytes.byteLength, columns.headerBytes === columns.headerBytes]).toEqual([8 * HEADER_BYTES, true]);
  const [before, many] = [process.memoryUsage().arrayBuffers, Array.from({ length: 64 }, () => createPacketColumns(1024))];
  const bytes = NUMBER_COLUMN_NAMES.reduce((sum, name) => sum + many[0][name].byteLength, 0);
  // The bytes of the columns that every batch has, and hardly any others.
  expect((process.memoryUsage().arrayBuffers - before) / many.length).toBeLessThan(bytes * 1.1);
});

const compiler = spawnSync('c++', ['--version']).status === 0;

(compiler ? test : test.skip)('native code built with 44 reasons, one more column and one more counter counts each packet where it belongs', () => {
  const header = join(folder, 'contract.h');
  writeFileSync(header, headerOf(declarations(grown)));
  const source = join(folder, 'grown.cpp');
  writeFileSync(source, `
#include <cerrno>
#include <cstdio>
#include "list_sender.h"
#include "test_columns.h"

struct Refusing : bricks::InterfaceSender {
  uint32_t Send(struct iovec*, uint32_t, int* error) override { return *error = EIO, 0; }
  uint32_t LinkType() const override { return bricks::kLinkTypeEthernet; }
  bool Revive() override { return true; }
};

int main() {
  uint64_t record[bricks::kLinkRecord] = {};
  bricks::ListSender sender(std::make_unique<Refusing>(), record);
  const bricks::TestColumns columns(4);
  columns.mark[3] = 1;
  uint8_t memory[64] = {};
  uint16_t rows[] = {0, 1, 2};
  for (const uint32_t linkType : {bricks::kLinkTypeEthernet, bricks::kLinkTypeRaw}) {
    uint32_t count = 3;
    sender.Send({columns, memory, sizeof memory, linkType}, {rows}, &count, false);
  }
  for (uint32_t slot = 0; slot < bricks::kLinkRecord; slot++) if (record[slot] != 0) std::printf("%u: %u\\n", slot, static_cast<unsigned>(record[slot]));
}
`);
  const pcap = join(ROOT, 'backends/pcap/native');
  const program = join(folder, 'grown');
  execFileSync('c++', ['-std=c++17', '-Wall', '-Wextra', '-Werror', '-fsanitize=address,undefined', '-include', header, ...[join(ROOT, 'src/native'), pcap].flatMap((path) => ['-I', path]),
    source, join(pcap, 'list_sender.cpp'), '-o', program]);
  const slot = (name: string): number => 3 + MORE.length + DROP_REASONS.findIndex((reason) => reason.name === name);
  expect(execFileSync(program).toString()).toBe(`${slot('linkType')}: 3\n${slot('backendError')}: 3\n`);
});

(compiler ? test : test.skip)('a native part that was built with another header is refused', () => {
  const { include_dir: headers } = createRequire(join(ROOT, 'package.json'))('node-api-headers') as { include_dir: string };
  const source = join(folder, 'other.c');
  writeFileSync(source, `#include <node_api.h>
NAPI_MODULE_INIT() {
  napi_value number;
  napi_create_uint32(env, 7, &number);
  napi_set_named_property(env, exports, "contract", number);
  return exports;
}`);
  execFileSync('cc', ['-shared', '-fPIC', `-I${headers}`, '-o', join(folder, 'bricks_files.node'), source]);
  const program = `try { require(${JSON.stringify(join(ROOT, 'dist/src/native/load-addon.js'))}).loadAddon('bricks_files'); } catch (error) { console.log(error.code, error.message); }`;
  const { stdout } = spawnSync(process.execPath, ['-e', program], { env: { ...process.env, BRICKS_NATIVE_DIR: folder }, encoding: 'utf8' });
  expect(stdout).toMatch(/^E_NATIVE_MISSING The native part bricks_files was built from other sources/);
});
