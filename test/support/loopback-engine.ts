/** Engines on the loopback backend: what comes in is given by the test, and what goes out is read by it. */
import { PacketEngine, resolveBackend, type BrickDescription, type LinkOptions, type PacketEngineOptions } from 'packet-bricks';
import type { LoopbackBackend, LoopbackPacket } from 'packet-bricks/backends/loopback';
import { bytesOf, ethernet, ipv4, ipv6, tcp, udp, type Layered, type Payload } from './packets';
import { writeCapture } from './write-capture';

export const loopback = resolveBackend('loopback') as LoopbackBackend;

const made: PacketEngine[] = [];
let names = 0;

/** An engine that is closed after the test. It does not warm up, unless told to. */
export function newEngine(options: PacketEngineOptions = {}): PacketEngine {
  const engine = new PacketEngine(`engine-${names++}`, { backend: 'loopback', warmUpMilliseconds: 0, ...options });
  made.push(engine);
  return engine;
}

export async function runningEngine(brick: BrickDescription, options: PacketEngineOptions & LinkOptions = {}): Promise<PacketEngine> {
  const { batch, queue, ...own } = options;
  const engine = newEngine(own);
  await engine.link(brick, { ...(batch === undefined ? {} : { batch }), ...(queue === undefined ? {} : { queue }) });
  await engine.start();
  return engine;
}

/** For afterEach. */
export async function closeEngines(): Promise<void> {
  for (const engine of made.splice(0)) {
    await engine.stop();
    await engine.delete();
  }
  loopback.reset();
}

/** Gives packets to an interface, however full its ring is. */
export async function injectAll(name: string, packets: readonly (Payload | LoopbackPacket)[]): Promise<void> {
  for (const packet of packets) {
    const given = 'starts' in packet ? packet.bytes : packet;
    while (!loopback.inject(name, given)) await turn();
  }
}

/** Lets other events have their turn. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Waits until something holds; the test's own time limit ends a wait in vain. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** A packet of a flow, told from all others by its number, which is the last 4 bytes. */
export interface FlowPacket { readonly flow: number; readonly backwards: boolean; readonly number: number; readonly bytes: Buffer }

/** Flow f: its addresses and ports and protocol; IPv4 and IPv6, TCP and UDP. `backwards` exchanges the ends. */
export function flowPacket(flow: number, number: number, backwards = false, size = 8): FlowPacket {
  const payload = Buffer.alloc(Math.max(4, size), flow & 255);
  payload.writeUInt32BE(number, payload.length - 4);
  const low = flow & 255;
  const high = (flow >> 8) & 255;
  const ports: [number, number] = [1024 + ((flow * 7) & 0x7fff), 80 + (flow % 5)];
  if (backwards) ports.reverse();
  const transport: Layered = flow % 3 === 0 ? udp({ sourcePort: ports[0], destinationPort: ports[1] }, payload) : tcp({ sourcePort: ports[0], destinationPort: ports[1] }, payload);
  const four: [string, string] = [`10.0.${high}.${low}`, `192.0.2.${(flow % 250) + 1}`];
  const six: [string, string] = [`2001:db8::${(flow + 1).toString(16)}`, '2001:db8:1::2'];
  const [source, destination] = (flow % 4 === 1 ? six : four)[backwards ? 'reverse' : 'slice']() as string[];
  const packet = flow % 4 === 1 ? ipv6({ source, destination }, transport) : ipv4({ source, destination }, transport);
  return { flow, backwards, number, bytes: bytesOf(ethernet({}, packet)) };
}

/** Writes a capture file with packets of so many flows, a second apart, and returns its path. */
export function writeFlows(path: string, packets: number, flows: number): string {
  return writeCapture(path, Array.from({ length: packets }, (_, number) => ({ bytes: flowPacket(number % flows, number).bytes, seconds: number })));
}

/** The number that `flowPacket` wrote. */
export function numberOf(bytes: Uint8Array): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).readUInt32BE(bytes.length - 4);
}

export function numbersOf(packets: readonly { readonly bytes: Uint8Array }[]): number[] {
  return packets.map(({ bytes }) => numberOf(bytes));
}
