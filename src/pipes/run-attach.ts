/** `bricks attach`: a pipe to standard output, to a program, to a tap interface, or counted. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { isatty } from 'node:tty';
import { BricksError, messageOf } from '../core/errors';
import { parseLinkName, twinOf } from '../core/link-name';
import { loadAddon } from '../native/load-addon';
import type { CoreAddon } from '../native/core-addon';
import { FLOWS_MAXIMUM, FlowCount } from './flow-count';
import { attachToStream, copyToStream, type PcapFormat, type StreamResult } from './pcap-stream';
import { attach, isWritten, type AttachOptions } from './pipe-reader';

export interface AttachCommand {
  /** The pipe: `eth3}0`. */
  readonly link: string;
  /** True: count packets, bytes and flows instead of writing them. A number: end after so many packets. */
  readonly count?: boolean | number;
  /** A program and its arguments, which gets the stream on its standard input. */
  readonly exec?: readonly string[];
  /** A tap interface to make and send the packets to. */
  readonly tap?: string;
  /** Where the pcap stream goes: a file descriptor, standard output unless told otherwise, or what opens one once the pipe is there. */
  readonly write?: number | (() => Promise<number>);
  /** The name of what is written to, for messages. */
  readonly writeName?: string;
  readonly format?: PcapFormat;
  /** Fail where the pipe is not there, instead of waiting for it. */
  readonly noWait?: boolean;
  readonly signal?: AbortSignal;
  /** Where messages go, standard error unless told otherwise. */
  readonly say?: (text: string) => void;
}

/** Runs the command to its end and answers the exit code. */
export async function runAttach(command: AttachCommand): Promise<number> {
  const say = command.say ?? ((text: string) => void process.stderr.write(`${text}\n`));
  const options: AttachOptions & { count?: number; format?: PcapFormat } = {
    wait: !command.noWait,
    onWaiting: (elsewhere) => say(`waiting for ${command.link} ...${elsewhere ? ` There is a pipe of this name in another network namespace; to read that one: ip netns exec NAME bricks attach '${command.link}'` : ''}`),
    ...(command.signal ? { signal: command.signal } : {}),
    ...(typeof command.count === 'number' ? { count: command.count } : {}),
    ...(command.format ? { format: command.format } : {}),
  };
  checkEnd(command.link, say);
  try {
    if (command.tap !== undefined) return await runTap(command.link, command.tap, options, say);
    if (command.exec && command.exec.length > 0) return await runProgram(command.link, command.exec, options, say);
    if (command.count === true) return await runCount(command.link, options, say);
    if (typeof command.write === 'function') {
      const reader = await attach(command.link, options);
      try {
        sayOthers(await writing(command, copyToStream(reader, await command.write(), options)), say);
      } finally {
        reader.close();
      }
      return 0;
    }
    const descriptor = command.write ?? 1;
    if (isatty(descriptor)) {
      throw new BricksError('E_ATTACH_TERMINAL', 'A pcap stream is no text for a terminal.', `Pipe it on (bricks attach '${command.link}' | tcpdump -r -), or count (--count).`);
    }
    sayOthers(await writing(command, attachToStream(command.link, descriptor, options)), say);
    return 0;
  } catch (error) {
    if (command.signal?.aborted) return 0;
    throw error;
  }
}

/** x{0 is seldom meant: what bricks write there is read at x}0. @throws BricksError E_ATTACH_END */
function checkEnd(text: string, say: (text: string) => void): void {
  const link = parseLinkName(text);
  if (link.pipe?.end !== 'master') return;
  const twin = twinOf(link) ?? '';
  if (!isWritten(link)) throw new BricksError('E_ATTACH_END', `${text} is the end that bricks write to.`, `Read the other one: '${twin}'.`);
  say(`${text} is read, since somebody writes to ${twin}; what bricks write to ${text} comes out at ${twin}.`);
}

const SYSTEM_ERRORS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on the device', EDQUOT: 'the quota is used up', EFBIG: 'the file is too large', EIO: 'the device fails', EROFS: 'it can only be read',
};

/** A target that takes no more, in words. @throws BricksError E_ATTACH_WRITE */
async function writing(command: AttachCommand, copying: Promise<StreamResult>): Promise<StreamResult> {
  try {
    return await copying;
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (code === undefined || syscall !== 'write') throw error;
    throw new BricksError('E_ATTACH_WRITE', `Packets of ${command.link} can't be written to ${command.writeName ?? 'standard output'} any more: ${SYSTEM_ERRORS[code] ?? messageOf(error)} (${code}).`,
      'A file ends with the last whole packet. Make room, or write elsewhere, and attach again: what was not written is still in the pipe.');
  }
}

function sayOthers(result: StreamResult, say: (text: string) => void): void {
  if (result.otherLinkTypes > 0) say(`${result.otherLinkTypes} packets of another link type than the first one's were left out: a pcap stream has one.`);
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
  return 0;
}

async function runProgram(link: string, program: readonly string[], options: AttachOptions & { count?: number }, say: (text: string) => void): Promise<number> {
  const child = await started(spawn(program[0], program.slice(1), { stdio: ['pipe', 'inherit', 'inherit'] }), program[0]);
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  // A program that ends by itself ends the reading too, also while nothing comes.
  const ending = new AbortController();
  const stop = (): void => ending.abort();
  void exited.then(stop);
  options.signal?.addEventListener('abort', stop);
  const { stdin } = child;
  if (!stdin) throw new BricksError('E_ATTACH_EXEC', `${program[0]} has no standard input.`);
  try {
    sayOthers(await attachToStream(link, stdin, { ...options, signal: ending.signal }), say);
  } catch (error) {
    if (!ending.signal.aborted) {
      child.kill();
      throw error;
    }
  } finally {
    options.signal?.removeEventListener('abort', stop);
    stdin.end();
  }
  const [code, signal] = await exited;
  return code ?? 128 + (signal ? constants.signals[signal] : 0);
}

async function started(child: ChildProcess, name: string): Promise<ChildProcess> {
  try {
    await once(child, 'spawn');
    return child;
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such program' : messageOf(error);
    throw new BricksError('E_ATTACH_EXEC', `${name} can't be started: ${reason}.`, 'Write the program and its arguments behind --exec.');
  }
}

async function runTap(link: string, name: string, options: AttachOptions & { count?: number }, say: (text: string) => void): Promise<number> {
  const addon = loadAddon<CoreAddon>('bricks_core');
  let tap: number;
  try {
    tap = addon.tapOpen(name);
  } catch (error) {
    throw new BricksError('E_ATTACH_TAP', `The tap interface ${name} can't be made: ${messageOf(error)}.`, 'It takes root (or CAP_NET_ADMIN), and a name of at most 15 letters that is not taken.');
  }
  const reader = await attach(link, options);
  const encoder = new addon.PcapEncoder(reader.batch);
  encoder.bindMemory(reader.batch.memory.bytes);
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
      const taken = reader.batch.linkType === 1 ? encoder.writeEach(0, count, tap) : 0;
      packets += count;
      refused += count - taken;
      reader.release();
    }
  } finally {
    reader.close();
    if (refused > 0) say(`${refused} of ${packets} packets were not taken by ${name}: not Ethernet, or the interface was taken down.`);
  }
  return 0;
}
