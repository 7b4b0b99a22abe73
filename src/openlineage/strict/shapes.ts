/** The shapes of values, read from the notation that README.md explains. */

export type Format = 'uri' | 'uuid' | 'date-time';

export interface Member {
  readonly shape: Shape;
  readonly required: boolean;
}

export type Shape =
  | { readonly kind: 'any' | 'object' | 'string' | 'number' | 'boolean' }
  | { readonly kind: 'integer'; readonly minimum: number }
  | { readonly kind: 'format'; readonly format: Format }
  | { readonly kind: 'texts'; readonly texts: readonly string[] }
  | { readonly kind: 'list'; readonly of: Shape }
  | {
      readonly kind: 'members';
      readonly members: ReadonlyMap<string, Member>;
      /** What other members are. Undefined if they may be anything, `none` if there may be none. */
      readonly others: Shape | 'none' | undefined;
      /** With the member of this name, these must be there. */
      readonly together: ReadonlyMap<string, readonly string[]>;
    }
  | { readonly kind: 'choice'; readonly of: readonly Shape[] }
  | { readonly kind: 'part'; readonly shape: () => Shape }
  /** Facets, each held to the facet that it names. `deletable`: they may have `_deleted`. */
  | { readonly kind: 'facets'; readonly deletable: boolean };

export type Notation = string | readonly Notation[] | { readonly [name: string]: Notation };

/** The shapes that have a name, in notation. */
export type Parts = Readonly<Record<string, Notation>>;

/** @throws {Error} for a notation that is wrong. */
export function readShape(notation: Notation, parts: Parts = {}): Shape {
  return new Reader(parts).read(notation);
}

class Reader {
  readonly #parts: Parts;
  readonly #read = new Map<string, Shape>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  read(notation: Notation): Shape {
    if (typeof notation === 'string') return this.#readText(notation);
    if (isList(notation)) return { kind: 'list', of: this.read(notation[0] ?? 'any') };
    const { '|': choice, '*': others, '+': together, ...members } = notation;
    if (choice !== undefined) {
      if (!isList(choice)) throw wrong(notation);
      return { kind: 'choice', of: choice.map((one) => this.read(one)) };
    }
    return {
      kind: 'members',
      members: new Map(Object.entries(members).map(([name, shape]) => this.#readMember(name, shape))),
      others: others === undefined ? undefined : others === 'none' ? 'none' : this.read(others),
      together: togetherOf(together),
    };
  }

  #readMember(name: string, notation: Notation): [name: string, member: Member] {
    const isOptional = name.endsWith('?');
    const shape = this.read(notation);
    return [isOptional ? name.slice(0, -1) : name, { shape, required: !isOptional }];
  }

  #readText(text: string): Shape {
    if (text.startsWith('=')) return { kind: 'texts', texts: text.slice(1).split('|') };
    if (text.startsWith('#')) return { kind: 'part', shape: () => this.#part(text.slice(1)) };
    const [kind = '', minimum] = text.split('>=');
    switch (kind) {
      case 'integer':
        return { kind, minimum: minimum === undefined ? Number.NEGATIVE_INFINITY : Number(minimum) };
      case 'uri':
      case 'uuid':
      case 'date-time':
        return { kind: 'format', format: kind };
      case 'any':
      case 'object':
      case 'string':
      case 'number':
      case 'boolean':
        return { kind };
      case '@facets':
        return { kind: 'facets', deletable: false };
      case '@deletable facets':
        return { kind: 'facets', deletable: true };
      default:
        throw wrong(text);
    }
  }

  #part(name: string): Shape {
    const known = this.#read.get(name);
    if (known) return known;
    const notation = this.#parts[name];
    if (notation === undefined) throw wrong(`#${name}`);
    const shape = this.read(notation);
    this.#read.set(name, shape);
    return shape;
  }
}

/** True for the notation of an array. */
export function isList(notation: Notation): notation is readonly Notation[] {
  return Array.isArray(notation);
}

function togetherOf(notation: Notation | undefined): ReadonlyMap<string, readonly string[]> {
  if (notation === undefined) return new Map();
  if (typeof notation === 'string' || isList(notation)) throw wrong(notation);
  return new Map(
    Object.entries(notation).map(([name, others]) => {
      if (!isList(others)) throw wrong(notation);
      return [name, others.filter((other) => typeof other === 'string')];
    }),
  );
}

function wrong(notation: Notation): Error {
  return new Error(`no shape is written so: ${JSON.stringify(notation)}`);
}
