/** The engine's half of a filter's rules: reads the keys of a list of packets, has their rules found, and does what these say. */
import { parseFlow } from '../flow/parse';
import { FRAGMENT_FIRST, FRAGMENT_LATER, FRAGMENT_NONE, FlowFields } from '../flow/flow-fields';
import { LINK_TYPE_ETHERNET } from '../flow/link-types';
import type { BrickContext, Counter, Explanation, InputRows } from '../model/brick';
import { FragmentKeys } from './fragment-keys';
import {
  ACTION_OUTPUT_SHIFT, ACTION_PRIORITY, ACTION_WHAT, CONTROL_OUTPUTS, CONTROL_TOTALS, KEY_META, KEY_WORDS, META_UNREAD, TYPE_MODIFY, TYPE_REDIRECT,
  type SharedRules,
} from './layout';
import { modifyPacket, type ModifiedPacket } from './modify-packet';
import { nativeRules, type NativeLists, type NativeRules } from './native-rules';
import { readPacketKey, type KeyPlaces } from './packet-key';
import { RULE_TYPES } from './rule';
import { RuleReader, type RuleMatcher } from './rule-reader';
import { RuleViews, type FoundRule } from './rule-views';

export const RULE_COUNTERS = {
  ruleDrop: 'packets that DROP rules applied to',
  ruleWhitelist: 'packets that WHITELIST rules passed',
  ruleRedirect: 'packets that REDIRECT rules applied to',
  ruleModify: 'packets that MODIFY rules changed',
  ruleWithoutOutput: 'packets of rules whose output the filter does not have; these go to output 0',
  ruleFragments: 'fragments that arrived before the first one; rules see them without ports',
} as const;

const COUNTER_NAMES = { drop: 'ruleDrop', whitelist: 'ruleWhitelist', redirect: 'ruleRedirect', modify: 'ruleModify' } as const;
const NANOSECONDS_OF_TICK = 1e8;
const MATCH_IN_TYPESCRIPT = process.env['BRICKS_RULES_IN_TYPESCRIPT'] !== undefined;

export class RuleSelection {
  private readonly lists: NativeLists;
  private readonly native: NativeRules | undefined;
  private readonly matcher: RuleMatcher;
  private readonly views: RuleViews;
  private readonly fragments: FragmentKeys;
  private readonly flow = new FlowFields();
  private readonly later = new FlowFields();
  private readonly laterKey = new Uint32Array(KEY_WORDS);
  private readonly places: KeyPlaces = { hardware: -1, network: -1, transport: -1 };
  private readonly modified: ModifiedPacket;
  /** What the native reader was told last. */
  private readonly bound: { bytes?: Uint8Array; rows?: Uint16Array; next?: Uint16Array } = {};
  private readonly totals: Counter[];
  private readonly counted = new Float64Array(RULE_TYPES.length);
  private readonly withoutOutput: Counter;
  private readonly withoutFirst: Counter;
  private lookedAt = -1;
  /** Packets of the last list. */
  private lastCount = 0;

  constructor(private readonly context: BrickContext, shared: SharedRules, private readonly inner: boolean) {
    const { packets, outputs } = context;
    const { offset, length, wireLength } = packets;
    const rows = length.length;
    this.lists = {
      rows: new Uint16Array(rows), keys: new Uint32Array(rows * KEY_WORDS), bytes: new Uint32Array(rows), hits: new Uint32Array(rows), next: new Uint16Array(rows), outputs,
    };
    this.views = new RuleViews(shared);
    this.native = MATCH_IN_TYPESCRIPT ? undefined : nativeRules(shared, { offset, length, wireLength }, this.lists, inner);
    this.matcher = this.native ?? new RuleReader(shared, this.lists);
    this.fragments = new FragmentKeys(context.clock);
    this.modified = { memory: packets.memory, end: 0, meta: 0 };
    this.totals = RULE_TYPES.map((type) => context.counter(COUNTER_NAMES[type]));
    this.withoutOutput = context.counter('ruleWithoutOutput');
    this.withoutFirst = context.counter('ruleFragments');
    this.noteTotals();
    Atomics.store(this.views.control, CONTROL_OUTPUTS, outputs);
  }

  /** The rule of each packet of the last list; 0 where there is none. */
  get hits(): Uint32Array {
    return this.lists.hits;
  }

  /** What the rule of a packet of the last list says, for people, and by which the control half finds it; nothing where no rule applied. */
  explain(row: number): Explanation | undefined {
    const { lists: { rows, hits }, views, lastCount } = this;
    const at = rows.subarray(0, lastCount).indexOf(row);
    if (at < 0 || hits[at] === 0) return undefined;
    const action = views.actionOf(hits[at]);
    const what = views.actions[action + ACTION_WHAT];
    const type = RULE_TYPES[what & 15];
    const to = type === 'redirect' || type === 'modify' ? `, output ${what >>> ACTION_OUTPUT_SHIFT}` : '';
    return { text: `a ${type.toUpperCase()} rule of priority ${views.actions[action + ACTION_PRIORITY]} matches${to}`, ask: { found: hits[at], order: views.orderOf(hits[at]) } satisfies FoundRule };
  }

