export { REACH_ADDRESSES_MAX, REACH_TIMEOUT_MAX_MS, Reachability } from './reach.js';
