import { Command, Option, UsageError } from 'clipanion';
import { isNumber, isInInclusiveRange, cascade } from 'typanion';
import { PlannedEngines, type EngineDescription } from '../../control/planned-engines';
import type { ErrorCode } from '../../model/error-codes';
import { BricksError, isBricksError } from '../../model/errors';
import { formatFailure, type LuaFailure } from '../../lua/lua-host';
import { findBackend } from '../../plugins/find';
import { forgotten } from '../../program/forgotten';
import { say, sayError } from '../../program/messages';
import { PLANNED_BACKEND } from '../../program/planned-set-up';
import { givenBackendOptions, usePlugins } from '../../program/program-engines';
import { LIMIT_SECONDS, REHEARSED_SECONDS, rehearseScript } from '../../program/rehearsal';
import { checkScript, findScript, isModule, isSetup, readSetupFile } from '../../program/script';
import { runSetup } from '../../text';
import { engineTree } from '../engine-tree';
import { EXIT_FAILURE } from '../exit-codes';
import { backendOptionsOption, batchOption, pluginsOption } from '../options';
import { checkScriptArguments } from '../script-arguments';

const SKIPPED_SHOWN = 20;

interface Report {
  readonly script: string;
  readonly ok: boolean;
  readonly exitCode: number;
  /** The script has not ended, after ten minutes of waits that took no time: it waits for something, or shows statistics for ever. */
  readonly stillRunning: boolean;
  readonly error?: { readonly code: ErrorCode; readonly message: string; readonly file?: string; readonly line?: number };
  /** What the set-up has forgotten. */
  readonly forgotten: readonly string[];
  /** What the script would have done beside its engines. */
  readonly skipped: readonly string[];
  readonly engines: readonly EngineDescription[];
}

/** Runs a script against nothing, and says what it would build. */
export class CheckCommand extends Command {
  static override paths = [['check']];
  static override usage = Command.Usage({
    description: 'Check a Lua script or a setup as text: say what it would build, or what is wrong, and open nothing.',
    details: `
      The script runs as usual, but its engines are only planned: no interface, pipe or capture file is opened, no thread started.
      Mistakes show with the messages and codes of a real run, and a non-zero exit code. What only the machine can tell (whether an
      interface or a file is there, whether this user may open it) is not looked at.

      Waits take no time. Commands (os.execute, io.popen) are not run, and files are read but not written, removed or renamed;
      --run-commands runs the commands. What the script prints goes to standard error.

      Scripts in JavaScript and TypeScript can't be checked, since a module may do anything when it is loaded; tsc checks their types.
      Modules of bricks that a Lua script loads are loaded, and plugins that it names.
    `,
    examples: [
      ['In CI', 'bricks check setups/sensor.lua -- eth3 4'],
      ['A setup that ships with Packet Bricks, for programs', 'bricks check --json load-balance -- eth3 4'],
    ],
  });

  backend = Option.String('--backend', { description: `the backend to check for, ${PLANNED_BACKEND} unless set` });
  backendOptions = backendOptionsOption();
  batch = batchOption();
  plugins = pluginsOption();
  json = Option.Boolean('--json', false, { description: 'print JSON' });
  runCommands = Option.Boolean('--run-commands', false, { description: 'run the commands that the script gives to os.execute and io.popen' });
  limit = Option.String('--limit', {
    description: `seconds that the script may take, ${LIMIT_SECONDS} unless set`,
    validator: cascade(isNumber(), isInInclusiveRange(0.1, 3600)),
  });
  script = Option.String({ required: true });
  scriptArguments = Option.Rest({ name: 'script arguments' });

  override async execute(): Promise<number> {
    const script = findScript(this.script);
    checkScript(script);
    if (isModule(script)) throw new UsageError(`check runs Lua scripts only: ${this.script} is a module, which may do anything when it is loaded. Check its types with tsc, and try it with a real run.`);
    checkScriptArguments(script, this.scriptArguments);
    const report = await this.rehearse(script);
    if (this.json) this.context.stdout.write(`${JSON.stringify(report, undefined, 2)}\n`);
    else this.tell(report);
    return report.exitCode;
  }

