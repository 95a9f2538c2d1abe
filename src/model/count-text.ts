/** How many there are, with the noun that fits: `1 output`, `2 outputs`. */
export function countText(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
