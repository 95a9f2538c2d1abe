/** The native reader alone, under the sanitizers: beside a list of rules walked for each packet, and with rubbish in all tables. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');
const SANITIZERS = ['-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
const PARTS = ['rule_addresses', 'rule_find', 'rule_subnets', 'rule_table', 'rule_tuples'].map((name) => join(ROOT, 'src/rules/native', `${name}.cpp`));
const FOLDERS = ['src/rules/native', 'src/native', 'src/flow/native'].map((folder) => `-I${join(ROOT, folder)}`);

const folder = mkdtempSync(join(tmpdir(), 'bricks-rules-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Whether there is a compiler with both sanitizers; their libraries may be missing. */
function hasSanitizers(): boolean {
  const source = join(folder, 'nothing.cpp');
  writeFileSync(source, 'int main() {}\n');
  return spawnSync('g++', [...SANITIZERS, source, '-o', join(folder, 'nothing')]).status === 0;
}

const able = hasSanitizers();
if (!able) console.warn('skipped: there is no g++ with libasan and libubsan, so the native reader of rules is not tested under the sanitizers');

(able ? test : test.skip)('the native reader of rules finds what a list finds, and stays within its tables and packets, with rubbish in both', () => {
  const program = join(folder, 'rules_fuzz');
  execFileSync('g++', ['-std=c++17', '-O1', '-g', '-Wall', '-Wextra', '-Werror', '-Wshadow', ...SANITIZERS, ...FOLDERS, join(__dirname, 'native/rules_fuzz.cpp'), ...PARTS, '-o', program], { stdio: 'pipe' });
  for (const seed of ['1', String(Date.now() >>> 0)]) expect(execFileSync(program, ['500', seed], { encoding: 'utf8', stdio: 'pipe' })).toBe('500 rounds\n');
}, 120_000);
