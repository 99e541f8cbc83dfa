/** One line of standard error, rewritten; nothing at all where that is not a terminal. */
import type { Run } from './run.js';

const BAR_WIDTH = 24;

export interface BarState {
  done: number;
  total: number;
  /** What is being done, a few words. */
  text: string;
  /** What was done is being undone. */
  undo?: boolean;
}

export class ProgressBar {
  #shown = false;

  constructor(readonly run: Run) {}

  show({ done, total, text, undo = false }: BarState): void {
    const { stderr, env } = this.run.context;
    if (!stderr.isTTY || this.run.json || env['TERM'] === 'dumb') return;
    const { full, empty } = this.run.glyphs;
    const share = total === 0 ? 1 : Math.min(1, done / total);
    const filled = Math.round(share * BAR_WIDTH);
    const bar = full.repeat(filled) + empty.repeat(BAR_WIDTH - filled);
    const paint = undo ? this.run.paint.bad : this.run.paint.good;
    const room = (stderr.columns || Number.POSITIVE_INFINITY) - BAR_WIDTH - 2;
    const words = `${done}/${total} ${text}`.slice(0, Math.max(0, room));
    stderr.write(`\r\u001b[K${this.run.colourErrors ? paint(bar) : bar} ${words}`);
    this.#shown = true;
  }

  clear(): void {
    if (this.#shown) this.run.context.stderr.write('\r\u001b[K');
    this.#shown = false;
  }
}
