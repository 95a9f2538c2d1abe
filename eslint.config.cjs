'use strict';
const { readdirSync } = require('node:fs');
const { join } = require('node:path');
const tseslint = require('typescript-eslint');

/** The rooms of the engine; all others are outside of them, but of v8/ they use what makes loops. */
const ENGINE_ROOMS = ['model', 'buffers', 'context', 'rows', 'core', 'ring', 'flow'];
const OUTSIDE = [
  ...readdirSync(join(__dirname, 'src'), { withFileTypes: true }).filter((entry) => entry.isDirectory() && !ENGINE_ROOMS.includes(entry.name)).map(({ name }) => `**/${name}/**`),
  '!**/v8/apart', '!**/v8/specialise', '!**/v8/loops', '!**/v8/repeat-loops',
];
const BACKENDS = { group: ['**/backends/**'], message: 'Only src/plugins knows the backends.' };
const ABOVE_MODEL = ENGINE_ROOMS.slice(1).map((room) => `**/${room}/**`);
const keepPure = (others) => ({
  'no-restricted-imports': ['error', {
    patterns: [
      BACKENDS,
      { group: [...OUTSIDE, ...others], message: 'A room of the engine imports only from the rooms above it in src/README.md.' },
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
  { files: ['src/model/**/*.ts'], rules: keepPure([...ABOVE_MODEL, '**/v8/*']) },
  { files: ['src/v8/{apart,specialise,loops,repeat-loops}.ts'], rules: keepPure(ABOVE_MODEL) },
  { files: ['src/buffers/**/*.ts', 'src/ring/**/*.ts'], rules: keepPure(['**/context/**', '**/rows/**', '**/core/**', '**/flow/**']) },
  { files: ['src/context/**/*.ts'], rules: keepPure(['**/rows/**', '**/core/**', '**/ring/**', '**/flow/**']) },
  { files: ['src/rows/**/*.ts'], rules: keepPure(['**/core/**', '**/flow/**', '**/ring/**']) },
  { files: ['src/core/**/*.ts'], rules: keepPure(['**/flow/**', '**/ring/**']) },
  { files: ['src/flow/**/*.ts'], rules: keepPure([]) },
);
