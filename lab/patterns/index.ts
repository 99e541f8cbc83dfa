/** Patterns: a synthetic bulk synchronous parallel program in a lab's VMs, and the truth about its traffic. */
export type { PatternsNoise, PatternsOptions } from './options.js';
export { patternsProgram } from './program.js';
export type { PatternsEnd, PatternsFigures, PatternsReport } from './report.js';
export { type PatternsPlace, PatternsRun, startPatterns } from './run.js';
export {
  MAX_RANKS,
  neighbours,
  patternEdges,
  type PatternOperation,
  type PatternTraffic,
  patternTraffic,
} from './shape.js';
export { addPatternsVerb } from './verb.js';