  private async rehearse(script: string): Promise<Report> {
    usePlugins({ paths: this.plugins, script });
    const { backend } = await findBackend(this.backend ?? PLANNED_BACKEND);
    const backendOptions = givenBackendOptions(backend, this.backendOptions ?? []);
    const engines = new PlannedEngines({ backend: backend.name, backendOptions, ...(this.batch === undefined ? {} : { batch: this.batch }) });
    if (isSetup(script)) return this.readSetup(script, engines);
    const skipped: string[] = [];
    const onSkipped = (what: string): void => {
      if (!skipped.includes(what)) skipped.push(what);
    };
    const limitSeconds = this.limit ?? LIMIT_SECONDS;
    const { result, tooLong, loose } = await rehearseScript(script, engines, { args: this.scriptArguments, output: 2, runCommands: this.runCommands, onSkipped, limitSeconds });
    const stillRunning = !result.ok && result.failure.interrupted && !tooLong;
    const failure = result.ok || stillRunning ? undefined : tooLong ? endedAfter(result.failure, limitSeconds) : result.failure;
    const described = engines.describe();
    const lines = forgottenOf(described, loose);
    const asked = result.ok ? result.exitCode : undefined;
    const nothingStarted = asked === undefined && lines.length > 0 && !described.some(({ state }) => state === 'started');
    const exitCode = failure !== undefined || nothingStarted ? EXIT_FAILURE : asked ?? 0;
    return {
      script, ok: exitCode === 0, exitCode, stillRunning, ...(failure === undefined ? {} : { error: errorOf(failure) }),
      forgotten: failure === undefined && asked === undefined ? lines : [], skipped, engines: described,
    };
  }

  /** A setup as text does nothing but build engines. */
  private async readSetup(script: string, engines: PlannedEngines): Promise<Report> {
    let error: Report['error'];
    try {
      await runSetup(readSetupFile(script), script, (command) => engines.execute(command));
    } catch (thrown) {
      if (!isBricksError(thrown)) throw thrown;
      error = { code: thrown.code, message: thrown.message };
    }
    return {
      script, ok: error === undefined, exitCode: error === undefined ? 0 : EXIT_FAILURE, stillRunning: false, ...(error === undefined ? {} : { error }),
      forgotten: [], skipped: [], engines: error === undefined ? engines.describe() : [],
    };
  }

  private tell({ script, ok, exitCode, error, forgotten: lines, skipped, engines, stillRunning }: Report): void {
    if (error) sayError(new BricksError(error.code, error.message));
    else if (!ok && lines.length === 0) say(`${script} ends itself with exit code ${exitCode}.`);
    for (const line of lines) say(line);
    for (const what of skipped.slice(0, SKIPPED_SHOWN)) say(`not done: ${what}`);
    if (skipped.length > SKIPPED_SHOWN) say(`not done: ${skipped.length - SKIPPED_SHOWN} more such calls`);
    if (stillRunning) say(`${script} waits for more than ${REHEARSED_SECONDS / 60} minutes: it was checked until then.`);
    const trees = engines.map(engineTree);
    if (trees.length > 0) this.context.stdout.write(`${trees.join('\n\n')}\n`);
    if (ok && engines.length === 0) say(`${script} makes no engine.`);
  }
}

function errorOf(failure: LuaFailure): NonNullable<Report['error']> {
  const { file, line, message } = failure;
  const code = /\[([EX]_\w+)\]$/.exec(message)?.[1] as ErrorCode | undefined ?? 'E_SCRIPT_FAILED';
  return { code, message: formatFailure(failure), ...(file === undefined ? {} : { file }), ...(line === undefined ? {} : { line }) };
}

/** One that was ended where it stood was not checked to its end. */
function endedAfter(failure: LuaFailure, seconds: number): LuaFailure {
  const place = /^(?:.*?:\d+: )?/.exec(failure.message)?.[0] ?? '';
  return { ...failure, message: `${place}The script was still at work after ${seconds} s, and was ended. A check takes no waits, so it loops; or give it longer: --limit SECONDS. [E_INTERRUPTED]` };
}

function forgottenOf(engines: readonly EngineDescription[], loose: readonly string[]): string[] {
  const live = engines.filter(({ deleted }) => !deleted);
  const idle = live.filter(({ state }) => state !== 'started').map(({ name, state }) => ({ name, linked: state === 'linked' }));
  return forgotten(loose, idle, live.some(({ state }) => state !== 'made'));
}
