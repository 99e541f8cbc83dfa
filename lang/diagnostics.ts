/** What is wrong with a script, and where. The words are in wording.ts, the drawing in render.ts. */
import type { IToken } from 'chevrotain';
import { mentionFirst, tooManyDiagnostics, type Wording } from './wording.js';

/** A stretch of one line. Lines and columns count from 1; `endColumn` is the column after the last character. */
export interface Span {
  file: string;
  line: number;
  column: number;
  endColumn: number;
}

export type Severity = 'error' | 'warning';

/** One thing that is wrong. A topology that came without text (JSON) has line, column and endColumn 0. */
export interface Diagnostic extends Span {
  severity: Severity;
  /** Stable, as in `unknown-host`. */
  code: string;
  message: string;
  /** What could have stood there. */
  expected?: string[];
  /** A likely fix. */
  hint?: string;
}

/** Beyond this many diagnostics of one run the reader is not helped; one more says so. */
export const MAX_DIAGNOSTICS = 100;

/** Something the checker found, named by the statement it is about. */
export interface Finding {
  statement: object | undefined;
  /** Which part of the statement: a key of its places. */
  part?: string;
  wording: Wording;
  /** The statement this one collides with. */
  first?: object;
}

/** Where the parts of every lowered statement stand; `head` is its first word. */
export type Places = Map<object, Record<string, Span>>;

export function spanOf(token: IToken, file: string): Span {
  const column = token.startColumn ?? 1;
  return { file, line: token.startLine ?? 1, column, endColumn: (token.endColumn ?? column) + 1 };
}

/** Collects diagnostics in the order they are met, up to `MAX_DIAGNOSTICS`. */
export class Diagnostics {
  readonly list: Diagnostic[] = [];
  readonly places: Places = new Map();
  #dropped = 0;

  constructor(private readonly rootFile: string) {}

  /** What is added from now on will not be shown. */
  get isFull(): boolean {
    return this.list.length >= MAX_DIAGNOSTICS;
  }

  get failed(): boolean {
    return this.list.some((diagnostic) => diagnostic.severity === 'error');
  }

  add(span: Span, wording: Wording): void {
    if (this.isFull) this.#dropped++;
    else this.list.push({ ...span, severity: 'error', ...wording });
  }

  /** A finding at the place its statement was read from, or at no place. */
  addFinding({ statement, part, wording, first }: Finding): void {
    const firstAt = first && this.places.get(first)?.['head'];
    const words = firstAt ? mentionFirst(wording, `${firstAt.file}:${firstAt.line}`) : wording;
    this.add(this.placeOf(statement, part), words);
  }

  placeOf(statement: object | undefined, part = 'head'): Span {
    const places = statement && this.places.get(statement);
    return places?.[part] ?? places?.['head'] ?? nowhere(this.rootFile);
  }

  /** Sorted by place, file by file in the order they were read; ends with how many are not shown. */
  finish(): Diagnostic[] {
    const files = [...new Set(this.list.map((diagnostic) => diagnostic.file))];
    const order = (d: Diagnostic): number => files.indexOf(d.file);
    this.list.sort((a, b) => order(a) - order(b) || a.line - b.line || a.column - b.column);
    if (this.#dropped > 0) {
      const severity = this.failed ? 'error' : 'warning';
      const wording = tooManyDiagnostics(this.#dropped, severity);
      this.list.push({ ...nowhere(this.rootFile), severity, ...wording });
    }
    return this.list;
  }
}

export const nowhere = (file: string): Span => ({ file, line: 0, column: 0, endColumn: 0 });

/** What is found outside the language, about a whole script. */
export const warningOf = (file: string, wording: Wording): Diagnostic => ({
  ...nowhere(file),
  severity: 'warning',
  ...wording,
});
