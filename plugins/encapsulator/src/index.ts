import {
  DESTINATION_COUNTERS, DESTINATION_GAUGES, DROP, DestinationSplit, FLOW_WORD_COUNTERS, FlowMemory, defineBrick, flowHash, flowWords, needsWatch, watchDestinations, type DestinationNews,
} from 'packet-bricks';
import { ipOffset } from './carried.js';
import { ENCAPSULATOR_OPTIONS, endsOf } from './options.js';
import { HEADERS_MAXIMUM, TunnelHeaders } from './tunnel-headers.js';

const ETHERNET = 1;
const ETHERNET_BYTES = 14;
const GAUGE_MILLISECONDS = 100;

interface State {
  readonly headers: readonly TunnelHeaders[];
  readonly split: DestinationSplit;
  readonly flows: FlowMemory;
}

/** Sends packets to other machines. */
export const Encapsulator = defineBrick({
  name: 'Encapsulator',
  summary: 'Sends packets through tunnels to sensors on other machines, shared out by flow, with a health check.',
  description: [
    'Each frame is put into VXLAN, GENEVE, GRE or ERSPAN, or its IP packet into GTP-U, over IPv4 or IPv6, and leaves by the output, an interface on the way to the destinations. The source port of UDP comes from the flow, so that routers and network cards spread the packets.',
    '',
    'With several destinations, all packets of a connection go to the same one, in both directions. Each flow has its destination by consistent hashing over their addresses (that of LoadBalancer\'s `balance = "consistent"`): when one goes down, its flows, and no others, go to the other destinations (`moved`), and come back when it is up.',
    '`health` says how that is found out, in the brick\'s control half, every `interval`. A destination that does not answer `failures` times in a row is down; one that is not up at the start is down at once. The log says what happened and why.',
    'When none is up, packets are dropped and counted as `noDestination`. The method `destinations` returns the state of each, `check` looks at all of them at once.',
    '',
    'Frames go to the MAC address `nextHopMac`; without it, the control half asks the routes and neighbours of this machine (with `ip`), for each destination every ten seconds. A destination whose next hop is not known is down.',
    '',
    'Sent packets are at most `mtu` bytes long. With `tooLong = "cut"` a packet for which that is too short loses its end (`cut`; ERSPAN marks it as truncated), with "drop" it is dropped (`tooLong`). Set the MTU of the links on the way to 1,600 or more, and `mtu` with it, to keep all.',
    'Packets that are not Ethernet frames, or hold no IP for GTP-U, are dropped (`others`). No packet is sent in fragments: later packets of its flow would overtake it. A packet that finds no room to grow is dropped and counted (`noRoom`).',
  ].join('\n'),
  options: ENCAPSULATOR_OPTIONS,
  outputs: 1,
  edits: true,
  headroom: (HEADERS_MAXIMUM + 3) & ~3,
  counters: {
    encapsulated: 'packets that were sent to a destination', cut: 'packets that were cut, as they were too long', tooLong: 'packets that were dropped, as they were too long',
    others: 'packets that were dropped because they are not Ethernet frames, or hold no IP', noRoom: 'packets that had no room for the headers', ...DESTINATION_COUNTERS, ...FLOW_WORD_COUNTERS,
  },
  gauges: DESTINATION_GAUGES,
  needs: (options) => ({ control: needsWatch(options) }),
  check: (options) => void endsOf(options),
  state(options, context): State {
    const { source, destinations, nextHop: { sourceMac, nextHopMac } } = endsOf(options);
    const headers = destinations.map((destination) => new TunnelHeaders(source, destination, options));
    if (sourceMac && nextHopMac) for (const one of headers) one.setHardware(sourceMac, nextHopMac);
    return { headers, split: new DestinationSplit(options.destinations, !needsWatch(options)), flows: new FlowMemory(options, context) };
  },
  choose: (packets, options, context) => {
    const { memory, offset, length, wireLength, seconds, nanoseconds, batch } = packets;
    const { mtu, tooLong } = options;
    const wordOf = flowWords(packets, options, context);
    const { edit } = context;
    const [encapsulated, moved, cuts, dropped, noDestination, others, noRoom] = (['encapsulated', 'moved', 'cut', 'tooLong', 'noDestination', 'others', 'noRoom'] as const).map((name) => context.counter(name));
    const drops = tooLong === 'drop';
    const carriesIp = options.kind === 'gtp';
    const up = context.gauge('destinationsUp');
    context.every(GAUGE_MILLISECONDS, ({ split }) => up.set(split.count));
    return (row, { headers, split, flows }) => {
      if (batch.linkType !== ETHERNET || length[row] < ETHERNET_BYTES) {
        others.add(1);
        return DROP;
      }
      // Bytes at the start of the frame that are not carried; the headers take their place.
      const left = carriesIp ? ipOffset(memory.view, offset[row], length[row]) : 0;
      if (left < 0) {
        others.add(1);
        return DROP;
      }
      const word = Math.max(0, wordOf(row, flows));
      // The packets of a warm-up may go to any, so that the code is warm when one is up.
      if (split.count === 0 && !context.rehearsing) {
        noDestination.add(1);
        return DROP;
      }
      const outer = headers[split.of(word)];
      const fitting = mtu - outer.ipBytes + left;
      let cut = length[row] < wireLength[row];
      if (length[row] > fitting) {
        if (drops) {
          dropped.add(1);
          return DROP;
        }
        edit.truncate(row, fitting);
        cuts.add(1);
        cut = true;
      }
      if (!edit.insert(row, 0, outer.bytes.length - left)) {
        noRoom.add(1);
        return DROP;
      }
      edit.trim(row, length[row]);
      outer.put(memory, offset[row], length[row], flowHash(word), cut, seconds[row], nanoseconds[row]);
      moved.add(split.moved);
      encapsulated.add(1);
      return 0;
    };
  },
  onMessage({ destination, up, nextHop }: DestinationNews, { headers, split }, context) {
    if (nextHop) headers[destination].setHardware(nextHop.sourceMac, nextHop.nextHopMac);
    const change = split.turn(destination, up);
    if (change !== 0) context.counter(change > 0 ? 'cameUp' : 'wentDown').add(1);
  },
  control: (options, context) => watchDestinations(options.destinations, { ...options, nextHop: endsOf(options).nextHop }, context),
  examples: {
    lua: 'e = Brick.new("Encapsulator", {destinations = {"10.0.0.1", "10.0.0.2"}, source = "10.0.0.9", id = 42, health = "tcp", healthPort = 22})\ne:connect_input("eth3")\ne:connect_output("eth0")',
    typescript: "new Encapsulator({ destinations: ['10.0.0.1', '10.0.0.2'], source: '10.0.0.9', id: 42, health: 'tcp', healthPort: 22 }).connectInput('eth3').connectOutput('eth0')",
  },
});
