/** The packets of a run as a text diagram: a column a plane, time downwards. */
import { macFromNumber } from '../../core/index.js';
import { destinationOf, ETHERNET_HEADER, sourceOf } from './frame.js';
import { TRACE_LINES } from './limits.js';

export interface TraceLine {
  atMs: number;
  from: string;
  /** The same as `from`: something that happens at one plane. */
  to: string;
  text: string;
}

const COLUMN = 14;
const TIME = 9;

export class Trace {
  readonly #lines: TraceLine[] = [];
  readonly #columns: string[] = [];

  /** Fixes the order of the columns: planes as they are made. */
  column(name: string): void {
    if (!this.#columns.includes(name)) this.#columns.push(name);
  }

  add(line: TraceLine): void {
    this.#lines.push(line);
    if (this.#lines.length > 2 * TRACE_LINES) this.#lines.splice(0, TRACE_LINES);
  }

  clear(): void {
    this.#lines.length = 0;
  }

  print(): string {
    const head = ' '.repeat(TIME) + this.#columns.map((name) => centred(name)).join('');
    return [head.trimEnd(), ...this.#lines.slice(-TRACE_LINES).map((line) => this.#print(line))].join('\n');
  }

  #print({ atMs, from, to, text }: TraceLine): string {
    const width = this.#columns.length * COLUMN;
    const cells: string[] = Array.from({ length: width }, (_, i) => (i % COLUMN === COLUMN / 2 ? '|' : ' '));
    const [start, end] = [this.#centre(from), this.#centre(to)];
    for (let i = Math.min(start, end) + 1; i < Math.max(start, end); i += 1) cells[i] = '-';
    if (start === end) cells[start] = '*';
    else if (start < end) cells[end - 1] = '>';
    else cells[end + 1] = '<';
    return `${atMs.toFixed(1).padStart(TIME - 2)}  ${cells.join('')} ${text}`;
  }

  #centre(name: string): number {
    return Math.max(0, this.#columns.indexOf(name)) * COLUMN + COLUMN / 2;
  }
}

/** `02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff, 60 octets`. */
export function describeFrame(bytes: Uint8Array): string {
  if (bytes.length < ETHERNET_HEADER) return `${bytes.length} octets`;
  return `${macFromNumber(sourceOf(bytes))} > ${macFromNumber(destinationOf(bytes))}, ${bytes.length} octets`;
}

function centred(name: string): string {
  const cut = name.slice(0, COLUMN - 1);
  const left = Math.max(0, Math.floor((COLUMN + 1 - cut.length) / 2));
  return (' '.repeat(left) + cut).padEnd(COLUMN);
}
