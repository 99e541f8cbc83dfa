export { EveryPath } from './every-path.js';
export { byDemand, hopsMax, type PathSearch, route, shuffle } from './path-search.js';
export { CandidateRelays, RelayPaths } from './relay-paths.js';
export { type RipUp, reroute, ripUp, ripUpPairs } from './rip-up.js';
export { OFF, RoutedFlows } from './routed-flows.js';
export { type ShortPaths, shortPaths } from './short-paths.js';
export { WidestPath } from './widest-path.js';
