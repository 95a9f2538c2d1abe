/**
 * The memory that the two halves of a filter share: the control half writes rules, the engine reads them and counts.
 * docs/decisions/0050-rule-tables.md says how a change becomes visible at once and whole. The numbers of the native reader are made from these
 * (src/rules/native/rule_layout.h, by tools/native-contract.cjs).
 *
 * Rules lie in two classes: those of IPv4 addresses and ports only, and all others.
 */

/** IPv4 addresses and ports. */
export const CLASS_IPV4 = 0;
/** IPv6, hardware addresses. */
export const CLASS_WIDE = 1;

/** Words of a packet's key, or of a rule's: META says what is there. Numbers in network order. */
export const KEY_WORDS = 16;
export const KEY_META = 0;
export const KEY_SOURCE = 1;
export const KEY_DESTINATION = 5;
export const KEY_PORTS = 9;
/** Both hardware addresses as they stand in a frame: the destination's six bytes, then the source's. */
export const KEY_MACS = 10;
/** TCP flags, 0 where there are none. */
export const KEY_FLAGS = 13;
/** FIN, SYN, RST. */
export const TCP_ENDS = 7;
/** META: the IP version in the lowest four bits, or none (0); then: */
export const META_PORTS = 0x10;
export const META_MACS = 0x20;
export const META_PROTOCOL = 0x40;
/** Of a packet that native code leaves to TypeScript. */
export const META_UNREAD = 0x80;
/** The protocol's bits begin here. */
export const META_PROTOCOL_SHIFT = 8;

/** Words of a rule's record, and where the parts of it begin behind its key. */
export const RECORD_WORDS = [10, 20] as const;
/** Words of the key that a record of a class keeps, in its own first words. */
export const RECORD_KEY = [[KEY_SOURCE, KEY_DESTINATION, KEY_PORTS], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]] as const;
/** Behind the key: tuple << 24 | TCP flags << 16 | action, of which the engine writes the flags; set << 30 | order of arrival; deadline in tenths of a second, 0 for none. */
export const RECORD_ACTION = [3, 12] as const;
export const RECORD_ORDER = [4, 13] as const;
export const RECORD_DEADLINE = [5, 14] as const;
/** Two numbers of 64 bits, which the engine writes: bytes in the lower bits of the first, packets in those of the second; in the rest the second of the last hit, its upper 8 bits and its lower 16. */
export const RECORD_BYTES = [6, 16] as const;
export const RECORD_PACKETS = [8, 18] as const;
export const BYTES_BITS = 56;
export const PACKETS_BITS = 48;
export const ACTION_MASK = 0xffff;
export const FLAGS_SHIFT = 16;
/** How many seconds are known from the first hit of a shunt to its last: so many, or longer. */
export const DURATION_MAXIMUM = 0xffff;
/** Seconds of the engine's clock, as a record has that of its last hit. */
export const SECOND_MASK = 0xffffff;
/** Numbers of rules have 24 bits, and are at least 1. */
export const INDEX_MASK = 0xffffff;
/** What a reader has found: class << 24 | rule, or 0. */
export const CLASS_SHIFT = 24;

/** Sets of rules that become visible, or invisible, together: most are in the first. */
export const SET_SHIFT = 30;
export const SET_SETTLED = 0;
export const SET_COMING = 1;
export const SET_LEAVING = 2;
/** Never visible: rules of a list that has not come whole. */
export const SET_STAGED = 3;
/** Which sets are visible: one bit each. */
export const SETS_BEFORE = (1 << SET_SETTLED) | (1 << SET_LEAVING);
export const SETS_AFTER = (1 << SET_SETTLED) | (1 << SET_COMING);
export const ORDER_MASK = 0x3fffffff;

/**
 * A line of a hash table has 15 places. Its tags lie in 16 bytes: how many rules went further from here for want of room (255 for more), then a tag for each
 * place, 0 where that is free. Its slots lie in 16 words elsewhere: the same count, then another tag << 24 | rule.
 */
export const LINE_WORDS = 16;
export const LINE_PLACES = 15;
export const LINE_SHIFT = 4;

/** Tuples: which parts of a packet's key a rule looks at. 255 in each class, from 1. */
export const TUPLES_MAXIMUM = 255;
export const TUPLE_WORDS = 16;
/** Word 0: how, as below, | version << 4 | what the key must have (META_PORTS and so on) << 8 | protocol << 16 | prefix length << 24. */
export const TUPLE_HOW = 0;
/** Words 1 to 12: the mask of the key's words 1 to 12. Word 13: which of these words are not 0. */
export const TUPLE_USED = 13;
/** The key as it stands; either address of a packet as the source; both ends in either order; either hardware address. */
export const HOW_DIRECTED = 0;
export const HOW_EITHER_ADDRESS = 1;
export const HOW_CONNECTION = 2;
export const HOW_EITHER_MAC = 3;

