/** What scripts print: to the terminal while the daemon starts, and into its log afterwards. */
import type { Log } from './log';
import { written } from '../program/written';
import { OutputPipe } from './output-pipe';

/** A line without an end must not fill the memory. */
const LONGEST_LINE = 8192;

export class ScriptOutput {
  private take: (text: string) => void = (text) => void process.stdout.write(text);
  private readonly pipe = new OutputPipe({
    take: (bytes) => this.take(bytes.toString('utf8')),
    room: () => (process.stdout.writableNeedDrain ? written(process.stdout) : undefined),
  });

  /** The descriptor that Lua scripts print to. */
  get descriptor(): number {
    return this.pipe.writeEnd;
  }

  /** Passes on what was printed until now, also by modules. */
  async drain(): Promise<void> {
    await this.pipe.drain();
    await Promise.all([written(process.stdout), written(process.stderr)]);
  }

  /** From now on all goes into the log, also what modules write to standard output and error. */
  goToLog(log: Log): void {
    this.take = lines((line) => log.write('info', line, { source: 'script' }));
    for (const [stream, level] of [[process.stdout, 'info'], [process.stderr, 'warn']] as const) {
      const take = lines((line) => log.write(level, line, { source: 'script' }));
      stream.write = (chunk: unknown, encoding?: unknown, done?: unknown): boolean => {
        take(typeof chunk === 'string' ? chunk : Buffer.from(chunk as Uint8Array).toString());
        const then = typeof encoding === 'function' ? encoding : done;
        if (typeof then === 'function') process.nextTick(then as () => void);
        return true;
      };
    }
  }
}

/** Puts pieces of text together to lines. */
function lines(each: (line: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const parts = `${rest}${text}`.split('\n');
    rest = parts.pop() ?? '';
    for (const line of parts) each(line);
    while (rest.length > LONGEST_LINE) {
      each(rest.slice(0, LONGEST_LINE));
      rest = rest.slice(LONGEST_LINE);
    }
  };
}
