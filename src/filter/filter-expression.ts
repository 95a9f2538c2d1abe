/**
 * Expressions of libpcap's filter language: checked anywhere, and run over the rows of a batch.
 *
 * libpcap compiles them, bpf-to-javascript.ts makes a function of the program. What that can't do goes through
 * libpcap's interpreter, one native call a list.
 */
import { BricksError, messageOf } from '../model/errors';
import { checkWithNodePcap, tryNodePcap } from '../native/node-pcap';
import { compileRules, type FilteredPackets, type SelectRows } from './bpf-to-javascript';
import { filterAddon, tryFilterAddon, type FilterAddon, type FilterRules, type NativeFilter } from './native';

export type { FilterRules } from './native';
export type { FilteredPackets } from './bpf-to-javascript';

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
  const addon = tryFilterAddon();
  if (!addon && !tryNodePcap()) filterAddon();
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

function problemOf(addon: FilterAddon, expression: string, linkType: number): string {
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
  private readonly bound = new Map<FilteredPackets, { readonly number: number; memory: Uint8Array }>();

  constructor(addon: FilterAddon, linkType: number, rules: FilterRules, interpret: boolean) {
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
    this.select = compiled ?? ((packets, rows, count, next) => this.interpret(packets, rows, count, next));
  }

  private interpret(packets: FilteredPackets, rows: Uint16Array, count: number, next: Uint16Array): void {
    const { bytes } = packets.memory;
    let known = this.bound.get(packets);
    if (known === undefined || known.memory !== bytes) {
      known = { number: known?.number ?? this.native.addBatch(packets), memory: bytes };
      this.native.setMemory(known.number, bytes);
      this.bound.set(packets, known);
    }
    this.native.select(known.number, rows, count, next);
  }
}

/** Rules at work, for packets of any link type. */
export class PacketFilter {
  private readonly addon: FilterAddon;
  private readonly filters = new Map<number, LinkTypeFilter>();
  private lastLinkType = LINK_TYPE_ETHERNET;
  private last: LinkTypeFilter;

  /** With `interpret`, libpcap's interpreter does all the work: to compare.
   *  @throws BricksError E_FILTER, E_NATIVE_MISSING */
  constructor(private readonly rules: FilterRules, private readonly interpret = false) {
    this.addon = filterAddon();
    checkFilterRules(rules);
    this.last = this.filterFor(LINK_TYPE_ETHERNET);
  }

  /** Sets `next[i]` to 0 where the packet of `rows[i]`, all of one link type, passes, and to 65,535 where not. */
  select(packets: FilteredPackets, linkType: number, rows: Uint16Array, count: number, next: Uint16Array): void {
    if (linkType !== this.lastLinkType) {
      this.last = this.filterFor(linkType);
      this.lastLinkType = linkType;
    }
    this.last.select(packets, rows, count, next);
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
