#!/usr/bin/env node
/** What is run as `bricks-shell`: the program knows it by its name. */
// eslint-disable-next-line @typescript-eslint/no-require-imports -- it has no exports
require('./main');

export {};