/** Words of an action. */
export const ACTION_WORDS = 16;
/** Type (as RULE_TYPES has them) | shunt << 4 | output << 8. */
export const ACTION_WHAT = 0;
export const ACTION_PRIORITY = 1;
/** Which parts are rewritten: bits below. */
export const ACTION_PARTS = 2;
/** Source and destination address, ports, and hardware addresses as in a key: words 1 to 12 of it from here on. */
export const ACTION_KEY = 3;
export const PART_SOURCE = 1;
export const PART_DESTINATION = 2;
export const PART_SOURCE_PORT = 4;
export const PART_DESTINATION_PORT = 8;
export const PART_SOURCE_MAC = 16;
export const PART_DESTINATION_MAC = 32;
export const TYPE_DROP = 0;
export const TYPE_WHITELIST = 1;
export const TYPE_REDIRECT = 2;
export const TYPE_MODIFY = 3;
export const ACTION_SHUNT = 0x10;
export const ACTION_OUTPUT_SHIFT = 8;
/** Different actions in use at once. */
export const ACTIONS_MAXIMUM = 65_535;

/** Where a reader sends a packet that is to be dropped, in place of an output. */
export const NEXT_DROP = 0xffff;

/** Words of the control block. The engine's: odd while a batch is matched. */
export const CONTROL_READER = 0;
export const CONTROL_SETS = 1;
export const CONTROL_SEED = 2;
/** The binary logarithm of a class's number of lines. */
export const CONTROL_LINES = 3;
/** Which region of hints is in use, of each class; 0: none. */
export const CONTROL_HINTS = 5;
/** Which of two lists of tuples is in use, and changes each time: of each class. */
export const CONTROL_TUPLES = 7;
/** How many outputs the filter has; 0 while no engine runs. */
export const CONTROL_OUTPUTS = 9;
/** How many actions in use are shunts. */
export const CONTROL_SHUNTS = 10;
/** Totals by type of rule: packets, then bytes, as numbers of 64 bits from this word on. */
export const CONTROL_TOTALS = 16;
export const CONTROL_WORDS = 64;

/** The list of tuples in use: their count, then their numbers. */
export const LIST_WORDS = 256;

/** Hints: for the beginning of an address, which prefix lengths rules have there. Small and large, each twice, so that one is made while the other is read. */
export const HINT_BITS_SMALL = 16;
export const HINT_BITS_LARGE = 20;
export const HINT_WORDS = 2 * ((1 << HINT_BITS_SMALL) + (1 << HINT_BITS_LARGE));
/** Where the regions 1 to 4 begin, and how many bits of an address lead into each. */
export const HINT_BEGIN = [0, 0, 1 << HINT_BITS_SMALL, 2 << HINT_BITS_SMALL, (2 << HINT_BITS_SMALL) + (1 << HINT_BITS_LARGE)] as const;
export const HINT_BITS = [0, HINT_BITS_SMALL, HINT_BITS_SMALL, HINT_BITS_LARGE, HINT_BITS_LARGE] as const;
/** Shorter prefixes of IPv6 have no hints. */
export const HINT_SHORTEST_WIDE = 32;

export const LINES_LOG_MINIMUM = 4;
/** A table of lines doubles when it holds more than this for each line. */
export const LINE_LOAD = 12;

/** The memory, as it is handed from thread to thread. Pages that nobody has written to cost nothing. */
export interface SharedRules {
  readonly limit: number;
  readonly control: SharedArrayBuffer;
  /** Of each class. */
  readonly records: readonly [SharedArrayBuffer, SharedArrayBuffer];
  /** Of each class: tags and slots of tables of lines whose logarithm is even, and odd. */
  readonly tags: readonly (readonly [SharedArrayBuffer, SharedArrayBuffer])[];
  readonly slots: readonly (readonly [SharedArrayBuffer, SharedArrayBuffer])[];
  readonly hints: readonly [SharedArrayBuffer, SharedArrayBuffer];
  /** Of each class: tuples by their number, then two lists of those in use. */
  readonly tuples: readonly [SharedArrayBuffer, SharedArrayBuffer];
  readonly actions: SharedArrayBuffer;
  /** Of each class, by rule: 16 bits of the second of the first hit, or before one of when it was made: of shunts only, others write no page of it. */
  readonly firsts: readonly [SharedArrayBuffer, SharedArrayBuffer];
}

/** Logarithm of the lines that so many rules need. */
export function largestLinesLog(limit: number): number {
  let log = LINES_LOG_MINIMUM;
  while (limit > LINE_LOAD << log) log++;
  return log;
}

export function createSharedRules(limit: number): SharedRules {
  const words = (count: number): SharedArrayBuffer => new SharedArrayBuffer(count * 4);
  const largest = largestLinesLog(limit);
  const linesOf = (bytes: number) => [0, 1].map((parity) => new SharedArrayBuffer(bytes << (largest % 2 === parity ? largest : largest - 1))) as unknown as readonly [SharedArrayBuffer, SharedArrayBuffer];
  const tuples = (): SharedArrayBuffer => words((TUPLES_MAXIMUM + 1) * TUPLE_WORDS + 2 * LIST_WORDS);
  return {
    limit,
    control: words(CONTROL_WORDS),
    records: [words((limit + 1) * RECORD_WORDS[0]), words((limit + 1) * RECORD_WORDS[1])],
    tags: [linesOf(LINE_WORDS), linesOf(LINE_WORDS)],
    slots: [linesOf(LINE_WORDS * 4), linesOf(LINE_WORDS * 4)],
    hints: [words(HINT_WORDS), words(HINT_WORDS)],
    tuples: [tuples(), tuples()],
    actions: words((ACTIONS_MAXIMUM + 1) * ACTION_WORDS),
    firsts: [new SharedArrayBuffer((limit + 1) * 2), new SharedArrayBuffer((limit + 1) * 2)],
  };
}
