/** Network namespaces with a pair of interfaces, `va` and `vb`, and processes in them that use the pcap backend. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

export interface LinkCounts {
  readonly packets: number;
  readonly bytes: number;
  readonly drops: Readonly<Record<string, number>>;
}

export interface Received {
  readonly packets: readonly {
    readonly bytes: Buffer; readonly aligned: boolean; readonly wireLength: number; readonly seconds: number; readonly nanoseconds: number;
    readonly flowKind: number; readonly flowPorts: number; readonly flowAddresses: number;
  }[];
  readonly received: number;
  readonly ended: boolean;
  readonly linkType: number;
  readonly counts: LinkCounts;
  readonly notices: readonly string[];
}

export interface Sent {
  readonly links: readonly LinkCounts[];
  readonly left: readonly number[];
  readonly notices: readonly string[];
}

const MARK = Buffer.from([0x88, 0xb5]);

/** A frame of the protocol number for local experiments. */
export function frame(payload: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from('ffffffffffff020000000001', 'hex'), MARK, payload]);
}

export class Namespace {
  private static next = 0;
  readonly name = `bricks-pcap-${process.pid}-${Namespace.next++}`;
  private readonly drivers: PortDriver[] = [];

  constructor() {
    execFileSync('ip', ['netns', 'add', this.name]);
    this.ip('link', 'add', 'va', 'type', 'veth', 'peer', 'name', 'vb');
    for (const device of ['va', 'vb']) {
      // Nothing but what the test sends.
      this.run('sysctl', '-qw', `net.ipv6.conf.${device}.disable_ipv6=1`);
      this.ip('link', 'set', device, 'up');
    }
  }

  ip(...words: string[]): void {
    execFileSync('ip', ['-n', this.name, ...words]);
  }

  run(...words: string[]): string {
    return execFileSync('ip', ['netns', 'exec', this.name, ...words], { encoding: 'utf8' });
  }

  /** A process in the namespace; `wrap` is put before it, `environment` over its own. */
  driver({ wrap = [], environment = {} }: { wrap?: readonly string[]; environment?: Readonly<Record<string, string>> } = {}): PortDriver {
    const driver = new PortDriver(['netns', 'exec', this.name, ...wrap, process.execPath, join(__dirname, 'port-driver.cjs')], environment);
    this.drivers.push(driver);
    return driver;
  }

  /** A program in the namespace, of which what it says is waited for. */
  start(words: readonly string[], environment: Readonly<Record<string, string>>): RunningProgram {
    return new RunningProgram(['netns', 'exec', this.name, ...words], environment);
  }

  async dispose(): Promise<void> {
    await Promise.all(this.drivers.map((driver) => driver.end()));
    spawnSync('ip', ['netns', 'del', this.name]);
  }
}

export class RunningProgram {
  private readonly child: ChildProcess;
  private readonly ended: Promise<unknown>;
  private said = '';

  constructor(words: readonly string[], environment: Readonly<Record<string, string>>) {
    this.child = spawn('ip', words, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
    for (const stream of [this.child.stdout, this.child.stderr]) stream?.on('data', (text) => { this.said += String(text); });
    this.ended = new Promise((resolve) => { this.child.on('close', resolve); });
  }

  async says(pattern: RegExp): Promise<void> {
    let over = false;
    void this.ended.then(() => { over = true; });
    while (!pattern.test(this.said)) {
      if (over) throw new Error(this.said);
      await new Promise((resolve) => { setTimeout(resolve, 10); });
    }
  }

  /** Stops it, and answers what it said. */
  async end(): Promise<string> {
    this.child.kill('SIGTERM');
    await this.ended;
    return this.said;
  }
}

/** Its process is started by the first command. */
export class PortDriver {
  private started: ChildProcess | undefined;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(private readonly words: readonly string[], private readonly environment: Readonly<Record<string, string>>) {}

  private get child(): ChildProcess {
    this.started ??= spawn('ip', this.words, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced', env: { ...process.env, ...this.environment } });
    return this.started;
  }

  /** Does a command; an error of the backend is thrown with its code. */
  tell<Result>(command: string, argument: Readonly<Record<string, unknown>> = {}): Promise<Result> {
    const answer = this.queue.then(() => new Promise<Result>((resolve, reject) => {
      const fail = (code: number | null): void => reject(new Error(`the driver ended with ${code}`));
      this.child.once('exit', fail);
      this.child.once('message', (message: { result: Result; error?: { code: string; message: string } }) => {
        this.child.off('exit', fail);
        if (message.error) reject(Object.assign(new Error(message.error.message), { code: message.error.code }));
        else resolve(message.result);
      });
      this.child.send({ command, argument });
    }));
    this.queue = answer.catch(() => undefined);
    return answer;
  }

  async end(): Promise<void> {
    const child = this.started;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => { child.once('exit', resolve); });
    if (child.connected) child.disconnect();
    const timer = setTimeout(() => child.kill('SIGKILL'), 2000);
    await ended;
    clearTimeout(timer);
  }
}

export function namespacesWork(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const name = `bricks-pcap-${process.pid}-probe`;
  const made = spawnSync('ip', ['netns', 'add', name]).status === 0
    && spawnSync('ip', ['-n', name, 'link', 'add', 'va', 'type', 'veth', 'peer', 'name', 'vb']).status === 0;
  spawnSync('ip', ['netns', 'del', name]);
  return made;
}

/** Gives each test a namespace of its own with two interfaces, who captures, and who sends. */
export function eachTestWithEnds(take: (ends: { readonly namespace: Namespace; readonly captor: PortDriver; readonly sender: PortDriver }) => void): void {
  let namespace: Namespace;
  beforeEach(() => {
    namespace = new Namespace();
    take({ namespace, captor: namespace.driver(), sender: namespace.driver() });
  });
  afterEach(() => namespace.dispose());
}

/** `describe`, or a skipped one that says what it lacks. */
export function describeInNamespace(title: string, body: () => void): void {
  if (namespacesWork()) describe(title, body);
  else describe.skip(`${title} (skipped: needs root, and ip with veth and network namespaces)`, () => { test('needs a namespace', () => undefined); });
}
