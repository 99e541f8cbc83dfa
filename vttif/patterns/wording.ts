/** Names as people write them. */
import type { PatternName } from '../../core/index.js';
import type { Pattern } from './pattern.js';

/** `names[v]` is the name of vertex v. */
export function patternName({ kind, dimensions, order }: Pattern, names: readonly string[]): PatternName {
  const filled = order.map((vertex) => names[vertex] ?? String(vertex));
  return {
    kind,
    text: wording({ kind, order, ...(dimensions ? { dimensions } : {}) }, filled[0] ?? ''),
    ...(dimensions ? { dimensions } : {}),
    order: filled,
  };
}

function wording({ kind, dimensions = [], order }: Pattern, first: string): string {
  switch (kind) {
    case 'pair':
      return 'pair';
    case 'star':
      return `star around ${first}`;
    case 'mesh':
    case 'torus':
      return `${kind} ${dimensions.join('x')}`;
    case 'hypercube':
      return `hypercube ${dimensions[0]}`;
    case 'bipartite':
    case 'multi-tier':
      return `${kind} ${dimensions.join('-')}`;
    default:
      return `${kind} of ${order.length}`;
  }
}
