/** Tapped packets as a pcapng stream: an interface for each link, and a comment for each packet that says where it was seen. */
import { SNAP_LENGTH } from '../files/formats';
import { interfaceBlock, packetBlock, sectionBlock } from '../files/pcapng';

const OPTION_COMMENT = 1;
const OPTION_INTERFACE_NAME = 2;
const BILLION = 1_000_000_000n;

/** A packet as the stream takes it. */
export interface CapturedPacket {
  /** The interface: packets of one name and link type share one. */
  readonly link: string;
  readonly linkType: number;
  readonly seconds: number;
  readonly nanoseconds: number;
  readonly wireLength: number;
  readonly data: Uint8Array;
  readonly comment: string;
}

export class TapCapture {
  private readonly interfaces = new Map<string, number>();

  /** What a stream begins with. */
  begin(): Uint8Array {
    return sectionBlock();
  }

  /** The blocks of a packet: also its interface's, if it is the first one there. */
  packet({ link, linkType, seconds, nanoseconds, wireLength, data, comment }: CapturedPacket): Uint8Array {
    const key = `${linkType} ${link}`;
    const known = this.interfaces.get(key);
    const number = known ?? this.interfaces.size;
    const block = packetBlock(number, BigInt(seconds) * BILLION + BigInt(nanoseconds), data, wireLength, undefined, textOption(OPTION_COMMENT, comment));
    if (known !== undefined) return block;
    this.interfaces.set(key, number);
    return Buffer.concat([interfaceBlock(linkType, SNAP_LENGTH, undefined, undefined, textOption(OPTION_INTERFACE_NAME, link)), block]);
  }
}

/** No longer than 65,535 bytes. */
function textOption(code: number, text: string): Buffer {
  const bytes = Buffer.from(text).subarray(0, 0xffff);
  const option = Buffer.alloc(4 + ((bytes.length + 3) & ~3));
  option.writeUInt16LE(code, 0);
  option.writeUInt16LE(bytes.length, 2);
  bytes.copy(option, 4);
  return option;
}
