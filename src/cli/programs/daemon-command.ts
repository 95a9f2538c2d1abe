/** What all programs that start a daemon take. */
import { Command, Option, UsageError } from 'clipanion';
import { cascade, isEnum, isInInclusiveRange, isNumber } from 'typanion';
import { LOG_FORMATS, LOG_LEVELS } from '../../daemon/log';
import { identityOf } from '../../daemon/privileges';
import { runDaemon } from '../../daemon/run-daemon';
import { DETACHED, startDetached } from '../../daemon/detach';
import { daemonName, runDirectory } from '../../protocol/address';
import { commandLine } from '../command-line';
import { backendOption, backendOptionsOption, batchOption, metricsOption, verboseOption, webOption, webTokenOption } from '../options';
import { controlOptions } from './control-options';

/** A script with what it is given. */
export interface ScriptChoice {
  readonly path: string;
  readonly arguments: readonly string[];
}

const SETTLE_SECONDS = 2;
const STOP_SECONDS = 15;
const MOST_SECONDS = 3600;

const seconds = cascade(isNumber(), [isInInclusiveRange(0, MOST_SECONDS)]);

/** Starts a daemon, or is one. */
export abstract class DaemonCommand extends Command {
  foreground = Option.Boolean('--foreground', false, { description: 'stay in the foreground, for service managers (systemd Type=notify) and containers' });
  name = Option.String('--name', { description: 'name of the daemon; each has its own files and control socket; default: bricks, or BRICKS_NAME' });
  runDir = Option.String('--run-dir', { description: 'directory for its pid file, control socket and status file; default: /run/bricks for root, otherwise $XDG_RUNTIME_DIR/bricks' });
  group = Option.String('--group', { description: 'group whose members may look into that directory, and use the control socket' });
  groupAccess = Option.String('--group-access', 'read', { description: 'what members of the group may do over the control socket: read, or control; default: read', validator: isEnum(['read', 'control'] as const) });
  listen = Option.String('--listen', { description: 'also take clients on TCP: HOST:PORT, or :PORT of 127.0.0.1, port 0 for any that is free; other hosts need TLS, and a token or client certificates' });
  tokenFile = Option.String('--token-file', { description: 'file with a token; clients on TCP that show it may control the daemon' });
  readTokenFile = Option.String('--read-token-file', { description: 'file with a token; clients on TCP that show it may read' });
  tlsCert = Option.String('--tls-cert', { description: 'file with the certificate for TCP, in PEM' });
  tlsKey = Option.String('--tls-key', { description: 'file with its key' });
  tlsCa = Option.String('--tls-ca', { description: 'file with authorities; clients on TCP need a certificate signed by one of them' });
  user = Option.String('--user', { description: 'user to become when started by root; keeps CAP_NET_RAW and CAP_NET_ADMIN only' });
  logFile = Option.String('--log-file', { description: 'append the log to this file; SIGHUP opens it anew' });
  logLevel = Option.String('--log-level', { description: `write messages of this level and above: ${LOG_LEVELS.join(', ')}; default: info`, validator: isEnum(LOG_LEVELS) });
  logFormat = Option.String('--log-format', { description: 'text or json; default: text on a terminal, json otherwise', validator: isEnum(LOG_FORMATS) });
  settle = Option.String('--settle', String(SETTLE_SECONDS), { description: `seconds without a command to an engine after which a script that goes on counts as started; default: ${SETTLE_SECONDS}`, validator: seconds });
  stopTimeout = Option.String('--stop-timeout', String(STOP_SECONDS), { description: `seconds that engines may take to stop; default: ${STOP_SECONDS}`, validator: seconds });
  backend = backendOption();
  batch = batchOption();
  backendOptions = backendOptionsOption();
  plugins = Option.Array('--plugin', { description: 'a plugin, or a folder of plugins, to use; may be repeated' });
  allowed = Option.Array('--allow-plugin', { description: 'take this plugin, by its package name, and none that is not allowed; a daemon that runs as root takes only allowed ones; may be repeated' });
  metrics = metricsOption();
  web = webOption();
  webTokenFile = webTokenOption();
  webControl = Option.String('--web-control', { description: 'let whoever shows the token in this file start and stop engines, reload the script and shut the daemon down on the page, which can only be read otherwise' });
  verbose = verboseOption();
  daemon = Option.Boolean('-d,--daemon', false, { hidden: true });
  shell = Option.Boolean('-s', false, { hidden: true });
  detached = Option.Boolean(DETACHED, false, { hidden: true });

  /** What the daemon is to run, if anything. @throws UsageError */
  protected abstract chosenScript(): ScriptChoice | undefined;

  override async execute(): Promise<number> {
    if (this.shell) throw new UsageError('-d starts a daemon, and -s opens a shell on a running one: use one of them.');
    const script = this.chosenScript();
    const where = { name: this.name, runDirectory: this.runDir };
    const name = daemonName(where, process.env);
    const directory = runDirectory(where, process.env, process.getuid?.() ?? 0);
    const identity = identityOf(this.user, this.group);
    const control = controlOptions({
      listen: this.listen, groupAccess: this.groupAccess, tokenFile: this.tokenFile, readTokenFile: this.readTokenFile, certificate: this.tlsCert, key: this.tlsKey, clientAuthorities: this.tlsCa,
    });
    if (!this.foreground && !this.detached) return startDetached(process.argv[1], commandLine());
    return runDaemon({
      name, directory, identity, control, detached: this.detached && !this.foreground,
      script: script?.path, scriptArguments: script?.arguments ?? [],
      settleMilliseconds: this.settle * 1000, stopMilliseconds: this.stopTimeout * 1000,
      log: { file: this.logFile, level: this.logLevel, format: this.logFormat },
      backend: this.backend, backendOptions: this.backendOptions, batch: this.batch, tellChoice: this.verbose, plugins: { paths: this.plugins, script: script?.path, allowed: this.allowed, rootNeedsList: true }, metrics: this.metrics, web: this.web, webTokenFile: this.webTokenFile, webControl: this.webControl,
    });
  }
}
