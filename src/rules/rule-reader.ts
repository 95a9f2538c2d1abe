/**
 * The reader of the rule tables in TypeScript, for where the native one was not built. Both do the same; a test holds them equal. A record is read only
 * after the slot that leads to it was.
 */
import {
  ACTION_OUTPUT_SHIFT, ACTION_PRIORITY, ACTION_SHUNT, ACTION_WHAT, BYTES_BITS, CLASS_SHIFT, CONTROL_HINTS, CONTROL_LINES, CONTROL_READER, CONTROL_SEED, CONTROL_SETS, CONTROL_TOTALS, CONTROL_TUPLES, DURATION_MAXIMUM, FLAGS_SHIFT,
  HINT_BEGIN, HINT_BITS, HINT_SHORTEST_WIDE, HOW_CONNECTION, HOW_EITHER_ADDRESS, HOW_EITHER_MAC, INDEX_MASK, KEY_DESTINATION, KEY_FLAGS, KEY_MACS, KEY_META, KEY_PORTS, KEY_SOURCE,
  KEY_WORDS, LINE_PLACES, LINE_SHIFT, META_PORTS, META_PROTOCOL, META_PROTOCOL_SHIFT, NEXT_DROP, PACKETS_BITS, RECORD_ACTION, RECORD_BYTES, RECORD_DEADLINE, RECORD_ORDER, RECORD_PACKETS, RECORD_WORDS, SECOND_MASK, SET_SHIFT,
  TCP_ENDS, TUPLE_HOW, TUPLE_USED, TUPLE_WORDS, TYPE_DROP, TYPE_MODIFY, TYPE_REDIRECT, TYPE_WHITELIST, type SharedRules,
} from './layout';
import { hashOfKey, hintBit, hintIndex, slotOf, tagOf } from './rule-hash';
import { RuleViews } from './rule-views';

/** What a reader works on: the keys of a list of packets, and where it says what it has found. */
export interface ReaderLists {
  /** KEY_WORDS for each packet of the list. */
  readonly keys: Uint32Array;
  /** Bytes on the wire of each. */
  readonly bytes: Uint32Array;
  /** The rule of each: class << 24 | number, or 0. */
  readonly hits: Uint32Array;
  /** The output of each, or NEXT_DROP. */
  readonly next: Uint16Array;
  readonly outputs: number;
}

export interface RuleMatcher {
  /** Finds the rule of each packet from `first` to before `count`, at the tick `tick`, counts for it if `counts` is not 0, and returns how many packets are to be changed, or to go to an output that does not exist. */
  match(first: number, count: number, tick: number, counts: number): number;
}

export class RuleReader implements RuleMatcher {
  private readonly views: RuleViews;
  private readonly probe = new Uint32Array(KEY_WORDS);
  private sets = 0;
  private tick = 0;
  private best = 0;

  constructor(shared: SharedRules, private readonly lists: ReaderLists) {
    this.views = new RuleViews(shared);
  }

  match(first: number, count: number, tick: number, counts: number): number {
    const { control } = this.views;
    const { hits } = this.lists;
    Atomics.add(control, CONTROL_READER, 1);
    this.sets = Atomics.load(control, CONTROL_SETS);
    this.tick = tick;
    for (let i = first; i < count; i++) {
      this.best = 0;
      this.lookIn(0, i * KEY_WORDS);
      this.lookIn(1, i * KEY_WORDS);
      hits[i] = this.best;
    }
    let special = 0;
    for (let i = first; i < count; i++) if (this.decide(i, counts !== 0)) special++;
    Atomics.add(control, CONTROL_READER, 1);
    return special;
  }

