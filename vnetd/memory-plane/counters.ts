/** Pairs and drops, since the plane opened. */
import { DROP_REASON_COUNT, type DropReason, type PairCounters } from '../../core/index.js';
import type { Passing } from './frame.js';
import { COUNTED_PAIRS } from './limits.js';

interface PairCount {
  network: number;
  source: number;
  destination: number;
  inFrames: number;
  inBytes: number;
  outFrames: number;
  outBytes: number;
}

export class Counters {
  readonly #pairs = new Map<string, PairCount>();
  readonly #drops = new Array<number>(DROP_REASON_COUNT).fill(0);

  entered(frame: Passing): void {
    const pair = this.#pair(frame);
    if (!pair) return;
    pair.inFrames += 1;
    pair.inBytes += frame.bytes.length;
  }

  delivered(frame: Passing): void {
    const pair = this.#pair(frame);
    if (!pair) return;
    pair.outFrames += 1;
    pair.outBytes += frame.bytes.length;
  }

  dropped(reason: DropReason): void {
    this.#drops[reason] = (this.#drops[reason] ?? 0) + 1;
  }

  drops(): number[] {
    return [...this.#drops];
  }

  pairs(): PairCounters {
    const rows = [...this.#pairs.values()];
    const column = (name: keyof PairCount) => Float64Array.from(rows, (row) => row[name]);
    return {
      rows: rows.length,
      network: column('network'),
      source: column('source'),
      destination: column('destination'),
      inFrames: column('inFrames'),
      inBytes: column('inBytes'),
      outFrames: column('outFrames'),
      outBytes: column('outBytes'),
    };
  }

  #pair({ network, source, destination }: Passing): PairCount | undefined {
    const key = `${network}/${source}/${destination}`;
    const known = this.#pairs.get(key);
    if (known || this.#pairs.size >= COUNTED_PAIRS) return known;
    const made = { network, source, destination, inFrames: 0, inBytes: 0, outFrames: 0, outBytes: 0 };
    this.#pairs.set(key, made);
    return made;
  }
}
