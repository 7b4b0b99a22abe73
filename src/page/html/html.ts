/** HTML that is safe by how it is made: every value is escaped, unless it is HTML already. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type One = Html | string | number | undefined | false;

export type Value = One | readonly One[];

/** HTML with values. A text is escaped, for an element and for an attribute in double quotes. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  let text = parts[0] ?? '';
  for (const [index, value] of values.entries()) text += `${textOf(value)}${parts[index + 1] ?? ''}`;
  return new Html(text);
}

function textOf(value: Value): string {
  return isList(value) ? value.map(textOfOne).join('') : textOfOne(value);
}

function textOfOne(value: One): string {
  if (value instanceof Html) return value.text;
  return value === undefined || value === false ? '' : escaped(`${value}`);
}

function isList(value: Value): value is readonly One[] {
  return Array.isArray(value);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character] ?? character);
}

/** A name that a client has chosen. It may be long, or written from right to left. */
export function name(text: string | undefined): Html {
  return text === undefined ? html`<span class="none">–</span>` : html`<bdi>${text}</bdi>`;
}

/** A time for people, in UTC. */
export function time(at: number | undefined): Html {
  if (at === undefined || !Number.isFinite(at)) return name(undefined);
  const iso = new Date(at).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)}</time>`;
}

/** `1,234,567`. */
export function count(number: number): string {
  return number.toLocaleString('en');
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `12.3 KiB`. */
export function bytes(size: number): string {
  let unit = 0;
  let value = size;
  for (; value >= 1024 && unit < UNITS.length - 1; unit++) value /= 1024;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit] ?? ''}`;
}

/** `2 h 5 min`, `40 s`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} days ${hours % 24} h`;
}

/**
 * A table that scrolls by itself where the window is narrow. Someone with a keyboard can reach it and scroll. The head of a
 * column of numbers begins with `#`.
 */
export function table(label: string, head: readonly string[], rows: readonly Html[], id = ''): Html {
  return html`<div class="scroll" role="region" aria-label="${label} (table)" tabindex="0">
<table><thead><tr>${head.map(headCell)}</tr></thead>
<tbody${id === '' ? '' : html` id="${id}"`}>${rows}</tbody></table></div>`;
}

function headCell(cell: string): Html {
  return cell.startsWith('#')
    ? html`<th scope="col" class="number">${cell.slice(1)}</th>`
    : html`<th scope="col">${cell}</th>`;
}
