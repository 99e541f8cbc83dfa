/**
 * The words of both forms. Names, addresses, ports and numbers are all one token, `Word`: what a word means is
 * decided by where it stands, so a host may be called `512M` and nobody has to know a lexer's rules.
 *
 * Both forms have their keywords apart (the paper's in any case) and share everything else.
 */
import { createToken, type IToken, Lexer, type TokenType } from 'chevrotain';

export const Value = createToken({ name: 'Value', label: 'a word or a "text"', pattern: Lexer.NA });
/** Anything up to white space, a comma, a quote, a comment or an arrow. */
export const Word = createToken({
  name: 'Word',
  label: 'a name',
  pattern: /(?:(?!<?->)[^\s",#])+/,
  categories: [Value],
});
export const Text = createToken({
  name: 'Text',
  label: 'a "text"',
  pattern: /"(?:[^"\\\r\n]|\\[^\r\n])*"/,
  categories: [Value],
});
/** A quote without its end: reported once, then read as a text. */
export const OpenText = createToken({
  name: 'OpenText',
  pattern: /"(?:[^"\\\r\n]|\\[^\r\n])*\\?/,
  categories: [Value],
});
export const Comma = createToken({ name: 'Comma', label: '","', pattern: /,/ });
export const BothWays = createToken({ name: 'BothWays', label: '"<->"', pattern: /<->/ });
export const OneWay = createToken({ name: 'OneWay', label: '"->"', pattern: /->/ });
const Space = createToken({ name: 'Space', pattern: /\s+/, group: Lexer.SKIPPED, line_breaks: true });
const Comment = createToken({ name: 'Comment', pattern: /#[^\r\n]*/, group: Lexer.SKIPPED });
/** Figure 5 prints an address with blanks around its colons; only the paper's form reads it that way. */
export const PaperMac = createToken({
  name: 'PaperMac',
  label: 'an Ethernet address',
  pattern: /[0-9a-fA-F]{1,2}(?:[ \t]*:[ \t]*[0-9a-fA-F]{1,2}){5}(?![^\s,"#])/,
  categories: [Value],
});

export const SHAPE_WORDS = ['star', 'mesh', 'ring', 'line', 'tree', 'torus', 'hypercube'] as const;
/** Words a statement of the modern form begins with. */
export const STATEMENT_WORDS = [
  'network',
  'proxy',
  'host',
  'vm',
  'port',
  'link',
  ...SHAPE_WORDS,
  'route',
  'rule',
  'reserve',
  'keep',
  'include',
] as const;
const MODERN_WORDS = [
  ...STATEMENT_WORDS,
  'at',
  'user',
  'lan',
  'on',
  'pinned',
  'mac',
  'memory',
  'cpu',
  'run',
  'kernel',
  'initrd',
  'append',
  'disk',
  'state',
  'vms',
  'in',
  'among',
  'by',
  'via',
  'from',
  'to',
  'not',
  'any',
  'none',
  'group',
  'edge',
  'drop',
  'udp',
  'tcp',
  'id',
  'mtu',
  'of',
  'apart',
  'together',
  'within',
] as const;
/** Words an item of the paper's form begins with. */
export const PAPER_ITEM_WORDS = ['BEGIN', 'HOST', 'ADD', 'DELETE', 'LINK', 'FORWARD', 'END'] as const;
const PAPER_WORDS = [
  ...PAPER_ITEM_WORDS,
  'AT',
  'TCP',
  'UDP',
  'EDGE',
  'INTERFACE',
  'NOT',
  'ANY',
  'NONE',
] as const;

type Keywords<W extends string> = Record<W, TokenType>;

function keywords<W extends string>(form: string, words: readonly W[], flags: string): Keywords<W> {
  const types = words.map((word) => [
    word,
    createToken({
      name: `${form}_${word}`,
      label: `"${word}"`,
      pattern: new RegExp(word, flags),
      longer_alt: Word,
    }),
  ]);
  return Object.fromEntries(types) as Keywords<W>;
}

export const MODERN = keywords('modern', MODERN_WORDS, '');
export const PAPER = keywords('paper', PAPER_WORDS, 'i');

/** Longest first: where one keyword begins another (`to`, `torus`) the lexer takes the first that matches. */
const byLength = (types: Keywords<string>): TokenType[] =>
  Object.entries(types)
    .sort(([a], [b]) => b.length - a.length)
    .map(([, type]) => type);

const BEFORE_KEYWORDS = [Space, Comment, Text, OpenText, Comma, BothWays, OneWay];
export const MODERN_TOKENS = [...BEFORE_KEYWORDS, ...byLength(MODERN), Word, Value];
export const PAPER_TOKENS = [...BEFORE_KEYWORDS, PaperMac, ...byLength(PAPER), Word, Value];

const modernLexer = new Lexer(MODERN_TOKENS, { positionTracking: 'full' });
const paperLexer = new Lexer(PAPER_TOKENS, { positionTracking: 'full' });

export type Form = 'modern' | 'paper';

/** A script whose first word is BEGIN is in the paper's form. */
export function formOf(text: string): Form {
  const blank = /\s+|#[^\r\n]*/y;
  let start = 0;
  while (blank.test(text)) start = blank.lastIndex;
  return /^begin(?![^\s",#])/i.test(text.slice(start, start + 6)) ? 'paper' : 'modern';
}

/** Every character belongs to a token of some kind, so the lexer itself never fails. */
export function tokenize(text: string, form: Form): IToken[] {
  return (form === 'paper' ? paperLexer : modernLexer).tokenize(text).tokens;
}

const MODERN_SET = new Set<string>(MODERN_WORDS);
const PAPER_SET = new Set<string>(PAPER_WORDS);
export const isModernKeyword = (word: string): boolean => MODERN_SET.has(word);
export const isPaperKeyword = (word: string): boolean => PAPER_SET.has(word.toUpperCase());

const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$/;
/** Letters, digits, `_`, `.` and `-`, at most 63, the first not a dot or a dash: a machine's name fits. */
export const isName = (text: string): boolean => NAME.test(text);

const WHOLE_WORD = new RegExp(`^${Word.PATTERN instanceof RegExp ? Word.PATTERN.source : ''}$`);
/** True when the text reads back as one `Word`. */
export const isPlainWord = (text: string): boolean => WHOLE_WORD.test(text) && !isModernKeyword(text);

/** What a value token means: a text without its quotes and escapes, a word as it is. */
export function valueOf(token: IToken): string {
  if (token.tokenType !== Text && token.tokenType !== OpenText) return token.image;
  const body = token.image.slice(1, token.tokenType === Text ? -1 : undefined);
  return body.replace(/\\(.)/g, '$1');
}

/** A value as it is written: quoted only where it must be. The inverse of `valueOf`; line breaks cannot be said. */
export const writeValue = (value: string): string =>
  isPlainWord(value) ? value : `"${value.replace(/["\\]/g, '\\$&')}"`;
