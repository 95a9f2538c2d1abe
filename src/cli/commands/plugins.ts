import { Command, Option } from 'clipanion';
import { configurePlugins } from '../../plugins/find';
import { table } from '../output';

/** Lists plugins with what they bring, and why one was not taken. */
export class PluginsCommand extends Command {
  static override paths = [['plugins']];
  static override usage = Command.Usage({
    description: 'List plugins, what they bring, and why one cannot be used.',
    details: `
      Plugins are npm packages that bring bricks or backends. They are found in node_modules of the working directory and of the folders
      above it, among the global packages, and where --plugin points. Each is loaded once, in its own thread, to see whether it can be.
    `,
    examples: [['All plugins', 'bricks plugins'], ['One that is not installed', 'bricks plugins --plugin ./my-brick'], ['For programs', 'bricks plugins --json']],
  });

  json = Option.Boolean('--json', false, { description: 'print JSON' });
  plugins = Option.Array('--plugin', { description: 'a plugin, or a folder of plugins, to list too; may be repeated' });

  override async execute(): Promise<number> {
    const all = await configurePlugins({ paths: this.plugins ?? [] }).list();
    const { stdout } = this.context;
    if (this.json) {
      stdout.write(`${JSON.stringify(all, undefined, 2)}\n`);
      return 0;
    }
    if (all.length === 0) {
      stdout.write('No plugins were found. To install one: npm install PACKAGE. To find some: npm search packet-bricks-plugin.\n');
      return 0;
    }
    const rows = all.map(({ name, version, bricks, backends, folder }) => [name, version || '-', bricks.join(', ') || '-', backends.join(', ') || '-', folder]);
    stdout.write(`${table([['PLUGIN', 'VERSION', 'BRICKS', 'BACKENDS', 'FOLDER'], ...rows])}\n`);
    const broken = all.filter(({ problem }) => problem !== undefined);
    if (broken.length > 0) stdout.write(`\n${broken.map(({ name, problem }) => `${name} can't be used: ${problem}.`).join('\n')}\n`);
    return 0;
  }
}
