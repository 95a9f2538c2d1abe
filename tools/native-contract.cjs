'use strict';
/**
 * Writes src/native/contract.h: what TypeScript and native code have in common, for all native parts, without Node. Columns, reasons to drop, slots
 * of counters and constants are declared once, in TypeScript, and the set-up runs this before it builds the native parts.
 * A test holds the header to the declarations.
 */
const { existsSync, readFileSync, writeFileSync } = require('node:fs');
const { dirname, join } = require('node:path');

const root = dirname(__dirname);
const HEADER = join(root, 'src', 'native', 'contract.h');
const SOURCES = ['src/model/packet-batch', 'src/model/counters', 'src/model/drop-reasons', 'src/flow/link-types', 'src/native/contract'];
const ELEMENTS = { uint16: 'uint16_t', uint32: 'uint32_t', int32: 'int32_t' };

/** What the sources export, run from their text. `change` may put another text in the place of a source's: for tests. */
function declarations(change = (_source, text) => text) {
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
  return Object.assign({}, ...SOURCES.map(load));
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

/** Writes the header, unless it is as it must be. */
function writeHeader() {
  const text = headerOf(declarations());
  if (!existsSync(HEADER) || readFileSync(HEADER, 'utf8') !== text) writeFileSync(HEADER, text);
}

module.exports = { HEADER, declarations, headerOf, writeHeader };

if (require.main === module) writeHeader();