  private lookIn(which: 0 | 1, at: number): void {
    const { views, lists: { keys } } = this;
    const { control } = views;
    const list = views.lists[which][Atomics.load(control, CONTROL_TUPLES + which) & 1];
    const log = Atomics.load(control, CONTROL_LINES + which);
    const region = Atomics.load(control, CONTROL_HINTS + which);
    const meta = keys[at + KEY_META];
    for (let k = 1; k <= list[0]; k++) {
      const number = list[k];
      const how = views.tuples[which][number * TUPLE_WORDS + TUPLE_HOW];
      const needs = (how >>> 8) & 0xff;
      const version = (how >>> 4) & 15;
      if ((meta & needs) !== needs || (version !== 0 && version !== (meta & 15))) continue;
      if (((how >>> 16) & 0xff) !== (needs & META_PROTOCOL ? (meta >>> META_PROTOCOL_SHIFT) & 0xff : 0)) continue;
      switch (how & 15) {
        case HOW_EITHER_ADDRESS:
          if (this.worthALook(which, region, how >>> 24, keys[at + KEY_SOURCE])) this.look(which, log, number, keys, at);
          if (this.worthALook(which, region, how >>> 24, keys[at + KEY_DESTINATION])) {
            for (let word = 0; word < 4; word++) this.probe[KEY_SOURCE + word] = keys[at + KEY_DESTINATION + word];
            this.look(which, log, number, this.probe, 0);
          }
          break;
        case HOW_EITHER_MAC:
          this.look(which, log, number, keys, at);
          this.probe[KEY_MACS] = (keys[at + KEY_MACS + 1] << 16) | (keys[at + KEY_MACS + 2] >>> 16);
          this.probe[KEY_MACS + 1] = keys[at + KEY_MACS + 2] << 16;
          this.look(which, log, number, this.probe, 0);
          break;
        case HOW_CONNECTION:
          this.lookForConnection(which, log, number, at, (needs & META_PORTS) !== 0);
          break;
        default:
          this.look(which, log, number, keys, at);
      }
    }
  }

  /** Whether rules with this prefix length may have an address that begins so. */
  private worthALook(which: 0 | 1, region: number, length: number, firstWord: number): boolean {
    if (length === 0 || (which === 0 ? length === 32 : length === 128 || length < HINT_SHORTEST_WIDE)) return true;
    const bits = HINT_BITS[region];
    return (this.views.hints[which][HINT_BEGIN[region] + hintIndex(which === 1, firstWord, bits)] & hintBit(length)) !== 0;
  }

  private lookForConnection(which: 0 | 1, log: number, number: number, at: number, ports: boolean): void {
    const { keys } = this.lists;
    let order = 0;
    for (let word = 0; word < 4 && order === 0; word++) order = Math.sign(keys[at + KEY_SOURCE + word] - keys[at + KEY_DESTINATION + word]);
    const pair = keys[at + KEY_PORTS];
    if (order === 0 && ports) order = Math.sign((pair >>> 16) - (pair & 0xffff));
    if (order <= 0) {
      this.look(which, log, number, keys, at);
      return;
    }
    const { probe } = this;
    for (let word = 0; word < 4; word++) {
      probe[KEY_SOURCE + word] = keys[at + KEY_DESTINATION + word];
      probe[KEY_DESTINATION + word] = keys[at + KEY_SOURCE + word];
    }
    probe[KEY_PORTS] = (pair << 16) | (pair >>> 16);
    this.look(which, log, number, probe, 0);
  }

  private look(which: 0 | 1, log: number, number: number, key: Uint32Array, at: number): void {
    const { views } = this;
    const hash = hashOfKey(views.control[CONTROL_SEED], number, views.tuples[which], key, at);
    const [tags, slots] = [views.tags[which][log & 1], views.slots[which][log & 1]];
    const [tag, mask] = [tagOf(hash), (1 << log) - 1];
    for (let line = hash & mask; ; line = (line + 1) & mask) {
      const begin = line << LINE_SHIFT;
      for (let place = begin + 1; place <= begin + LINE_PLACES; place++) {
        if (tags[place] !== tag) continue;
        const rule = slots[place] & INDEX_MASK;
        // It may have been taken away since.
        if (rule !== 0 && slots[place] === slotOf(hash, rule)) this.consider(which, rule, number, key, at);
      }
      if (tags[begin] === 0) return;
    }
  }

  private consider(which: 0 | 1, rule: number, number: number, key: Uint32Array, at: number): void {
    const records = this.views.records[which];
    const begin = rule * RECORD_WORDS[which];
    if (records[begin + RECORD_ACTION[which]] >>> 24 !== number || !this.isOf(which, records, begin, number, key, at)) return;
    const deadline = records[begin + RECORD_DEADLINE[which]];
    if (deadline !== 0 && deadline <= this.tick) return;
    if (((this.sets >>> (records[begin + RECORD_ORDER[which]] >>> SET_SHIFT)) & 1) === 0) return;
    const found = ((which << CLASS_SHIFT) | rule) >>> 0;
    if (this.best === 0 || this.isBefore(found, this.best)) this.best = found;
  }

  private isOf(which: 0 | 1, records: Uint32Array, begin: number, number: number, key: Uint32Array, at: number): boolean {
    const tuples = this.views.tuples[which];
    const tuple = number * TUPLE_WORDS;
    for (let used = tuples[tuple + TUPLE_USED]; used !== 0; used &= used - 1) {
      const word = 31 - Math.clz32(used & -used);
      const place = which === 1 ? word - 1 : word === KEY_SOURCE ? 0 : word === KEY_DESTINATION ? 1 : 2;
      if (records[begin + place] !== (key[at + word] & tuples[tuple + word]) >>> 0) return false;
    }
    return true;
  }

