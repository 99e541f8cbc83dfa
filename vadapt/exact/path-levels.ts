/**
 * What any path between two hosts can have at best: width, latency and hops of all pairs, by level of width. A wide path
 * may be long and a short one narrow; at one level both are of the same paths, so that objectives which count both are
 * bounded by what one path can have. Floyd-Warshall over (max, min) and (min, +), O(levels x hosts^3).
 */
import type { Instance } from '../model/instance.js';

/** Paths whose width is in one range. Arrays are hosts x hosts; the diagonal is not used. */
export interface PathLevel {
  /** Of the widest, bits a second; 0: none of this level. */
  width: Float64Array;
  /** Of the quickest that is at least as wide as this level begins. */
  latencyUs: Float64Array;
  hops: Float64Array;
}

/** All widths up to here; beyond, as many levels as OPERATIONS_MAX allows. */
const HOSTS_EVERY_WIDTH = 12;
const OPERATIONS_MAX = 6e6;
const LEVELS_MIN = 3;

export interface PathLimits {
  /** False: only widths are asked for, and one level says it all. */
  byLevel: boolean;
}

const known = new WeakMap<Instance, Float64Array>();

/** Of an edge alone: its own bandwidth, or less where it shares a narrower capacity. Not to be written to. */
export function edgeWidths(instance: Instance): Float64Array {
  const before = known.get(instance);
  if (before) return before;
  const { bandwidth, sharedCapacity, sharedStart, sharedOfEdge } = instance;
  const widths = Float64Array.from(bandwidth);
  for (let edge = 0; sharedCapacity.length > 0 && edge < widths.length; edge++) {
    for (let i = sharedStart[edge] as number; i < (sharedStart[edge + 1] as number); i++)
      widths[edge] = Math.min(widths[edge] as number, sharedCapacity[sharedOfEdge[i] as number] as number);
  }
  known.set(instance, widths);
  return widths;
}

/** Narrowest level first. */
export function pathLevels(instance: Instance, { byLevel }: PathLimits): PathLevel[] {
  const { hosts, bandwidth } = instance;
  const widths = edgeWidths(instance);
  const exists = bandwidth.map((bits, edge) => (bits > 0 && edge % (hosts + 1) !== 0 ? 1 : 0));
  const widest = widestPaths(instance, widths, exists);
  const begins = byLevel ? thresholds(widths, exists, hosts) : [0];
  return begins.map((begin, level) => {
    const end = begins[level + 1] ?? Infinity;
    const { latencyUs, hops } = byLevel
      ? quickestPaths(instance, widths, exists, begin)
      : { latencyUs: new Float64Array(hosts * hosts), hops: new Float64Array(hosts * hosts).fill(1) };
    const top = largestBelow(widths, exists, end);
    const width = widest.map((bits, pair) => {
      const reached = bits > -Infinity && bits >= begin && (hops[pair] as number) <= instance.maxHops;
      return reached ? Math.min(bits, top) : -Infinity;
    });
    return { width, latencyUs, hops };
  });
}

function thresholds(widths: Float64Array, exists: Float64Array, hosts: number): number[] {
  const distinct = [...new Set(widths.filter((_, edge) => exists[edge] === 1))].sort((a, b) => a - b);
  const affordable = Math.max(LEVELS_MIN, Math.floor(OPERATIONS_MAX / hosts ** 3));
  const count = hosts <= HOSTS_EVERY_WIDTH ? distinct.length : Math.min(distinct.length, affordable);
  const chosen = Array.from({ length: count }, (_, i) => {
    return distinct[Math.floor((i * distinct.length) / count)] as number;
  });
  return chosen.length === 0 ? [0] : chosen;
}

function largestBelow(widths: Float64Array, exists: Float64Array, end: number): number {
  let top = -Infinity;
  for (let edge = 0; edge < widths.length; edge++) {
    const bits = widths[edge] as number;
    if (exists[edge] === 1 && bits < end && bits > top) top = bits;
  }
  return top;
}

/** -Infinity: no path. */
function widestPaths({ hosts, relays }: Instance, widths: Float64Array, exists: Float64Array): Float64Array {
  const widest = widths.map((bits, edge) => (exists[edge] === 1 ? bits : -Infinity));
  for (let via = 0; via < hosts; via++) {
    if (relays[via] !== 1) continue;
    for (let from = 0; from < hosts; from++) {
      const first = widest[from * hosts + via] as number;
      if (from === via || first === -Infinity) continue;
      for (let to = 0; to < hosts; to++) {
        const both = Math.min(first, widest[via * hosts + to] as number);
        if (both > (widest[from * hosts + to] as number)) widest[from * hosts + to] = both;
      }
    }
  }
  return widest;
}

function quickestPaths(
  { hosts, relays, latency }: Instance,
  widths: Float64Array,
  exists: Float64Array,
  begin: number,
): { latencyUs: Float64Array; hops: Float64Array } {
  const wide = (edge: number) => exists[edge] === 1 && (widths[edge] as number) >= begin;
  const latencyUs = latency.map((us, edge) => (wide(edge) ? us : Infinity));
  const hops = latency.map((_, edge) => (wide(edge) ? 1 : Infinity));
  for (let via = 0; via < hosts; via++) {
    if (relays[via] !== 1) continue;
    for (let from = 0; from < hosts; from++) {
      const [us, count] = [latencyUs[from * hosts + via] as number, hops[from * hosts + via] as number];
      if (from === via || count === Infinity) continue;
      for (let to = 0; to < hosts; to++) {
        const [next, pair] = [via * hosts + to, from * hosts + to];
        if (us + (latencyUs[next] as number) < (latencyUs[pair] as number))
          latencyUs[pair] = us + (latencyUs[next] as number);
        if (count + (hops[next] as number) < (hops[pair] as number))
          hops[pair] = count + (hops[next] as number);
      }
    }
  }
  return { latencyUs, hops };
}
