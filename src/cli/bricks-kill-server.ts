#!/usr/bin/env node
/** What is run as `bricks-kill-server`. */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- a separate bundle
(require('./daemon-programs') as typeof import('./daemon-programs')).run('bricks-kill-server');

export {};
