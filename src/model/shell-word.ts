/** Words of commands that people copy into a shell. */

/** Quoted where a shell would read something else. */
export function shellWord(text: string): string {
  return /^[\w.:@%+=,/-]+$/.test(text) ? text : `'${withinQuotes(text)}'`;
}

/** As it stands between single quotes. */
export function withinQuotes(text: string): string {
  return text.replaceAll("'", "'\\''");
}
