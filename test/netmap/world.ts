/**
 * netmap in user space for a test: a directory of its own, peers that speak netmap in C, engines in
 * processes of their own, and an audit that accounts for every buffer.
 */
import { execFileSync, fork, spawn, type ChildProcess, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Audit, EngineStatistics } from 'packet-bricks';

const ROOT = resolve(__dirname, '../..');
const USER_SPACE = join(ROOT, 'backends/netmap/userspace');

export interface Tools {
  readonly library: string;
  readonly audit: string;
  readonly peer: string;
  readonly directory: string;
}

/** Builds what the tests need beside the package; some seconds. */
export function buildTools(): Tools {
  const directory = mkdtempSync(join(tmpdir(), 'bricks-netmap-'));
  const compile = (output: string, sources: string[], extra: string[] = []): string => {
    const file = join(directory, output);
    execFileSync('cc', ['-std=gnu11', '-O2', '-g', '-U_FORTIFY_SOURCE', ...extra, '-o', file, ...sources, '-lpthread', '-ldl']);
    return file;
  };
  const sources = readdirSync(USER_SPACE).filter((file) => file.endsWith('.c')).map((file) => join(USER_SPACE, file));
  const built = [join(ROOT, 'build/backends/netmap/userspace'), join(ROOT, 'build/Release')].find((place) => existsSync(join(place, 'libnetmap-userspace.so')) && existsSync(join(place, 'netmap-userspace-audit')));
  return {
    directory,
    library: built ? join(built, 'libnetmap-userspace.so') : compile('libnetmap-userspace.so', sources.filter((file) => !file.endsWith('audit_main.c')), ['-fPIC', '-shared', '-fvisibility=hidden', '-Wl,-z,now']),
    audit: built ? join(built, 'netmap-userspace-audit') : compile('netmap-userspace-audit', sources),
    peer: compile('peer', [join(__dirname, 'peer.c')]),
  };
}

export interface Received {
  readonly packets: number;
  readonly bytes: number;
  readonly flows: number;
  readonly disorder: number;
  readonly gaps: number;
  readonly bad: number;
  /** With PEER_SHOW: of each packet its flow and its number in it. */
  readonly shown?: readonly (readonly [flow: number, number: number])[];
}

/** A program at the other end of a link. */
export class Peer {
  readonly process: ChildProcessWithoutNullStreams;
  private output = '';
  private readonly closed: Promise<void>;
  private wake: (() => void)[] = [];

  constructor(tools: Tools, environment: NodeJS.ProcessEnv, readonly what: string, link: string, ...numbers: number[]) {
    this.process = spawn(tools.peer, [what, link, ...numbers.map(String)], { env: environment });
    this.process.stdout.on('data', (data: Buffer) => {
      this.output += data.toString();
      for (const wake of this.wake.splice(0)) wake();
    });
    this.process.stderr.on('data', (data: Buffer) => (this.output += data.toString()));
    this.process.stdin.on('error', () => undefined);
    this.closed = new Promise((done) => {
      this.process.on('close', () => {
        for (const wake of this.wake.splice(0)) wake();
        done();
      });
    });
  }

  private async until(found: () => boolean): Promise<void> {
    while (!found()) {
      if (this.process.exitCode !== null || this.process.signalCode !== null) throw new Error(`${this.process.spawnargs.join(' ')}: ${this.output}`);
      await new Promise<void>((wake) => this.wake.push(wake));
    }
  }

  /** Its port is bound. */
  ready(): Promise<void> {
    return this.until(() => this.output.includes('ready'));
  }

  /** It has said its result (a sender has sent everything). */
  reported(): Promise<void> {
    return this.until(() => this.output.includes('}'));
  }

  /** Resolves when a receiver has taken so many packets; it must be one that takes until its input ends. */
  async has(packets: number): Promise<void> {
    for (let seen = 0; seen < packets; ) {
      const answers = this.output.split('seen').length;
      this.process.stdin.write('\n');
      await this.until(() => this.output.split('seen').length > answers && this.output.endsWith('\n'));
      seen = Number(/seen (\d+)\n$/.exec(this.output)?.[1]);
    }
  }

  /** Ends its input, waits for its end, and answers what it says. */
  async end(): Promise<Received> {
    this.process.stdin.end();
    await this.closed;
    const json = /\{.*\}/.exec(this.output);
    if (!json) throw new Error(`${this.process.spawnargs.join(' ')}: ${this.output}`);
    return JSON.parse(json[0]) as Received;
  }

  async kill(): Promise<void> {
    this.process.kill('SIGKILL');
    await this.closed;
  }
}

export type GraphPart = readonly [kind: string, options: object | number | null, inputs: readonly string[], outputs: readonly string[]];

/** What a tap has taken. */
export interface Tapped {
  readonly lost: number;
  readonly packets: readonly { readonly data: string; readonly reason: number; readonly link?: string }[];
}

/** A process with engines; in a network namespace if one is named. */
export class Engines {
  readonly process: ChildProcess;
  private readonly waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  private lastId = 0;

