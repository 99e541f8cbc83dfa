/** Rank correlation (Spearman) of two series of waits, over the bins in which both have one. */

export interface Common {
  a: number[];
  b: number[];
}

/** Aligns two series by the numbers of their first bins. */
export function commonBins(
  a: readonly (number | null)[],
  aFirst: number,
  b: readonly (number | null)[],
  bFirst: number,
): Common {
  const common: Common = { a: [], b: [] };
  const first = Math.max(aFirst, bFirst);
  const end = Math.min(aFirst + a.length, bFirst + b.length);
  for (let bin = first; bin < end; bin++) {
    const inA = a[bin - aFirst];
    const inB = b[bin - bFirst];
    if (typeof inA !== 'number' || typeof inB !== 'number') continue;
    common.a.push(inA);
    common.b.push(inB);
  }
  return common;
}

export function rankCorrelation({ a, b }: Common): number {
  return correlation(ranks(a), ranks(b));
}

/** Equal values share the mean of their ranks. */
function ranks(values: readonly number[]): number[] {
  const order = values.map((value, i) => ({ value, i })).sort((x, y) => x.value - y.value);
  const result = new Array<number>(values.length).fill(0);
  for (let from = 0; from < order.length; ) {
    let to = from;
    while (to < order.length && order[to]?.value === order[from]?.value) to++;
    for (let k = from; k < to; k++) result[order[k]?.i ?? 0] = (from + to - 1) / 2;
    from = to;
  }
  return result;
}

/** Pearson; 0 where one of them is constant. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanA = mean(a);
  const meanB = mean(b);
  let both = 0;
  let squareA = 0;
  let squareB = 0;
  a.forEach((value, i) => {
    const fromA = value - meanA;
    const fromB = (b[i] ?? 0) - meanB;
    both += fromA * fromB;
    squareA += fromA ** 2;
    squareB += fromB ** 2;
  });
  return squareA > 0 && squareB > 0 ? both / Math.sqrt(squareA * squareB) : 0;
}
