/** Ways to find out whether a destination answers. */
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import type { HealthOptions } from './destination-options';

/** Resolves if the destination answers, and rejects with the reason if not. */
export type Probe = (address: string) => Promise<void>;

/** The way that options ask for. */
export function probeFor({ health, healthPort = 0, timeout }: Pick<HealthOptions, 'health' | 'healthPort' | 'timeout'>): Probe {
  switch (health) {
    case 'tcp':
      return (address) => acceptsTcp(address, healthPort, timeout);
    case 'udp':
      return (address) => answersUdp(address, healthPort, timeout);
    case 'icmp':
      return (address) => answersPing(address, timeout);
    default:
      return () => Promise.resolve();
  }
}

function acceptsTcp(address: string, port: number, timeout: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port });
    const limit = setTimeout(() => socket.destroy(new Error(`no TCP connection to port ${port} within ${timeout} ms`)), timeout);
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', (error) => reject(error));
    socket.once('close', () => clearTimeout(limit));
  });
}

/** Any answer counts. */
function answersUdp(address: string, port: number, timeout: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const end = (error?: Error): void => {
      clearTimeout(limit);
      socket.close();
      if (error) reject(error);
      else resolve();
    };
    const limit = setTimeout(() => end(new Error(`no answer from UDP port ${port} within ${timeout} ms`)), timeout);
    socket.once('message', () => end());
    socket.once('error', (error) => end(error));
    // Connected, so that "port unreachable" is an error at once.
    socket.connect(port, address, () => socket.send(Buffer.alloc(0)));
  });
}

function answersPing(address: string, timeout: number): Promise<void> {
  return new Promise((resolve, reject) => {
    execFile('ping', ['-n', '-q', '-c', '1', '-W', String(Math.ceil(timeout / 1000)), address], { timeout: timeout + 1000 }, (error) => {
      if (!error) resolve();
      else reject(new Error((error as NodeJS.ErrnoException).code === 'ENOENT' ? 'the program ping is not installed (Debian: iputils-ping)' : `no answer to a ping within ${timeout} ms`));
    });
  });
}
