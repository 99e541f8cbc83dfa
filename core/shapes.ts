/** Which edges a shape means. Pure: the checker, the lowering and people's maps ask the same code. */
import { VnetError } from './errors.js';
import type { Shape, Topology } from './topology.js';

/** Hosts of a shape in order: those it names, or all of the topology by name, the Proxy left out but for a star. */
export function shapeHosts(shape: Shape, topology: Topology): string[] {
  if (shape.hosts.length > 0) return shape.hosts;
  const proxy = topology.hosts.find((host) => host.proxy)?.name;
  const names = topology.hosts.map((host) => host.name).filter((name) => name !== proxy);
  names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  return shape.kind === 'star' && proxy !== undefined ? [proxy, ...names] : names;
}

/** How many hosts the shape's dimensions ask for; undefined: any number. */
export function shapeSize(shape: Shape): number | undefined {
  if (shape.kind === 'torus') return shape.dimensions?.reduce((product, side) => product * side, 1);
  if (shape.kind === 'hypercube') return 2 ** (shape.dimensions?.[0] ?? 0);
  return undefined;
}

/**
 * The shape's edges as host pairs, each once. A star's centre is its first host; a tree is laid out by levels,
 * `dimensions[0]` children each (default 2); a torus is numbered with its last side fastest.
 * Throws `VNET_ERR_INVALID` when the number of hosts does not fit the dimensions.
 */
export function shapeEdges(shape: Shape, topology: Topology): [string, string][] {
  const hosts = shapeHosts(shape, topology);
  const size = shapeSize(shape);
  if (size !== undefined && size !== hosts.length) {
    throw new VnetError('VNET_ERR_INVALID', `${shape.kind} of ${size} hosts, but ${hosts.length} are named`, {
      hint: `name ${size} hosts, or change the dimensions`,
    });
  }
  const edges = new Map<string, [string, string]>();
  for (const [i, j] of indexEdges(shape, hosts.length)) {
    const [a, b] = [hosts[Math.min(i, j)], hosts[Math.max(i, j)]];
    if (a !== undefined && b !== undefined && a !== b) edges.set(`${a} ${b}`, [a, b]);
  }
  return [...edges.values()];
}

function indexEdges(shape: Shape, count: number): [number, number][] {
  const edges: [number, number][] = [];
  for (let i = 0; i < count; i++) {
    switch (shape.kind) {
      case 'star':
        if (i > 0) edges.push([0, i]);
        break;
      case 'mesh':
        for (let j = i + 1; j < count; j++) edges.push([i, j]);
        break;
      case 'line':
        if (i > 0) edges.push([i - 1, i]);
        break;
      case 'ring':
        edges.push([i, (i + 1) % count]);
        break;
      case 'tree':
        if (i > 0) edges.push([Math.floor((i - 1) / (shape.dimensions?.[0] ?? 2)), i]);
        break;
      case 'hypercube':
        for (let bit = 1; bit < count; bit <<= 1) if ((i & bit) === 0) edges.push([i, i | bit]);
        break;
      case 'torus':
        edges.push(...torusEdges(i, shape.dimensions ?? []));
        break;
    }
  }
  return edges;
}

/** From node `i` one step forward along every side, wrapping. */
function torusEdges(i: number, sides: number[]): [number, number][] {
  const edges: [number, number][] = [];
  let stride = 1;
  for (const side of [...sides].reverse()) {
    const coordinate = Math.floor(i / stride) % side;
    edges.push([i, i + (((coordinate + 1) % side) - coordinate) * stride]);
    stride *= side;
  }
  return edges;
}
