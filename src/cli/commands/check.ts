import { resolve } from 'node:path';
import { Command, Option } from 'clipanion';
import { isNumber, isInInclusiveRange, cascade } from 'typanion';
import type { EngineDescription } from '../../control/planned-description';
import { PlannedEngines } from '../../control/planned-engines';
import type { ErrorCode } from '../../model/error-codes';
import { BricksError, isBricksError } from '../../model/errors';
import { formatFailure, type LuaFailure } from '../../lua/lua-host';
import { setDefaultBackend } from '../../plugins/default-backend';
import { placeOfError } from '../../plugins/error-place';
import { findBackend } from '../../plugins/find';
import { forgotten } from '../../program/forgotten';
import { say, sayError } from '../../program/messages';
import { rehearseModule } from '../../program/module-rehearsal';
import { PLANNED_BACKEND } from '../../program/planned-set-up';
import { givenBackendOptions, usePlugins } from '../../program/program-engines';
import { LIMIT_SECONDS, REHEARSED_SECONDS, rehearseScript } from '../../program/rehearsal';
import { checkScript, findScript, isModule, isSetup, readSetupFile } from '../../program/script';
import { writeOut } from '../../program/written';
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
  /** The script has not ended, after ten minutes of waits that took no time (of a module, when its engines were made): it waits for something, or shows statistics for ever. */
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
    description: 'Check a script or a setup as text: say what it would build, or what is wrong, and open nothing.',
    details: `
      The script runs as usual, but its engines are only planned: no interface, pipe or capture file is opened, no thread started.
      Mistakes show with the messages and codes of a real run, and a non-zero exit code. What only the machine can tell (whether an
      interface or a file is there, whether this user may open it) is not looked at.

      Waits take no time. Commands (os.execute, io.popen) are not run, and files are read but not written, removed or renamed;
      --run-commands runs the commands. What the script prints goes to standard error.

      Of a module in JavaScript or TypeScript only the engines are planned: its own code runs, with its waits and commands, and what it begins
      besides engines (servers, timers) ends when the check does. Modules of bricks that a script loads are loaded, and plugins that it names.
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
    checkScriptArguments(script, this.scriptArguments);
    const report = await this.rehearse(script);
    if (this.json) await this.print(`${JSON.stringify(report, undefined, 2)}\n`);
    else await this.tell(report);
    return report.exitCode;
  }

  private async rehearse(script: string): Promise<Report> {
    usePlugins({ paths: this.plugins, script });
    const found = await findBackend(this.backend ?? PLANNED_BACKEND);
    const { backend } = found;
    const backendOptions = givenBackendOptions(backend, this.backendOptions ?? []);
    if (isModule(script)) {
      setDefaultBackend(found);
      return this.readModule(script);
    }
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
    return reportOf({ script, stillRunning, error: failure && errorOf(failure), loose, asked: result.ok ? result.exitCode : undefined, skipped, engines: engines.describe() });
  }

  private async readModule(script: string): Promise<Report> {
    const { engines, failure, exitCode, waits, loose } = await rehearseModule(script, this.scriptArguments, this.limit ?? LIMIT_SECONDS);
    return reportOf({ script, stillRunning: waits, error: failure && errorOfModule(failure, script), loose, asked: exitCode, skipped: [], engines });
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

  private print(text: string): Promise<void> {
    return writeOut(this.context.stdout, text);
  }

  private async tell({ script, ok, exitCode, error, forgotten: lines, skipped, engines, stillRunning }: Report): Promise<void> {
    if (error) sayError(new BricksError(error.code, error.message));
    else if (!ok && lines.length === 0) say(`${script} ends itself with exit code ${exitCode}.`);
    for (const line of lines) say(line);
    for (const what of skipped.slice(0, SKIPPED_SHOWN)) say(`not done: ${what}`);
    if (skipped.length > SKIPPED_SHOWN) say(`not done: ${skipped.length - SKIPPED_SHOWN} more such calls`);
    if (stillRunning) say(isModule(script) ? `${script} waits for something: it was checked until then.` : `${script} waits for more than ${REHEARSED_SECONDS / 60} minutes: it was checked until then.`);
    const trees = engines.map(engineTree);
    if (trees.length > 0) await this.print(`${trees.join('\n\n')}\n`);
    if (ok && engines.length === 0) say(`${script} makes no engine.`);
  }
}

/** What a rehearsal has found. */
interface Found extends Pick<Report, 'script' | 'stillRunning' | 'skipped' | 'engines'> {
  readonly error: Report['error'];
  readonly loose: readonly string[];
  /** The exit code that the script asked for. */
  readonly asked: number | undefined;
}

function reportOf({ script, stillRunning, error, loose, asked, skipped, engines }: Found): Report {
  const lines = forgottenOf(engines, loose);
  const nothingStarted = asked === undefined && lines.length > 0 && !engines.some(({ state }) => state === 'started');
  const exitCode = error !== undefined || nothingStarted ? EXIT_FAILURE : asked ?? 0;
  return { script, ok: exitCode === 0, exitCode, stillRunning, ...(error === undefined ? {} : { error }), forgotten: error === undefined && asked === undefined ? lines : [], skipped, engines };
}

function errorOfModule({ code, message, cause }: BricksError, script: string): NonNullable<Report['error']> {
  const place = /^(.*):(\d+)$/.exec(placeOfError(cause, resolve(script))?.line ?? '');
  return { code, message, ...(place === null ? {} : { file: place[1], line: Number(place[2]) }) };
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
