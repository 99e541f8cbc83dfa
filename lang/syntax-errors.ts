/** The parsers' exceptions turned into diagnostics. */
import {
  EOF,
  type IParserErrorMessageProvider,
  type IRecognitionException,
  type IToken,
  type TokenType,
} from 'chevrotain';
import { type Span, spanOf } from './diagnostics.js';
import { nearest } from './did-you-mean.js';
import {
  type Form,
  isModernKeyword,
  isPaperKeyword,
  PAPER_ITEM_WORDS,
  STATEMENT_WORDS,
  Text,
  Value,
  Word,
} from './tokens.js';
import { END_OF_STATEMENT, reservedName, syntax, unknownStatement, type Wording } from './wording.js';

const label = (type: TokenType): string => type.LABEL ?? type.name;
const labels = (types: (TokenType | undefined)[]): string =>
  [...new Set(types.flatMap((type) => (type === undefined ? [] : [label(type)])))].join('\n');

/**
 * Makes an exception's message the list of what was expected, a line each; `syntaxDiagnostic` words it. (A
 * CONSUME's ERR_MSG takes the message's place and is such a list too.)
 */
export const EXPECTED_TOKENS: IParserErrorMessageProvider = {
  buildMismatchTokenMessage: ({ expected }) => label(expected),
  buildNotAllInputParsedMessage: () => END_OF_STATEMENT,
  buildNoViableAltMessage: ({ expectedPathsPerAlt, customUserDescription }) =>
    customUserDescription ?? labels(expectedPathsPerAlt.flat().map((path) => path[0])),
  buildEarlyExitMessage: ({ expectedIterationPaths, customUserDescription }) =>
    customUserDescription ?? labels(expectedIterationPaths.map((path) => path[0])),
};

/** Where the statement broke off and in what words. `statement` holds its tokens, at least one. */
export function syntaxDiagnostic(
  error: IRecognitionException,
  statement: IToken[],
  file: string,
  form: Form,
): { span: Span; wording: Wording } {
  const found = error.token.tokenType === EOF ? undefined : error.token;
  const expected = error.message.split('\n');
  if (found === undefined)
    return { span: after(statement.at(-1), file), wording: syntax(expected, undefined) };
  return { span: spanOf(found, file), wording: wordingFor(found, expected, found === statement[0], form) };
}

function wordingFor(found: IToken, expected: string[], isHead: boolean, form: Form): Wording {
  const beginnings = form === 'paper' ? PAPER_ITEM_WORDS : STATEMENT_WORDS;
  const word = form === 'paper' ? found.image.toUpperCase() : found.image;
  if (isHead) return unknownStatement(found.image, [...beginnings], nearest(word, beginnings));
  const isKeyword = form === 'paper' ? isPaperKeyword(word) : isModernKeyword(word);
  const wantsName = expected.length === 1 && /name$|^a VM$/.test(expected[0] ?? '');
  if (isKeyword && wantsName && found.tokenType !== Text) return reservedName(found.image);
  const choices = expected.flatMap((choice) => /^"(\w+)"$/.exec(choice)?.[1] ?? []);
  const candidates = choices.length > 0 ? choices : expected[0] === END_OF_STATEMENT ? ATTRIBUTES[form] : [];
  const near = found.tokenType === Word || found.tokenType === Value ? nearest(word, candidates) : undefined;
  return syntax(expected, found.image, near);
}

/** What a person may have meant by a word where a statement could as well have ended. */
const ATTRIBUTES: Record<Form, readonly string[]> = {
  modern: [
    ...STATEMENT_WORDS,
    ...['at', 'user', 'lan', 'mac', 'memory', 'cpu', 'run', 'kernel', 'initrd', 'append', 'disk'],
    ...['state', 'in', 'among', 'by', 'id', 'mtu'],
  ],
  paper: PAPER_ITEM_WORDS,
};

/** The place just behind a token. */
function after(token: IToken | undefined, file: string): Span {
  if (token === undefined) return { file, line: 1, column: 1, endColumn: 2 };
  const { line, endColumn } = spanOf(token, file);
  return { file, line, column: endColumn, endColumn: endColumn + 1 };
}
