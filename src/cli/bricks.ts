#!/usr/bin/env node
/** What is run as `bricks`: tells its version, which is to take no time, and leaves all else to the program, or to that of the daemon. */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { packageVersion } from '../native/load-addon';
import { PROGRAM_WORDS } from './program-words';

function tellVersion(argv: readonly string[]): boolean {
  if (argv.length !== 1 || argv[0] !== '--version') return false;
  try {
    writeSync(1, `${packageVersion()}\n`);
    return true;
  } catch {
    return false; // the program says why
  }
}

/** `bricks -d`, with other options before it or after it; but not with -s, which is an error of the program. */
function asksForDaemon(argv: readonly string[]): boolean {
  const own = argv.includes('--') ? argv.slice(0, argv.indexOf('--')) : argv;
  return own[0]?.startsWith('-') === true && own.some((word) => word === '-d' || word === '--daemon') && !own.some((word) => ['-h', '--help', '-s', '--shell'].includes(word));
}

const argv = process.argv.slice(2);
const program = PROGRAM_WORDS.find((word) => word === argv[0]);
/* eslint-disable @typescript-eslint/no-require-imports -- only when they are needed */
if (program !== undefined) {
  // A daemon that detaches runs this file again.
  process.argv.splice(1, 2, join(__dirname, `bricks-${program}.js`));
  (require('./daemon-programs') as typeof import('./daemon-programs')).run(`bricks-${program}`);
} else if (asksForDaemon(argv)) (require('./daemon-programs') as typeof import('./daemon-programs')).run('bricks-server');
else if (!tellVersion(argv)) require('./main');

export {};
