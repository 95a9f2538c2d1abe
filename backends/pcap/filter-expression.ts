/**
 * Expressions of libpcap's filter language: checked anywhere, and run over the rows of a batch.
 *
 * libpcap compiles them, bpf-to-javascript.ts makes a function of the program. What that can't do goes through
 * libpcap's interpreter, one native call a list.
 */
import { BricksError, messageOf } from '../../src/core/errors';
import type { PacketBatch } from '../../src/core/packet-batch';
import { compileRules, type SelectRows } from './bpf-to-javascript';
import { pcapAddon, tryPcapAddon, type FilterRules, type NativeFilter, type PcapAddon } from './native';
import { checkWithNodePcap, tryNodePcap } from './node-pcap';

export type { FilterRules } from './native';

const LINK_TYPE_ETHERNET = 1;
/** An expression may have a meaning for some link types only: Ethernet, raw IP, cooked, 802.11, 802.11 with radio header. */
const USUAL_LINK_TYPES = [LINK_TYPE_ETHERNET, 101, 113, 105, 127];
const SNAP_LENGTH = 262_144;
/** True of no packet; a plainly false expression is refused by libpcap. */
const NEVER = 'len = 4294967295';
/** Programs for more link types than anyone has are thrown away and made again. */
const LINK_TYPES_MAXIMUM = 64;

const RULE_NAMES = ['expression', 'drop', 'accept'] as const;

export function filterError(expression: string, option: string, problem: string): BricksError {
  const what = problem.replace(/^can't parse filter expression: /, '').replace(/\.$/, '');
  return new BricksError('E_FILTER', `The filter expression "${expression}" (option "${option}") is not valid: ${what}.`, 'Expressions are written as for tcpdump: see pcap-filter(7).');
}

/**
 * Checks an expression where it is written, before an engine starts. By our own binding, else by node-pcap;
 * where there is neither, an expression can't be used either, and that is said.
 * @throws BricksError E_FILTER, E_NATIVE_MISSING
 */
export function checkFilterExpression(expression: string, option = 'expression'): void {
  const addon = tryPcapAddon();
  if (!addon && !tryNodePcap()) pcapAddon();
  let problem = '';
  for (const linkType of USUAL_LINK_TYPES) {
    const found = addon ? problemOf(addon, expression, linkType) : checkWithNodePcap(expression, linkType);
    if (found === '') return;
    problem ||= found;
    // What can never match on Ethernet is a mistake, even if libpcap does not see it elsewhere.
    if (/rejects all packets/.test(found)) break;
  }
  throw filterError(expression, option, problem);
}

/** Checks all rules of a filter. @throws BricksError E_FILTER, E_NATIVE_MISSING */
export function checkFilterRules(rules: FilterRules): void {
  for (const name of RULE_NAMES) {
    const rule = rules[name];
    if (rule !== undefined) checkFilterExpression(rule, name);
  }
}

function problemOf(addon: PcapAddon, expression: string, linkType: number): string {
  try {
    new addon.CompiledFilter(linkType, SNAP_LENGTH, { expression });
    return '';
  } catch (error) {
    return messageOf(error);
  }
}

/** A filter's programs for one link type. */
class LinkTypeFilter {
  /** Whether a rule has no meaning for this link type; it then matches nothing. */
  readonly inapplicable: boolean;
  readonly select: SelectRows;
  private readonly native: NativeFilter;
  private readonly batches = new Map<PacketBatch, { readonly number: number; memory: Uint8Array }>();

  constructor(addon: PcapAddon, linkType: number, rules: FilterRules, interpret: boolean) {
    const meant = { ...rules };
    for (const name of RULE_NAMES) {
      const rule = rules[name];
      if (rule !== undefined && problemOf(addon, rule, linkType) !== '') meant[name] = NEVER;
    }
    this.inapplicable = RULE_NAMES.some((name) => meant[name] !== rules[name]);
    // Of a link type that libpcap does not know nothing can be asked: then all rules are NEVER, on whatever type.
    const known = problemOf(addon, NEVER, linkType) === '';
    this.native = new addon.CompiledFilter(known ? linkType : LINK_TYPE_ETHERNET, SNAP_LENGTH, meant);
    const program = (name: (typeof RULE_NAMES)[number]): Uint32Array | undefined => this.native.program(name);
    const compiled = interpret ? undefined : compileRules({ expression: program('expression'), drop: program('drop'), accept: program('accept') });
    this.select = compiled ?? ((batch, rows, count, target, first) => this.interpret(batch, rows, count, target, first));
  }

  private interpret(batch: PacketBatch, rows: Uint16Array, count: number, target: Uint16Array, first: number): number {
    let known = this.batches.get(batch);
    if (known === undefined || known.memory !== batch.memory.bytes) {
      known = { number: known?.number ?? this.native.addBatch(batch), memory: batch.memory.bytes };
      this.native.setMemory(known.number, known.memory);
      this.batches.set(batch, known);
    }
    return this.native.select(known.number, rows, count, target, first);
  }
}

/** Rules at work, for packets of any link type. */
export class PacketFilter {
  private readonly addon: PcapAddon;
  private readonly filters = new Map<number, LinkTypeFilter>();
  private lastLinkType = LINK_TYPE_ETHERNET;
  private last: LinkTypeFilter;

  /** With `interpret`, libpcap's interpreter does all the work: to compare.
   *  @throws BricksError E_FILTER, E_NATIVE_MISSING */
  constructor(private readonly rules: FilterRules, private readonly interpret = false) {
    this.addon = pcapAddon();
    checkFilterRules(rules);
    this.last = this.filterFor(LINK_TYPE_ETHERNET);
  }

  /** Writes the rows that pass to `target`, from `first` on, in their order; answers how many. */
  select(batch: PacketBatch, rows: Uint16Array, count: number, target: Uint16Array, first: number): number {
    if (batch.linkType !== this.lastLinkType) {
      this.last = this.filterFor(batch.linkType);
      this.lastLinkType = batch.linkType;
    }
    return this.last.select(batch, rows, count, target, first);
  }

  /** Whether a rule has no meaning for the link type that `select` saw last. */
  get inapplicable(): boolean {
    return this.last.inapplicable;
  }

  private filterFor(linkType: number): LinkTypeFilter {
    let filter = this.filters.get(linkType);
    if (!filter) {
      if (this.filters.size >= LINK_TYPES_MAXIMUM) this.filters.clear();
      filter = new LinkTypeFilter(this.addon, linkType, this.rules, this.interpret);
      this.filters.set(linkType, filter);
    }
    return filter;
  }
}
