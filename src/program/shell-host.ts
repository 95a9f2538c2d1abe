/** What a shell works on: a Lua state of this process, or one of a daemon. */
import type { LineResult, LuaHost, RunResult } from '../lua/lua-host';
import { complete, type Completion } from './completion';

export interface ShellHost {
  /** Whether a line is at work. */
  readonly busy: boolean;
  /** Evaluates a statement: all its lines so far. On a terminal, which has so many columns, it prints what calls return. `first`: the number of its first line. */
  runLine(text: string, columns?: number, first?: number): Promise<LineResult>;
  /** Prints the help on a word. */
  help(word: string, columns?: number): Promise<RunResult>;
  /** How a line may go on: `text` is what was typed of the statement, up to the cursor; `behind` what stands behind it. */
  complete(text: string, behind: string): Promise<Completion>;
  /** Ends what runs now; does nothing when nothing runs. */
  interrupt(): void;
}

/** A Lua state of this process. */
export class LuaShellHost implements ShellHost {
  constructor(private readonly lua: LuaHost) {}

  get busy(): boolean {
    return this.lua.busy;
  }

  runLine(text: string, columns?: number, first?: number): Promise<LineResult> {
    return this.lua.runLine(text, columns, first);
  }

  help(word: string, columns?: number): Promise<RunResult> {
    return this.lua.help(word, columns);
  }

  complete(text: string, behind: string): Promise<Completion> {
    return complete(this.lua, text, behind);
  }

  interrupt(): void {
    this.lua.interrupt();
  }
}
