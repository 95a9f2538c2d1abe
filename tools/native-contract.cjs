'use strict';
/**
 * Writes src/native/contract.h: what TypeScript and native code have in common, for all native parts, without Node. Columns, reasons to drop, slots
 * of counters and constants are declared once, in TypeScript, and the set-up runs this before it builds the native parts. So it does for
 * src/rules/native/rule_layout.h: the shared memory of rules. A test holds the headers to the declarations.
 */
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');

const root = dirname(__dirname);
const SOURCES = ['src/model/packet-batch', 'src/model/counters', 'src/model/drop-reasons', 'src/flow/link-types', 'src/native/contract'];
const ELEMENTS = { uint16: 'uint16_t', uint32: 'uint32_t', int32: 'int32_t' };

const RULE_SOURCES = ['src/rules/layout'];

/** What the sources export, run from their text. `change` may put another text in the place of a source's: for tests. */
function declarations(change = (_source, text) => text, sources = SOURCES) {
  const { transformSync } = require('esbuild');
  const loaded = new Map();
  const load = (path) => {
    const known = loaded.get(path);
    if (known) return known.exports;
    const module = { exports: {} };
    loaded.set(path, module);
    const text = change(path, readFileSync(join(root, `${path}.ts`), 'utf8'));
    const { code } = transformSync(text, { loader: 'ts', format: 'cjs' });
    new Function('module', 'exports', 'require', code)(module, module.exports, (name) => load(join(dirname(path), name)));
    return module.exports;
  };
  return Object.assign({}, ...sources.map(load));
}

/** kLinkPackets for LINK_PACKETS, kDropNoReader for DROP and noReader. */
function constantName(...words) {
  return `k${words.flatMap((word) => word.split('_')).map((word) => word[0].toUpperCase() + (/[a-z]/.test(word) ? word.slice(1) : word.slice(1).toLowerCase())).join('')}`;
}

/** The header's text for such declarations. */
function headerOf(declared) {
  const columns = Object.entries(declared.NUMBER_COLUMNS);
  const numbers = (prefix, without = []) => Object.entries(declared).filter(([name, value]) => name.startsWith(prefix) && typeof value === 'number' && !without.includes(name)).sort(([, one], [, other]) => one - other);
  const enumerated = (entries) => entries.map(([name, value]) => `  ${constantName(name)} = ${value},`);
  return `${[
    '// Made by tools/native-contract.cjs from src/model/packet-batch.ts, counters.ts and drop-reasons.ts and src/flow/link-types.ts, where all of it is',
    '// declared and explained. Change it there; the set-up, or node tools/native-contract.cjs, writes it anew.',
    '#ifndef BRICKS_CONTRACT_H',
    '#define BRICKS_CONTRACT_H',
    '',
    '#include <cstdint>',
    '',
    'namespace bricks {',
    '',
    '// A number for all of this: script refuses a native part that was built with another one.',
    `constexpr uint32_t kContract = ${declared.CONTRACT}u;`,
    '',
    '// The columns of a packet batch, for code that knows nothing of Node.',
    'struct PacketColumns {',
    '  uint32_t capacity = 0;',
    ...columns.map(([name, type]) => `  ${ELEMENTS[type]}* ${name} = nullptr;`),
    '',
    "  // Calls visit(pointer, name) for each column, with the pointer as a reference.",
    '  template <typename Visit>',
    '  void ForEach(Visit&& visit) {',
    ...columns.map(([name]) => `    visit(${name}, "${name}");`),
    '  }',
    '};',
    '',
    `constexpr uint32_t ${constantName('HEADER_BYTES')} = ${declared.HEADER_BYTES};`,
    '',
    '// The kind of a flow, in the high half of flowWord.',
    'enum FlowKind : int32_t {',
    ...enumerated(numbers('FLOW_')),
    '};',
    '',
    "// Slots of a link's record of counters.",
    'enum LinkSlot : uint32_t {',
    ...enumerated(numbers('LINK_', ['LINK_DROPS', 'LINK_RECORD']).filter(([name]) => !name.startsWith('LINK_TYPE_'))),
    ...declared.DROP_REASONS.map(({ name }, index) => `  ${constantName('DROP', name)} = ${declared.LINK_DROPS + index},`),
    '};',
    '// How many it has in all.',
    `constexpr uint32_t ${constantName('LINK_RECORD')} = ${declared.LINK_RECORD};`,
    '',
    '// Link types as capture files number them.',
    'enum LinkType : uint32_t {',
    ...enumerated(numbers('LINK_TYPE_')),
    '};',
    '',
    '}  // namespace bricks',
    '',
    '#endif',
  ].join('\n')}\n`;
}

/** The text of the header of rules: all numbers, and all lists of numbers. */
function ruleHeaderOf(declared) {
  const constants = Object.entries(declared).flatMap(([name, value]) => {
    if (typeof value === 'number') return [`constexpr uint32_t ${constantName(name)} = ${value};`];
    if (Array.isArray(value) && value.every((one) => typeof one === 'number')) return [`constexpr uint32_t ${constantName(name)}[] = {${value.join(', ')}};`];
    return [];
  });
  return `${[
    '// Made by tools/native-contract.cjs from src/rules/layout.ts, where all of it is declared and explained. Change it there; the set-up, or',
    '// node tools/native-contract.cjs, writes it anew.',
    '#ifndef BRICKS_RULE_LAYOUT_H',
    '#define BRICKS_RULE_LAYOUT_H',
    '',
    '#include <cstdint>',
    '',
    'namespace bricks {',
    'namespace rules {',
    '',
    ...constants,
    '',
    '}  // namespace rules',
    '}  // namespace bricks',
    '',
    '#endif',
  ].join('\n')}\n`;
}

/** All headers, as they must be. */
function headers() {
  return [
    { path: join(root, 'src', 'native', 'contract.h'), text: headerOf(declarations()) },
    { path: join(root, 'src', 'rules', 'native', 'rule_layout.h'), text: ruleHeaderOf(declarations(undefined, RULE_SOURCES)) },
  ];
}

/** Writes those that are not as they must be. */
function writeHeaders() {
  for (const { path, text } of headers()) if (!existsSync(path) || readFileSync(path, 'utf8') !== text) writeFileSync(path, text);
}

module.exports = { headers, declarations, headerOf, writeHeaders };

if (require.main === module) writeHeaders();
