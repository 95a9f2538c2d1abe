/** Sends flow records to a collector by UDP. */
import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { BricksError, hostAndPort, type FlowExporter, type FlowRecord, type HostAndPort } from 'packet-bricks';
import { DatagramWriter, type DatagramOptions, type ExportTimes } from './datagrams.js';

/** IP and UDP headers. */
const HEADERS = { 4: 28, 6: 48 };
/** Datagrams on their way at a time: a collector's buffer holds a few hundred. */
const BURST = 32;

/** Reads HOST:PORT, [IPV6]:PORT. @throws BricksError X_FLOW_METER */
export function collectorAddress(text: string): HostAndPort {
  const address = hostAndPort(text);
  if (!address) throw new BricksError('X_FLOW_METER', `The collector "${text}" is not an address and a port.`, 'Write it as HOST:PORT or [IPV6]:PORT, for example 192.0.2.1:2055.');
  return address;
}

function refuse(collector: string, { message }: Error): never {
  throw new BricksError('X_FLOW_METER', `Flows can't be sent to the collector ${collector}: ${message}.`, 'Check its name and the route to it.');
}

export interface CollectorStatistics {
  readonly datagrams: number;
  readonly bytes: number;
  readonly collector: string;
}

export class Collector implements FlowExporter {
  private datagrams = 0;
  private bytes = 0;
  /** What the system reported of datagrams that had left. */
  private refused: Error | undefined;

  private constructor(private readonly socket: Socket, private readonly writer: DatagramWriter, private readonly name: string) {
    socket.on('error', (error) => {
      this.refused = error;
    });
    socket.unref();
  }

  /** @throws BricksError X_FLOW_METER if the name can't be resolved or the socket opened */
  static async open(text: string, mtu: number, options: Omit<DatagramOptions, 'bytes'>, times: ExportTimes, bidirectional: boolean): Promise<Collector> {
    const { host, port } = collectorAddress(text);
    const { address, family } = await lookup(host).catch((error: Error) => refuse(text, error));
    const socket = createSocket(family === 6 ? 'udp6' : 'udp4');
    socket.connect(port, address);
    await once(socket, 'connect').catch((error: Error) => refuse(text, error));
    const bytes = mtu - HEADERS[family === 6 ? 6 : 4];
    return new Collector(socket, new DatagramWriter({ ...options, bytes }, times, bidirectional), text);
  }

  get statistics(): CollectorStatistics {
    return { collector: this.name, datagrams: this.datagrams, bytes: this.bytes };
  }

  add(record: FlowRecord): void {
    this.writer.add(record);
  }

  async flush(): Promise<void> {
    const datagrams = this.writer.take();
    for (let at = 0; at < datagrams.length; at += BURST) await Promise.all(datagrams.slice(at, at + BURST).map((datagram) => this.send(datagram)));
    const { refused } = this;
    this.refused = undefined;
    if (refused) throw refused;
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.socket.close(() => resolve()));
  }

  private send(datagram: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.send(datagram, (error) => {
        if (error) reject(error);
        else {
          this.datagrams++;
          this.bytes += datagram.length;
          resolve();
        }
      });
    });
  }
}
