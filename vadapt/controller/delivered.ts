/** What the application gets: rates of its flows over time, so that after a change they are held against before. */
import type { Snapshot } from '../planner/index.js';

/** Milliseconds of the past that are kept. */
export const KEPT_MS = 120_000;

interface Sample {
  atMs: number;
  settled: boolean;
  rates: ReadonlyMap<string, number>;
  packets: ReadonlyMap<string, number>;
}

export interface Measured {
  /** Of all flows together, bits a second. */
  mean: number;
  /** Standard error of the mean. */
  error: number;
  samples: number;
  /** Flows that sent nothing at all. */
  silent: ReadonlySet<string>;
}

export class Delivered {
  #samples: Sample[] = [];

  note({ atMs, settled, matrix }: Snapshot): void {
    if (this.#samples.at(-1)?.atMs === atMs) return;
    const rates = new Map<string, number>();
    const packets = new Map<string, number>();
    for (const { from, to, bitsPerSecond, packetsPerSecond } of matrix.pairs) {
      const key = `${from} ${to}`;
      if (bitsPerSecond >= 0) rates.set(key, (rates.get(key) ?? 0) + bitsPerSecond);
      packets.set(key, (packets.get(key) ?? 0) + packetsPerSecond);
    }
    this.#samples.push({ atMs, settled, rates, packets });
    this.#samples = this.#samples.filter((sample) => atMs - sample.atMs <= KEPT_MS);
  }

  /** The last `forMs` up to then, as long as the application's topology was settled: what was before it is another's. */
  before(untilMs: number, forMs: number, flows: readonly string[], windowMs: number): Measured {
    const recent = this.#samples.filter(({ atMs }) => atMs <= untilMs && atMs > untilMs - forMs);
    const unsettled = recent.findLastIndex(({ settled }) => !settled);
    const settled = recent.slice(unsettled + 1);
    return measured(settled.length > 0 ? settled : recent.slice(-1), flows, windowMs);
  }

  between(fromMs: number, untilMs: number, flows: readonly string[], windowMs: number): Measured {
    const samples = this.#samples.filter(({ atMs }) => atMs >= fromMs && atMs <= untilMs);
    return measured(samples, flows, windowMs);
  }
}

/** `windowMs`: each sample is a mean over it, so neighbours within it tell the same thing. */
function measured(samples: readonly Sample[], flows: readonly string[], windowMs: number): Measured {
  const sum = (of: ReadonlyMap<string, number>) => flows.reduce((all, key) => all + (of.get(key) ?? 0), 0);
  const totals = samples.map(({ rates }) => sum(rates));
  const mean = totals.reduce((all, total) => all + total, 0) / Math.max(1, totals.length);
  const variance =
    totals.reduce((all, total) => all + (total - mean) ** 2, 0) / Math.max(1, totals.length - 1);
  const spanMs = (samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0);
  const independent = Math.max(1, Math.min(samples.length, spanMs / Math.max(1, windowMs)));
  return {
    mean,
    error: Math.sqrt(variance / independent),
    samples: samples.length,
    silent: new Set(flows.filter((key) => samples.every(({ packets }) => (packets.get(key) ?? 0) === 0))),
  };
}
