/** Colours and line-drawing characters, each in one place. */
import type { CliContext, OutputStream } from './context.js';

type Paint = (text: string) => string;

/** Named by meaning, so a screen reads the same way everywhere. */
export interface Palette {
  readonly enabled: boolean;
  strong: Paint;
  faint: Paint;
  good: Paint;
  bad: Paint;
  warn: Paint;
  /** Names of hosts. */
  host: Paint;
  /** Names of VMs. */
  vm: Paint;
  /** Commands and words of the language. */
  code: Paint;
}

const ESCAPE = '\u001b[';
const SGR = { strong: 1, faint: 2, bad: 31, good: 32, warn: 33, host: 36, vm: 35, code: 34 } as const;

export function makePalette(enabled: boolean): Palette {
  const paint = (code: number): Paint =>
    enabled
      ? (text) =>
          text === '' ? '' : `${ESCAPE}${code}m${text}${ESCAPE}${code === 1 || code === 2 ? 22 : 39}m`
      : (text) => text;
  const { strong, faint, good, bad, warn, host, vm, code } = SGR;
  return {
    enabled,
    strong: paint(strong),
    faint: paint(faint),
    good: paint(good),
    bad: paint(bad),
    warn: paint(warn),
    host: paint(host),
    vm: paint(vm),
    code: paint(code),
  };
}

/** `--no-color` wins, then NO_COLOR (no-color.org: any value that is not empty), then whether it is a terminal. */
export function wantsColour(stream: OutputStream, env: CliContext['env'], flag: boolean): boolean {
  if (!flag || (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb') return false;
  return stream.isTTY;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what it looks for
const SEQUENCE = /\u001b\[[0-9;]*m/g;

/** The text without its colours. */
export const plain = (text: string): string => text.replace(SEQUENCE, '');

/** Characters on the screen, colours not counted. */
export const visibleLength = (text: string): number => [...plain(text)].length;

export interface Glyphs {
  branch: string;
  last: string;
  bar: string;
  arrow: string;
  both: string;
  line: string;
  broken: string;
  full: string;
  empty: string;
  ellipsis: string;
  on: string;
  off: string;
}

const UNICODE: Glyphs = {
  branch: '├─',
  last: '└─',
  bar: '│ ',
  arrow: '→',
  both: '↔',
  line: '──',
  broken: '╌╌',
  full: '█',
  empty: '░',
  ellipsis: '…',
  on: '●',
  off: '○',
};

const ASCII: Glyphs = {
  branch: '|-',
  last: '`-',
  bar: '| ',
  arrow: '->',
  both: '<->',
  line: '--',
  broken: '..',
  full: '#',
  empty: '.',
  ellipsis: '~',
  on: '*',
  off: 'o',
};

/** Line drawing where the locale says UTF-8, plain ASCII elsewhere. */
export function glyphsFor(env: CliContext['env']): Glyphs {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return /utf-?8/i.test(locale) ? UNICODE : ASCII;
}
