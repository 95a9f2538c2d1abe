/** Packets that a tap has seen, as text. */
import { packetLine, timeText } from './packet-line';
import type { TapPlace } from './watch-plan';

/** What a line says of a tapped packet. */
interface SeenPacket extends Omit<TapPlace, 'role'> {
  readonly reason?: string | undefined;
  readonly likely?: true | undefined;
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly wireLength: number;
  readonly linkType: number;
  /** The first captured bytes, in base64. */
  readonly data: string;
}

/** When it arrived, where it was seen, and its headers. */
export function tapLine(packet: SeenPacket): string {
  const { seconds, nanoseconds, wireLength, linkType, data } = packet;
  return `${timeText(seconds, nanoseconds)} ${placeText(packet)}: ${packetLine({ bytes: Buffer.from(data, 'base64'), wireLength, seconds, nanoseconds, linkType })}`;
}

/** `eth3}0 (LoadBalancer[0] -> Filter)`: the link, the brick and its output, and why the packet was dropped. */
export function placeText({ link, brick, output, to, reason, likely }: Omit<TapPlace, 'role'> & { readonly reason?: string | undefined; readonly likely?: true | undefined }): string {
  const from = brick === undefined ? undefined : output === undefined ? brick : `${brick}[${output}]`;
  const way = [from, to].filter((one) => one !== undefined).join(' -> ');
  const place = link === undefined ? way : `${link} (${from === undefined ? `-> ${way}` : way})`;
  return reason === undefined ? place : `${place} dropped, ${reason}${likely ? ' (this one, or another of its batch)' : ''}`;
}
