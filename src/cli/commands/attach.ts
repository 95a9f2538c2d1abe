import { accessSync, closeSync, constants, openSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Command, Option, UsageError } from 'clipanion';
import { BricksError } from '../../model/errors';
import { systemReason } from '../../model/system-error';
import { parseLinkName } from '../../model/link-name';
import { systemName } from '../../files/system-name';
import { onStatisticsSignal } from '../../native/no-debugger';
import { openReaders, runAttach } from '../../pipes';
import { endBySignal, onEndSignals, REPEATED_SIGNAL_MILLISECONDS } from '../../program/end-signals';
import { say } from '../../program/messages';

/** Reads one end of a pipe. The program behind --exec comes in by `program`, since its words are not ours. */
export class AttachCommand extends Command {
  static override paths = [['attach']];
  static override usage = Command.Usage({
    description: 'Read a pipe and write a pcap stream to standard output, feed a program or a tap interface, or count.',
    details: `
      Waits until the pipe exists, and exits when its writer does: with an error if the writer was killed. A pipe has one reader at a time.
      With --reconnect it waits for the next writer instead, after an upgrade say, and goes on with the same stream, file, program or interface.
      It reads packets that arrive from now on, or all of them if it was waiting before the writer appeared. With --all it starts with what
      is still in the pipe, including what a previous reader did not take.
      All words after --exec are the program and its arguments; it gets the pcap stream on standard input, and the pipe's name
      in the environment variable BRICKS_PIPE. With 'eth3}*' each pipe of eth3 gets its own program, including pipes that appear later;
      {} in an argument stands for the pipe's name (0, 1, ...).

      --count alone writes no packets: it prints how many packets, bytes and flows there were. --count=1000 writes
      the pcap stream, to standard output or as --write, --exec or --tap say, and exits after 1000 packets.

      SIGUSR1 prints how many packets have been read so far.
    `,
    examples: [
      ['Look at the packets', "bricks attach 'eth3}0' | tcpdump -nr -"],
      ['Save the packets', "bricks attach 'eth3}0' --write eth3-0.pcap"],
      ['The same with a program', "bricks attach 'eth3}0' --exec tcpdump -r - -w eth3-0.pcap"],
      ['Count packets, bytes and flows', "bricks attach 'eth3}0' --count"],
      ['Exit after 1000 packets', "bricks attach 'eth3}0' --count=1000 | tcpdump -nr -"],
      ['One program per output, restarted when it dies', "bricks attach 'eth3}*' --restart --exec zeek -r - Log::default_logdir=zeek-{}"],
      ['Continue after restarts of the engine', "bricks attach 'eth3}0' --reconnect --write eth3-0.pcap"],
      ['Feed a program that reads interfaces', "bricks attach 'eth3}0' --tap tap0"],
    ],
  });

  link = Option.String({ name: 'pipe' });
  count = Option.String('--count', { tolerateBoolean: true, description: 'alone: count instead of writing; =PACKETS: write, and exit after that many' });
  tap = Option.String('--tap', { description: 'create this tap interface and send the packets to it' });
  write = Option.String('--write', { description: 'write to this file instead of standard output' });
  /** Never given: all words from it on are taken out before. Declared for the help. */
  exec = Option.String('--exec', { description: 'run this program with the stream on its standard input; all words that follow are its arguments' });
  restart = Option.Boolean('--restart', false, { description: 'restart the --exec program if it dies while the pipe is open' });
  reconnect = Option.Boolean('--reconnect', false, { description: 'when the writer is gone, wait for the next one and continue the same stream' });
  all = Option.Boolean('--all', false, { description: 'start with everything still in the pipe, not just what arrives from now on' });
  noWait = Option.Boolean('--no-wait', false, { description: 'fail if the pipe does not exist yet' });

  /** What stood behind --exec. */
  static program: readonly string[] = [];

