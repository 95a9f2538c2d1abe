import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { Command, UsageError } from 'clipanion';
import { BricksError } from '../../model/errors';
import { systemReason } from '../../model/system-error';
import { onStatisticsSignal } from '../../native/no-debugger';
import { netmapRunEnvironment } from '../../plugins/built-in';

/** Runs a program that uses netmap, with netmap in user space in the kernel's place. */
export class NetmapRunCommand extends Command {
  static override paths = [['netmap-run']];
  static override usage = Command.Usage({
    description: 'Run a program with netmap in user space, on a machine without the netmap module.',
    details: `
      The program gets a /dev/netmap that lives in shared memory: pipes, switch ports (vale0:a) and interfaces.
      Start all programs that share ports this way, including Packet Bricks.
      Statically linked programs, and programs that bypass the C library, are not supported.
    `,
    examples: [
      ['Packet Bricks', 'bricks netmap-run -- bricks --backend netmap -f scripts/load-balance.lua -- vale0:in 4'],
      ['A reader', "bricks netmap-run -- pkt-gen -i 'netmap:vale0:in}0' -f rx"],
    ],
  });

  /** The program and its arguments, whose words are not ours. */
  static program: readonly string[] = [];

  override async execute(): Promise<number> {
    const [program, ...args] = NetmapRunCommand.program;
    if (program === undefined) throw new UsageError('netmap-run needs a program and its arguments.');
    const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...netmapRunEnvironment() } });
    // The terminal sends its signals to both; this end waits for the program's.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
    onStatisticsSignal(() => child.kill('SIGUSR1'));
    return new Promise((resolve, reject) => {
      child.on('error', (error) => reject(new BricksError('E_PROGRAM', `${program} can't be started: ${systemReason(error)}.`, 'Check its name.')));
      child.on('exit', (code, signal) => resolve(code ?? 128 + (signal ? constants.signals[signal] : 0)));
    });
  }
}
