/** Parses an expression of Python 3.12, to tell a list of texts from other expressions, and from a text that is no Python. */
import { TokenReader } from './token-reader.ts';
import { PythonSyntaxError, tokensOf, type Token } from './tokens.ts';

/** What an expression is: a string, a list, tuple or set of strings alone, or something else. */
interface Node {
  readonly kind: 'text' | 'texts' | 'other';
  /** It can be assigned to: a name, an attribute, an item, or a list of these. */
  readonly isTarget?: boolean;
  readonly name?: string;
}

const OTHER: Node = { kind: 'other' };
const TARGET: Node = { kind: 'other', isTarget: true };
const TEXTS: Node = { kind: 'texts' };

const BINARY = new Set(['+', '-', '*', '/', '//', '%', '@', '&', '|', '^', '<<', '>>', '**']);
const UNARY = new Set(['+', '-', '~']);
const COMPARISONS = new Set(['==', '!=', '<', '>', '<=', '>=']);
/** Deeper expressions are given up. */
const MAX_DEPTH = 1000;

/** True for a list, tuple or set of strings. @throws {PythonSyntaxError} for a text that is no Python. */
export function isListOfTexts(source: string): boolean {
  return new Parser(tokensOf(source.replace(/^[ \t]+/, ''))).parse().kind === 'texts';
}

class Parser extends TokenReader {
  #depth = 0;

