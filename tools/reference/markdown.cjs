'use strict';
/** Pieces of Markdown that are made of declarations. */

const cell = (text) => String(text).replace(/\|/g, '\\|').replace(/\s*\n\s*/g, ' ');

function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n');
}

function fenced(language, text) {
  return `\`\`\`${language}\n${text}\n\`\`\``;
}

/** Names of backends keep their small letter. */
const sentence = (text) => {
  const whole = /^(netmap|pcap|loopback)\b/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1);
  return whole === '' || /[.!?]$/.test(whole) ? whole : `${whole}.`;
};

function valuesOf({ list, ...item }) {
  if (list !== undefined) return `list: ${valuesOf(item)}${list === 'outputs' ? ' for each output' : ''}`;
  const { type, oneOf, minimum, maximum, unit } = item;
  if (oneOf) return oneOf.map((value) => `\`${JSON.stringify(value)}\``).join(', ');
  const range = minimum !== undefined && maximum !== undefined ? ` ${minimum} to ${maximum}` : minimum !== undefined ? ` ${minimum} or more` : maximum !== undefined ? ` up to ${maximum}` : '';
  return `${type}${range}${unit ? ` (${unit})` : ''}`;
}

function optionsTable(options, heading = 'option') {
  if (options.length === 0) return 'It has no options.';
  return table([heading, 'values', 'default', 'meaning'], options.map((option) => [
    `\`${option.name}\``, valuesOf(option), option.required ? 'required' : option.default === undefined ? '-' : `\`${JSON.stringify(option.default)}\``, sentence(option.description),
  ]));
}

function linksOf(count, noun) {
  const { minimum, maximum } = count;
  if (minimum === maximum) return `${minimum} ${noun}${minimum === 1 ? '' : 's'}`;
  return maximum === Infinity ? `${minimum} or more ${noun}s` : `${minimum} to ${maximum} ${noun}s`;
}

module.exports = { fenced, linksOf, optionsTable, sentence, table };
