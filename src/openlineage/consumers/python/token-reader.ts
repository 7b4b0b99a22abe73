/** Reads the tokens of an expression one after the other. */
import { PythonSyntaxError, type Token } from './tokens.ts';

export class TokenReader {
  readonly #tokens: readonly Token[];
  /** The next token. A parser may go back to one. */
  protected at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  protected peek(ahead = 0): Token {
    return this.#tokens[this.at + ahead] ?? { kind: 'end', text: '' };
  }

  protected next(): Token {
    const token = this.peek();
    this.at += 1;
    return token;
  }

  /** An operator or a keyword of this text. */
  protected is(text: string): boolean {
    const token = this.peek();
    return token.text === text && (token.kind === 'operator' || token.kind === 'keyword');
  }

  protected isOperator(texts: ReadonlySet<string>): boolean {
    const token = this.peek();
    return token.kind === 'operator' && texts.has(token.text);
  }

  protected take(text: string): boolean {
    if (!this.is(text)) return false;
    this.at += 1;
    return true;
  }

  protected expect(text: string): void {
    if (!this.take(text)) throw new PythonSyntaxError();
  }
}
