/** What people and VADAPT see of a network's topology. */
import { UndirectedGraph } from 'graphology';
import type { ApplicationView, TopologyView } from '../core/index.js';
import type { InferredApplication } from './infer.js';
import { patternName } from './patterns/index.js';

/** `nameOf`: of a VM's number. `busiest`: bits a second. */
export function applicationView(
  { part, patterns, confidence }: InferredApplication,
  nameOf: (vm: number) => string,
  busiest: number,
): ApplicationView {
  const names = part.vms.map(nameOf);
  const edges = Array.from(part.rates, (bitsPerSecond, edge) => {
    const [x, y] = [names[part.a[edge] ?? 0] ?? '', names[part.b[edge] ?? 0] ?? ''];
    const [a, b] = x < y ? [x, y] : [y, x];
    return { a, b, bitsPerSecond, weight: busiest > 0 ? bitsPerSecond / busiest : 0 };
  });
  edges.sort((x, y) => y.bitsPerSecond - x.bitsPerSecond || compare(x.a, y.a) || compare(x.b, y.b));
  return {
    vms: names.toSorted(compare),
    edges,
    names: patterns.map((pattern) => patternName(pattern, names)),
    confidence,
  };
}

/** What its best name is, or how large it is. */
export function applicationText(
  { part, patterns }: InferredApplication,
  nameOf: (vm: number) => string,
): string {
  const [best] = patterns;
  return best ? patternName(best, part.vms.map(nameOf)).text : unnamed(part.vms.length);
}

const unnamed = (vms: number): string => `${vms} VMs without a known shape`;

/** In one line: `ring of 6, star around web`, `5 VMs without a known shape`; the state goes before it where it is news. */
export function topologyText({ state, applications }: Pick<TopologyView, 'state' | 'applications'>): string {
  return headline(
    state,
    applications.map(({ names, vms }) => names[0]?.text ?? unnamed(vms.length)),
  );
}

/** `texts`: of the applications. */
export function headline(state: TopologyView['state'], texts: readonly string[]): string {
  if (texts.length === 0) return state === 'settling' ? 'settling' : 'silent';
  const shown = texts.slice(0, WORDS_MAX).join(', ');
  const more = texts.length > WORDS_MAX ? `, ${texts.length - WORDS_MAX} more` : '';
  return `${state === 'settled' ? '' : `${state}: `}${shown}${more}`;
}
/** Applications named in one line. */
const WORDS_MAX = 5;

/** VMs joined by `bitsPerSecond` and `weight`; `application` counts them from 0. For graphology's algorithms. */
export function topologyGraph({ applications }: Pick<TopologyView, 'applications'>): UndirectedGraph {
  const graph = new UndirectedGraph();
  for (const [application, { vms, edges }] of applications.entries()) {
    for (const vm of vms) graph.mergeNode(vm, { application });
    for (const { a, b, bitsPerSecond, weight } of edges) {
      graph.mergeEdge(a, b, { application, bitsPerSecond, weight });
    }
  }
  return graph;
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
