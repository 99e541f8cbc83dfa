/** Diagnostics as people read them: the words, the place, the line and a mark under the part. */
import type { Diagnostic } from './diagnostics.js';

export interface RenderOptions {
  /** ANSI colours; default false. */
  color?: boolean;
}

/** Longest line shown, in characters; a longer one is cut around the mark. */
const MAX_LINE = 160;

const COLORS = {
  error: '\u001b[31;1m',
  warning: '\u001b[33;1m',
  place: '\u001b[34;1m',
  bold: '\u001b[1m',
} as const;
const RESET = '\u001b[0m';

/** `sourceOf` returns the text of a file by its name in the diagnostics, or undefined. Ends with a line break. */
export function renderDiagnostics(
  diagnostics: readonly Diagnostic[],
  sourceOf: (file: string) => string | undefined,
  { color = false }: RenderOptions = {},
): string {
  const paint = (style: keyof typeof COLORS, text: string): string =>
    color ? COLORS[style] + text + RESET : text;
  const lines = new Map<string, string[] | undefined>();
  const lineOf = ({ file, line }: Diagnostic): string | undefined => {
    if (!lines.has(file)) lines.set(file, sourceOf(file)?.split(/\r\n|\r|\n/));
    return lines.get(file)?.[line - 1];
  };
  return diagnostics.map((diagnostic) => `${render(diagnostic, lineOf(diagnostic), paint)}\n`).join('\n');
}

type Paint = (style: keyof typeof COLORS, text: string) => string;

function render(diagnostic: Diagnostic, source: string | undefined, paint: Paint): string {
  const { severity, code, message, hint, file, line, column } = diagnostic;
  const head = `${paint(severity, `${severity}[${code}]`)}${paint('bold', `: ${message}`)}`;
  const margin = ' '.repeat(line === 0 ? 1 : String(line).length);
  const bar = paint('place', `${margin} |`);
  const place = line === 0 ? file : `${file}:${line}:${column}`;
  const out = [head, `${margin}${paint('place', '-->')} ${place}`];
  if (source !== undefined && line > 0) {
    const { shown, mark } = excerpt(source, diagnostic);
    out.push(bar, `${paint('place', `${line} |`)} ${shown}`, `${bar} ${paint(severity, mark)}`);
  }
  if (hint !== undefined) out.push(`${margin} ${paint('place', '=')} help: ${hint}`);
  return out.join('\n');
}

function excerpt(source: string, { column, endColumn }: Diagnostic): { shown: string; mark: string } {
  const start = column > MAX_LINE ? column - MAX_LINE / 2 : 0;
  const shown = source.slice(start, start + MAX_LINE);
  // Tabs stay tabs under the line, so that the mark stands right at any tab width.
  const lead = shown.slice(0, column - 1 - start).replace(/[^\t]/g, ' ');
  const width = Math.max(1, Math.min(endColumn - column, MAX_LINE - lead.length));
  return { shown, mark: lead.padEnd(column - 1 - start) + '^'.repeat(width) };
}
