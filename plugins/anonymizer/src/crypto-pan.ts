/**
 * Prefix-preserving addresses by Crypto-PAn (J. Xu, J. Fan, M. Ammar, S. Moon, 2002): two addresses that begin with the same n bits become two that do,
 * and no two become one. Each bit is turned or not by a bit of AES over all bits before it. IPv6 is treated as IPv4 is, over 128 bits; MAC addresses
 * likewise, with other padding.
 */
import { createCipheriv } from 'node:crypto';
import { WordCache } from 'packet-bricks';

export const KEY_BYTES = 32;
const BLOCK_BYTES = 16;
/** The bits of a MAC address that say whether it is one of a group, and whether it was given locally. */
const GROUP_AND_LOCAL = 0x03000000;

/** Addresses are words of 32 bits in network order: in `address` before, in `result` after. */
export class CryptoPan {
  readonly address = new Int32Array(4);
  readonly result = new Int32Array(4);
  /** Addresses that had to be worked out. */
  computed = 0;
  private readonly cipher;
  /** What is encrypted for an address, all bits at once: a call of OpenSSL takes longer than it does for a block. */
  private readonly blocks = new Uint8Array(128 * BLOCK_BYTES);
  private readonly words = new DataView(this.blocks.buffer);
  private readonly padding: Int32Array;
  private readonly macPadding: Int32Array;
  private readonly ipv4Cache: WordCache;
  private readonly ipv6Cache: WordCache;
  private readonly macCache: WordCache;

  /** `key`: 32 bytes, the AES key and what the padding is made from. `entries`: how many addresses of each kind are remembered. */
  constructor(key: Uint8Array, entries: number) {
    this.cipher = createCipheriv('aes-128-ecb', key.subarray(0, 16), null).setAutoPadding(false);
    this.padding = this.encrypted(key.subarray(16, KEY_BYTES));
    this.macPadding = this.encrypted(key.subarray(16, KEY_BYTES).map((byte) => byte ^ 0xff));
    this.ipv4Cache = new WordCache(entries, 1);
    this.ipv6Cache = new WordCache(entries, 4);
    this.macCache = new WordCache(entries, 2);
  }

  ipv4(): void {
    this.replace(this.ipv4Cache, 0, 32, this.padding, 0);
  }

  ipv6(): void {
    this.replace(this.ipv6Cache, 0, 128, this.padding, 0);
  }

  /** Bits from `first` on of the six bytes in the first two words; none if it is 48. */
  mac(first: number): void {
    this.address[1] &= 0xffff0000;
    this.replace(this.macCache, first, 48, this.macPadding, GROUP_AND_LOCAL);
  }

  private encrypted(block: Uint8Array): Int32Array {
    const bytes = this.cipher.update(block);
    return Int32Array.from({ length: 4 }, (_, word) => bytes.readInt32BE(4 * word));
  }

  /** Turns bits `from` to `end` - 1, but for those of the first word that are set in `kept`: each by the bits before it, filled up with those of the padding. */
  private replace(cache: WordCache, from: number, end: number, padding: Int32Array, kept: number): void {
    const { address, result, blocks, words } = this;
    if (cache.recall(address, result)) return;
    this.computed++;
    for (let bit = from, at = 0; bit < end; bit++, at += BLOCK_BYTES) {
      const own = bit >>> 5;
      const before = (bit & 31) === 0 ? 0 : -1 << (32 - (bit & 31));
      for (let word = 0; word < 4; word++) {
        words.setInt32(at + 4 * word, word < own ? address[word] : word > own ? padding[word] : (address[word] & before) | (padding[word] & ~before));
      }
    }
    const turns = this.cipher.update(blocks.subarray(0, (end - from) * BLOCK_BYTES));
    result.set(address);
    for (let bit = from, at = 0; bit < end; bit++, at += BLOCK_BYTES) result[bit >>> 5] ^= turns[at] >>> 7 << (31 - (bit & 31));
    result[0] = (result[0] & ~kept) | (address[0] & kept);
    cache.remember(address, result);
  }
}
