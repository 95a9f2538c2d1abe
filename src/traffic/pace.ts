/** When the next packet is due. Times are milliseconds of the clock that it is given. */

/** What could not be sent for so long is not caught up with: the rate holds from then on. */
const CATCH_UP_MILLISECONDS = 200;

/** Says when packets are due, by packets or bits a second. */
export class Pace {
  /** When the next packet is due. */
  next: number;
  /** Milliseconds that were given up, since they were too long ago. */
  lost = 0;
  private readonly perPacket: number;
  private readonly perByte: number;

  /** Packets and bits a second; 0: no limit. */
  constructor(rate: number, bits: number, now: number) {
    this.perPacket = rate > 0 ? 1000 / rate : 0;
    this.perByte = bits > 0 ? 8000 / bits : 0;
    this.next = now;
  }

  /** Whether there is a limit. */
  get isLimited(): boolean {
    return this.perPacket > 0 || this.perByte > 0;
  }

  /** Is called before packets are asked for. */
  begin(now: number): void {
    if (!this.isLimited || now - this.next <= CATCH_UP_MILLISECONDS) return;
    this.lost += now - CATCH_UP_MILLISECONDS - this.next;
    this.next = now - CATCH_UP_MILLISECONDS;
  }

  /** A packet of so many bytes was sent. */
  sent(bytes: number): void {
    this.next += Math.max(this.perPacket, bytes * this.perByte);
  }
}
