/** Tables of text, for people. */

/** Lines, two spaces between columns. The first `words` columns are of words, the others of numbers, except for so many at the end. */
export function columnsOf(titles: readonly string[], rows: readonly (readonly string[])[], words = titles.length, wordsAtEnd = 0): string[] {
  const all = [titles, ...rows];
  const widths = titles.map((_, column) => Math.max(...all.map((row) => row[column].length)));
  return all.map((row) => row.map((cell, column) => (column < words || column >= titles.length - wordsAtEnd ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join('  ').trimEnd());
}
