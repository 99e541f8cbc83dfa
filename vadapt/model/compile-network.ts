/** Edges, local capacities, links and shared capacities as arrays over edge = from x hosts + to. */
import { amount, invalid } from './amounts.js';
import type { Instance } from './instance.js';
import type { Names } from './names.js';
import { type EdgeMatrix, LOCAL_BITS_PER_SECOND, type Problem, type SharedCapacity } from './problem.js';
import { threadBytes, threadFloats, threadInts } from './thread-arrays.js';

export function compileEdges(
  { hosts, edges }: Problem,
  names: Names,
): Pick<Instance, 'bandwidth' | 'latency'> {
  const count = hosts.length;
  const bandwidth = threadFloats(count * count);
  const latency = threadFloats(count * count).fill(Infinity);
  if ('bitsPerSecond' in edges) putMatrix(edges, count, bandwidth, latency);
  else {
    for (const { from, to, bitsPerSecond, latencyUs } of edges) {
      const edge = names.edge(from, to);
      if (bandwidth[edge] !== 0) throw invalid(`the edge from ${from} to ${to} is there twice`);
      put(bandwidth, latency, edge, bitsPerSecond, latencyUs);
    }
  }
  for (const [host, { localBitsPerSecond = LOCAL_BITS_PER_SECOND }] of hosts.entries()) {
    bandwidth[host * (count + 1)] = amount('localBitsPerSecond', localBitsPerSecond);
    latency[host * (count + 1)] = 0;
  }
  return { bandwidth, latency };
}

function putMatrix(edges: EdgeMatrix, count: number, bandwidth: Float64Array, latency: Float64Array): void {
  const { bitsPerSecond, latencyUs } = edges;
  if (bitsPerSecond.length !== count * count || latencyUs.length !== count * count)
    throw invalid(
      `the matrix of edges has ${bitsPerSecond.length} and ${latencyUs.length} entries for ${count} hosts`,
    );
  for (let i = 0; i < count * count; i++)
    if (i % (count + 1) !== 0) put(bandwidth, latency, i, bitsPerSecond[i] as number, latencyUs[i] as number);
}

function put(bandwidth: Float64Array, latency: Float64Array, edge: number, bits: number, us: number): void {
  if (!(bits >= 0 && bits < Infinity)) throw invalid(`bits a second of an edge cannot be ${bits}`);
  if (bits === 0) return;
  if (!(us >= 0 && us < Infinity)) throw invalid(`the latency of an edge cannot be ${us} microseconds`);
  bandwidth[edge] = bits;
  latency[edge] = us;
}

export function compileLinks({ hosts, present }: Problem, names: Names): Uint8Array {
  const links = present?.links;
  const linked = threadBytes(links ? hosts.length ** 2 : 0);
  for (const [from, to] of links ?? []) linked[names.edge(from, to)] = 1;
  return linked;
}

/** Compressed rows by counting: 1,000 hosts have a million edges, of which a shared capacity may name any number. */
export function compileShared(
  { hosts, shared = [] }: Problem,
  names: Names,
): Pick<Instance, 'sharedCapacity' | 'sharedStart' | 'sharedOfEdge'> {
  const sharedCapacity = Float64Array.from(shared, ({ name, bitsPerSecond }) =>
    amount(`bits a second of ${name}`, bitsPerSecond),
  );
  if (shared.length === 0)
    return { sharedCapacity, sharedStart: new Int32Array(0), sharedOfEdge: new Int32Array(0) };
  const edgesOfGroup = distinctEdges(shared, hosts.length, names);
  const sharedStart = threadInts(hosts.length ** 2 + 1);
  for (const edges of edgesOfGroup)
    for (const edge of edges) sharedStart[edge + 1] = (sharedStart[edge + 1] as number) + 1;
  for (let edge = 1; edge < sharedStart.length; edge++)
    sharedStart[edge] = (sharedStart[edge] as number) + (sharedStart[edge - 1] as number);
  const sharedOfEdge = threadInts(sharedStart[sharedStart.length - 1] as number);
  const next = Int32Array.from(sharedStart);
  for (const [group, edges] of edgesOfGroup.entries()) {
    for (const edge of edges) {
      sharedOfEdge[next[edge] as number] = group;
      next[edge] = (next[edge] as number) + 1;
    }
  }
  return { sharedCapacity, sharedStart, sharedOfEdge };
}

/** By shared capacity, every edge once, however often it is listed. */
function distinctEdges(shared: readonly SharedCapacity[], hosts: number, names: Names): Int32Array[] {
  const lastGroup = new Int32Array(hosts ** 2).fill(-1);
  return shared.map(({ edges }, group) => {
    const distinct = new Int32Array(edges.length);
    let count = 0;
    for (const [from, to] of edges) {
      const edge = names.edge(from, to);
      if (lastGroup[edge] === group) continue;
      lastGroup[edge] = group;
      distinct[count++] = edge;
    }
    return distinct.subarray(0, count);
  });
}
