/** Standard output and error that are pipes: Node writes later what their readers have no room for yet. */
import { Writable } from 'node:stream';

/** Writes, whatever a module has in the place of the stream's `write`; resolves when that has been written, or can't be. */
export function writeOut(stream: NodeJS.WritableStream, text: string): Promise<void> {
  return new Promise((resolve) => { Writable.prototype.write.call(stream as Writable, text, 'utf8', () => resolve()); });
}

/** Resolves when all that was given to a stream has been written, or can't be. */
export function written(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => { stream.write('', () => resolve()); });
}
