/** Flows: who talks to whom. All of a flow follows from its number and the seed; only what changes in a TCP connection is stored. */
import { mixedWord, type Random } from 'packet-bricks';
import type { GeneratorOptions } from './options.js';

/** What a packet of a connection is. */
export const enum Step {
  Syn = 0,
  SynAck = 1,
  Ack = 2,
  /** Segments with data follow, until none are left. */
  Data = 3,
  Fin = 4,
  FinAck = 5,
  LastAck = 6,
}

const FIRST_PORT = 10_240;
const PORTS = 50_000;
/** Of which the payload needs no form. */
const SERVER_PORTS = { tcp: [80, 443, 8080, 5001, 9000, 20_000], udp: [9, 514, 5001, 10_001, 20_000, 33_434] };
const SHARE = 0x1000000;

/** 10.0.0.0/8 and 172.16.0.0/12, or networks 1 and 2 of 2001:db8::/32. */
const CLIENT_NETWORK = 0x0a000000;
const CLIENT_MASK = 0x00ffffff;
const SERVER_NETWORK = 0xac100000 | 0;
const SERVER_MASK = 0x000fffff;
const DOCUMENTATION = 0x20010db8;

/** One end of a flow, as packets have it: all of its addresses are made from one number. */
class End {
  port = 0;
  host = 0;
  /** Words, as FrameWriter takes them. */
  address: Int32Array;
  private readonly ipv4 = new Int32Array(1);
  private readonly ipv6: Int32Array;

  constructor(private readonly network: number, private readonly mask: number, ipv6Network: number) {
    this.ipv6 = Int32Array.of(DOCUMENTATION, ipv6Network, 0, 0);
    this.address = this.ipv6;
  }

  turnTo(host: number, isIpv6: boolean): void {
    this.host = host;
    this.ipv4[0] = this.network | (host & this.mask);
    this.ipv6[3] = host;
    this.address = isIpv6 ? this.ipv6 : this.ipv4;
  }
}

export class Flows {
  /** Of the flow that was turned to. */
  number = 0;
  isTcp = false;
  isIpv6 = false;
  /** 0 without a tag. */
  vlan = 0;
  readonly client = new End(CLIENT_NETWORK, CLIENT_MASK, 1);
  readonly server = new End(SERVER_NETWORK, SERVER_MASK, 2);
  readonly step: Uint8Array;
  readonly left: Uint16Array;
  readonly clientSequence: Uint32Array;
  readonly serverSequence: Uint32Array;
  /** Which connection of its flow it is: each has another port. */
  private readonly connection: Uint16Array;

  constructor(private readonly options: Pick<GeneratorOptions, 'flows' | 'tcp' | 'ipv6' | 'vlans' | 'segments'>, private readonly seed: number) {
    const { flows } = options;
    this.step = new Uint8Array(flows);
    this.left = new Uint16Array(flows);
    this.clientSequence = new Uint32Array(flows);
    this.serverSequence = new Uint32Array(flows);
    this.connection = new Uint16Array(flows);
  }

  turnTo(number: number): void {
    const { seed, options: { tcp, ipv6, vlans } } = this;
    const kind = mixedWord(seed, number);
    this.number = number;
    this.isTcp = (kind & (SHARE - 1)) < tcp * SHARE;
    this.isIpv6 = (mixedWord(kind, 3) & (SHARE - 1)) < ipv6 * SHARE;
    this.client.turnTo(mixedWord(kind, 1), this.isIpv6);
    this.server.turnTo(mixedWord(kind, 2), this.isIpv6);
    this.vlan = vlans === 0 ? 0 : 1 + number % vlans;
    const ports = this.isTcp ? SERVER_PORTS.tcp : SERVER_PORTS.udp;
    this.server.port = ports[(kind >>> 24) % ports.length];
    // Prime to the number of ports: one after the other all of them.
    this.client.port = FIRST_PORT + ((mixedWord(kind, 4) >>> 16) + this.connection[number] * 7) % PORTS;
  }

  /** A new TCP connection of the flow begins. */
  open(random: Random): void {
    const { number, options: { segments } } = this;
    this.left[number] = segments === 0 ? 0 : random.below(2 * segments + 1);
    this.clientSequence[number] = random.word() >>> 0;
    this.serverSequence[number] = random.word() >>> 0;
  }

  /** Goes on to the next step of the connection, after a packet of this one. */
  advance(): void {
    const { number, step, left, connection } = this;
    if (step[number] === Step.LastAck) {
      step[number] = Step.Syn;
      connection[number]++;
    } else if (step[number] !== Step.Data || left[number] === 0) {
      step[number]++;
      if (step[number] === Step.Data && left[number] === 0) step[number] = Step.Fin;
    }
  }
}
