'use strict';
const tseslint = require('typescript-eslint');

/** Folders that the rooms of the engine must know nothing of. */
const OUTSIDE = [...['bricks', 'lua', 'control', 'program', 'daemon', 'cli', 'plugins', 'files', 'pipes', 'native', 'v8'].map((folder) => `**/${folder}/**`), '!**/v8/apart', '!**/v8/specialise', '!**/v8/loops', '!**/v8/repeat-loops'];
const BACKENDS = { group: ['**/backends/**'], message: 'Only src/plugins knows the backends.' };
const keepPure = (others) => ({
  'no-restricted-imports': ['error', {
    patterns: [
      BACKENDS,
      { group: [...OUTSIDE, ...others], message: 'The engine knows no Lua and no command line; and the rooms below it not those above.' },
      { group: ['node:*', 'fs', 'path', 'process', 'child_process', 'worker_threads', 'tsyringe', 'clipanion'], message: 'The core is pure: it imports nothing of node.' },
    ],
  }],
  'no-restricted-globals': ['error', 'process', 'Buffer', 'require'],
});

module.exports = tseslint.config(
  { ignores: ['**/dist/**', 'build/**', '**/node_modules/**', 'coverage/**'] },
  ...tseslint.configs.recommended,
  {
    languageOptions: { parserOptions: { ecmaVersion: 2023 } },
    rules: {
      '@typescript-eslint/no-explicit-any': 'error',
      // Options get a name of their own this way, which the compiler's messages say.
      '@typescript-eslint/no-empty-object-type': ['error', { allowInterfaces: 'with-single-extends' }],
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports', disallowTypeAnnotations: false }],
      eqeqeq: 'error',
      'prefer-const': 'error',
    },
  },
  { files: ['**/*.cjs', '**/*.js'], languageOptions: { sourceType: 'commonjs' }, rules: { '@typescript-eslint/no-require-imports': 'off' } },
  { files: ['src/**/*.ts'], ignores: ['src/plugins/**'], rules: { 'no-restricted-imports': ['error', { patterns: [BACKENDS] }] } },
  // The rooms of the engine, from the bottom up.
  { files: ['src/model/**/*.ts'], rules: keepPure(['**/buffers/**', '**/context/**', '**/core/**', '**/ring/**', '**/rows/**', '**/flow/**']) },
  { files: ['src/buffers/**/*.ts', 'src/ring/**/*.ts'], rules: keepPure(['**/context/**', '**/rows/**', '**/core/**', '**/flow/**']) },
  { files: ['src/context/**/*.ts'], rules: keepPure(['**/rows/**', '**/core/**', '**/ring/**', '**/flow/**']) },
  { files: ['src/rows/**/*.ts'], rules: keepPure(['**/core/**', '**/flow/**', '**/ring/**']) },
  { files: ['src/core/**/*.ts'], rules: keepPure(['**/flow/**', '**/ring/**']) },
  { files: ['src/flow/**/*.ts', 'src/v8/specialise.ts'], rules: keepPure([]) },
);
