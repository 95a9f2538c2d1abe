/** Standard output and error that are pipes: Node writes later what their readers have no room for yet. */

/** Resolves when all that was given to a stream has been written, or can't be. */
export function written(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => { stream.write('', () => resolve()); });
}