  parse(): Node {
    const node = this.#list(
      () => this.#expression(),
      () => this.peek().kind === 'end',
    );
    if (this.peek().kind !== 'end') throw new PythonSyntaxError();
    return node;
  }

  /** One item, or several with commas between and perhaps behind: then a tuple. */
  #list(item: () => Node, isEnd: () => boolean): Node {
    const first = item();
    if (!this.is(',')) return first;
    const items = [first];
    while (this.take(',')) {
      if (isEnd()) break;
      items.push(item());
    }
    return collection(items);
  }

  #expression(): Node {
    if (++this.#depth > MAX_DEPTH) throw new PythonSyntaxError();
    try {
      if (this.take('lambda')) return this.#lambda();
      const node = this.#disjunction();
      if (!this.take('if')) return node;
      this.#disjunction();
      this.expect('else');
      this.#expression();
      return OTHER;
    } finally {
      this.#depth -= 1;
    }
  }

  #disjunction(): Node {
    let node = this.#inversion();
    while (this.take('or') || this.take('and')) {
      this.#inversion();
      node = OTHER;
    }
    return node;
  }

  #inversion(): Node {
    let isInverted = false;
    while (this.take('not')) isInverted = true;
    let node = this.#binary();
    while (this.#comparison()) {
      this.#binary();
      node = OTHER;
    }
    return isInverted ? OTHER : node;
  }

  #comparison(): boolean {
    if (COMPARISONS.has(this.peek().text) || this.is('in')) {
      this.at += 1;
      return true;
    }
    if (this.take('is')) {
      this.take('not');
      return true;
    }
    if (!this.is('not') || this.peek(1).text !== 'in') return false;
    this.at += 2;
    return true;
  }

  #binary(): Node {
    let node = this.#operand();
    while (this.isOperator(BINARY)) {
      this.at += 1;
      this.#operand();
      node = OTHER;
    }
    return node;
  }

  #operand(): Node {
    let isSigned = false;
    while (this.isOperator(UNARY)) {
      this.at += 1;
      isSigned = true;
    }
    const isAwaited = this.take('await');
    const node = this.#primary();
    return isSigned || isAwaited ? OTHER : node;
  }

  #primary(): Node {
    let node = this.#atom();
    for (;;) {
      if (this.take('.')) {
        if (this.next().kind !== 'name') throw new PythonSyntaxError();
        node = TARGET;
      } else if (this.take('(')) {
        const isEmpty = this.is(')');
        this.#arguments();
        // `ast.literal_eval` knows this one call.
        node = isEmpty && node.name === 'set' ? TEXTS : OTHER;
      } else if (this.take('[')) {
        this.#slices();
        node = TARGET;
      } else {
        return node;
      }
    }
  }

  #atom(): Node {
    const token = this.next();
    if (token.kind === 'name') return { kind: 'other', isTarget: true, name: token.text };
    if (token.kind === 'number') return OTHER;
    if (token.kind === 'string') return this.#strings(token);
    if (['True', 'False', 'None'].includes(token.text) || token.text === '...') return OTHER;
    if (token.text === '(') return this.#parentheses();
    if (token.text === '[') return this.#brackets(']');
    if (token.text === '{') return this.#braces();
    throw new PythonSyntaxError();
  }

  /** Strings that follow each other are one. */
  #strings(first: Token): Node {
    const tokens = [first];
    while (this.peek().kind === 'string') tokens.push(this.next());
    const bytes = tokens.filter(({ string }) => string === 'bytes').length;
    if (bytes > 0 && bytes < tokens.length) throw new PythonSyntaxError();
    for (const { values = [] } of tokens) {
      for (const value of values) new Parser(tokensOf(`(${value})`)).parse();
    }
    const isText = tokens.every(({ string, isText: one }) => string !== 'format' && one === true);
    return isText ? { kind: 'text' } : OTHER;
  }

  #parentheses(): Node {
    if (this.take(')')) return { kind: 'texts', isTarget: true };
    if (this.take('yield')) {
      if (this.take('from')) this.#expression();
      else if (!this.is(')'))
        this.#list(
          () => this.#starred(),
          () => this.is(')'),
        );
      this.expect(')');
      return OTHER;
    }
    const isStarred = this.is('*');
    const first = this.#starredOrNamed();
    if (this.#isComprehension()) {
      if (isStarred) throw new PythonSyntaxError();
      this.#comprehension();
      this.expect(')');
      return OTHER;
    }
    if (!this.is(',')) {
      if (isStarred) throw new PythonSyntaxError();
      this.expect(')');
      return first;
    }
    return this.#items(first, ')');
  }

  #brackets(end: ']' | '}'): Node {
    if (this.take(end)) return { kind: 'texts', isTarget: true };
    const isStarred = this.is('*');
    const first = this.#starredOrNamed();
    if (!this.#isComprehension()) return this.#items(first, end);
    if (isStarred) throw new PythonSyntaxError();
    this.#comprehension();
    this.expect(end);
    return OTHER;
  }

  #items(first: Node, end: string): Node {
    const items = [first];
    while (this.take(',')) {
      if (this.is(end)) break;
      items.push(this.#starredOrNamed());
    }
    this.expect(end);
    return collection(items);
  }

  #braces(): Node {
    if (this.take('}')) return OTHER;
    const start = this.at;
    if (!this.is('**') && !this.is('*')) {
      this.#expression();
      if (!this.is(':')) {
        this.at = start;
        return { ...this.#brackets('}'), isTarget: false };
      }
      this.at = start;
    } else if (this.is('*')) {
      return { ...this.#brackets('}'), isTarget: false };
    }
    let count = 0;
    do {
      if (this.is('}') && count > 0) break;
      const isUnpacked = this.take('**');
      if (isUnpacked) {
        this.#binary();
      } else {
        this.#expression();
        this.expect(':');
        this.#expression();
      }
      count += 1;
      if (count === 1 && !isUnpacked && this.#isComprehension()) {
        this.#comprehension();
        break;
      }
    } while (this.take(','));
    this.expect('}');
    return OTHER;
  }

  #starredOrNamed(): Node {
    if (this.take('*')) return { kind: 'other', isTarget: this.#binary().isTarget === true };
    return this.#named();
  }

  #starred(): Node {
    if (this.take('*')) {
      this.#binary();
      return OTHER;
    }
    return this.#expression();
  }

  #named(): Node {
    if (this.peek().kind === 'name' && this.peek(1).text === ':=' && this.peek(1).kind === 'operator') {
      this.at += 2;
      this.#expression();
      return OTHER;
    }
    return this.#expression();
  }

  #isComprehension(): boolean {
    return this.is('for') || (this.is('async') && this.peek(1).text === 'for');
  }

  #comprehension(): void {
    while (this.#isComprehension()) {
      this.take('async');
      this.expect('for');
      this.#list(
        () => this.#target(),
        () => this.is('in'),
      );
      this.expect('in');
      this.#disjunction();
      while (this.take('if')) this.#disjunction();
    }
  }

  #target(): Node {
    this.take('*');
    const node = this.#primary();
    if (node.isTarget !== true) throw new PythonSyntaxError();
    return node;
  }

  #arguments(): void {
    let hasNamed = false;
    let hasUnpacked = false;
    for (let count = 0; !this.take(')'); count++) {
      if (count > 0) this.expect(',');
      if (count > 0 && this.take(')')) return;
      if (this.take('**')) {
        this.#expression();
        hasUnpacked = true;
      } else if (this.take('*')) {
        if (hasUnpacked) throw new PythonSyntaxError();
        this.#expression();
      } else if (
        this.peek().kind === 'name' &&
        this.peek(1).text === '=' &&
        this.peek(1).kind === 'operator'
      ) {
        this.at += 2;
        this.#expression();
        hasNamed = true;
      } else {
        this.#named();
        if (this.#isComprehension()) {
          this.#comprehension();
          // Only alone may it be without parentheses of its own.
          if (count > 0 || !this.is(')')) throw new PythonSyntaxError();
        } else if (hasNamed || hasUnpacked) {
          throw new PythonSyntaxError();
        }
      }
    }
  }

  #slices(): void {
    do {
      if (this.is(']')) break;
      if (this.is(':')) {
        this.#sliceRest();
        continue;
      }
      this.#starredOrNamed();
      if (this.is(':')) this.#sliceRest();
    } while (this.take(','));
    if (this.peek(-1).text === '[') throw new PythonSyntaxError();
    this.expect(']');
  }

  #sliceRest(): void {
    for (let colons = 0; colons < 2 && this.take(':'); colons++) {
      if (!this.is(':') && !this.is(',') && !this.is(']')) this.#expression();
    }
  }

  #lambda(): Node {
    let hasStar = false;
    while (!this.take(':')) {
      if (this.take('/')) {
        // The parameters before it have no names for the caller.
      } else if (this.take('**')) {
        this.#parameter();
        this.take(',');
        this.expect(':');
        break;
      } else if (this.take('*')) {
        if (hasStar) throw new PythonSyntaxError();
        hasStar = true;
        if (!this.is(',')) this.#parameter();
        else if (this.peek(1).kind !== 'name') throw new PythonSyntaxError();
      } else {
        this.#parameter();
        if (this.take('=')) this.#expression();
      }
      if (!this.is(':')) this.expect(',');
    }
    this.#expression();
    return OTHER;
  }

  #parameter(): void {
    if (this.next().kind !== 'name') throw new PythonSyntaxError();
  }
}

function collection(items: readonly Node[]): Node {
  const isTarget = items.every((item) => item.isTarget === true);
  return { kind: items.every(({ kind }) => kind === 'text') ? 'texts' : 'other', isTarget };
}
