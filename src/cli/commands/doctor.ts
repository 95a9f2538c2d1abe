import { spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';
import { isatty } from 'node:tty';
import { Command, Option, UsageError } from 'clipanion';
import { BricksError } from '../../model/errors';
import { shellWord } from '../../model/shell-word';
import { checkInterface, interfaces, isUp } from '../../doctor/interface-checks';
import { checkDaemons, checkOthers } from '../../doctor/program-checks';
import { checkSuspended } from '../../doctor/suspended-programs';
import { checkSystem } from '../../doctor/system-checks';
import type { Command as Remedy, Finding, Verdict } from '../../doctor/finding';
import { findBackend } from '../../plugins/find';
import { runDirectory } from '../../protocol/address';
import { daemonOption } from '../client-command';
import { EXIT_FAILURE } from '../exit-codes';

const MARKS: Readonly<Record<Verdict, string>> = { good: 'good', doubt: 'look', bad: 'BAD', unknown: '?' };
const COLOURS: Readonly<Record<Verdict, number>> = { good: 32, doubt: 33, bad: 31, unknown: 33 };

/** Looks at the system and at interfaces as backends would use them, and says what is wrong and what to do. */
export class DoctorCommand extends Command {
  static override paths = [['doctor']];
  static override usage = Command.Usage({
    description: 'Find out why packets do not come, or get lost.',
    details: `
      Looks at interfaces (link, offloads, MTU, queues, lost frames), rights, shared memory, processors, netmap, daemons, and programs that were suspended.
      For each finding it says why it matters, and which command puts it right. Without an interface it looks at all that are up, but lo.
      --fix runs the commands that are safe, each after asking; --yes answers for you.
      The exit code is 1 if something is bad.
    `,
    examples: [['One interface', 'bricks doctor eth3'], ['As netmap would use it', 'bricks doctor --backend netmap eth3'], ['For programs', 'bricks doctor --json']],
  });

  backend = Option.String('--backend', { description: 'look as this backend would: netmap needs more than pcap' });
  fix = Option.Boolean('--fix', false, { description: 'put right what is safe to, after asking' });
  yes = Option.Boolean('--yes', false, { description: 'with --fix, do not ask' });
  json = Option.Boolean('--json', false, { description: 'print JSON' });
  runDirectory = daemonOption('runDirectory');
  names = Option.Rest({ name: 'interfaces' });

  override async execute(): Promise<number> {
    if (process.platform !== 'linux') throw new BricksError('E_PLATFORM', 'The doctor knows Linux only.', 'bricks devices lists what each backend can do here.');
    if (this.fix && this.json) throw new UsageError('--fix asks and --json answers programs: use one of them.');
    if (this.backend !== undefined) await findBackend(this.backend);
    let findings = this.examine();
    if (this.json) this.context.stdout.write(`${JSON.stringify(findings, undefined, 2)}\n`);
    else for (const one of findings) this.context.stdout.write(`${this.lines(one).join('\n')}\n`);
    if (this.fix && (await this.putRight(findings))) findings = this.examine();
    if (!this.json) this.context.stdout.write(`\n${summary(findings)}\n`);
    return findings.some(({ verdict }) => verdict === 'bad') ? EXIT_FAILURE : 0;
  }

  private examine(): Finding[] {
    const netmap = this.backend === 'netmap';
    const known = interfaces();
    // Machines have interfaces that nobody uses: those that are down are looked at when they are named.
    const names = this.names.length > 0 ? this.names : known.filter((name) => name !== 'lo' && isUp(name));
    const daemons = checkDaemons(this.daemonDirectory());
    return [
      ...checkSystem(netmap),
      ...daemons.findings,
      ...checkSuspended(daemons.processes),
      ...names.flatMap((name) => [...checkInterface(name, netmap), ...(known.includes(name) ? checkOthers(name) : [])]),
    ];
  }

  /** Undefined for a user who has none. */
  private daemonDirectory(): string | undefined {
    try {
      return runDirectory(this, process.env, process.getuid?.() ?? 0);
    } catch {
      return undefined;
    }
  }

  private lines({ verdict, text, why, commands }: Finding): string[] {
    const mark = `[${MARKS[verdict]}]`.padEnd(7);
    const shown = isatty(1) && !process.env['NO_COLOR'] ? `\x1b[${COLOURS[verdict]}m${mark}\x1b[0m` : mark;
    return [`${shown}${text}`, ...(why ? [`       ${why}`] : []), ...commands.map((command) => `       $ ${written(command)}`)];
  }

  /** Whether anything was done. */
  private async putRight(findings: readonly Finding[]): Promise<boolean> {
    const remedies = findings.filter(({ verdict, safe }) => safe && verdict !== 'good').flatMap(({ commands }) => commands);
    if (remedies.length === 0) {
      this.context.stdout.write('\nThere is nothing that is safe to put right from here.\n');
      return false;
    }
    if (!this.yes && !isatty(0)) throw new UsageError('--fix asks before each change: run it on a terminal, or add --yes.');
    let done = false;
    for (const remedy of remedies) {
      if (!this.yes && !(await agreed(`Run "${written(remedy)}"? [y/N] `))) continue;
      const [program, ...words] = remedy;
      const { status, stderr, error } = spawnSync(program, words, { encoding: 'utf8' });
      done = true;
      this.context.stdout.write(status === 0 ? `done: ${written(remedy)}\n` : `failed: ${written(remedy)}: ${error?.message ?? stderr.trim()}\n`);
    }
    return done;
  }
}

/** As it would be typed. */
function written(command: Remedy): string {
  return command.map(shellWord).join(' ');
}

/** The end of the input is a no. */
function agreed(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stdout });
  return new Promise<string>((resolve) => {
    lines.once('close', () => resolve(''));
    lines.question(question, resolve);
  }).then((answer) => /^y(es)?$/i.test(answer.trim())).finally(() => lines.close());
}

/** What has to be put right, each in its own words. */
function summary(findings: readonly Finding[]): string {
  const bad = findings.filter(({ verdict }) => verdict === 'bad').map(({ text }) => text);
  if (bad.length === 0) return 'Nothing is bad.';
  return bad.length === 1 ? `One thing is bad: ${bad[0]}` : [`${bad.length} things are bad:`, ...bad.map((text) => `  ${text}`)].join('\n');
}
