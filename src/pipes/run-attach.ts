/** `bricks attach`: a pipe to standard output, to a program, to a tap interface, or counted. */
import { isatty } from 'node:tty';
import { BricksError } from '../model/errors';
import { systemReason } from '../model/system-error';
import { parseLinkName, peerName, type LinkName } from '../model/link-name';
import { loadAddon } from '../native/load-addon';
import type { CoreAddon } from '../native/core-addon';
import { FLOWS_MAXIMUM, FlowCount } from './flow-count';
import { copyToStream, type PcapFormat, type StreamOptions } from './pcap-stream';
import { isWritten } from './open-pipe';
import { attach, type AttachOptions } from './pipe-reader';
import { ANY_PIPE, runForEach } from './run-for-each';
import { checkWriter, runProgram, sayOthers, type PassOn } from './run-program';
import { openTap } from './tap';

export interface AttachCommand {
  /** The pipe: `eth3}0`; with `exec`, all of a device: `eth3}*`. */
  readonly link: string;
  /** True: count packets, bytes and flows instead of writing them. A number: end after so many packets. */
  readonly count?: boolean | number;
  /** A program and its arguments, which gets the stream on its standard input. */
  readonly exec?: readonly string[];
  /** Start it again when it dies while the pipe is open. */
  readonly restart?: boolean;
  /** Calls the listener with each signal that is to be passed on to programs. */
  readonly passOn?: PassOn;
  /** A tap interface to make and send the packets to. */
  readonly tap?: string;
  /** Where the pcap stream goes: a file descriptor, standard output unless told otherwise, or what opens one once the pipe is there. */
  readonly write?: number | (() => Promise<number>);
  /** The name of what is written to, for messages. */
  readonly writeName?: string;
  readonly format?: PcapFormat;
  /** Begin with all that is still in the pipe. */
  readonly all?: boolean;
  /** When the writer has gone, wait for the next one and go on. */
  readonly reconnect?: boolean;
  /** Fail where the pipe is not there, instead of waiting for it. */
  readonly noWait?: boolean;
  readonly signal?: AbortSignal;
  /** Where messages go, standard error unless told otherwise. */
  readonly say?: (text: string) => void;
}

/** Runs the command to its end and returns the exit code. */
export async function runAttach(command: AttachCommand): Promise<number> {
  const say = command.say ?? ((text: string) => void process.stderr.write(`${text}\n`));
  const options: AttachOptions & { count?: number; format?: PcapFormat } = {
    wait: !command.noWait,
    onWaiting: (elsewhere) => say(`waiting for ${command.link} ...${elsewhere ? ` There is a pipe of that name in another network namespace; to read it: ip netns exec NAME bricks attach '${command.link}'` : ''}`),
    ...(command.all === undefined ? {} : { all: command.all }),
    ...(command.reconnect ? reconnecting(say) : {}),
    ...(command.signal ? { signal: command.signal } : {}),
    ...(typeof command.count === 'number' ? { count: command.count } : {}),
    ...(command.format ? { format: command.format } : {}),
  };
  const link = parseLinkName(command.link);
  const program = command.exec && command.exec.length > 0 ? { words: command.exec, restart: command.restart ?? false, passOn: command.passOn } : undefined;
  if (link.pipe?.id !== ANY_PIPE) checkEnd(link, say);
  else if (!program) throw new BricksError('E_ATTACH_LINK', `${command.link} means several pipes, and each needs its own program.`, `Name the program (bricks attach '${command.link}' --exec PROGRAM ...), or attach to one pipe.`);
  try {
    if (command.tap !== undefined) return await runTap(command.link, command.tap, options, say);
    if (program) return link.pipe?.id === ANY_PIPE ? await runForEach(link, program, options, say) : await runProgram(command.link, program, options, say);
    if (command.count === true) return await runCount(command.link, options, say);
    if (typeof command.write !== 'function' && isatty(command.write ?? 1)) {
      throw new BricksError('E_ATTACH_TERMINAL', 'Refusing to write binary pcap to a terminal.', `Pipe it to a program (bricks attach '${command.link}' | tcpdump -r -), or count (--count).`);
    }
    await runWrite(command, options, say);
    return 0;
  } catch (error) {
    if (command.signal?.aborted) return 0;
    throw error;
  }
}

