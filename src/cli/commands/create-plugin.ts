import { join } from 'node:path';
import { isatty } from 'node:tty';
import { Command, Option, UsageError } from 'clipanion';
import { BricksError } from '../../model/errors';
import { packageRoot } from '../../native/load-addon';

/** What the package create-bricks-plugin exports. */
interface Creator {
  readonly CreateError: new (message: string) => Error;
  readonly WriteError: new (message: string) => Error & { readonly remedy: string };
  create(given: { readonly name: string } & Readonly<Record<string, string | undefined>>, streams?: { readonly input: NodeJS.ReadableStream; readonly output: NodeJS.WritableStream }, clone?: string): Promise<string>;
}

/** Makes a plugin to begin with. */
export class CreatePluginCommand extends Command {
  static override paths = [['create-plugin']];
  static override usage = Command.Usage({
    description: 'Make a plugin: a package with a brick, tests, a benchmark and a README.',
    details: `
      The package builds and passes its tests as it is. On a terminal, the command asks what the brick is to do; otherwise it takes the defaults.
      npm create bricks-plugin NAME does the same.
    `,
    examples: [['A brick that says where packets go', 'bricks create-plugin my-brick'], ['One that changes packets', 'bricks create-plugin my-brick --form edit']],
  });

  name = Option.String();
  form = Option.String('--form', { description: 'choose, packet or edit: how the brick sees packets' });
  brick = Option.String('--brick', { description: 'the name of the brick; by default from that of the package' });
  description = Option.String('--description', { description: 'what it does, in one sentence' });
  author = Option.String('--author', { description: 'who wrote it' });
  license = Option.String('--license', { description: 'MIT or BSD-2-Clause' });

  override async execute(): Promise<number> {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- a separate package, which also npm create runs
    const { CreateError, WriteError, create } = require(join(packageRoot(), 'plugins', 'create-bricks-plugin', 'dist', 'index.js')) as Creator;
    const { name, form, brick, description, author, license } = this;
    try {
      const terminal = isatty(0) && isatty(1);
      const root = packageRoot();
      const streams = terminal ? { input: process.stdin, output: process.stdout } : undefined;
      this.context.stdout.write(await create({ name, form, brick, description, author, license }, streams, root.includes('/node_modules/') ? undefined : root));
      return 0;
    } catch (error) {
      if (error instanceof WriteError) throw new BricksError('E_FILE', error.message, error.remedy);
      throw error instanceof CreateError ? new UsageError(error.message) : error;
    }
  }
}
