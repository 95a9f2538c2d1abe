/** Packets as a line of text, by node-pcap's decoders. They are JavaScript and need no native code. */
import { linkTypeWord, type NodePcapPacket } from '../../src/native/node-pcap';

type Decode = (packet: NodePcapPacket) => { readonly payload: unknown };

const DUMP_BYTES = 32;
const CONTROL_CHARACTERS = /[\u0000-\u001f\u007f-\u009f]+/g;

let decode: Decode | undefined;
let tried = false;

function decoder(): Decode | undefined {
  if (!tried) {
    tried = true;
    try {
      // eslint-disable-next-line @typescript-eslint/no-require-imports -- optional, and only when asked for
      decode = (require('pcap/decode') as { readonly decode: Decode }).decode;
    } catch {
      decode = undefined;
    }
  }
  return decode;
}

/**
 * What a packet is, in one line: addresses, protocols, ports. What the decoders don't know or can't read
 * (other link types, cut packets, garbage), or where node-pcap is not installed: its length and first bytes.
 */
export function decodePacket(bytes: Uint8Array, linkType: number): string {
  const word = linkTypeWord(linkType);
  const run = word === undefined ? undefined : decoder();
  if (!run || word === undefined) return dump(bytes, linkType);
  const header = Buffer.alloc(16);
  header.writeUInt32LE(bytes.length, 8);
  header.writeUInt32LE(bytes.length, 12);
  try {
    const decoded = quietly(() => String(run({ buf: Buffer.from(bytes), header, link_type: word }).payload));
    const text = decoded.replace(CONTROL_CHARACTERS, ' ').trim();
    return text === '' || text === 'null' || text === '[object Object]' ? dump(bytes, linkType) : text;
  } catch {
    return dump(bytes, linkType);
  }
}

/** The decoders write what they don't know to the console, which belongs to our user. */
function quietly<Result>(action: () => Result): Result {
  const { log, warn } = console;
  console.log = () => undefined;
  console.warn = () => undefined;
  try {
    return action();
  } finally {
    console.log = log;
    console.warn = warn;
  }
}

function dump(bytes: Uint8Array, linkType: number): string {
  const shown = Buffer.from(bytes.subarray(0, DUMP_BYTES)).toString('hex').replace(/(....)(?=.)/g, '$1 ');
  return `link type ${linkType}, ${bytes.length} bytes: ${shown}${bytes.length > DUMP_BYTES ? ' ...' : ''}`;
}