  override async execute(): Promise<number> {
    const link = parseLinkName(this.link);
    if (link.kind !== 'pipe') throw new BricksError('E_ATTACH_LINK', `${this.link} is not a pipe.`, "Write the readable end of a pipe as 'eth3}0' (quoted in the shell).");
    const { program } = AttachCommand;
    if ([this.tap, this.write, program[0]].filter((way) => way !== undefined).length > 1) throw new UsageError('Use only one of --exec, --tap and --write.');
    if (this.write !== undefined) checkTarget(this.write);
    if (this.tap === '') throw new BricksError('E_ATTACH_TAP', '--tap needs the name of an interface.');
    if (this.restart && program.length === 0) throw new UsageError('--restart requires --exec.');
    onStatisticsSignal(() => {
      const readers = openReaders();
      say(readers.length === 0 ? `${this.link}: waiting for the pipe` : readers.map((reader) => `${reader.link.text}: ${reader.packets} packets read so far`).join('; '));
    });
    const ending = endBySignals();
    const count = this.countOption();
    return runAttach({
      link: link.text,
      signal: ending,
      all: this.all,
      reconnect: this.reconnect,
      noWait: this.noWait,
      say,
      ...(count === undefined ? {} : { count }),
      ...(program.length > 0 ? { exec: program, restart: this.restart, passOn: passSignalsOn } : {}),
      ...(this.tap === undefined ? {} : { tap: this.tap }),
      ...(this.write === undefined ? {} : { write: targetOpener(this.write, ending), writeName: this.write }),
    });
  }

  private countOption(): boolean | number | undefined {
    if (this.count === undefined || typeof this.count === 'boolean') return this.count;
    const packets = Number(this.count);
    if (!Number.isSafeInteger(packets) || packets < 1) throw new UsageError(`--count=${this.count}: the number of packets must be an integer of at least 1.`);
    return packets;
  }
}

/** What can be known before the pipe is there. @throws BricksError E_FILE */
function checkTarget(path: string): void {
  try {
    const status = statSync(path, { throwIfNoEntry: false });
    if (status?.isDirectory()) throw new BricksError('E_FILE', `${path} is a directory.`, `Name a file in it: --write ${path.replace(/\/$/, '')}/name.pcap`);
    accessSync(status ? path : dirname(path), constants.W_OK);
  } catch (error) {
    if (error instanceof BricksError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const reason = code === 'ENOENT' ? `there is no directory ${dirname(path)}` : code === 'EACCES' ? 'you do not have permission' : systemReason(error);
    throw new BricksError('E_FILE', `The file ${path} can't be written: ${reason}.`);
  }
}

/** The first signal ends the reading. A program behind us that takes nothing any more can hold that up: a second one ends us at once. */
function endBySignals(): AbortSignal {
  const ending = new AbortController();
  onEndSignals(['SIGINT', 'SIGTERM', 'SIGHUP'], () => {
    void setTimeout(REPEATED_SIGNAL_MILLISECONDS, undefined, { ref: false }).then(() => say('writing what was read; a second signal exits at once'));
    ending.abort();
  }, (signal) => {
    say('second signal: exited at once, before everything was written');
    endBySignal(signal);
  });
  return ending.signal;
}

/** Programs behind --exec get what we get, but for the signal that asks us for statistics. */
function passSignalsOn(listener: (signal: NodeJS.Signals) => void): () => void {
  const signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR2'];
  for (const signal of signals) process.on(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}

/** Opens the file only when there is something to write: a pipe that is not there must not cost an old file. */
function targetOpener(path: string, ending: AbortSignal): () => Promise<number> {
  return async () => {
    try {
      const held = await fifoWithReader(path, ending);
      const descriptor = openSync(systemName(path), constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC, 0o640);
      if (held !== undefined) closeSync(held);
      return descriptor;
    } catch (error) {
      throw new BricksError('E_FILE', `The file ${path} can't be written: ${systemReason(error)}.`);
    }
  };
}

/** Opening a named pipe waits for its reader, and then nobody would hear a signal: so it is waited for here.
 *  Returns a descriptor that does not wait, which keeps the reader from seeing an end before the other one is open. */
async function fifoWithReader(path: string, ending: AbortSignal): Promise<number | undefined> {
  for (let waits = 0; statSync(path, { throwIfNoEntry: false })?.isFIFO(); waits++) {
    try {
      return openSync(systemName(path), constants.O_WRONLY | constants.O_NONBLOCK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
    }
    if (waits === 0) say(`waiting for a reader of ${path} ...`);
    await setTimeout(50, undefined, { signal: ending });
  }
  return undefined;
}
