/** When a file may have changed: by its folder, since editors and log rotation put another file in its place. */
import { watch, type FSWatcher } from 'node:fs';
import { basename, dirname } from 'node:path';
import { systemReason } from '../model/system-error';
import type { Logger } from '../model/brick';

/** Calls `changed` whenever the system reports something about the file; returns what ends that. Where the folder can't be watched, the log says that the caller checks every `poll` milliseconds. */
export function watchFolderOf(path: string, changed: () => void, poll: number, log: Logger): () => void {
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(dirname(path), (_event, name) => {
      if (name === null || name === basename(path)) changed();
    });
    watcher.on('error', () => watcher?.close());
  } catch (error) {
    log.info(`${path} is checked every ${poll / 1000} s: ${systemReason(error)}`);
  }
  return () => watcher?.close();
}
