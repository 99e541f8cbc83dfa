/**
 * Arrays that a worker thread reads in place. A solver's thread gets a compiled instance without a copy: 1,000 hosts
 * have 20 MB of edges. Nobody writes to them after `compile`.
 */

export function threadFloats(length: number): Float64Array {
  return new Float64Array(new SharedArrayBuffer(8 * length));
}

export function threadInts(length: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer(4 * length));
}

export function threadBytes(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length));
}
