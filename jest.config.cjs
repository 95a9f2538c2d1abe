// What a worker gives back to malloc goes back to the system: else the worker keeps gigabytes, and each program that it starts costs a copy of its page tables.
process.env.MALLOC_MMAP_THRESHOLD_ ??= '131072';

/** Tests import the built package, as its users do; `npm test` builds it first. */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/test', '<rootDir>/plugins'],
  testMatch: ['**/*.test.ts'],
  transform: { '^.+\\.ts$': ['@swc/jest', { jsc: { parser: { syntax: 'typescript', decorators: true }, target: 'es2022', transform: { legacyDecorator: true, decoratorMetadata: true } }, module: { type: 'commonjs' } }] },
  moduleNameMapper: { '^packet-bricks$': '<rootDir>/dist/src/index.js', '^packet-bricks/testing$': '<rootDir>/dist/src/testing/index.js', '^packet-bricks/(.*)$': '<rootDir>/dist/$1', '^bricks-plugin-([^/]+)/(.*)$': '<rootDir>/plugins/$1/src/$2.ts', '^(\\.{1,2}/.*)\\.js$': '$1' },
  testTimeout: 60000,
  // Other versions of Node, which have files of their own.
  modulePathIgnorePatterns: ['<rootDir>/tools/nodes/node_modules', '<rootDir>/plugins/[^/]+/dist'],
  maxWorkers: 2,
  // A worker that has grown starts its programs slowly: a fork copies its page tables (137 s instead of 9 in one suite).
  workerIdleMemoryLimit: '100MB',
};
