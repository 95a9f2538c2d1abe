import type { TapPlace } from './watch-plan';

/** `eth3}0 (LoadBalancer[0] -> Filter)`: the link, the brick and its output, and why the packet was dropped. */
export function placeText({ link, brick, output, to, reason }: Omit<TapPlace, 'role'> & { readonly reason?: string }): string {
  const from = brick === undefined ? undefined : output === undefined ? brick : `${brick}[${output}]`;
  const way = [from, to].filter((one) => one !== undefined).join(' -> ');
  const place = link === undefined ? way : `${link} (${from === undefined ? `-> ${way}` : way})`;
  return reason === undefined ? place : `${place} dropped, ${reason}`;
}
