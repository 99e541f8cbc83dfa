export { EveryPath } from './every-path.js';
export { FewestHops } from './fewest-hops.js';
export { byDemand, hopsMax, type PathSearch, route, shuffle } from './path-search.js';
export { CandidateRelays, MANY_HOSTS, RelayPaths } from './relay-paths.js';
export { type RipUp, reroute, rerouteEach, ripUp, ripUpPairs } from './rip-up.js';
export { OFF, RoutedFlows } from './routed-flows.js';
export { type ShortPaths, shortPaths } from './short-paths.js';
export { WidestPath } from './widest-path.js';
