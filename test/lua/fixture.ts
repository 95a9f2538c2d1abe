/** Real Lua over a program that only writes down its commands. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Answer, BrickSpecification, RegistryCommand } from 'packet-bricks/src/control/registry-commands';
import { nothingCounted, type EngineStatistics } from 'packet-bricks/src/control/statistics';
import { engineText, enginesText } from 'packet-bricks/src/control/statistics-text';
import { LuaHost, formatFailure } from 'packet-bricks/src/lua/lua-host';
import type { LineResult, LuaHostOptions, RunResult } from 'packet-bricks/src/lua/lua-host';

interface RecordedEngine {
  running: boolean;
  bricks: BrickSpecification[];
}

const KINDS = ['LoadBalancer', 'Duplicator', 'Merge', 'Filter', 'PcapReader', 'PcapWriter', 'Dummy'];
const done: Answer = { ok: true };
const refused = (message: string): Answer => ({ ok: false, code: 'E_TEST', message });

/** Keeps engines by name, and refuses what an engine would refuse. */
export class RecordingProgram {
  readonly commands: RegistryCommand[] = [];
  readonly engines = new Map<string, RecordedEngine>();
  backend = 'netmap';
  /** Commands of these kinds are never answered. */
  readonly silent = new Set<string>();

  readonly execute = (command: RegistryCommand): Promise<Answer> => {
    this.commands.push(command);
    if (this.silent.has(command.command)) return new Promise(() => undefined);
    return Promise.resolve(this.#answer(command));
  };

  of<Kind extends RegistryCommand['command']>(kind: Kind): Extract<RegistryCommand, { command: Kind }>[] {
    return this.commands.filter((command) => command.command === kind) as Extract<RegistryCommand, { command: Kind }>[];
  }

  #answer(command: RegistryCommand): Answer {
    switch (command.command) {
      case 'brick.check':
        if (!KINDS.includes(command.kind)) return refused(`There is no brick "${command.kind}". Did you mean "LoadBalancer"?`);
        return { ok: true, value: { kind: command.kind, options: typeof command.options === 'object' ? command.options : { tuple: command.options ?? 2 } } };
      case 'brick.describe': {
        const all = KINDS.map((name) => ({ name, summary: `What ${name} does.`, options: [{ name: 'tuple', type: 'integer', minimum: 0, maximum: 3600000, unit: 'ms', description: 'which fields', default: 2 }], examples: { lua: `b = Brick.new("${name}")\nb:link(c)` } }));
        return { ok: true, value: command.kind ? all.find(({ name }) => name === command.kind) : all };
      }
      case 'options.describe':
        return { ok: true, value: { engine: [{ name: 'whenFull', type: 'string', oneOf: ['auto', 'drop'], default: 'auto', description: 'what to do' }], backends: [{ name: 'pcap', summary: 'live', options: [{ name: 'latency', type: 'number', minimum: 0.5, unit: 'ms', description: 'how long' }] }] } };
      case 'engine.create':
        if (this.engines.has(command.name)) return refused(`Engine "${command.name}" already exists.`);
        this.engines.set(command.name, { running: false, bricks: [] });
        return done;
      case 'engine.exists':
        return { ok: true, value: this.engines.has(command.name) };
      case 'engines.stats':
        return { ok: true, value: [...this.engines.keys()].map((name) => this.stats(name)) };
      case 'engines.show':
        return { ok: true, value: enginesText([...this.engines.keys()].map((name) => this.stats(name))) };
      case 'program.backend':
        return { ok: true, value: this.backend };
      case 'engines.list':
        return { ok: true, value: [...this.engines.keys()] };
      case 'shutdown':
        return done;
      default:
        return this.#answerEngine(command);
    }
  }

  #answerEngine(command: Extract<RegistryCommand, { name: string }>): Answer {
    const engine = this.engines.get(command.name);
    if (!engine) return refused(`There is no engine ${command.name}.`);
    if (command.command === 'engine.link') engine.bricks = command.bricks;
    if (command.command === 'engine.unlink') {
      if (engine.running) return refused(`The engine ${command.name} is running. Stop it first.`);
      engine.bricks = [];
    }
    if (command.command === 'engine.start') engine.running = true;
    if (command.command === 'engine.stop') engine.running = false;
    if (command.command === 'engine.delete') {
      if (engine.running) return refused(`The engine ${command.name} is running. Stop it first.`);
      this.engines.delete(command.name);
    }
    if (command.command === 'engine.stats') return { ok: true, value: this.stats(command.name) };
    if (command.command === 'engine.edit') return { ok: true, value: [] };
    if (command.command === 'engine.show') return { ok: true, value: engineText(this.stats(command.name)) };
    if (command.command === 'engine.audit') return { ok: true, value: { balanced: true } };
    return done;
  }

  stats(name: string): EngineStatistics {
    const engine = this.engines.get(name)!;
    return {
      ...nothingCounted(name),
      running: engine.running,
      packets: 1000000,
      bytes: 64000000,
      drops: 12,
      links: [
        { name: 'eth3', role: 'source', packets: 1000000, bytes: 64000000, drops: {}, dropped: 0 },
        { name: 'eth3{0', role: 'sink', packets: 999988, bytes: 63999232, drops: { noReader: 12, ringFull: 0 }, dropped: 12 },
      ],
      bricks: engine.bricks.map(({ id, kind }) => ({ id, kind, packetsIn: 1000000, packetsOut: 1000000, dropped: 0, drops: {}, label: kind, copies: 0, created: 0, held: 0, nanosecondsPerPacket: 0, counters: { fragments: 3 }, gauges: {} })),
    };
  }
}

/** One Lua state, what it prints, and a folder for its scripts. */
export class LuaFixture {
  readonly folder = mkdtempSync(join(tmpdir(), 'lua-'));
  readonly host: LuaHost;
  readonly #outputFile = join(this.folder, 'printed');
  readonly #output = openSync(this.#outputFile, 'w+');
  #read = 0;

  constructor(readonly program = new RecordingProgram(), options: LuaHostOptions = {}) {
    this.host = new LuaHost(this.program.execute, { ...options, output: this.#output });
  }

  /** What was printed since the last time. */
  printed(): string {
    const all = readFileSync(this.#outputFile, 'utf8');
    const fresh = all.slice(this.#read);
    this.#read = all.length;
    return fresh;
  }

  /** Evaluates a statement that must succeed; gives what it prints. */
  async evaluate(text: string): Promise<string> {
    const result = await this.host.runLine(text);
    if (result.incomplete) throw new Error(`incomplete: ${text}`);
    if (!result.ok) throw new Error(formatFailure(result.failure));
    return this.printed();
  }

  /** Evaluates a statement that must fail; gives the message. */
  async failureOf(text: string): Promise<string> {
    const result: LineResult = await this.host.runLine(text);
    if (result.incomplete || result.ok) throw new Error(`no failure: ${text}`);
    return result.failure.message;
  }

  write(name: string, text: string): string {
    const file = join(this.folder, name);
    writeFileSync(file, text);
    return file;
  }

  run(text: string, args?: string[]): Promise<RunResult> {
    return this.host.runScript(this.write('script.lua', text), args);
  }

  async close(): Promise<void> {
    await this.host.close();
    closeSync(this.#output);
    rmSync(this.folder, { recursive: true });
  }
}
