/** What is said of engines that were made and never linked: one place for top, drawings and the page. */

/** What to do about it. */
export const LINK_A_BRICK = 'Link one and start the engine: pe:link(brick):start().';

/** Whether it has never had a brick, by its statistics or its graph. */
export function isUnlinked({ bricks, links = [], former }: { readonly bricks: readonly unknown[]; readonly links?: readonly unknown[]; readonly former?: unknown }): boolean {
  return bricks.length === 0 && links.length === 0 && former === undefined;
}

/** `The engine spare has no brick, so nothing happens. Link one ...` */
export function unlinkedText(name: string, remark = ''): string {
  return `The engine ${name} has no brick${remark}, so nothing happens. ${LINK_A_BRICK}`;
}
