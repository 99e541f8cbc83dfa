export { Daemon, type DaemonOptions, type ProxyRole } from './daemon.js';
export { FileStore } from './file-store.js';
export * from './forwarding/index.js';
export { DEFAULT_LINK_TIMERS, type LinkTimers } from './links.js';
export * from './memory-plane/index.js';
export { readToken } from './token.js';
