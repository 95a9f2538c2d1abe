/** Code in the documents. */

/** The blocks of TypeScript on a page that are whole modules: that import what they use. */
export function wholeBricks(page: string): string[] {
  return [...page.matchAll(/```ts\n([^]*?)```/g)].map(([, text]) => text).filter((text) => text.startsWith('import '));
}
