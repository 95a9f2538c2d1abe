/** Waiting for what may take too long. */

/** What work comes to, or nothing after so many milliseconds; the program stays alive meanwhile. */
export async function inTime<Value>(milliseconds: number, work: Value | Promise<Value>): Promise<Value | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<undefined>((resolve) => {
    timer = setTimeout(resolve, milliseconds, undefined);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}
