#!/usr/bin/env node
/** `npm create bricks-plugin NAME`. */
import { parseArgs } from 'node:util';
import { CreateError, WriteError, create } from './index';

const USAGE = 'Usage: create-bricks-plugin NAME [--form choose|packet|edit] [--brick NAME] [--description TEXT] [--author NAME] [--license MIT|BSD-2-Clause]';

async function main(): Promise<number> {
  const text = { type: 'string' } as const;
  const { values: { help, ...given }, positionals } = parseArgs({ allowPositionals: true, options: { form: text, brick: text, description: text, author: text, license: text, help: { type: 'boolean', short: 'h' } } });
  if (help) {
    process.stdout.write(`${USAGE}\n`);
    return 0;
  }
  if (positionals.length !== 1) throw new CreateError(`One name is needed, such as my-brick. ${USAGE}`);
  const terminal = process.stdin.isTTY && process.stdout.isTTY;
  process.stdout.write(await create({ name: positionals[0], ...given }, terminal ? { input: process.stdin, output: process.stdout } : undefined));
  return 0;
}

main().catch((error: unknown) => {
  const isOfUser = error instanceof CreateError || String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');
  process.stderr.write(`create-bricks-plugin: ${error instanceof Error ? error.message : String(error)}${error instanceof WriteError ? ` ${error.remedy}` : ''}\n`);
  return isOfUser ? 2 : 1;
}).then((code) => {
  process.exitCode = code;
});
