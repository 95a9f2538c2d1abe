#!/usr/bin/env node
/** What is run as `bricks-server`. */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- a bundle of its own
(require('./daemon-programs') as typeof import('./daemon-programs')).run('bricks-server');

export {};
