import type { BrickClass } from '../model/define-brick';
import type { GivenOptions, OptionDeclarations } from '../model/options';
import { explainFilter } from '../filter/explain-filter';
import { checkFilterRules } from '../filter/filter-expression';
import { LocalFilter, RuledFilter } from '../filter/ruled-filter';
import { defineBrick } from '../plugins/define-brick';
import { ownModule } from '../plugins/load-module';
import { createSharedRules } from '../rules/layout';
import { takesRules } from '../rules/rule-sources';
import { RULE_COUNTERS, RuleSelection } from '../rules/rule-selection';

const FILTER_OPTIONS = {
  /** Only what it matches passes; everything if nothing is said. An expression as tcpdump takes it. */
  expression: { type: 'string', description: 'pass only packets that match; by default all match' },
  /** What it matches is dropped. */
  drop: { type: 'string', description: 'drop packets that match' },
  /** What it matches passes in any case: wins over the other two, and over rules that come while packets flow. */
  accept: { type: 'string', description: 'always pass packets that match; overrides the other two, and rules' },
  /** Take rules while packets flow, by add, remove and rules. Any option that names a source of rules implies it. false unless set. */
  rules: { type: 'boolean', default: false, description: 'take rules while packets flow (`add`, `remove`, `rules`); implied by `file`, `eve`, `zeek`, `listen` and `keep`' },
  /** A file of rules, reloaded when it changes. */
  file: { type: 'string', description: 'a file of rules, one a line, that is reloaded when it changes' },
  /** Suricata's eve.json, whose alerts and bypassed flows become rules. */
  eve: { type: 'string', description: "Suricata's eve.json: alerts become rules that drop their connection, bypassed flows are shunted" },
  /** How long rules of eve.json last: 1 to 157,680,000 s, 600 unless set. */
  eveExpire: { type: 'integer', default: 600, minimum: 1, maximum: 157_680_000, unit: 's', description: 'how long rules of `eve` last' },
  /** Zeek's WebSocket interface. */
  zeek: { type: 'string', description: "take rules from Zeek's NetControl: the address of its WebSocket interface, such as ws://127.0.0.1:27759/v1/messages/json" },
  /** The topic that NetControl's events have. bricks/netcontrol unless set. */
  topic: { type: 'string', default: 'bricks/netcontrol', description: 'the topic of the events that `zeek` subscribes to' },
  /** Where WebSocket clients may send rules. */
  listen: { type: 'string', description: "take rules from WebSocket clients that speak Zeek's JSON: HOST:PORT, or a port on 127.0.0.1" },
  /** What clients of `listen` have to show, and what is shown to Zeek. */
  token: { type: 'string', secret: true, description: 'what clients of `listen` must send as `Authorization: Bearer TOKEN`; sent to `zeek` too' },
  /** A PEM file with the certificate for TLS. */
  certificate: { type: 'string', description: 'a PEM file with the certificate for TLS: of the server with `listen`, of the client with a wss:// address' },
  /** A PEM file with the key of the certificate. */
  key: { type: 'string', description: 'a PEM file with the key of `certificate`' },
  /** A PEM file with the authorities that sign Zeek's certificate. */
  ca: { type: 'string', description: "a PEM file with the authorities that sign Zeek's certificate; by default those of Node" },
  /** Drop rules of NetControl for the monitoring path pass the end of connections. false unless set. */
  shunt: { type: 'boolean', default: false, description: 'NetControl rules that drop connections or flows on the monitoring path let SYN, FIN and RST pass' },
  /** Where rules are kept, so that they survive a restart. */
  keep: { type: 'string', description: 'a file in which rules are kept over a restart, but for those of `file`; without their counts' },
  /** How many rules there may be: 1 to 16,000,000, 1,048,576 unless set. */
  maxRules: { type: 'integer', default: 1_048_576, minimum: 1, maximum: 16_000_000, description: 'how many rules there may be' },
  /** Match the innermost flow of tunnels, as the LoadBalancer's option. false unless set. */
  inner: { type: 'boolean', default: false, description: 'match rules against the innermost flow of tunnels, as LoadBalancer does with its option `inner`' },
  /** Allow rules that change packets. false unless set. */
  modify: { type: 'boolean', default: false, description: 'allow rules that change packets' },
} as const satisfies OptionDeclarations;

/** Options of Filter. */
export interface FilterOptions extends GivenOptions<typeof FILTER_OPTIONS> {}

/** A rule that redirects may name any of them. */
const OUTPUTS_MAXIMUM = 4096;

/** The rules of a filter that has some, for those who trace packets. */
const selections = new WeakMap<object, RuleSelection>();

/** Passes the packets that its rules allow: expressions in libpcap's filter language, as tcpdump takes them, and rules that come and go while packets flow. */
export const Filter: BrickClass<FilterOptions | string, 1> = defineBrick({
  name: 'Filter',
  summary: 'Passes the packets that its rules allow.',
  description: [
    "Expressions are written in libpcap's filter language, as for tcpdump (pcap-filter(7)).",
    'A packet passes if `expression` matches it (or is not set) and `drop` does not. A packet that `accept` matches always passes.',
    'Packets that do not pass are counted as dropped with the reason `decision`.',
    '',
    'Expressions apply to the captured bytes, starting at the link header: `tcp port 80` matches only untagged packets; for tagged ones, write `vlan and tcp port 80`.',
    'An expression that makes no sense for a link type (`ether host` on raw IP) matches nothing there; packets of such link types are counted as `inapplicable`.',
    'Host names in an expression are resolved once, when the engine is linked.',
    '',
    'With `rules`, a million rules about addresses, subnets, connections, flows and hardware addresses may come and go while packets flow: they drop, pass (whitelist), redirect to',
    'another output, or modify. The rule of the largest priority decides; packets that no rule matches are left to the expressions. See the guide, docs/guide/rules.md.',
  ].join('\n'),
  options: FILTER_OPTIONS,
  shorthand: 'expression',
  outputs: { minimum: 1, maximum: OUTPUTS_MAXIMUM },
  edits: true,
  counters: { inapplicable: 'packets of a link type that an expression does not apply to', ...RULE_COUNTERS },
  examples: {
    lua: 'f = Brick.new("Filter", {drop = "udp port 53", accept = "host 10.0.0.1"})\nf:connect_input("eth3")\nf:connect_output("eth3{0")',
    typescript: "new Filter({ drop: 'udp port 53', accept: 'host 10.0.0.1' }).connectInput('eth3').connectOutput('eth3{0')",
  },
  needs: (options) => ({ control: takesRules(options), edits: takesRules(options) && options.modify, ...(takesRules(options) ? {} : { outputs: 1 }) }),
  check: checkFilterRules,
  shared: ({ maxRules }) => createSharedRules(maxRules),
  control: async (options, context) => (await import('../rules/rule-control.js')).openRuleControl(options, context),
  // Nothing is remembered from packet to packet: the programs that a warm-up has compiled serve the engine.
  state: () => undefined,
  explain: (packets, options, context) => explainFilter(packets, options, selections.get(context)),
  process(packets, options, context) {
    if (!takesRules(options)) {
      const local = new LocalFilter(packets, options, context);
      return (input, next) => local.select(input.rows, input.count, next);
    }
    const selection = new RuleSelection(context, context.shared, options.inner);
    selections.set(context, selection);
    const filter = new RuledFilter(packets, selection, options, context);
    return (input, next) => filter.select(input, next);
  },
}, ownModule('filter'));
