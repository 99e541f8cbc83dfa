/** What a file seems to be that could not be read as what it was given for. Only ever asked after that failed. */

/** Kinds that are no script and no lab file come with a name for people. */
export type FileKind = { kind: 'script' | 'lab' | 'unsure' } | { kind: 'foreign'; what: string };

/** Characters looked at. */
const LOOKED_AT = 64 * 1024;
/** A text of fewer lines is judged by its mistakes alone. */
const MIN_STRANGE_LINES = 5;
/** Share of characters that no text has, beyond which it is none. */
const MAX_ODD_SHARE = 0.02;

const SCRIPT_WORDS =
  /^(begin|network|proxy|port|link|star|mesh|ring|line|tree|torus|hypercube|route|rule|include)\b/i;
const LAB_WORDS = /^(underlay|pair|path|lan|cpu|load|seed|impair)\b/;
/** Words that begin a statement of either. */
const SHARED_WORDS = /^(host|vm)\s/;
const SCRIPT_HOST = /^(host\s+\S+\s+(at|user)|vm\s.*\s(pinned|memory|cpu|run|port\s+[a-z]+:))\s?/;
const LAB_HOST = /^(host\s+\S+\s.*\b(rate|delay|jitter|loss|reorder|address|mtu)|vm\s.*\s(ip|gateway))\s/;

/** Four words, or a beginning that no word of ours has. */
const PROSE = /^(\S+\s+){3}\S|^[^\w\s"]/;
/** Share of the lines of another text that begin with a word of ours by chance. */
const MAX_CHANCE_SHARE = 0.1;

/** Other things that have a name, by how they begin, or a line of them. */
const FOREIGN: [RegExp, string][] = [
  [/^\u007fELF/, 'a program (ELF)'],
  [/^#!/, 'a program in text (it begins with "#!")'],
  [/^\s*[{[]/, 'JSON'],
  [/^\s*</, 'XML or HTML'],
  [/^---\s/, 'YAML'],
  [/^```/m, 'Markdown'],
];

/** `text`: read as UTF-8, whatever was in the file. */
export function fileKind(text: string): FileKind {
  const head = text.slice(0, LOOKED_AT);
  const named = FOREIGN.find(([pattern]) => pattern.test(head));
  if (named) return { kind: 'foreign', what: named[1] };
  if (isBinary(head)) return { kind: 'foreign', what: 'a binary file' };
  const lines = head
    .split(/\r\n|\r|\n/)
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
  const count = (...patterns: RegExp[]): number =>
    lines.filter((line) => patterns.some((pattern) => pattern.test(line))).length;
  const [script, lab] = [count(SCRIPT_WORDS, SCRIPT_HOST), count(LAB_WORDS, LAB_HOST)];
  const known = count(SCRIPT_WORDS, LAB_WORDS, SHARED_WORDS);
  // Names one a line are a long statement; sentences are not.
  const isProse = count(PROSE) > lines.length / 2 && known <= lines.length * MAX_CHANCE_SHARE;
  if (lines.length >= MIN_STRANGE_LINES && (known === 0 || isProse)) {
    return { kind: 'foreign', what: 'another kind of text: hardly a line of it begins a statement' };
  }
  if (script > 0 && lab === 0) return { kind: 'script' };
  if (lab > 0 && script === 0) return { kind: 'lab' };
  return { kind: 'unsure' };
}

/** A zero octet, or many control characters and octets that are no UTF-8. */
function isBinary(head: string): boolean {
  if (head.includes('\0')) return true;
  let odd = 0;
  for (const char of head) if (/[\u0001-\u0008\u000e-\u001a\u001c-\u001f\ufffd]/.test(char)) odd++;
  return odd > head.length * MAX_ODD_SHARE;
}
