/**
 * Prefix-preserving addresses by Crypto-PAn (J. Xu, J. Fan, M. Ammar, S. Moon, 2002): two addresses that begin with the same n bits become two that do,
 * and no two become one. Each bit is turned or not by a bit of AES over all bits before it. IPv6 is treated as IPv4 is, over 128 bits; MAC addresses
 * likewise, with other padding.
 */
import { createCipheriv } from 'node:crypto';
import { Aes128 } from './aes.js';
import { AddressCache } from './address-cache.js';

export const KEY_BYTES = 32;
/** The bits of a MAC address that say whether it is one of a group, and whether it was given locally. */
const GROUP_AND_LOCAL = 0x03000000;

/** A block encrypted once, while it is set up. */
function encrypted(key: Uint8Array, block: Uint8Array): Int32Array {
  const cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
  const bytes = Buffer.concat([cipher.update(block), cipher.final()]);
  return Int32Array.from({ length: 4 }, (_, word) => bytes.readInt32BE(4 * word));
}

/** Addresses are words of 32 bits in network order: in `address` before, in `result` after. */
export class CryptoPan {
  readonly address = new Int32Array(4);
  readonly result = new Int32Array(4);
  /** Addresses that had to be worked out. */
  computed = 0;
  private readonly aes: Aes128;
  private readonly padding: Int32Array;
  private readonly macPadding: Int32Array;
  private readonly ipv4Cache: AddressCache;
  private readonly ipv6Cache: AddressCache;
  /** Of IPv6 the first half, which many addresses have in common; of IPv4 all first halves. */
  private readonly networks: AddressCache;
  private readonly halves = new Uint16Array(1 << 16);
  private readonly knownHalves = new Uint8Array(1 << 16);
  private readonly macCache: AddressCache;

  /** `key`: 32 bytes, the AES key and what the padding is made from. `entries`: how many addresses of each kind are remembered. */
  constructor(key: Uint8Array, entries: number) {
    const secret = key.subarray(0, 16);
    this.aes = new Aes128(secret);
    this.padding = encrypted(secret, key.subarray(16, KEY_BYTES));
    this.macPadding = encrypted(secret, key.subarray(16, KEY_BYTES).map((byte) => byte ^ 0xff));
    this.ipv4Cache = new AddressCache(entries, 1);
    this.ipv6Cache = new AddressCache(entries, 4);
    this.networks = new AddressCache(entries, 2);
    this.macCache = new AddressCache(entries, 2);
  }

  ipv4(): void {
    const { address, result, ipv4Cache } = this;
    if (ipv4Cache.recall(address, result)) return;
    this.computed++;
    const half = address[0] >>> 16;
    result[0] = address[0];
    if (this.knownHalves[half] === 0) {
      this.turnBits(0, 16, this.padding);
      this.halves[half] = result[0] >>> 16;
      this.knownHalves[half] = 1;
    }
    result[0] = (this.halves[half] << 16) | (address[0] & 0xffff);
    this.turnBits(16, 32, this.padding);
    ipv4Cache.remember(address, result);
  }

  ipv6(): void {
    const { address, result, ipv6Cache } = this;
    if (ipv6Cache.recall(address, result)) return;
    this.computed++;
    for (let word = 0; word < 4; word++) result[word] = address[word];
    this.network();
    this.turnBits(64, 128, this.padding);
    ipv6Cache.remember(address, result);
  }

  /** Bits from `first` on of the six bytes in the first two words; none if it is 48. */
  mac(first: number): void {
    const { address, result, macCache } = this;
    address[1] &= 0xffff0000;
    if (macCache.recall(address, result)) return;
    this.computed++;
    for (let word = 0; word < 2; word++) result[word] = address[word];
    this.turnBits(first, 48, this.macPadding);
    result[0] = (result[0] & ~GROUP_AND_LOCAL) | (address[0] & GROUP_AND_LOCAL);
    macCache.remember(address, result);
  }

  private network(): void {
    const { address, result, networks } = this;
    if (networks.recall(address, result)) return;
    this.turnBits(0, 64, this.padding);
    networks.remember(address, result);
  }

  /** Turns bits of the result: each by the bits of the address before it, filled up with those of the padding. */
  private turnBits(from: number, end: number, padding: Int32Array): void {
    const { address, result, aes } = this;
    for (let bit = from; bit < end; bit++) {
      const word = bit >>> 5;
      const place = bit & 31;
      const before = place === 0 ? 0 : -1 << (32 - place);
      const own = (address[word] & before) | (padding[word] & ~before);
      const turn = aes.firstBit(
        word > 0 ? address[0] : own, word > 1 ? address[1] : word === 1 ? own : padding[1], word > 2 ? address[2] : word === 2 ? own : padding[2], word === 3 ? own : padding[3],
      );
      result[word] ^= turn << (31 - place);
    }
  }
}
