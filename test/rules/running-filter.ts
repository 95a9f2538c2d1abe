/** A Filter in an engine over the loopback backend, and packets for it. */
import { Filter, type BrickDescription, type FilterOptions } from 'packet-bricks';
import { injectAll, loopback, runningEngine, until } from '../support/loopback-engine';
import { bytesOf, ethernet, ipv4, ipv6, tcp, text, udp, type Layered } from '../support/packets';

export interface Ends { source: string; destination: string; sourcePort?: number; destinationPort?: number }

export const A: Ends = { source: '10.0.0.1', destination: '10.0.0.2', sourcePort: 1000, destinationPort: 80 };

export function packet(ends: Partial<Ends> = {}, content = 'content', protocol: 'tcp' | 'udp' = 'udp'): Layered {
  const all = { ...A, ...ends };
  const transport = protocol === 'udp' ? udp(all, text(content)) : tcp(all, text(content));
  return ethernet({}, all.source.includes(':') ? ipv6(all, transport) : ipv4(all, transport));
}

export interface Running {
  readonly filter: BrickDescription;
  readonly counters: () => Readonly<Record<string, number>>;
  /** Sends packets; resolves with the bytes that have left by each output. */
  send(...packets: readonly Layered[]): Promise<string[][]>;
}

export const hex = (one: Layered | Uint8Array): string => Buffer.from('starts' in one ? bytesOf(one) : one).toString('hex');

export async function running(options: FilterOptions, outputs = 2): Promise<Running> {
  const names = Array.from({ length: outputs }, (_, k) => `out${k}`);
  const filter = new Filter(options).connectInput('in').connectOutput(...names);
  const engine = await runningEngine(filter);
  let sent = 0;
  let read = 0;
  return {
    filter,
    counters: () => engine.stats().bricks[0].counters,
    send: async (...packets) => {
      await injectAll('in', packets);
      sent += packets.length;
      const found: string[][] = names.map(() => []);
      await until(() => {
        const { packetsIn, packetsOut } = engine.stats().bricks[0];
        names.forEach((name, output) => {
          for (const { bytes } of loopback.read(name)) {
            read++;
            found[output].push(hex(bytes));
          }
        });
        return packetsIn === sent && read === packetsOut;
      });
      expect(engine.audit().balanced).toBe(true);
      return found;
    },
  };
}
