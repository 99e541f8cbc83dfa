/**
 * A script's tokens cut into statements. Each is parsed alone, so an error costs one statement and never its
 * neighbours: this is the parser's recovery.
 */
import type { IToken } from 'chevrotain';
import { Comma, type Form, MODERN, PAPER, PAPER_ITEM_WORDS, STATEMENT_WORDS } from './tokens.js';

const STATEMENT_TYPES = new Set(STATEMENT_WORDS.map((word) => MODERN[word]));
const ITEM_TYPES = new Set(PAPER_ITEM_WORDS.map((word) => PAPER[word]));

export function cutStatements(tokens: IToken[], form: Form): IToken[][] {
  const statements: IToken[][] = [];
  for (const [index, token] of tokens.entries()) {
    const current = statements.at(-1);
    const begins = (form === 'paper' ? beginsItem : beginsStatement)(tokens, index, current);
    if (current === undefined || begins) statements.push([token]);
    else current.push(token);
  }
  return statements;
}

/** After one of these a name must follow: an item's word there is a keyword in its place, and said to be. */
const BEFORE_NAMES = new Set([PAPER.AT, PAPER.TCP, PAPER.UDP, PAPER.EDGE, PAPER.INTERFACE]);

/** Paper's form: an item begins with its word, wherever on a line. */
function beginsItem(tokens: IToken[], index: number): boolean {
  const [token, before] = [tokens[index], tokens[index - 1]];
  if (before !== undefined && BEFORE_NAMES.has(before.tokenType)) return false;
  return token !== undefined && ITEM_TYPES.has(token.tokenType);
}

/**
 * Modern form: a line begins a statement with one of the words that can, or by standing no further right than
 * the statement before; an indented line goes on with it, and so does one after a comma.
 */
function beginsStatement(tokens: IToken[], index: number, current: IToken[] | undefined): boolean {
  const [token, before, head] = [tokens[index], tokens[index - 1], current?.[0]];
  if (token === undefined || before === undefined || head === undefined) return true;
  if (token.startLine === before.startLine || before.tokenType === Comma) return false;
  if (token.tokenType === MODERN.port && head.tokenType === MODERN.vm) {
    return tokens[index + 2]?.tokenType === MODERN.on || !isIndented(token, head);
  }
  return STATEMENT_TYPES.has(token.tokenType) || !isIndented(token, head);
}

const isIndented = (token: IToken, head: IToken): boolean =>
  (token.startColumn ?? 1) > (head.startColumn ?? 1);