  /** Sets `next[i]` for the packet of `rows[i]`: 0 where no rule applies, else what its rule says. */
  select({ rows, count }: Pick<InputRows, 'rows' | 'count'>, next: Uint16Array): void {
    const { lists, context, native } = this;
    const tick = Math.floor(context.clock.cell[0] / NANOSECONDS_OF_TICK) | 0;
    const counts = context.rehearsing ? 0 : 1;
    this.lastCount = count;
    let decided = 0;
    let special = 0;
    if (native && context.packets.batch.linkType === LINK_TYPE_ETHERNET) {
      this.bind(native, rows, next);
      const outcome = native.select(count, tick, counts);
      decided = outcome >>> 1;
      special = outcome & 1;
    } else {
      for (let i = 0; i < count; i++) {
        lists.rows[i] = rows[i];
        lists.bytes[i] = context.packets.wireLength[rows[i]];
        lists.keys[i * KEY_WORDS + KEY_META] = META_UNREAD;
      }
    }
    if (decided < count) {
      for (let i = decided; i < count; i++) if (lists.keys[i * KEY_WORDS + KEY_META] === META_UNREAD) this.readKey(i);
      special += this.matcher.match(decided, count, tick, counts);
      for (let i = decided; i < count; i++) next[i] = lists.next[i];
    }
    if (special > 0) this.doSpecial(count);
    this.count();
  }

  private bind(native: NativeRules, rows: Uint16Array, next: Uint16Array): void {
    const { bound, context: { packets: { memory: { bytes } } } } = this;
    if (bound.bytes === bytes && bound.rows === rows && bound.next === next) return;
    native.bind(bytes, rows, next);
    bound.bytes = bytes;
    bound.rows = rows;
    bound.next = next;
  }

  private readKey(i: number): void {
    const { lists: { rows, keys }, inner, fragments, flow, context: { packets } } = this;
    const { memory, offset, length, batch: { linkType } } = packets;
    const row = rows[i];
    const fragment = readPacketKey(memory, offset[row], length[row], linkType, inner, keys, i * KEY_WORDS);
    if (fragment === FRAGMENT_NONE) return;
    parseFlow(memory, offset[row], length[row], linkType, 4, inner, flow);
    if (flow.fragment === FRAGMENT_FIRST) {
      if (!fragments.has(flow)) fragments.remember(flow, keys, i * KEY_WORDS);
    } else if (flow.fragment === FRAGMENT_LATER && !fragments.recall(flow, keys, i * KEY_WORDS)) {
      this.lookAhead();
      if (!fragments.recall(flow, keys, i * KEY_WORDS)) this.withoutFirst.add(1);
    }
  }

  /** Fragments out of order mostly come close together: learns of the first fragments in the batch, once. */
  private lookAhead(): void {
    const { fragments, later, laterKey, inner, context: { packets } } = this;
    const { memory, offset, length, batch: { linkType, number, count } } = packets;
    if (this.lookedAt === number) return;
    this.lookedAt = number;
    for (let row = 0; row < count; row++) {
      parseFlow(memory, offset[row], length[row], linkType, 4, inner, later);
      if (later.fragment !== FRAGMENT_FIRST || fragments.has(later)) continue;
      readPacketKey(memory, offset[row], length[row], linkType, inner, laterKey, 0);
      fragments.remember(later, laterKey, 0);
    }
  }

  /** Packets that are to be changed, or whose output is not there. */
  private doSpecial(count: number): void {
    const { lists: { hits, rows, keys, outputs }, views, inner, modified, places, context: { packets } } = this;
    for (let i = 0; i < count; i++) {
      const found = hits[i];
      if (found === 0) continue;
      const action = views.actionOf(found);
      const what = views.actions[action + ACTION_WHAT];
      const type = what & 15;
      if ((type === TYPE_REDIRECT || type === TYPE_MODIFY) && what >>> ACTION_OUTPUT_SHIFT >= outputs) this.withoutOutput.add(1);
      if (type !== TYPE_MODIFY) continue;
      const { memory, offset, length, batch: { linkType } } = packets;
      const row = rows[i];
      readPacketKey(memory, offset[row], length[row], linkType, inner, keys, i * KEY_WORDS, places);
      modified.memory = memory;
      modified.end = offset[row] + length[row];
      modified.meta = keys[i * KEY_WORDS + KEY_META];
      modifyPacket(modified, places, views.actions, action);
    }
  }

  /** Adds what was counted by type to the statistics. */
  private count(): void {
    const { totals, counted, views } = this;
    for (let type = 0; type < totals.length; type++) {
      const now = views.totals[CONTROL_TOTALS / 2 + 2 * type];
      const before = counted[type];
      if (now === before) continue;
      totals[type].add(now - before);
      counted[type] = now;
    }
  }

  private noteTotals(): void {
    for (let type = 0; type < this.counted.length; type++) this.counted[type] = this.views.totals[CONTROL_TOTALS / 2 + 2 * type];
  }
}
