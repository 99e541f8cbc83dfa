/** A mixed-integer linear program as it is written down, a column and a row at a time; always maximised. */

export interface LinearArrays {
  numCols: number;
  numRows: number;
  /** To be minimised: the signs are turned. */
  colCost: Float64Array;
  colLower: Float64Array;
  colUpper: Float64Array;
  rowLower: Float64Array;
  rowUpper: Float64Array;
  /** 1: integer. */
  integrality: Int32Array;
  matrix: {
    format: 'csr';
    numRows: number;
    numCols: number;
    starts: Int32Array;
    indices: Int32Array;
    values: Float64Array;
  };
}

export type Term = readonly [column: number, factor: number];

interface Column {
  worth: number;
  most: number;
  integer: boolean;
}

export class LinearModel {
  readonly #columns: Column[] = [];
  readonly #rows: { terms: readonly Term[]; least: number; most: number }[] = [];

  get columns(): number {
    return this.#columns.length;
  }

  /** From 0 to `most`, each unit worth so much. */
  continuous(worth = 0, most = Infinity): number {
    return this.#columns.push({ worth, most, integer: false }) - 1;
  }

  binary(worth = 0): number {
    return this.#columns.push({ worth, most: 1, integer: true }) - 1;
  }

  atMost(most: number, terms: readonly Term[]): void {
    this.#rows.push({ terms, least: -Infinity, most });
  }

  equal(value: number, terms: readonly Term[]): void {
    this.#rows.push({ terms, least: value, most: value });
  }

  arrays(): LinearArrays {
    const starts = new Int32Array(this.#rows.length + 1);
    const [indices, values]: [number[], number[]] = [[], []];
    this.#rows.forEach(({ terms }, row) => {
      for (const [column, factor] of summed(terms)) {
        indices.push(column);
        values.push(factor);
      }
      starts[row + 1] = indices.length;
    });
    return {
      numCols: this.#columns.length,
      numRows: this.#rows.length,
      colCost: Float64Array.from(this.#columns, ({ worth }) => (worth === 0 ? 0 : -worth)),
      colLower: new Float64Array(this.#columns.length),
      colUpper: Float64Array.from(this.#columns, ({ most }) => most),
      rowLower: Float64Array.from(this.#rows, ({ least }) => least),
      rowUpper: Float64Array.from(this.#rows, ({ most }) => most),
      integrality: Int32Array.from(this.#columns, ({ integer }) => (integer ? 1 : 0)),
      matrix: {
        format: 'csr',
        numRows: this.#rows.length,
        numCols: this.#columns.length,
        starts,
        indices: Int32Array.from(indices),
        values: Float64Array.from(values),
      },
    };
  }
}

/** A column that is named twice in a row is meant twice. */
function summed(terms: readonly Term[]): Map<number, number> {
  const sums = new Map<number, number>();
  for (const [column, factor] of terms) sums.set(column, (sums.get(column) ?? 0) + factor);
  for (const [column, factor] of sums) if (factor === 0) sums.delete(column);
  return sums;
}
