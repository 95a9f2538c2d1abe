/** The life of a daemon: it takes its place, runs its script, stays until it is stopped, and leaves nothing behind. */
import type { EngineRegistry } from '../control/engine-registry';
import { ModuleReading } from '../control/module-reading';
import { engines } from '../control/process-engines';
import { countText } from '../model/count-text';
import { BricksError } from '../model/errors';
import { inTime } from '../model/in-time';
import { packageVersion } from '../native/load-addon';
import { allBackends } from '../plugins/container';
import { defaultBackend } from '../plugins/default-backend';
import { plugins } from '../plugins/find';
import { markContents } from '../plugins/fresh-modules';
import { watchForIdleEngines } from '../program/forgotten';
import { exitCodeOfFailure, say, sayError } from '../program/messages';
import { ProgramEngines, type EngineSettings } from '../program/program-engines';
import { checkScript, findScript, isModule, readScript } from '../program/script';
import { summaryOf } from '../program/summary';
import type { ReloadReport } from '../protocol/commands/program';
import type { ControlHost } from './control-host';
import { ControlServer, type ListenOptions } from './control-server';
import { DaemonScript, endOfLateError, type ScriptEnd, type ScriptSettings } from './daemon-script';
import { pageOperator } from './page-operator';
import { PidFile } from './pid-file';
import { dropPrivileges, type Identity } from './privileges';
import { leaveModule, takeOverEngines } from './module-engines';
import { Reload } from './reload';
import { rehearse } from './rehearse';
import { prepareRuntimeDirectory, removeLeftovers, replaceFile, runtimeFiles, type RuntimeFiles } from './runtime-directory';
import { ScriptCommands } from './script-commands';
import { StatusFile } from './status-file';
import { daemonStatus } from './status';

export interface DaemonSettings extends EngineSettings {
  readonly name: string;
  /** The runtime directory. */
  readonly directory: string;
  readonly identity: Identity;
  /** Who may control it, beside its user, and from where. */
  readonly control: Pick<ListenOptions, 'groupAccess' | 'tcp'>;
  readonly script?: string | undefined;
  readonly scriptArguments: readonly string[];
  /** The descriptor that Lua scripts print to. */
  readonly output: number;
  /** How long a script may give no command before its start-up is over. */
  readonly settleMilliseconds: number;
  /** How long engines may take to stop. */
  readonly stopMilliseconds: number;
}

/** Who hears of what a daemon does. */
export interface DaemonListener {
  reloading(): void;
  /** After a reload. */
  ready(): void;
  stopping(): void;
}

