/** The life of a daemon: it takes its place, runs its script, stays until it is told to stop, and leaves nothing behind. */
import type { EngineRegistry } from '../control/engine-registry';
import { engines } from '../control/process-engines';
import { BricksError, isBricksError } from '../model/errors';
import { packageVersion } from '../native/load-addon';
import { defaultBackend } from '../plugins/default-backend';
import { watchForIdleEngines } from '../program/forgotten';
import { say, sayError } from '../program/messages';
import { ProgramEngines, type EngineSettings } from '../program/program-engines';
import { checkScript, findScript } from '../program/script';
import { summaryOf } from '../program/summary';
import type { ReloadReport } from '../protocol/commands/program';
import type { ControlHost } from './control-host';
import { ControlServer } from './control-server';
import { DaemonScript, endOfLateError, type ScriptEnd } from './daemon-script';
import { PidFile } from './pid-file';
import { dropPrivileges, type Identity } from './privileges';
import { prepareRuntimeDirectory, removeLeftovers, runtimeFiles, type RuntimeFiles } from './runtime-directory';
import { StatusFile } from './status-file';
import { daemonStatus } from './status';

export interface DaemonSettings extends EngineSettings {
  readonly name: string;
  /** The runtime directory. */
  readonly directory: string;
  readonly identity: Identity;
  readonly script?: string | undefined;
  readonly scriptArguments: readonly string[];
  /** The descriptor that Lua scripts print to. */
  readonly output: number;
  /** How long a script may give no order before its start-up is over. */
  readonly settleMilliseconds: number;
  /** How long engines may take to stop. */
  readonly stopMilliseconds: number;
}

/** A script that has left with an exit code while the daemon was starting. */
export class StartFailure extends BricksError {
  constructor(readonly exitCode: number) {
    super('E_SCRIPT_FAILED', `The script has ended itself with exit code ${exitCode}.`);
  }
}

const EXIT_FAILURE = 1;
/** A script that is busy in the system, or in another program, is not waited for any longer. */
const SCRIPT_STOP_MILLISECONDS = 2000;
/** Clients that take nothing more are not waited for any longer. */
const SERVER_STOP_MILLISECONDS = 1000;

export class Daemon implements ControlHost {
  /** Resolves with the exit code. */
  readonly ended: Promise<number>;
  /** Resolves when it begins to end. */
  readonly stopping: Promise<void>;
  readonly startedAt = new Date();
  readonly files: RuntimeFiles;
  private readonly pidFile: PidFile;
  private script: DaemonScript | undefined;
  private engines!: ProgramEngines;
  private server: ControlServer | undefined;
  private status: StatusFile | undefined;
  private starting = true;
  private leaving: Promise<boolean> | undefined;
  private end: (code: number) => void = () => undefined;
  private beginToEnd: () => void = () => undefined;

  /** Takes its place: from now on it is the only daemon of its name. @throws BricksError E_DAEMON_RUNNING, E_RUN_DIRECTORY, E_SCRIPT, E_USER */
  constructor(readonly settings: DaemonSettings) {
    const { directory, name, identity, script } = settings;
    if (script !== undefined) checkScript(findScript(script));
    this.files = runtimeFiles(directory, name);
    this.ended = new Promise((resolve) => { this.end = resolve; });
    this.stopping = new Promise((resolve) => { this.beginToEnd = resolve; });
    prepareRuntimeDirectory(directory, identity);
    this.pidFile = PidFile.take(this.files.pid, name, identity);
    try {
      removeLeftovers(this.files);
      dropPrivileges(identity);
    } catch (error) {
      this.pidFile.release();
      throw error;
    }
  }

  /** Runs the script until it has set up what it wants. What goes wrong until then makes the start fail; afterwards the daemon stays. */
  async start(): Promise<void> {
    try {
      this.engines = await ProgramEngines.open(this.settings);
      const { registry } = this.engines;
      registry.on('shutdown', () => this.shutdown());
      registry.on('ended', (engine) => say('all sources have ended', 'info', { engine }));
      // Before the script: what its start takes long for can be looked at.
      this.server = await ControlServer.listen(this, { socket: this.files.socket });
      const end = await this.runScript();
      if (this.ending) return;
      if (end?.kind === 'failed') throw end.error;
      if (end?.kind === 'left' && end.exitCode !== 0) throw new StartFailure(end.exitCode);
      this.starting = false;
      watchForIdleEngines();
      this.status = new StatusFile(this.files.status, () => daemonStatus(this), (text) => say(text, 'warn'));
    } catch (error) {
      await this.leave();
      throw error;
    }
  }

