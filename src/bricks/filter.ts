import type { BrickClass } from '../model/define-brick';
import type { GivenOptions, OptionDeclarations } from '../model/options';
import { PacketFilter, checkFilterRules } from '../filter/filter-expression';
import { defineBrick } from '../plugins/define-brick';
import { ownModule } from '../plugins/load-module';

const FILTER_OPTIONS = {
  /** Only what it matches passes; everything if nothing is said. An expression as tcpdump takes it. */
  expression: { type: 'string', description: 'pass only packets that match; by default all match' },
  /** What it matches is dropped. */
  drop: { type: 'string', description: 'drop packets that match' },
  /** What it matches passes in any case: wins over the other two. */
  accept: { type: 'string', description: 'always pass packets that match; overrides the other two' },
} as const satisfies OptionDeclarations;

/** Options of Filter. */
export interface FilterOptions extends GivenOptions<typeof FILTER_OPTIONS> {}

/** Passes the packets that its rules allow. Rules are expressions in libpcap's filter language, as tcpdump takes them. */
export const Filter: BrickClass<FilterOptions | string, 1, 1> = defineBrick({
  name: 'Filter',
  summary: 'Passes the packets that its rules allow.',
  description: [
    "Rules are expressions in libpcap's filter language, as for tcpdump (pcap-filter(7)).",
    'A packet passes if `expression` matches it (or is not set) and `drop` does not. A packet that `accept` matches always passes.',
    'Packets that do not pass are counted as dropped with the reason `decision`.',
    '',
    'Expressions apply to the captured bytes, starting at the link header: `tcp port 80` matches only untagged packets; for tagged ones, write `vlan and tcp port 80`.',
    'A rule that makes no sense for a link type (`ether host` on raw IP) matches nothing there; packets of such link types are counted as `inapplicable`.',
    'Host names in an expression are resolved once, when the engine is linked.',
  ].join('\n'),
  options: FILTER_OPTIONS,
  shorthand: 'expression',
  outputs: 1,
  counters: { inapplicable: 'packets of a link type that a rule does not apply to' },
  examples: {
    lua: 'f = Brick.new("Filter", {drop = "udp port 53", accept = "host 10.0.0.1"})\nf:connect_input("eth3")\nf:connect_output("eth3{0")',
    typescript: "new Filter({ drop: 'udp port 53', accept: 'host 10.0.0.1' }).connectInput('eth3').connectOutput('eth3{0')",
  },
  check: checkFilterRules,
  // Nothing is remembered from packet to packet: the programs that a warm-up has compiled serve the engine.
  state: () => undefined,
  process({ memory, batch, offset, length, wireLength }, options, context) {
    const filter = new PacketFilter(options);
    const inapplicable = context.counter('inapplicable');
    const packets = { memory, offset, length, wireLength };
    return (input, next) => {
      filter.select(packets, batch.linkType, input.rows, input.count, next);
      if (filter.inapplicable) inapplicable.add(input.count);
    };
  },
}, ownModule('filter'));
