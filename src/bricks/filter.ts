import type { BrickClass } from '../core/define-brick';
import type { GivenOptions, OptionDeclarations } from '../core/options';
import { PacketFilter } from '../filter/filter-expression';
import { defineBrick } from '../plugins/define-brick';
import { ownModule } from '../plugins/load-module';

const FILTER_OPTIONS = {
  /** Only what it matches passes; everything if nothing is said. An expression as tcpdump takes it. */
  expression: { type: 'string', description: 'only what it matches passes; everything if nothing is said' },
  /** What it matches is dropped. */
  drop: { type: 'string', description: 'what it matches is dropped' },
  /** What it matches passes in any case: wins over the other two. */
  accept: { type: 'string', description: 'what it matches passes in any case: wins over the other two' },
} as const satisfies OptionDeclarations;

/** Options of Filter. */
export interface FilterOptions extends GivenOptions<typeof FILTER_OPTIONS> {}

/** Passes what no rule drops. Rules are expressions in libpcap's filter language, as tcpdump takes them. */
export const Filter: BrickClass<FilterOptions | string, 1, 1> = defineBrick({
  name: 'Filter',
  summary: 'Passes what no rule drops.',
  description: [
    "Rules are expressions in libpcap's filter language, as tcpdump takes them (pcap-filter(7)).",
    'A packet passes if `expression` matches it (or there is none) and `drop` does not; what `accept` matches passes in any case.',
    'What does not pass is counted as dropped by decision.',
    '',
    'Expressions look at the captured bytes from the link header on: for what stands behind a VLAN tag write `vlan and tcp port 80`, since `tcp port 80` alone means untagged packets.',
    'A rule that has no meaning for the link type of a source (`ether host` on raw IP) matches nothing there; packets of such link types are counted as inapplicable.',
    'Host names in an expression are looked up once, when the engine is linked.',
  ].join('\n'),
  options: FILTER_OPTIONS,
  shorthand: 'expression',
  outputs: 1,
  counters: { inapplicable: 'packets of a link type for which a rule has no meaning' },
  examples: {
    lua: 'f = Brick.new("Filter", {drop = "udp port 53", accept = "host 10.0.0.1"})\nf:connect_input("eth3")\nf:connect_output("eth3{0")',
    typescript: "new Filter({ drop: 'udp port 53', accept: 'host 10.0.0.1' }).connectInput('eth3').connectOutput('eth3{0')",
  },
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