  /** Ends it in order, within a bounded time. */
  shutdown(): void {
    if (this.ending) return;
    this.leave().then((whole) => this.end(whole ? 0 : EXIT_FAILURE), (error: unknown) => {
      sayError(error);
      this.end(EXIT_FAILURE);
    });
  }

  /** Whether it has begun to end. */
  get ending(): boolean {
    return this.leaving !== undefined;
  }

  /** What a module has thrown after it was loaded, or a fault of ours: neither ends a daemon. */
  survive(error: unknown): void {
    if (this.starting) this.script?.hasThrown(error);
    else if (this.settings.script !== undefined) this.tellEnd(endOfLateError(error, this.settings.script));
    else sayError(error);
  }

  get registry(): EngineRegistry {
    return this.engines.registry;
  }

  get information(): ControlHost['information'] {
    const { name, script } = this.settings;
    return { version: packageVersion(), pid: process.pid, name, startedAt: this.startedAt.toISOString(), backend: defaultBackend().backend.name, ...(script === undefined ? {} : { script }) };
  }

  reload(): Promise<ReloadReport> {
    return Promise.reject(new BricksError('E_RELOAD', 'This daemon cannot read its script anew.', 'Restart it.'));
  }

  private async runScript(): Promise<ScriptEnd | undefined> {
    const { script, scriptArguments, output, settleMilliseconds } = this.settings;
    if (script === undefined) return undefined;
    this.script = new DaemonScript({ path: findScript(script), arguments: scriptArguments, output, execute: (order) => this.engines.carryOut(order) });
    const end = await this.script.settled(settleMilliseconds);
    if (end === undefined) void this.script.end.then((late) => this.tellEnd(late));
    else if (end.kind === 'left' && end.exitCode === 0) this.tellEnd(end);
    return end;
  }

  private tellEnd(end: ScriptEnd): void {
    if (this.ending) return;
    if (end.kind === 'failed') sayError(end.error);
    else say(end.kind === 'left' ? `the script has ended itself with exit code ${end.exitCode}` : 'the script has ended', end.kind === 'left' && end.exitCode !== 0 ? 'warn' : 'info');
  }

  /** Whether all went well. */
  private leave(): Promise<boolean> {
    this.leaving ??= this.giveUpAll();
    return this.leaving;
  }

  private async giveUpAll(): Promise<boolean> {
    this.beginToEnd();
    await within(SERVER_STOP_MILLISECONDS, this.server?.close());
    await within(SCRIPT_STOP_MILLISECONDS, this.script?.stop());
    const whole = await this.stopEngines();
    this.status?.close();
    removeLeftovers(this.files);
    this.pidFile.release();
    return whole;
  }

  private async stopEngines(): Promise<boolean> {
    const pending = new Set(engines());
    let packets = 0;
    let drops = 0;
    let failed = false;
    const ends = [...pending].map(async (engine) => {
      try {
        await engine.stop();
        await engine.unlink();
        const statistics = engine.stats();
        packets += statistics.packets;
        drops += statistics.drops;
        say(summaryOf(statistics));
      } catch (error) {
        failed = true;
        sayError(error, { engine: engine.name });
      }
      pending.delete(engine);
    });
    const count = pending.size;
    await within(this.settings.stopMilliseconds, Promise.all(ends));
    for (const engine of pending) say(`did not stop within ${this.settings.stopMilliseconds / 1000} s, and is left behind`, 'error', { engine: engine.name });
    if (count > 0) say(`total: ${packets} packets received, ${drops} dropped by ${count} engine${count === 1 ? '' : 's'}`);
    return !failed && pending.size === 0;
  }
}

/** Waits for work that may not end. */
async function within(milliseconds: number, work: Promise<unknown> | undefined): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise<void>((resolve) => { timer = setTimeout(resolve, milliseconds); })]);
  clearTimeout(timer);
}

/** The exit code of a start that failed. */
export function exitCodeOfStart(error: unknown): number {
  if (error instanceof StartFailure) return error.exitCode;
  return isBricksError(error) && error.code === 'E_BACKEND' ? 2 : EXIT_FAILURE;
}
