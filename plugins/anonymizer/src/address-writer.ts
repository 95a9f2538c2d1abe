/** Replaces addresses where they stand in a packet. */
import type { PacketMemory } from 'packet-bricks';
import type { CryptoPan } from './crypto-pan.js';

export type Macs = 'replace' | 'vendor' | 'keep';

const VENDOR_BITS = 24;
const IPV6_GROUP = 0x3333;
const IPV6_GROUP_BITS = 16;
/** Groups of bridges and of protocols between switches; they identify nobody. */
const BRIDGE_GROUP = 0x0180c2;
const CISCO_GROUP = 0x01000c;
const BROADCAST = 0xffffff;

export class AddressWriter {
  private view!: DataView;
  private bytes!: Uint8Array;

  constructor(private readonly crypto: CryptoPan, private readonly macs: Macs) {}

  enter(memory: PacketMemory): void {
    this.view = memory.view;
    this.bytes = memory.bytes;
  }

  ipv4(at: number): void {
    const { crypto, view } = this;
    crypto.address[0] = view.getInt32(at);
    crypto.ipv4();
    view.setInt32(at, crypto.result[0]);
  }

  ipv6(at: number): void {
    const { crypto: { address, result }, view } = this;
    for (let word = 0; word < 4; word++) address[word] = view.getInt32(at + 4 * word);
    this.crypto.ipv6();
    for (let word = 0; word < 4; word++) view.setInt32(at + 4 * word, result[word]);
  }

  /** No address (all zero) and the broadcast address stay; of groups what says that they are, and of which protocol. */
  mac(at: number): void {
    const { crypto, crypto: { address, result }, view, macs } = this;
    if (macs === 'keep') return;
    address[0] = view.getInt32(at);
    address[1] = view.getUint16(at + 4) << 16;
    const vendor = address[0] >>> 8;
    let first = macs === 'vendor' ? VENDOR_BITS : 0;
    if ((this.bytes[at] & 1) !== 0) {
      if (vendor === BRIDGE_GROUP || vendor === CISCO_GROUP || vendor === BROADCAST) return;
      first = address[0] >>> 16 === IPV6_GROUP ? IPV6_GROUP_BITS : VENDOR_BITS;
    } else if (address[0] === 0 && address[1] === 0) {
      return;
    }
    crypto.mac(first);
    view.setInt32(at, result[0]);
    view.setUint16(at + 4, result[1] >>> 16);
  }
}