  private isBefore(a: number, b: number): boolean {
    const { views, views: { actions } } = this;
    const [first, second] = [views.actionOf(a), views.actionOf(b)];
    const priority = actions[first + ACTION_PRIORITY] - actions[second + ACTION_PRIORITY];
    if (priority !== 0) return priority > 0;
    const whitelist = Number((actions[first + ACTION_WHAT] & 15) === TYPE_WHITELIST) - Number((actions[second + ACTION_WHAT] & 15) === TYPE_WHITELIST);
    if (whitelist !== 0) return whitelist > 0;
    return ((this.orderOf(a) - this.orderOf(b)) << 2) < 0;
  }

  private orderOf(found: number): number {
    const which = found >>> CLASS_SHIFT;
    return this.views.records[which][(found & INDEX_MASK) * RECORD_WORDS[which] + RECORD_ORDER[which]];
  }

  /** Says where a packet goes, and counts it. True where that is not all. */
  private decide(i: number, counts: boolean): boolean {
    const { views, lists: { keys, bytes, hits, next, outputs } } = this;
    const found = hits[i];
    if (found === 0) {
      next[i] = 0;
      return false;
    }
    const what = views.actions[views.actionOf(found) + ACTION_WHAT];
    const type = what & 15;
    const output = what >>> ACTION_OUTPUT_SHIFT;
    const flags = keys[i * KEY_WORDS + KEY_FLAGS];
    const passes = type !== TYPE_DROP || ((what & ACTION_SHUNT) !== 0 && (flags & TCP_ENDS) !== 0);
    next[i] = !passes ? NEXT_DROP : output < outputs ? output : 0;
    if (counts) this.count(found, what, bytes[i], flags);
    return type === TYPE_MODIFY || (type === TYPE_REDIRECT && output >= outputs);
  }

  private count(found: number, what: number, bytes: number, flags: number): void {
    const { views } = this;
    const which = found >>> CLASS_SHIFT;
    const record = (found & INDEX_MASK) * RECORD_WORDS[which];
    const records = views.records[which];
    const second = Math.floor(this.tick / 10) & SECOND_MASK;
    if ((what & ACTION_SHUNT) !== 0) this.noteFirst(which, found & INDEX_MASK, second);
    add(records, record + RECORD_BYTES[which], bytes, BYTES_BITS - 32, second >>> 16);
    add(records, record + RECORD_PACKETS[which], 1, PACKETS_BITS - 32, second);
    records[record + RECORD_ACTION[which]] |= flags << FLAGS_SHIFT;
    const total = CONTROL_TOTALS / 2 + 2 * (what & 15);
    views.totals[total]++;
    views.totals[total + 1] += bytes;
  }

  /**
   * When a shunt was hit first, before this hit is counted. 16 bits are kept; where the time up to now does not fit them, the first hit moves on, so that
   * DURATION_MAXIMUM seconds are left. A clock that goes back takes it along.
   */
  private noteFirst(which: number, rule: number, second: number): void {
    const { records: { [which]: records }, firsts: { [which]: firsts } } = this.views;
    const record = rule * RECORD_WORDS[which];
    const [bytes, packets] = [records[record + RECORD_BYTES[which] + 1], records[record + RECORD_PACKETS[which] + 1]];
    const last = ((bytes >>> (BYTES_BITS - 32)) << 16) | (packets >>> (PACKETS_BITS - 32));
    const passed = (second - last) & SECOND_MASK;
    const known = (last - firsts[rule]) & DURATION_MAXIMUM;
    const back = passed > SECOND_MASK >>> 1;
    const none = records[record + RECORD_PACKETS[which]] === 0 && (packets & ((1 << (PACKETS_BITS - 32)) - 1)) === 0;
    if (none || (back && SECOND_MASK + 1 - passed > known)) firsts[rule] = second;
    else if (!back && known + passed > DURATION_MAXIMUM) firsts[rule] = second - DURATION_MAXIMUM;
  }
}

/** Adds to a number of 64 bits, of which the word above the lower one keeps `bits`, and writes the rest of that. */
function add(words: Uint32Array, at: number, more: number, bits: number, rest: number): void {
  const low = words[at] + more;
  const high = words[at + 1] + (low > 0xffffffff ? 1 : 0);
  words[at] = low;
  words[at + 1] = ((high & ((1 << bits) - 1)) | (rest << bits)) >>> 0;
}
