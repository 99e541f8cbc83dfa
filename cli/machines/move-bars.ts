/** Moves as they go on: a line each on standard error, rewritten in place; nothing where that is no terminal. */
import type { MoveTransfer, MoveView } from '../../core/index.js';
import { bitRate, octets } from '../format.js';
import type { Run } from '../run.js';

const BAR_WIDTH = 24;
/** The copying is nearly all of a move: the rest of the bar is for what comes before and after. */
const COPY_BEGINS = 0.05;
const COPY_ENDS = 0.95;

export class MoveBars {
  readonly #run: Run;
  readonly #moves = new Map<string, MoveView>();
  #lines = 0;

  constructor(run: Run) {
    this.#run = run;
  }

  show(move: MoveView): void {
    this.#moves.set(move.vm, move);
    const { stderr, env } = this.#run.context;
    if (!stderr.isTTY || this.#run.json || env['TERM'] === 'dumb') return;
    this.clear();
    for (const each of this.#moves.values()) stderr.write(`${this.#line(each)}\n`);
    this.#lines = this.#moves.size;
  }

  clear(): void {
    if (this.#lines > 0) this.#run.context.stderr.write(`\u001b[${this.#lines}A\u001b[J`);
    this.#lines = 0;
  }

  #line(move: MoveView): string {
    const { glyphs, colourErrors, paint, context } = this.#run;
    const filled = Math.round(shareOf(move) * BAR_WIDTH);
    const bar = glyphs.full.repeat(filled) + glyphs.empty.repeat(BAR_WIDTH - filled);
    const text = `${move.vm}: ${move.from} -> ${move.to}  ${phaseText(move)}`;
    const room = (context.stderr.columns || Number.POSITIVE_INFINITY) - BAR_WIDTH - 2;
    return `${colourErrors ? paint.good(bar) : bar} ${text.slice(0, Math.max(0, room))}`;
  }
}

/** 0 to 1, never back within a pass over the memory. */
export function shareOf({ phase, transfer }: MoveView): number {
  if (phase === 'waiting' || phase === 'checking') return 0;
  if (phase === 'preparing') return COPY_BEGINS;
  if (phase !== 'copying') return phase === 'switching' ? COPY_ENDS : 1;
  const copied = transfer === undefined || transfer.totalBytes === 0 ? 0 : copiedShare(transfer);
  return COPY_BEGINS + (COPY_ENDS - COPY_BEGINS) * copied;
}

function copiedShare({ remainingBytes, totalBytes }: MoveTransfer): number {
  return Math.min(1, Math.max(0, 1 - remainingBytes / totalBytes));
}

function phaseText({ phase, transfer }: MoveView): string {
  if (phase !== 'copying' || transfer === undefined) return phase;
  const { transferredBytes, bitsPerSecond, rounds, postCopy } = transfer;
  const way = postCopy ? 'post-copy' : rounds > 1 ? `pass ${rounds}` : '';
  return ['copying', octets(transferredBytes), bitRate(bitsPerSecond), way].filter(Boolean).join('  ');
}
