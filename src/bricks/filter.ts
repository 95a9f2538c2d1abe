import { PacketFilter, type FilterRules } from '../../backends/pcap/filter-expression';
import type { Brick, BrickContext, BrickModule } from '../core/brick';
import type { ColumnName, PacketBatch } from '../core/packet-batch';
import type { PacketList, PacketLists } from '../core/packet-list';

export interface FilterOptions extends FilterRules {
  readonly [name: string]: number | string | boolean | undefined;
}

/** One native call a list; the rows that pass keep their order. */
export class FilterBrick implements Brick {
  readonly reads: readonly ColumnName[] = ['offset', 'length', 'wireLength'];
  private readonly filter: PacketFilter;
  private readonly inapplicable: number;

  /** @throws BricksError E_FILTER, E_NATIVE_MISSING */
  constructor(options: FilterOptions, private readonly context: BrickContext) {
    this.filter = new PacketFilter(options);
    this.inapplicable = context.counterIndex('inapplicable');
  }

  process(batch: PacketBatch, input: PacketList, outputs: PacketLists): void {
    const counts = outputs.counts;
    counts[0] += this.filter.select(batch, input.rows, input.count, outputs.rows, counts[0]);
    if (this.filter.inapplicable) this.context.countAt(this.inapplicable, input.count);
  }
}

export const filter: BrickModule<FilterOptions> = {
  declaration: {
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
    options: [
      { name: 'expression', type: 'string', description: 'only what it matches passes; everything if nothing is said' },
      { name: 'drop', type: 'string', description: 'what it matches is dropped' },
      { name: 'accept', type: 'string', description: 'what it matches passes in any case: wins over the other two' },
    ],
    shorthand: 'expression',
    inputs: { minimum: 1, maximum: 1 },
    outputs: { minimum: 1, maximum: 1 },
    fanout: 'one',
    effect: 'reads',
    counters: [{ name: 'inapplicable', description: 'packets of a link type for which a rule has no meaning' }],
    examples: {
      lua: 'f = Brick.new("Filter", {drop = "udp port 53", accept = "host 10.0.0.1"})\nf:connect_input("eth3")\nf:connect_output("eth3{0")',
      typescript: "new Filter({ drop: 'udp port 53', accept: 'host 10.0.0.1' }).connectInput('eth3').connectOutput('eth3{0')",
    },
  },
  create: (options, context) => new FilterBrick(options, context),
};