function reconnecting(say: (text: string) => void): AttachOptions {
  return {
    reconnect: true,
    onWriterGone: ({ text }, how) => say(`${text}: its writer ${how === 'killed' ? 'was killed' : 'has closed it'}; waiting for the next one ...`),
    onReconnected: ({ text }) => say(`${text}: reading again`),
  };
}

/** x{0 is seldom meant: what bricks write there is read at x}0. @throws BricksError E_ATTACH_END */
function checkEnd(link: LinkName, say: (text: string) => void): void {
  const { text } = link;
  if (link.pipe?.end !== 'master') return;
  const peer = peerName(link) ?? '';
  if (!isWritten(link)) throw new BricksError('E_ATTACH_END', `${text} is the end that bricks write to.`, `Read the other end: '${peer}'.`);
  say(`Reading ${text}, because somebody writes to ${peer}. What bricks write to ${text} comes out at ${peer}.`);
}

/** @throws BricksError E_ATTACH_WRITE, E_ATTACH_KILLED */
async function runWrite(command: AttachCommand, options: StreamOptions, say: (text: string) => void): Promise<void> {
  const reader = await attach(command.link, options);
  try {
    const target = typeof command.write === 'function' ? await command.write() : command.write ?? 1;
    const result = await copyToStream(reader, target, options);
    sayOthers(result, say);
    checkWriter(command.link, result.end);
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code === undefined || syscall !== 'write') throw error;
    throw new BricksError('E_ATTACH_WRITE', `Cannot write packets of ${command.link} to ${command.writeName ?? 'standard output'} any more: ${systemReason(error)} (${code}).`,
      `A file ends with the last complete packet. ${reader.writer === 'open' ? 'Free some space, or write elsewhere, and attach again with --all: the unwritten packets stay in the pipe for as long as its writer runs.' : 'The writer of the pipe has ended, so the unwritten packets are lost. Free some space, or write elsewhere, before the next run.'}`);
  } finally {
    reader.close();
  }
}

async function runCount(link: string, options: AttachOptions, say: (text: string) => void): Promise<number> {
  const reader = await attach(link, options);
  const flows = new FlowCount();
  let packets = 0;
  let bytes = 0;
  try {
    for await (const batch of reader) {
      packets += batch.count;
      for (let row = 0; row < batch.count; row++) bytes += batch.length[row];
      flows.add(batch);
    }
  } finally {
    reader.close();
    say(`${link}: ${packets} packets, ${bytes} bytes, ${flows.size >= FLOWS_MAXIMUM ? 'at least ' : ''}${flows.size} flows`);
  }
  checkWriter(link, reader.writer === 'killed' ? 'killed' : 'pipe');
  return 0;
}

async function runTap(link: string, name: string, options: AttachOptions & { count?: number }, say: (text: string) => void): Promise<number> {
  const addon = loadAddon<CoreAddon>('bricks_core');
  const tap = openTap(addon, name);
  const reader = await attach(link, options);
  const encoder = new addon.PcapEncoder(reader.batch);
  let { memory } = reader.batch;
  encoder.bindMemory(memory.bytes);
  const limit = options.count ?? Infinity;
  let packets = 0;
  let refused = 0;
  try {
    while (!reader.ended && packets < limit) {
      const count = reader.receive(Math.min(reader.batch.capacity, limit - packets));
      if (count === 0) {
        if (!reader.ended) await reader.ready();
        continue;
      }
      // A reader that has reconnected reads another ring.
      if (memory !== reader.batch.memory) encoder.bindMemory(reader.batch.memory.bytes);
      ({ memory } = reader.batch);
      const taken = reader.batch.linkType === 1 ? encoder.writeEach(0, count, tap) : 0;
      packets += count;
      refused += count - taken;
      reader.release();
    }
  } finally {
    reader.close();
    if (refused > 0) say(`${refused} of ${packets} packets were not accepted by ${name}: not Ethernet, or the interface was taken down.`);
  }
  return 0;
}
