import type { Random } from '../random.ts';

/** The structure of a JSON text. Unlike a value, it may have a key twice, and scalars with odd or wrong spelling. */
export type Tree = string | ArrayTree | ObjectTree;
export interface ArrayTree {
  readonly items: Tree[];
}
export interface ObjectTree {
  readonly members: Member[];
}
export interface Member {
  readonly key: string;
  readonly value: Tree;
}

export function treeOf(value: unknown): Tree {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return { items: value.map(treeOf) };
  return { members: Object.entries(value).map(([key, inner]) => ({ key, value: treeOf(inner) })) };
}

/** Writes a tree with random white space, and with escapes in some strings. */
export class TreeWriter {
  readonly #random: Random;
  /** One in so many places has white space, or escapes in values and in keys; zero means never. */
  readonly #rarity: { readonly space: number; readonly escapes: number; readonly keyEscapes: number };

  constructor(random: Random) {
    this.#random = random;
    this.#rarity = {
      space: random.of([0, 0, 2, 9]),
      escapes: random.of([0, 0, 0, 3, 30]),
      keyEscapes: random.of([0, 0, 0, 0, 0, 0, 0, 0, 50]),
    };
  }

  write(tree: Tree): string {
    if (typeof tree === 'string') {
      return this.#space() + this.#escape(tree, this.#rarity.escapes) + this.#space();
    }
    if ('items' in tree) return `[${this.#space()}${tree.items.map((item) => this.write(item)).join()}]`;
    const members = tree.members.map(
      ({ key, value }) =>
        `${this.#space()}${this.#escape(JSON.stringify(key), this.#rarity.keyEscapes)}${this.#space()}:${this.write(value)}`,
    );
    return `{${this.#space()}${members.join()}${this.#space()}}${this.#space()}`;
  }

  #space(): string {
    const { space } = this.#rarity;
    if (space === 0 || this.#random.below(space) > 0) return '';
    return this.#random.of([' ', '\n', '\r\n', '\t', '  ', '\n                  ']);
  }

  #escape(json: string, rarity: number): string {
    if (rarity === 0 || !json.startsWith('"') || this.#random.below(rarity) > 0) return json;
    const share = 1 + this.#random.below(5);
    return json
      .slice(0, -1)
      .replace(/\\u....|\\.|[^"\\]/gsu, (piece) => {
        if (piece.startsWith('\\') || this.#random.below(share) > 0) return piece;
        return piece
          .split('')
          .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
          .join('');
      })
      .concat('"');
  }
}
