/** What shapes need, and which edges a topology has. */
import {
  type LinkType,
  type Shape,
  type ShapeKind,
  shapeEdges,
  shapeHosts,
  shapeSize,
  type Topology,
} from '../core/index.js';
import { badDimensions, noDimensions, shapeSizeMismatch, type Wording } from './wording.js';

/** Hosts one shape may ask for. */
const MAX_SHAPE_HOSTS = 2 ** 17;

const DIMENSION_EXAMPLES: Partial<Record<ShapeKind, string>> = {
  torus: 'torus 4x4',
  hypercube: 'hypercube 3',
  tree: 'tree 2',
};

/** What is wrong with a shape's size, if anything: a torus needs sides, a hypercube one number, others none. */
function dimensionProblem(shape: Shape): Wording | undefined {
  const example = DIMENSION_EXAMPLES[shape.kind] ?? shape.kind;
  const { kind, dimensions } = shape;
  if (dimensions === undefined) {
    return kind === 'torus' || kind === 'hypercube' ? noDimensions(kind, example) : undefined;
  }
  const [first = 0] = dimensions;
  const areWhole = dimensions.length > 0 && dimensions.every((side) => Number.isInteger(side) && side >= 1);
  const fits =
    kind === 'torus'
      ? dimensions.reduce((product, side) => product * side, 1) <= MAX_SHAPE_HOSTS
      : (kind === 'tree' || (kind === 'hypercube' && 2 ** first <= MAX_SHAPE_HOSTS)) &&
        dimensions.length === 1;
  return areWhole && fits ? undefined : badDimensions(kind, dimensions.join('x'), example);
}

/** Every edge that links, shapes and the automatic star make. A mesh is a set of hosts, not its square of pairs. */
export class Edges {
  #linksByType: ReadonlySet<string> | undefined;
  /** True when a shape's edges are not known because its size is wrong. */
  readonly incomplete: boolean = false;
  readonly #pairs = new Set<string>();
  readonly #meshes: ReadonlySet<string>[] = [];
  readonly #proxies: ReadonlySet<string>;

  constructor(private readonly topology: Topology) {
    this.#proxies = new Set(topology.hosts.filter((host) => host.proxy).map((host) => host.name));
    for (const { a, b } of topology.links) this.#pairs.add(key(a, b));
    for (const shape of topology.shapes) {
      if (shapeProblem(shape, topology) !== undefined) this.incomplete = true;
      else if (shape.kind === 'mesh') this.#meshes.push(new Set(shapeHosts(shape, topology)));
      else for (const [a, b] of shapeEdges(shape, topology)) this.#pairs.add(key(a, b));
    }
  }

  has(a: string, b: string): boolean {
    if (this.#proxies.has(a) || this.#proxies.has(b) || this.#pairs.has(key(a, b))) return true;
    return this.#meshes.some((mesh) => mesh.has(a) && mesh.has(b));
  }

  /** Of this type; the Proxy's star is of TCP. Asked for seldom, so it is looked up at the first question. */
  hasLink(type: LinkType, a: string, b: string): boolean {
    if (type === 'tcp' && (this.#proxies.has(a) || this.#proxies.has(b))) return true;
    this.#linksByType ??= typedLinks(this.topology);
    return this.#linksByType.has(`${type} ${key(a, b)}`);
  }
}

function typedLinks(topology: Topology): Set<string> {
  const links = new Set(topology.links.map(({ type, a, b }) => `${type} ${key(a, b)}`));
  for (const shape of topology.shapes) {
    if (shapeProblem(shape, topology) !== undefined) continue;
    for (const [a, b] of shapeEdges(shape, topology)) links.add(`${shape.type} ${key(a, b)}`);
  }
  return links;
}

const key = (a: string, b: string): string => (a < b ? `${a} ${b}` : `${b} ${a}`);

/** Why a shape has no edges: its size is missing, wrong, or not that of its hosts. */
export function shapeProblem(shape: Shape, topology: Topology): Wording | undefined {
  const problem = dimensionProblem(shape);
  if (problem !== undefined) return problem;
  const [size, count] = [shapeSize(shape), shapeHosts(shape, topology).length];
  return size === undefined || size === count ? undefined : shapeSizeMismatch(shape.kind, size, count);
}
