import { BricksError, DiscardingSinks, type Backend, type GivenOptions, type PortOpener } from 'packet-bricks';
import { GENERATOR_OPTIONS, type GeneratorOptions } from './options.js';
import { GeneratorSource } from './source.js';

declare module 'packet-bricks' {
  interface BackendOptions {
    /** Interfaces that bring made-up traffic. */
    readonly 'traffic-generator': GivenOptions<typeof GENERATOR_OPTIONS>;
  }
}

/** Interfaces of any name bring traffic by a model, at a rate. */
export const trafficGenerator: Backend = {
  name: 'traffic-generator',
  summary: 'interfaces that bring made-up traffic, at a rate or as fast as it is taken',
  description: [
    'Every interface that an engine reads brings its own traffic: flows between clients in 10.0.0.0/8 and servers in 172.16.0.0/12 (or 2001:db8::/32), UDP in both directions and TCP connections with handshake, data in both directions and end, one connection after the other. All checksums are right. The same seed and interface bring the same packets.',
    'With a rate, packets come when they are due, have that time as their time stamp, and are dropped by full pipes like those of a real interface; packets that the engine does not take within 200 ms are left out, and a notice says so. Without a rate they wait until they are taken. Packets sent to an interface are counted as sent and discarded.',
    '',
    'An engine has one backend. To bring the traffic to bricks beside real interfaces, let an engine with this backend write pipes (`made{0`), and the other read them (`made}0`).',
  ].join('\n'),
  // Nobody gets it unless it is asked for.
  preference: -1,
  inMemory: true,
  takesOver: true,
  options: GENERATOR_OPTIONS,
  status: () => ({ usable: true, reason: 'works everywhere, and makes its traffic itself' }),
  devices: () => Promise.resolve([]),
  handles: ({ kind }) => kind === 'interface',
  flowColumns: () => false,
  check(options) {
    const { size, bytes, longest } = options as GeneratorOptions;
    if (size === 'range' && longest < bytes) throw new BricksError('E_OPTION', `The backend traffic-generator: "longest" is ${longest}, and less than "bytes", which is ${bytes}.`, 'With size = range, frames have from `bytes` to `longest` bytes.');
  },
  ports(given): PortOpener {
    const options = given as GeneratorOptions;
    return {
      openSource(request, { notice }) {
        if (request.queue >= 0) notice(`${request.link.text}: interfaces of the traffic generator have no hardware queues; this engine gets all packets.`);
        return new GeneratorSource(request, options, notice);
      },
      openSinks: (requests) => new DiscardingSinks(requests),
    };
  },
};
