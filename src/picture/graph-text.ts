/** Drawings in the languages of other programs: DOT for Graphviz, and Mermaid. */
import { peerName, parseLinkName } from '../model/link-name';
import type { Picture } from './picture';

interface Passage {
  readonly from: string;
  readonly to: string;
}

const idOf = (picture: number, node: number): string => `e${picture}n${node}`;

/** Pipes that one engine writes and another reads. */
function passagesBetween(pictures: readonly Picture[]): Passage[] {
  const written = new Map<string, string>();
  pictures.forEach(({ nodes, edges }, picture) => edges.forEach(({ to, links }) => {
    if (nodes[to].kind === 'sink') for (const link of links) written.set(link, idOf(picture, to));
  }));
  const passages = pictures.flatMap(({ nodes, edges }, picture) => edges.flatMap(({ from, links }) => (nodes[from].kind !== 'source' ? [] : links.flatMap((link) => {
    const writer = written.get(peerName(parseLinkName(link)) ?? '');
    return writer === undefined ? [] : [{ from: writer, to: idOf(picture, from) }];
  }))));
  return passages.filter(({ from, to }, index) => passages.findIndex((other) => other.from === from && other.to === to) === index);
}

const dotText = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

/** For Graphviz. `labels` are those of the edges, for each picture. */
export function toDot(pictures: readonly Picture[], labels: readonly (readonly string[])[]): string {
  const lines = ['digraph bricks {', '  rankdir=LR;', '  node [fontname="monospace", shape=plaintext];', '  edge [fontname="monospace", fontsize=10];'];
  pictures.forEach(({ engine, nodes, edges }, index) => {
    lines.push(`  subgraph cluster_${index} {`, `    label=${dotText(`engine ${engine}`)};`);
    nodes.forEach(({ kind, text }, node) => lines.push(`    ${idOf(index, node)} [label=${dotText(text)}${kind === 'brick' ? ', shape=box' : ''}];`));
    edges.forEach(({ from, to }, edge) => {
      const label = labels[index][edge];
      lines.push(`    ${idOf(index, from)} -> ${idOf(index, to)}${label === '' ? '' : ` [label=${dotText(label)}]`};`);
    });
    lines.push('  }');
  });
  for (const { from, to } of passagesBetween(pictures)) lines.push(`  ${from} -> ${to} [style=dashed];`);
  return `${[...lines, '}'].join('\n')}\n`;
}

/** In quotes, Mermaid takes everything but quotes, numbers for characters, and what looks like markup. */
const mermaidText = (text: string): string => `"${text.replace(/["#<>&`\\]/g, (character) => `#${character.charCodeAt(0)};`)}"`;

export function toMermaid(pictures: readonly Picture[], labels: readonly (readonly string[])[]): string {
  const lines = ['flowchart LR'];
  pictures.forEach(({ engine, nodes, edges }, index) => {
    lines.push(`  subgraph e${index}[${mermaidText(`engine ${engine}`)}]`);
    nodes.forEach(({ kind, text }, node) => lines.push(`    ${idOf(index, node)}${kind === 'brick' ? `[${mermaidText(text)}]` : `([${mermaidText(text)}])`}`));
    edges.forEach(({ from, to }, edge) => {
      const label = labels[index][edge];
      lines.push(`    ${idOf(index, from)} -->${label === '' ? '' : `|${mermaidText(label)}|`} ${idOf(index, to)}`);
    });
    lines.push('  end');
  });
  for (const { from, to } of passagesBetween(pictures)) lines.push(`  ${from} -.-> ${to}`);
  return `${lines.join('\n')}\n`;
}
