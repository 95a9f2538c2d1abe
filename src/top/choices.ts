/** What can be chosen on the command line and by keys. */
export const VIEWS = ['engines', 'links', 'bricks', 'readers', 'drops'] as const;
export type ViewName = (typeof VIEWS)[number];

/** `graph` is the order in which packets pass. */
export const SORT_ORDERS = ['graph', 'packets', 'drops', 'fill', 'name'] as const;
export type SortOrder = (typeof SORT_ORDERS)[number];
