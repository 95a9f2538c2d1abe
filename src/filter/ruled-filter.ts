/** A filter's expressions over a list of packets; and with them the rules that come and go. */
import type { BrickContext, Counter, InputRows, Packets } from '../model/brick';
import type { RuleSelection } from '../rules/rule-selection';
import { PacketFilter, type FilterRules, type FilteredPackets } from './filter-expression';

/** By the expressions alone. */
export class LocalFilter {
  private readonly filter: PacketFilter;
  private readonly packets: FilteredPackets;
  private readonly batch: Packets['batch'];
  private readonly inapplicable: Counter;

  /** @throws BricksError E_FILTER, E_NATIVE_MISSING */
  constructor({ memory, offset, length, wireLength, batch }: Packets, rules: FilterRules, context: Pick<BrickContext, 'counter'>) {
    this.filter = new PacketFilter(rules);
    this.packets = { memory, offset, length, wireLength };
    this.inapplicable = context.counter('inapplicable');
    this.batch = batch;
  }

  select(rows: Uint16Array, count: number, next: Uint16Array): void {
    const { filter } = this;
    filter.select(this.packets, this.batch.linkType, rows, count, next);
    if (filter.inapplicable) this.inapplicable.add(count);
  }
}

/** `accept` comes first, then the rules; packets that no rule matches are left to the other expressions. */
export class RuledFilter {
  private readonly accept: PacketFilter | undefined;
  private readonly local: LocalFilter | undefined;
  private readonly batch: Packets['batch'];
  private readonly packets: FilteredPackets;
  /** The packets that are still to be decided: their rows, their places on the list, and what is decided of them. */
  private readonly rest: { readonly rows: Uint16Array; count: number };
  private readonly places: Uint16Array;
  private readonly decided: Uint16Array;

  /** Without expressions libpcap is not needed. @throws BricksError E_FILTER, E_NATIVE_MISSING */
  constructor(packets: Packets, private readonly rules: RuleSelection, filterRules: FilterRules, context: Pick<BrickContext, 'counter'>) {
    const { memory, offset, length, wireLength, batch } = packets;
    const { expression, drop, accept } = filterRules;
    this.accept = accept === undefined ? undefined : new PacketFilter({ expression: accept });
    this.local = expression === undefined && drop === undefined ? undefined : new LocalFilter(packets, filterRules, context);
    this.packets = { memory, offset, length, wireLength };
    this.batch = batch;
    this.rest = { rows: new Uint16Array(length.length), count: 0 };
    this.places = new Uint16Array(length.length);
    this.decided = new Uint16Array(length.length);
  }

  select(input: Pick<InputRows, 'rows' | 'count'>, next: Uint16Array): void {
    const { accept, local, rest, places, decided, rules } = this;
    if (!accept && !local) {
      rules.select(input, next);
      return;
    }
    if (accept) accept.select(this.packets, this.batch.linkType, input.rows, input.count, next);
    rest.count = 0;
    for (let i = 0; i < input.count; i++) {
      if (accept && next[i] === 0) continue;
      places[rest.count] = i;
      rest.rows[rest.count++] = input.rows[i];
    }
    rules.select(rest, decided);
    const { hits } = rules;
    let left = 0;
    for (let k = 0; k < rest.count; k++) {
      next[places[k]] = decided[k];
      if (hits[k] !== 0) continue;
      places[left] = places[k];
      rest.rows[left++] = rest.rows[k];
    }
    if (!local || left === 0) return;
    local.select(rest.rows, left, decided);
    for (let k = 0; k < left; k++) next[places[k]] = decided[k];
  }
}
