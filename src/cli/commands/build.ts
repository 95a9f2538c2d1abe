import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { Command } from 'clipanion';
import { BricksError } from '../../model/errors';
import { packageRoot } from '../../native/load-addon';
import { say } from '../../program/messages';

/** SIGUSR1 must open no debugger in the builder either, where Node can be told so. */
const WITHOUT_DEBUGGER = ['--disable-sigusr1'].filter((option) => process.allowedNodeEnvironmentFlags.has(option));
/** Of the builder's output, where it fails. */
const SHOWN_LINES = 30;

/** Builds the native parts where the package lies: for installs that ran no install script, or had no compiler then. */
export class BuildCommand extends Command {
  static override paths = [['build']];
  static override usage = Command.Usage({
    description: 'Build the native parts of this installation.',
    details: `
      Needs a compiler and libraries; on Debian: apt-get install g++ cmake make libpcap-dev liblua5.1-0-dev.
      Parts whose library is missing are skipped; whatever needs them says so.
    `,
    examples: [['After an install that built nothing', 'bricks build']],
  });

  override execute(): Promise<number> {
    let builder: string;
    try {
      builder = createRequire(join(packageRoot(), 'package.json')).resolve('cmake-js/bin/cmake-js');
    } catch {
      throw new BricksError('E_BUILD', 'cmake-js, which builds the native parts, is not installed.', 'Reinstall the package: npm install packet-bricks');
    }
    say(`building the native parts in ${join(packageRoot(), 'build')}`);
    const { status, stdout, stderr } = spawnSync(process.execPath, [...WITHOUT_DEBUGGER, builder, 'compile'], { cwd: packageRoot(), encoding: 'utf8', maxBuffer: 1 << 28 });
    if (status === 0) {
      // The program starts sooner with it; what goes wrong it says itself.
      spawnSync(process.execPath, [join(packageRoot(), 'tools', 'code-cache.cjs')], { stdio: 'inherit' });
      say('done');
      return Promise.resolve(0);
    }
    process.stderr.write(`${`${stdout}${stderr}`.trimEnd().split('\n').slice(-SHOWN_LINES).join('\n')}\n`);
    throw new BricksError('E_BUILD', 'Building the native parts failed; see the end of the build output above.', 'On Debian: apt-get install g++ cmake make libpcap-dev liblua5.1-0-dev');
  }
}
