/** A web application of several tiers from real parts, and browsers that use it: the paper's TPC-W in today's parts. */
export {
  startWebApplication,
  WebApplication,
  type WebOptions,
  type WebPlace,
  type WebPlaces,
} from './application.js';
export { type Page, PAGES, type WebMix } from './pages.js';
export { missingParts } from './parts.js';
export type { PageFigures, WebReport } from './report.js';
export { addWebVerb } from './verb.js';