  constructor(environment: NodeJS.ProcessEnv, namespace?: string) {
    const child = join(__dirname, 'engine-child.cjs');
    this.process = namespace === undefined ? fork(child, { env: environment }) : spawn('ip', ['netns', 'exec', namespace, process.execPath, child], { env: environment, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.process.on('message', ({ id, result, error }: { id: number; result: unknown; error?: { code: string; message: string } }) => {
      const waiting = this.waiting.get(id);
      this.waiting.delete(id);
      if (error) waiting?.reject(Object.assign(new Error(error.message), { code: error.code }));
      else waiting?.resolve(result);
    });
    this.process.on('exit', () => {
      for (const { reject } of this.waiting.values()) reject(new Error('the engines are gone'));
      this.waiting.clear();
    });
  }

  private ask<Result>(verb: string, request: object = {}): Promise<Result> {
    const id = ++this.lastId;
    return new Promise<Result>((resolve, reject) => {
      this.waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.process.send({ id, verb, request });
    });
  }

  open(name: string, graph: readonly GraphPart[], backendOptions: object = {}, link: object = {}, options: object = {}): Promise<void> {
    return this.ask('open', { name, graph, link, options: { backendOptions, ...options } });
  }
  relink(name: string, graph: readonly GraphPart[], link: object = {}): Promise<void> {
    return this.ask('relink', { name, graph, link });
  }
  start(name: string): Promise<void> {
    return this.ask('start', { name });
  }
  stop(name: string): Promise<void> {
    return this.ask('stop', { name });
  }
  close(name: string): Promise<EngineStatistics> {
    return this.ask('close', { name });
  }
  stats(name: string): Promise<EngineStatistics> {
    return this.ask('stats', { name });
  }
  audit(name: string): Promise<Audit> {
    return this.ask('audit', { name });
  }
  status(): Promise<{ usable: boolean; reason: string }> {
    return this.ask('status');
  }
  notices(): Promise<string[]> {
    return this.ask('notices');
  }
  /** Begins a tap. */
  tap(name: string, settings: object): Promise<number> {
    return this.ask('tap', { name, settings });
  }
  tapped(tap: number): Promise<Tapped> {
    return this.ask('tapped', { tap });
  }

  /** Resolves when the engine's numbers are so. */
  async until(name: string, reached: (statistics: EngineStatistics) => boolean): Promise<EngineStatistics> {
    for (;;) {
      const statistics = await this.stats(name);
      if (reached(statistics)) return statistics;
    }
  }
  /** Resolves when the engine has received so many packets. */
  received(name: string, packets: number): Promise<EngineStatistics> {
    return this.until(name, (statistics) => statistics.packets >= packets);
  }

  async kill(): Promise<void> {
    const exit = new Promise((done) => this.process.once('exit', done));
    this.process.kill('SIGKILL');
    await exit;
  }
}

/** Room for many pipes. Without these, netmap in user space has as little as the kernel's module. */
const LARGE_POOLS = { NETMAP_USERSPACE_IF_NUM: '2304', NETMAP_USERSPACE_RING_NUM: '4608', NETMAP_USERSPACE_BUF_NUM: '163840', NETMAP_USERSPACE_MAX_PIPES: '1024' };
/** For a world that has the limits of the kernel's module. */
export const KERNEL_LIMITS: NodeJS.ProcessEnv = Object.fromEntries(Object.keys(LARGE_POOLS).map((name) => [name, '']));

export class World {
  private readonly directory: string;
  private readonly environment: NodeJS.ProcessEnv;
  private readonly children: { kill(): Promise<void>; process: { exitCode: number | null; signalCode: string | null } }[] = [];

  constructor(readonly tools: Tools, extra: NodeJS.ProcessEnv = {}) {
    this.directory = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'bricks-netmap-test-'));
    this.environment = { ...process.env, ...LARGE_POOLS, ...extra, NETMAP_USERSPACE_DIR: this.directory, LD_PRELOAD: tools.library };
  }

  /** A peer whose port is bound. `environment`: PEER_SLOTS, PEER_RINGS, PEER_RING. */
  async peer(what: string, link: string, numbers: readonly number[] = [], environment: NodeJS.ProcessEnv = {}): Promise<Peer> {
    const peer = new Peer(this.tools, { ...this.environment, ...environment }, what, link, ...numbers);
    this.children.push(peer);
    await peer.ready();
    return peer;
  }

  /** Sends all, and waits until the link has taken them. The port stays open until `end`. */
  async send(link: string, packets: number, flows: number, size: number, environment: NodeJS.ProcessEnv = {}, firstFlow = 0): Promise<Peer> {
    const peer = await this.peer('send', link, [packets, flows, size, firstFlow], environment);
    await peer.reported();
    return peer;
  }

  receivers(links: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Peer[]> {
    return Promise.all(links.map((link) => this.peer('receive', link, [0], environment)));
  }

  engines(): Engines {
    const engines = new Engines(this.environment);
    this.children.push(engines);
    return engines;
  }

  /** Where every buffer is. Hold a port of a region to have it looked at. */
  audit(): Record<string, number> {
    return JSON.parse(execFileSync(this.tools.audit, { env: { ...this.environment, LD_PRELOAD: '' } }).toString()) as Record<string, number>;
  }

  async close(): Promise<void> {
    for (const child of this.children) {
      if (child.process.exitCode === null && child.process.signalCode === null) await child.kill();
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

export function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

/** Gives each test of a file a world of its own, and closes it afterwards; `another` does so with other variables of the environment. */
export function eachTestInAWorld(take: (world: World) => void): { another(environment: NodeJS.ProcessEnv): Promise<void> } {
  let tools: Tools;
  let world: World;
  const begin = (environment: NodeJS.ProcessEnv = {}): void => take(world = new World(tools, environment));
  beforeAll(() => {
    tools = buildTools();
  });
  beforeEach(() => begin());
  afterEach(() => world.close());
  return {
    async another(environment) {
      await world.close();
      begin(environment);
    },
  };
}
