export { type Pattern, patternEdges, patternSize } from './pattern.js';
export { isIsomorphism, recognise, unfamiliarity } from './recognise.js';
export { ShapeGraph } from './shape-graph.js';
export { patternName } from './wording.js';
