#!/usr/bin/env node
/** What is run as `bricks`: tells its version, which is to take no time, and leaves all else to the program. */
import { writeSync } from 'node:fs';
import { packageVersion } from '../native/load-addon';

function tellVersion(argv: readonly string[]): boolean {
  if (argv.length !== 1 || argv[0] !== '--version') return false;
  try {
    writeSync(1, `${packageVersion()}\n`);
    return true;
  } catch {
    return false; // the program says why
  }
}

// eslint-disable-next-line @typescript-eslint/no-require-imports -- only when it is needed
if (!tellVersion(process.argv.slice(2))) require('./main');

export {};
