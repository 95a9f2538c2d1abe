/** Whose a TCP connection over loopback is. */
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';

/** Columns of a line of /proc/net/tcp. */
const LOCAL = 1;
const REMOTE = 2;
const STATE = 3;
const UID = 7;
const INODE = 9;
const ESTABLISHED = '01';

/** One end of a connection. */
export interface TcpEnd {
  readonly address: string;
  readonly port: number;
}

/** Whether the other end of a connection belongs to the user of this process, or to root. */
export async function isOwn(socket: Socket): Promise<boolean> {
  const user = await userOf(socket);
  return user === 0 || (user !== undefined && user === process.geteuid?.());
}

/** The user who holds the other end of a connection over loopback; nothing where the system does not tell, or the other end has been closed. */
export async function userOf({ localAddress, localPort, remoteAddress, remotePort }: Socket): Promise<number | undefined> {
  if (localAddress === undefined || localPort === undefined || remoteAddress === undefined || remotePort === undefined) return undefined;
  const [own, other] = [{ address: localAddress, port: localPort }, { address: remoteAddress, port: remotePort }];
  for (const file of ['tcp', 'tcp6']) {
    const text = await readFile(`/proc/self/net/${file}`, 'latin1').catch(() => '');
    const user = findUser(text, endInHexadecimal(own, file === 'tcp6'), endInHexadecimal(other, file === 'tcp6'));
    if (user !== undefined) return user;
  }
  return undefined;
}

/** In the table of connections. One that its process has closed belongs to nobody, for which the table says 0, root: such a line does not count. */
export function findUser(text: string, own: string, other: string): number | undefined {
  for (const line of text.split('\n')) {
    const columns = line.trim().split(/\s+/);
    if (columns[LOCAL] !== other || columns[REMOTE] !== own || columns[STATE] !== ESTABLISHED || Number(columns[INODE]) === 0) continue;
    const user = Number(columns[UID]);
    return Number.isInteger(user) ? user : undefined;
  }
  return undefined;
}

/** As the table has it: each word of the address in the byte order of the machine, little-endian where Node runs. */
export function endInHexadecimal({ address, port }: TcpEnd, mapped: boolean): string {
  if (address === '::1') return `00000000000000000000000001000000:${port.toString(16).padStart(4, '0')}`.toUpperCase();
  const word = address.split('.').reverse().map((part) => Number(part).toString(16).padStart(2, '0')).join('');
  return `${mapped ? '0000000000000000FFFF0000' : ''}${word}:${port.toString(16).padStart(4, '0')}`.toUpperCase();
}
