/** The packets of one interface, one after the other. */
import { FrameWriter, Popularity, Random, fragmentField, mixedWord, sumOfFilling, type PacketMaker, type PacketMemory } from 'packet-bricks';
import { Flows, Step } from './flows.js';
import type { GeneratorOptions } from './options.js';

const TCP = 6;
const UDP = 17;
/** The first 16 bits of hardware addresses. */
const HARDWARE = 0x0200;
/** Every byte of a payload: so its part of a checksum is known. */
const FILLING = 0x78;
const FIN = 1;
const SYN = 2;
const PSH = 8;
const ACK = 16;
/** Lengths of frames without their checksum, and how many of twelve have them: 7, 4 and 1. */
const IMIX = [60, 590, 1514];
const IMIX_SHARES = [7, 11];
const IMIX_TOTAL = 12;

/** Headers may be longer than the frames that are asked for: tag, IPv6 and TCP, and a byte of data. */
const LONGEST_HEADERS = 79;

export class Traffic implements PacketMaker {
  readonly longest: number;
  private readonly random: Random;
  private readonly popularity: Popularity;
  private readonly flows: Flows;
  private readonly writer = new FrameWriter();
  private identification = 0;
  /** What is left of the last datagram, for its second fragment: bytes of data, and where they belong. */
  private restLength = 0;
  private restOffset = 0;
  private restToServer = false;

  constructor(private readonly options: GeneratorOptions, stream: number) {
    const { seed, flows, popularity, exponent, size, bytes, longest } = options;
    this.longest = Math.max(LONGEST_HEADERS, size === 'imix' ? IMIX[IMIX.length - 1] : size === 'fixed' ? bytes : Math.max(bytes, longest));
    this.random = new Random(seed, stream);
    this.popularity = new Popularity(flows, popularity === 'zipf' ? exponent : undefined);
    this.flows = new Flows(options, mixedWord(seed, stream));
  }

  /** Writes the next one into memory. Returns its length. */
  next(memory: PacketMemory, at: number): number {
    const { flows, random, writer } = this;
    writer.begin(memory, at);
    if (this.restLength > 0) return this.secondFragment();
    flows.turnTo(this.popularity.next(random));
    return flows.isTcp ? this.tcp() : this.udp();
  }

  private network(toServer: boolean, protocol: number, length: number, fragment: number): void {
    const { flows: { client, server, vlan }, writer } = this;
    const from = toServer ? client : server;
    const to = toServer ? server : client;
    writer.ethernet(HARDWARE, from.host, HARDWARE, to.host);
    if (vlan > 0) writer.tag(vlan);
    writer.ip(from.address, to.address, protocol, length, this.identification, fragment);
  }

  /** How many bytes of data a frame with so long a transport header gets. */
  private dataLength(transport: number): number {
    const { flows: { vlan, isIpv6 } } = this;
    return Math.max(0, this.frameLength() - 14 - (vlan > 0 ? 4 : 0) - (isIpv6 ? 40 : 20) - transport);
  }

  private frameLength(): number {
    const { random, options: { size, bytes, longest } } = this;
    if (size === 'fixed') return bytes;
    if (size === 'range') return bytes + random.below(Math.max(1, longest - bytes + 1));
    const draw = random.below(IMIX_TOTAL);
    return IMIX[draw < IMIX_SHARES[0] ? 0 : draw < IMIX_SHARES[1] ? 1 : 2];
  }

  private udp(): number {
    const { flows, random, writer, options } = this;
    const toServer = random.chance(0.5);
    const data = this.dataLength(8);
    this.identification++;
    const isCut = !flows.isIpv6 && options.fragments > 0 && data >= 8 && random.chance(options.fragments);
    // Offsets count 8 bytes, from the UDP header on.
    const first = isCut ? (8 + data) >>> 1 & ~7 : 8 + data;
    const { client, server } = flows;
    this.network(toServer, UDP, first, fragmentField(0, isCut));
    writer.udp(toServer ? client.port : server.port, toServer ? server.port : client.port, data, sumOfFilling(data, FILLING));
    writer.fill(first - 8, FILLING);
    this.restLength = 8 + data - first;
    this.restOffset = first;
    this.restToServer = toServer;
    return writer.end();
  }

  private secondFragment(): number {
    const { writer, restLength } = this;
    this.network(this.restToServer, UDP, restLength, fragmentField(this.restOffset, false));
    writer.fill(restLength, FILLING);
    this.restLength = 0;
    return writer.end();
  }

  private tcp(): number {
    const { flows, random, writer } = this;
    const { number, client, server, clientSequence, serverSequence, left } = flows;
    const step = flows.step[number];
    if (step === Step.Syn) flows.open(random);
    const isData = step === Step.Data;
    const toServer = isData ? random.chance(0.5) : step !== Step.SynAck && step !== Step.FinAck;
    // One without data would be an acknowledgment that nobody asked for.
    const data = isData ? Math.max(1, this.dataLength(20)) : 0;
    const flags = (step === Step.Syn ? 0 : ACK) | (step === Step.Syn || step === Step.SynAck ? SYN : 0) | (step === Step.Fin || step === Step.FinAck ? FIN : 0) | (data > 0 ? PSH : 0);
    const own = toServer ? clientSequence : serverSequence;
    const other = toServer ? serverSequence : clientSequence;
    this.identification++;
    this.network(toServer, TCP, 20 + data, 0);
    writer.tcp(toServer ? client.port : server.port, toServer ? server.port : client.port, own[number], step === Step.Syn ? 0 : other[number], flags, data, sumOfFilling(data, FILLING));
    writer.fill(data, FILLING);
    // What opens and what ends a direction counts as a byte.
    own[number] += data + ((flags & (SYN | FIN)) !== 0 ? 1 : 0);
    if (isData) left[number]--;
    flows.advance();
    return writer.end();
  }
}
