/** A pcapng file whose packets have comments and interfaces, and what is left of both in another. */

/** Ten packets of 64 bytes, each beginning with its number, on the second of two interfaces; even ones have a comment. */
export function notedCapture(): Buffer {
  const block = (type: number, body: Buffer): Buffer => {
    const padded = Buffer.concat([body, Buffer.alloc(-body.length & 3)]);
    const head = Buffer.alloc(8);
    head.writeUInt32LE(type, 0);
    head.writeUInt32LE(padded.length + 12, 4);
    return Buffer.concat([head, padded, head.subarray(4)]);
  };
  const interfaceBlock = block(1, Buffer.from('0100000000000400', 'hex'));
  const packetsOf = Array.from({ length: 10 }, (_, number) => {
    const head = Buffer.alloc(20);
    [1, 0, number, 64, 64].forEach((word, at) => head.writeUInt32LE(word, at * 4));
    const comment = Buffer.from('0100040065766e7300000000', 'hex');
    return block(6, Buffer.concat([head, Buffer.alloc(64, number), number % 2 === 0 ? comment : Buffer.alloc(0)]));
  });
  return Buffer.concat([block(0x0a0d0d0a, Buffer.from('4d3c2b1a01000000ffffffffffffffff', 'hex')), interfaceBlock, interfaceBlock, ...packetsOf]);
}

export interface PacketBlock { readonly interface: number; readonly first: number; readonly comment: string }

export function packetBlocks(file: Buffer): PacketBlock[] {
  const found: PacketBlock[] = [];
  for (let at = 0; at < file.length; at += file.readUInt32LE(at + 4)) {
    if (file.readUInt32LE(at) !== 6) continue;
    const body = file.subarray(at + 8, at + file.readUInt32LE(at + 4) - 4);
    const captured = body.readUInt32LE(12);
    const options = body.subarray(20 + ((captured + 3) & ~3));
    const has = options.length >= 4 && options.readUInt16LE(0) === 1;
    found.push({ interface: body.readUInt32LE(0), first: body[20], comment: has ? options.subarray(4, 4 + options.readUInt16LE(2)).toString() : '' });
  }
  return found;
}
