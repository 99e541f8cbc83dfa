export { CPU_MEANS, type CpuMeansKind } from './cpu/index.js';
export { Daemon, type DaemonOptions } from './daemon.js';
export { FileStore } from './file-store.js';
export * from './forwarding/index.js';
export { DEFAULT_LINK_TIMERS, type LinkTimers } from './links.js';
export type { ProxyRole } from './proxy-role.js';
export { readToken } from './token.js';
