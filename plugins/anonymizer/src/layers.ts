/**
 * A walk through the headers of one packet that replaces what is in them. Each kind of header has a method that takes where it starts and where what was
 * captured ends, and returns where the last header ends that it has understood: what is behind that is payload. Nothing from `end` on is read. What is
 * not known, or not whole, stops the walk: it goes, even where payloads stay.
 */
import type { PacketMemory } from 'packet-bricks';
import type { AddressWriter } from './address-writer.js';

/** How many IP headers one inside another are read. */
const MOST_NESTED = 8;

export abstract class Layers {
  protected view!: DataView;
  protected bytes!: Uint8Array;
  /** The walk was stopped: what is behind is no payload of a known kind. */
  stopped = false;
  private nested = 0;

  constructor(protected readonly addresses: AddressWriter) {}

  protected begin(memory: PacketMemory): void {
    this.view = memory.view;
    this.bytes = memory.bytes;
    this.addresses.enter(memory);
    this.stopped = false;
    this.nested = 0;
  }

  protected stop(at: number): number {
    this.stopped = true;
    return at;
  }

  /** An IP header, the version of which stands in its first bits. */
  protected byVersion(at: number, end: number): number {
    if (at >= end || ++this.nested > MOST_NESTED) return this.stop(at);
    const version = this.bytes[at] >>> 4;
    if (version === 4) return this.ipv4(at, end, false);
    return version === 6 ? this.ipv6(at, end, false) : this.stop(at);
  }

  protected abstract ipv4(at: number, end: number, quoted: boolean): number;
  protected abstract ipv6(at: number, end: number, quoted: boolean): number;
}
