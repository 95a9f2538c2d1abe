/** Addresses of frames to a destination, by the routes and neighbours of this machine, as `ip` tells them. */
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { hardwareAddressBytes } from '../model/ip-address';

/** Addresses of frames to a destination, in 6 bytes each. */
export interface NextHop {
  /** That of the interface on the way. */
  readonly sourceMac: Uint8Array;
  /** That of the router on the way, or of the destination itself. */
  readonly nextHopMac: Uint8Array;
}

type Row = Readonly<Record<string, unknown>>;

const LIMIT_MILLISECONDS = 5000;
/** How often, and after what time each, the neighbour is looked for again that has been asked. */
const TRIES = 5;
const TRY_MILLISECONDS = 50;
const DISCARD_PORT = 9;
/** `ip` is often where only root looks. */
const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;

/** Asks the routes and neighbours of this machine for what is not known of them. @throws Error that says what is missing */
export async function findNextHop(address: string, known: Partial<NextHop> = {}): Promise<NextHop> {
  const [route] = await ip('route', 'get', address);
  const device = textOf(route, 'dev');
  if (device === '') throw new Error('there is no route to it');
  const [link] = await ip('link', 'show', 'dev', device);
  const own = hardwareAddressBytes(textOf(link, 'address'));
  const sourceMac = known.sourceMac ?? own;
  if (!sourceMac) throw new Error(`the interface ${device} on the way to it has no MAC address; give the option "sourceMac"`);
  // Packets to this machine itself go through its loopback interface.
  const nextHopMac = known.nextHopMac ?? (device === 'lo' ? own : await neighbour(textOf(route, 'gateway') || address, device));
  if (!nextHopMac) throw new Error(`the MAC address of the next hop ${textOf(route, 'gateway') || address} on ${device} is not known: it does not answer`);
  return { sourceMac, nextHopMac };
}

async function neighbour(address: string, device: string): Promise<Uint8Array | undefined> {
  for (let attempt = 0; ; attempt++) {
    const [entry] = await ip('neigh', 'show', 'to', address, 'dev', device);
    const mac = hardwareAddressBytes(textOf(entry, 'lladdr'));
    if (mac || attempt === TRIES) return mac;
    if (attempt === 0) await knock(address);
    await delay(TRY_MILLISECONDS);
  }
}

/** The kernel asks for its neighbour's address when it has something to send. */
function knock(address: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const end = (): void => {
      socket.close();
      resolve();
    };
    socket.once('error', end);
    socket.send(Buffer.alloc(0), DISCARD_PORT, address, end);
  });
}

/** What `ip -j` prints. */
function ip(...words: string[]): Promise<Row[]> {
  return new Promise((resolve, reject) => {
    execFile('ip', ['-j', ...words], { timeout: LIMIT_MILLISECONDS, env: { ...process.env, PATH } }, (error, output, errors) => {
      if (error) reject(new Error((error as NodeJS.ErrnoException).code === 'ENOENT' ? 'the program ip is not installed (Debian: iproute2); give the options "sourceMac" and "nextHopMac"' : errors.trim() || error.message));
      else resolve(output.trim() === '' ? [] : JSON.parse(output) as Row[]);
    });
  });
}

function textOf(row: Row | undefined, name: string): string {
  const value = row?.[name];
  return typeof value === 'string' ? value : '';
}
