/** Elements of the page. Text that comes from engines only ever becomes text. */

/** An element that index.html has. */
export function byId<Wanted extends HTMLElement>(id: string): Wanted {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no ${id}`);
  return found as Wanted;
}

export interface Attributes { readonly [name: string]: string | number | undefined }

export function element<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, attributes: Attributes = {}, ...children: readonly (Node | string)[]): HTMLElementTagNameMap[Tag] {
  return filled(document.createElement(tag), attributes, children);
}

export function svg<Tag extends keyof SVGElementTagNameMap>(tag: Tag, attributes: Attributes = {}, ...children: readonly (Node | string)[]): SVGElementTagNameMap[Tag] {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}

function filled<Made extends Element>(made: Made, attributes: Attributes, children: readonly (Node | string)[]): Made {
  for (const [name, value] of Object.entries(attributes)) if (value !== undefined) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** Sets text where it has changed: a screen reader does not repeat the rest. */
export function setText(target: Element, text: string): void {
  if (target.textContent !== text) target.textContent = text;
}

export interface Cell {
  readonly text: string;
  readonly kind?: 'number' | 'bad' | 'number bad';
}

/** Fills a table; rows that stay keep their elements, and with them the focus. */
export function fillTable(table: HTMLTableElement, head: readonly string[], rows: readonly (readonly Cell[])[], numbers: readonly number[]): void {
  if (!table.tHead) {
    table.append(element('thead', {}, element('tr', {}, ...head.map((text, index) => element('th', { scope: 'col', class: numbers.includes(index) ? 'number' : undefined }, text)))), element('tbody'));
  }
  const [body] = table.tBodies;
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, index) => {
    const row = body.rows[index] ?? body.insertRow();
    cells.forEach(({ text, kind }, column) => {
      const cell = row.cells[column] ?? row.insertCell();
      setText(cell, text);
      if (cell.className !== (kind ?? '')) cell.className = kind ?? '';
    });
  });
}
