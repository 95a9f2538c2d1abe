import { execFileSync } from 'node:child_process';
import { join, resolve } from 'node:path';
import { itNeeds, lacks, temporaryDirectory } from './support';

const root = resolve(__dirname, '../..');
const directory = temporaryDirectory();

itNeeds(lacks('g++'))('the native parser and encoder stay within their memory on any input (address and undefined behaviour sanitizers)', () => {
  const program = join(directory, 'parser_fuzz');
  execFileSync('g++', [
    '-std=c++17', '-O1', '-g', '-Wall', '-Wextra', '-Werror', '-Wshadow', '-fsanitize=address,undefined', '-fno-sanitize-recover=all',
    `-I${join(root, 'src/files/native')}`, `-I${join(root, 'src/native')}`, `-I${join(root, 'src/flow/native')}`, join(root, 'test/files/native/parser_fuzz.cpp'), '-o', program,
  ], { stdio: 'pipe' });
  for (const seed of ['1', String(Date.now() >>> 0)]) {
    expect(execFileSync(program, ['60000', seed], { encoding: 'utf8', stdio: 'pipe' })).toBe('60000 rounds\n');
  }
}, 300_000);
