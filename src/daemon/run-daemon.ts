/** Runs a daemon in this process: signals, log, service manager, and the program that may wait for its start. */
import { isatty } from 'node:tty';
import { onStatisticsSignal } from '../native/no-debugger';
import { onEndSignals } from '../program/end-signals';
import { say, sayError, sendMessagesTo, toStandardError } from '../program/messages';
import { sayStatistics } from '../program/summary';
import { Daemon, exitCodeOfStart, type DaemonSettings } from './daemon';
import { Launcher } from './detach';
import { Log, type LogOptions } from './log';
import { ScriptOutput } from './script-output';
import { ServiceManager } from './service-manager';

export interface RunSettings extends Omit<DaemonSettings, 'output'> {
  readonly log: Omit<LogOptions, 'name' | 'owner'>;
  /** Whether another program has started it as a daemon, and waits. */
  readonly detached: boolean;
}

const STANDARD_OUTPUT = 1;
const NOT_FOR_OTHERS_TO_WRITE = 0o022;
const EXIT_FAILURE = 1;

/** Resolves with the exit code. @throws BricksError before anything was said to the log */
export async function runDaemon({ log: logOptions, detached, ...settings }: RunSettings): Promise<number> {
  process.umask(process.umask() | NOT_FOR_OTHERS_TO_WRITE);
  const log = new Log({ ...logOptions, name: settings.name, owner: settings.identity, losing: (error) => toStandardError('error', error.message, { code: error.code }) });
  const launcher = detached ? new Launcher() : undefined;
  const output = detached ? new ScriptOutput() : undefined;
  const manager = new ServiceManager(process.env, (text) => say(text, 'warn'));
  sendMessagesTo((level, text, subject) => {
    if (detached || log.isFile) toStandardError(level, text, subject);
    if (!detached || log.isFile) log.write(level, text, subject);
  });
  const text = `the daemon "${settings.name}" runs as process ${process.pid}`;
  try {
    const daemon = new Daemon({ ...settings, output: output?.descriptor ?? STANDARD_OUTPUT }, { reloading: () => manager.reloading(), ready: () => manager.ready(text), stopping: () => manager.stopping() });
    takeSignals(daemon, log);
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) process.on(event, (error) => daemon.survive(error));
    onStatisticsSignal(sayStatistics);
    // What the script prints until then goes to the program that waits for the start.
    await daemon.start().finally(() => output?.drain());
    if (daemon.ending) return await daemon.ended;
    // While somebody may hear that the log cannot be written.
    if (!detached || log.isFile) log.write('info', text);
    if (detached) {
      log.takeStandardStreams();
      output?.goToLog(log);
    }
    sendMessagesTo(detached && !log.isFile ? () => undefined : log.target);
    launcher?.ready(text);
    manager.ready(text);
    return await daemon.ended;
  } catch (error) {
    sayError(error);
    return exitCodeOfStart(error);
  } finally {
    await output?.drain();
    manager.close();
    log.close();
  }
}

function takeSignals(daemon: Daemon, log: Log): void {
  onEndSignals(['SIGINT', 'SIGTERM'], (signal) => {
    say(`${signal}: stopping`);
    daemon.shutdown();
  }, () => {
    say('second signal: exited at once, without stopping the engines cleanly', 'error');
    process.exit(EXIT_FAILURE);
  });
  process.on('SIGHUP', () => {
    if (log.isFile) log.reopen();
    // A terminal that goes takes along what it holds in the foreground.
    else if (isatty(2)) daemon.shutdown();
  });
}