/** A script that has left with an exit code while the daemon was starting. */
class StartFailure extends BricksError {
  constructor(readonly exitCode: number) {
    super('E_SCRIPT_FAILED', `The script exited with code ${exitCode}.`);
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
  readonly startedAt = new Date();
  readonly files: RuntimeFiles;
  private readonly pidFile: PidFile;
  private script: DaemonScript | undefined;
  private commands: ScriptCommands | undefined;
  private reloading = false;
  /** How often a module was reloaded. */
  private readings = 0;
  private engines!: ProgramEngines;
  private server: ControlServer | undefined;
  private status: StatusFile | undefined;
  private starting = true;
  private leaving: Promise<boolean> | undefined;
  private end: (code: number) => void = () => undefined;

  /** Takes its place: from now on it is the only daemon of its name. @throws BricksError E_DAEMON_RUNNING, E_RUN_DIRECTORY, E_SCRIPT, E_USER */
  constructor(readonly settings: DaemonSettings, private readonly tell: DaemonListener) {
    const { directory, name, identity, script } = settings;
    if (script !== undefined) checkScript(findScript(script));
    this.files = runtimeFiles(directory, name);
    this.ended = new Promise((resolve) => { this.end = resolve; });
    prepareRuntimeDirectory(directory, identity);
    this.pidFile = PidFile.take(this.files.pid, name, identity);
    try {
      removeLeftovers(this.files);
      if (identity.become) for (const backend of allBackends()) backend.keepAccess?.();
      dropPrivileges(identity);
    } catch (error) {
      this.pidFile.release();
      throw error;
    }
  }

  /** Runs the script until it has set up what it wants. What goes wrong until then makes the start fail; afterwards the daemon stays. */
  async start(): Promise<void> {
    try {
      this.engines = await ProgramEngines.open(this.settings, pageOperator(this));
      const { registry } = this.engines;
      registry.adoptAll();
      markContents();
      registry.on('shutdown', () => this.shutdown());
      registry.on('ended', (engine) => say('all sources have ended', 'info', { engine }));
      // Before the script: what its start takes long for can be looked at.
      await this.listen();
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

  /** Reads the script anew: first for nothing, then its engines are brought to what it makes now, then it takes the place of the old one. @throws BricksError E_RELOAD, E_SCRIPT, E_SCRIPT_FAILED */
  async reload(): Promise<ReloadReport> {
    if (this.reloading) throw new BricksError('E_RELOAD', 'The script is already being reloaded.', 'Wait until it has finished.');
    if (this.starting || this.ending) throw new BricksError('E_RELOAD', `The daemon is ${this.ending ? 'ending' : 'starting'}.`);
    this.reloading = true;
    this.tell.reloading();
    try {
      const report = await this.readAnew();
      say(`reloaded: ${Object.entries(report).map(([what, names]: [string, readonly string[]]) => `${names.length} ${what}`).join(', ')}`);
      return report;
    } catch (error) {
      sayError(error);
      throw error;
    } finally {
      this.reloading = false;
      this.tell.ready();
    }
  }

  private async readAnew(): Promise<ReloadReport> {
    const { script: given, scriptArguments } = this.settings;
    if (given === undefined) throw new BricksError('E_RELOAD', 'The daemon runs no script.', 'Start it with -f SCRIPT.');
    const path = findScript(given);
    checkScript(path);
    // What was installed meanwhile may be asked for.
    plugins().refresh();
    if (isModule(path)) return this.readModuleAnew(path);
    // Once: what runs is what was rehearsed.
    const text = readScript(path);
    const wanted = await rehearse(path, text, scriptArguments, this.engines.plan());
    const report = await new Reload(this.registry, wanted, this.commands?.own ?? new Set()).apply();
    const former = this.script;
    const script = this.takeScript(path, wanted.map(({ name }) => name), { text });
    await inTime(SCRIPT_STOP_MILLISECONDS, former?.stop());
    void script.end.then((end) => this.tellEnd(end, script));
    return report;
  }

  /** A module can't be tried for nothing: it runs once, and the engines that it makes are planned until it has made all. */
  private async readModuleAnew(path: string): Promise<ReloadReport> {
    const { settleMilliseconds } = this.settings;
    const former = this.script;
    const reading = ModuleReading.begin();
    try {
      const script = this.takeScript(path, [], { reading: ++this.readings });
      const end = await script.hasMade(reading.engines, settleMilliseconds);
      reading.end();
      if (end?.kind === 'failed') throw end.error;
      if (end?.kind === 'left' && end.exitCode !== 0) throw new BricksError('E_SCRIPT_FAILED', `The script ${path} exited with code ${end.exitCode}.`);
      const report = await takeOverEngines(this.registry, reading.engines);
      await leaveModule(reading.handlersToLeave(true));
      void script.end.then((late) => this.tellEnd(late, script));
      return report;
    } catch (error) {
      reading.end();
      for (const engine of reading.engines) engine.endPlan();
      this.script = former;
      await leaveModule(reading.handlersToLeave(false));
      throw error;
    }
  }

  private async listen(): Promise<void> {
    const { identity: { group }, control } = this.settings;
    this.server = await ControlServer.listen(this, { ...control, socket: this.files.socket, group, log: (text) => say(text, 'warn') });
    const { port, addresses } = this.server;
    if (port === undefined) return;
    replaceFile(this.files.port, `${port}\n`);
    if (control.tcp?.port === 0) say(`listens on ${addresses[addresses.length - 1]}`);
  }

  private async runScript(): Promise<ScriptEnd | undefined> {
    const { script: given, settleMilliseconds } = this.settings;
    if (given === undefined) return undefined;
    const script = this.takeScript(findScript(given));
    const end = await script.settled(settleMilliseconds);
    if (end === undefined) void script.end.then((late) => this.tellEnd(late, script));
    else if (end.kind === 'left' && end.exitCode === 0) this.tellEnd(end, script);
    return end;
  }

  /** Runs a script, for which these engines are there already. */
  private takeScript(path: string, ready: readonly string[] = [], how: Pick<ScriptSettings, 'text' | 'reading'> = {}): DaemonScript {
    const commands = new ScriptCommands(this.registry, (command) => this.engines.carryOut(command), this.engines.plan(), ready);
    this.commands = commands;
    this.script = new DaemonScript({ path, arguments: this.settings.scriptArguments, output: this.settings.output, execute: (command) => commands.execute(command), ...how });
    return this.script;
  }

  /** Says nothing of a script that another one has replaced. */
  private tellEnd(end: ScriptEnd, script = this.script): void {
    if (this.ending || script !== this.script) return;
    if (end.kind === 'failed') sayError(end.error);
    else say(end.kind === 'left' ? `the script exited with code ${end.exitCode}` : 'the script has ended', end.kind === 'left' && end.exitCode !== 0 ? 'warn' : 'info');
  }

  /** Whether all went well. */
  private leave(): Promise<boolean> {
    this.leaving ??= this.giveUpAll();
    return this.leaving;
  }

  private async giveUpAll(): Promise<boolean> {
    this.tell.stopping();
    await inTime(SERVER_STOP_MILLISECONDS, this.server?.close());
    await inTime(SCRIPT_STOP_MILLISECONDS, this.script?.stop());
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
    await inTime(this.settings.stopMilliseconds, Promise.all(ends));
    for (const engine of pending) say(`did not stop within ${this.settings.stopMilliseconds / 1000} s, and is left behind`, 'error', { engine: engine.name });
    if (count > 0) say(`total: ${packets} packets received, ${drops} dropped by ${countText(count, 'engine')}`);
    return !failed && pending.size === 0;
  }
}

/** The exit code of a start that failed. */
export function exitCodeOfStart(error: unknown): number {
  return error instanceof StartFailure ? error.exitCode : exitCodeOfFailure(error);
}
