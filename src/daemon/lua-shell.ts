/** A Lua shell of a client: its own Lua state, whose output goes to the client. */
import { isUtf8 } from 'node:buffer';
import { closeSync, openSync } from 'node:fs';
import type { Answer, RegistryCommand } from '../control/registry-commands';
import { LuaHost, type LineResult, type RunResult } from '../lua/lua-host';
import { BricksError } from '../model/errors';
import type { Completion } from '../program/completion';
import { LuaShellHost } from '../program/shell-host';
import type { ShellOutput } from '../protocol/commands/shell';
import { firstBrickOfState } from '../program/brick-numbers';
import type { ControlHost } from './control-host';
import { OutputPipe } from './output-pipe';
import type { Session } from './session';

/** Each is a thread with its own heap. */
const SHELLS_MOST = 16;
const MEMORY_BYTES = 256 << 20;

let shells = 0;

export class LuaShell {
  private readonly pipe: OutputPipe;
  private readonly input: number;
  private readonly lua: LuaHost;
  private readonly names: LuaShellHost;
  private readonly listeners = new Set<(output: ShellOutput) => void>();
  private gone: Promise<void> | undefined;

  /** @throws BricksError E_CONTROL_LIMIT, E_NATIVE_MISSING */
  constructor(host: ControlHost, session: Session) {
    if (shells >= SHELLS_MOST) throw new BricksError('E_CONTROL_LIMIT', `The daemon has ${SHELLS_MOST} shells open, its maximum.`, 'Close another one first.');
    this.pipe = new OutputPipe({
      take: (bytes) => {
        const output: ShellOutput = isUtf8(bytes) ? { text: bytes.toString('utf8') } : { base64: bytes.toString('base64') };
        for (const listener of this.listeners) listener(output);
      },
      room: () => session.room(),
    });
    this.input = openSync('/dev/null', 'r');
    const execute = (command: RegistryCommand): Promise<Answer> => {
      if (command.command !== 'shutdown') return host.registry.execute(command);
      session.afterAnswer(() => host.shutdown());
      return Promise.resolve({ ok: true });
    };
    const { writeEnd } = this.pipe;
    this.lua = new LuaHost(execute, { input: this.input, output: writeEnd, error: writeEnd, memoryLimit: MEMORY_BYTES, daemon: true, firstBrick: firstBrickOfState() });
    this.names = new LuaShellHost(this.lua);
    shells++;
  }

  /** Hears what it prints; returns what ends that. What nobody hears is lost. */
  listen(listener: (output: ShellOutput) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  runLine(text: string, columns: number | undefined, first: number | undefined): Promise<LineResult> {
    return this.afterOutput(this.lua.runLine(text, columns, first));
  }

  runScript(text: string, name: string, args: readonly string[]): Promise<RunResult> {
    return this.afterOutput(this.lua.runText(text, name, args));
  }

  help(word: string, columns: number | undefined): Promise<RunResult> {
    return this.afterOutput(this.lua.help(word, columns));
  }

  complete(text: string, behind: string): Promise<Completion> {
    return this.names.complete(text, behind);
  }

  /** Returns whether anything ran. */
  interrupt(): boolean {
    return this.lua.interrupt();
  }

  /** Ends what runs, and the Lua thread. */
  close(): Promise<void> {
    return (this.gone ??= this.end());
  }

  private async end(): Promise<void> {
    this.pipe.closeReadEnd();
    try {
      await this.lua.close();
    } finally {
      // Only now nobody writes there, or to what would get the number next.
      this.pipe.closeWriteEnd();
      closeSync(this.input);
      shells--;
    }
  }

  private async afterOutput<Result>(work: Promise<Result>): Promise<Result> {
    const result = await work;
    await this.pipe.drain();
    return result;
  }
}
