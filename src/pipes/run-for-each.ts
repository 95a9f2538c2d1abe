/** `bricks attach 'eth3}*' --exec`: one program for each pipe of a device, also for those that come later. */
import { readdirSync } from 'node:fs';
import { BricksError, isBricksError, messageOf } from '../model/errors';
import type { LinkName } from '../model/link-name';
import type { CoreAddon } from '../native/core-addon';
import { loadAddon } from '../native/load-addon';
import type { StreamOptions } from './pcap-stream';
import { linksIn, pipeDirectory, pipeFileName, readableDirectories } from './pipe-name';
import { WriterWait } from './open-pipe';
import { attach } from './pipe-reader';
import { runProgram, type ReadingProgram, type Say } from './run-program';

/** In place of a pipe's name: all of the device. */
export const ANY_PIPE = '*';
/** In an argument of the program: the pipe's name within its device. */
const PLACE_OF_NAME = '{}';

/** Ends when all programs have. Returns the first exit code that was not 0. */
export async function runForEach(pattern: LinkName, program: ReadingProgram, options: StreamOptions, say: Say): Promise<number> {
  const { signal, ...reading } = options;
  const addon = loadAddon<CoreAddon>('bricks_core');
  const directory = pipeDirectory(addon);
  const waiting = new WriterWait(addon, directory, pipeFileName(pattern), pattern);
  const running = new Map<string, Promise<void>>();
  const ended = new Set<string>();
  /** Pipes that could not be read, of which that was said. */
  const told = new Set<string>();
  let failure = 0;
  let begun = false;
  const begin = async (link: LinkName): Promise<void> => {
    try {
      const reader = await attach(link, { ...reading, wait: false });
      begun = true;
      const words = program.words.map((word) => word.replaceAll(PLACE_OF_NAME, link.pipe?.id ?? ''));
      const code = await runProgram(link.text, { ...program, words }, options, say, reader);
      failure ||= code;
    } catch (error) {
      // What a killed engine has left.
      if (isBricksError(error) && error.code === 'E_PIPE_ABSENT') return;
      if (!told.has(link.text)) say(messageOf(error));
      told.add(link.text);
      failure ||= 1;
      begun = true;
      // It may be free at another look.
      if (isBricksError(error) && error.code === 'E_PIPE_BUSY') return;
    }
    ended.add(link.text);
  };
  try {
    for (let looks = 0; signal?.aborted !== true; looks++) {
      waiting.begin();
      const there = linksIn(readableDirectories(addon).flatMap(({ directory: readable }) => names(readable)), pattern);
      // One whose program has ended is another pipe when it comes again.
      for (const known of [ended, told]) for (const text of known) if (!there.some((link) => link.text === text)) known.delete(text);
      for (const link of there.filter(({ text }) => !running.has(text) && !ended.has(text))) {
        running.set(link.text, begin(link).finally(() => running.delete(link.text)));
      }
      if (begun && running.size === 0) break;
      if (!begun && running.size === 0 && options.wait !== true) throw new BricksError('E_PIPE_ABSENT', `Nobody has opened a pipe of ${pattern.device}.`, 'Start the engine that writes to them, as the same user, or wait for it (without --no-wait).');
      if (!begun && running.size === 0 && looks === 0) options.onWaiting?.(false);
      await waiting.pause(signal);
    }
    await Promise.all(running.values());
  } finally {
    waiting.close();
  }
  return failure;
}

function names(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return []; // nobody has opened any
  }
}
