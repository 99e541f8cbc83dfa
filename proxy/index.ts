export { lower, type Lowered, type LoweringInput, type Place } from './lowering/index.js';
export type { Log, SecretSource } from './overlay.js';
export { createProxy, Proxy, type ProxyOptions } from './proxy.js';
export { LEARNT_AGE_MS, LEARNT_PER_PORT_MAX, type RefusedSource } from './registry.js';
